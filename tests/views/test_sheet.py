from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from hpsearch.errors import InputError
from hpsearch.measure.preview import greatest_augmentation
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.sheet import draw_sheet


def spec(data: dict[str, Any]) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {"name": "a", "objective": {"val_accuracy": "maximize"}, "trials": 1},
            "model": {"class_path": "a.Model"},
            "data": data,
            "trainer": {"max_epochs": 1},
        }
    )


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3)])
def test_sheet_has_a_row_for_every_strength(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, dtype=np.uint8)
    digits = [(image, "7")] * 10
    plain = {"digits": digits, "augmentations": {}}
    steps = [(strength, [image] * 8) for strength in (0.0, 0.1, 0.2)]
    augmented = {"digits": digits, "augmentations": {"shift": steps}}
    draw_sheet(plain, tmp_path / "plain.png")
    draw_sheet(augmented, tmp_path / "augmented.png")
    small, large = (imread(tmp_path / name) for name in ("plain.png", "augmented.png"))
    assert large.shape[0] > small.shape[0] + 250
    assert large.shape[1] == small.shape[1]
    assert small.min() < 0.1  # black images on white


def test_branch_that_augments_most_is_drawn_at_its_greatest_strength() -> None:
    ours = "hpsearch.data.ImageData"
    data = {
        "~choice": {
            "plain": {"class_path": ours, "init_args": {"source": "mnist"}},
            "moved": {"class_path": ours, "init_args": {"augment": {"shift": "~float(0, 0.2)"}}},
        }
    }
    assert greatest_augmentation(spec(data)) == {"augment": {"shift": 0.2}}


def test_data_that_is_not_ours_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match=r"data: a\.Data: a preview can be drawn of hpsearch"):
        greatest_augmentation(spec({"class_path": "a.Data"}))
