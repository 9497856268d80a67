from __future__ import annotations

import threading

import pytest

from hpsearch.data import ImageData
from hpsearch.data.sources import table
from hpsearch.trial.warm import load_study, warm


def test_the_studys_images_are_loaded_once_for_all_trials() -> None:
    table._preloaded.clear()
    data = {"class_path": "hpsearch.data.ImageData", "init_args": {"batch_size": "~int(8, 64)"}}
    load_study([], {"data": data})

    assert len(table._preloaded) == 1


def test_warming_up_starts_no_thread() -> None:
    threads = threading.active_count()

    warm()

    assert threading.active_count() == threads


@pytest.mark.parametrize(
    "data",
    [
        {"class_path": "hpsearch.data.ImageData", "init_args": {"source": "~choice(mnist, other)"}},
        {"class_path": "hpsearch.data.ImageData", "init_args": {"source": {"~choice": {}}}},
        {"class_path": "tiny.TinyData"},
        {"class_path": "nowhere.Data"},
    ],
)
def test_what_cannot_be_loaded_in_advance_is_left_to_the_trial(data: dict[str, object]) -> None:
    table._preloaded.clear()

    assert load_study([], {"data": data}) == []

    assert not table._preloaded


def test_what_may_have_to_be_downloaded_is_not_preloaded() -> None:
    table._preloaded.clear()

    ImageData.preload(source="FashionMNIST")

    assert not table._preloaded


def test_modules_of_the_study_that_cannot_be_imported_are_reported() -> None:
    assert load_study(["tiny", "no.such.module"], {"data": {"class_path": "tiny.TinyData"}}) == [
        "no.such.module cannot be imported: ModuleNotFoundError: No module named 'no'"
    ]
