"""The facts about a trial's data change with its rows and their content, and nothing else."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    random_split,
)
from torch.utils.data.distributed import DistributedSampler

from hpsearch.trial.fingerprint import content_of, data_facts, rows_of

POINTS = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(300) % 3
EVERYTHING = TensorDataset(POINTS, LABELS)


class Rows(Dataset[Any]):
    """Rows created on request, with every kind of value."""

    def __init__(self, count: int = 300, shift: float = 0.0, word: str = "a") -> None:
        self.count, self.shift, self.word = count, shift, word

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, Any]:
        if not 0 <= number < self.count:
            raise IndexError
        point = np.sin(np.arange(4.0) + number) + self.shift
        return {"point": point, "label": number % 3, "text": [self.word, str(number)]}


class Stream(IterableDataset[Any]):
    def __init__(self, start: int = 0) -> None:
        self.next = start

    def __iter__(self) -> Any:
        while True:
            self.next += 1
            yield torch.tensor(self.next)


class Noisy(Rows):
    """Draws with its own generator, which is never seeded."""

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {"point": np.random.default_rng().normal(size=4), "label": number}


def facts(val: Any, data: Any = None, train: Any = None, **arguments: Any) -> dict[str, Any]:
    trainer = SimpleNamespace(train_dataloader=train, val_dataloaders=val)
    return data_facts(trainer, data, arguments)


def loader(dataset: Any, **options: Any) -> DataLoader[Any]:
    return DataLoader(dataset, 16, **options)


def test_rows_are_those_of_the_innermost_data_set_in_their_order() -> None:
    inner = Subset(EVERYTHING, [9, 3, 7, 1])
    index, base = rows_of(loader(Subset(inner, [2, 0])))
    assert index.tolist() == [7, 9]
    assert base is EVERYTHING
    assert rows_of(loader(EVERYTHING, sampler=SubsetRandomSampler([5, 2])))[0].tolist() == [2, 5]
    assert rows_of(loader(inner, shuffle=True))[0].tolist() == [1, 3, 7, 9]


class Tasks:
    """Draws rows for each epoch, as in few-shot learning, and as many as there are tasks."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        return iter([torch.randperm(300)[:5].tolist() for _ in range(2)])


class Backwards(Tasks):
    """Always reads the same rows."""

    def __iter__(self) -> Any:
        return iter([[3], [2]])


def test_a_sampler_that_draws_rows_anew_stands_for_all_rows() -> None:
    before = torch.get_rng_state()
    index, _ = rows_of(DataLoader(EVERYTHING, batch_sampler=Tasks()))
    assert index.tolist() == list(range(300))
    assert rows_of(DataLoader(EVERYTHING, batch_sampler=Backwards()))[0].tolist() == [2, 3]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_split_changes_with_the_validation_rows_only() -> None:
    def split(seed: int, **options: Any) -> str:
        parts = random_split(EVERYTHING, [200, 100], torch.Generator().manual_seed(seed))
        text: str = facts(loader(parts[1], **options))["split"]
        return text

    assert split(0) == split(0, shuffle=True) == split(0, num_workers=2)
    assert split(0) != split(1)


def test_a_text_of_the_modules_own_comes_first() -> None:
    own = SimpleNamespace(split_fingerprint="mine", data_fingerprint="ours")
    found = facts(loader(EVERYTHING), own)
    assert (found["split"], found["data"]["own"]) == ("mine", "ours")
    assert "val" not in found["data"]


@pytest.mark.parametrize("row", [0, 17, 299])
@pytest.mark.parametrize("part", ["points", "labels"])
def test_one_number_changed_in_a_tensor_is_seen(row: int, part: str) -> None:
    points, labels = POINTS.clone(), LABELS.clone()
    if part == "points":
        points[row, 2] += 0.5
    else:
        labels[row] = (labels[row] + 1) % 3
    assert content_of(loader(EVERYTHING)) != content_of(loader(TensorDataset(points, labels)))


@pytest.mark.parametrize("workers", [0, 1])
def test_rows_that_are_made_when_asked_for_are_sampled(workers: int) -> None:
    def read(**changes: Any) -> Any:
        return content_of(loader(Rows(**changes), num_workers=workers))

    assert read() == read()
    assert read()["rows"] == 300
    assert len(read()["sample"]) == 32
    assert len({str(row) for row in read()["sample"]}) == 32
    for change in ({"shift": 0.1}, {"word": "b"}, {"count": 299}):
        assert read(**change) != read()


def test_missing_values_are_compared_by_their_places() -> None:
    points = POINTS.clone()
    points[7, 1] = torch.nan
    one = content_of(loader(TensorDataset(points)))
    assert one == content_of(loader(TensorDataset(points.clone())))
    moved, filled = points.clone(), points.clone()
    moved[7], moved[8] = points[8], points[7]
    filled[0, 0] += 1
    for other in (moved, filled):
        assert content_of(loader(TensorDataset(other))) != one


def test_a_row_of_many_parts_has_a_short_record() -> None:
    class Wide(Rows):
        def __getitem__(self, number: int) -> dict[str, Any]:
            return {f"part {part}": np.full(8, number + part / 7) for part in range(100)}

    found = content_of(loader(Wide()))
    assert found is not None
    assert max(len(row) for row in found["sample"]) == 10


def test_few_rows_are_all_sampled() -> None:
    found = content_of(loader(Rows(10)))
    assert found is not None
    assert len(found["sample"]) == 10


def test_a_stream_is_read_without_being_moved_on() -> None:
    stream = Stream()
    found = content_of(loader(stream))
    assert found is not None
    assert found["rows"] is None
    assert stream.next == 0
    assert content_of(loader(Stream(5))) != found
    assert facts(loader(stream))["split"] is None


def test_content_that_changes_at_every_reading_is_not_compared() -> None:
    assert content_of(loader(Noisy())) is None


def test_reading_draws_no_random_number() -> None:
    class Drawing(Rows):
        def __getitem__(self, number: int) -> dict[str, Any]:
            return {"a": torch.rand(1), "b": np.random.rand(), "c": random.random()}

    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    before = torch.rand(1), np.random.rand(), random.random()
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    found = content_of(loader(Drawing()))
    assert (torch.rand(1), np.random.rand(), random.random()) == before
    assert found == content_of(loader(Drawing())), "the draws are those of a seed"


def test_content_is_compared_for_equal_arguments_but_those_of_reading() -> None:
    def key(**arguments: Any) -> Any:
        return facts(loader(EVERYTHING), **arguments)["data"]["arguments"]

    assert key(noise=0.1, batch_size=8) == key(noise=0.1, batch_size=64, num_workers=2)
    assert key(noise=0.1) != key(noise=0.2)


def test_loaders_that_are_not_torchs_and_rows_that_raise_leave_nothing() -> None:
    class Raising(Rows):
        def __getitem__(self, number: int) -> dict[str, Any]:
            raise ValueError("no such file")

    for odd in ([1, 2, 3], loader(Raising())):
        found = facts(odd, train=odd)
        assert "val" not in found["data"] or found["data"]["val"] == []


def test_training_data_that_are_given_the_trials_seed_are_not_compared() -> None:
    class Seeded:
        def __init__(self, order_seed: int = 0) -> None: ...

    def parts(data: Any) -> set[str]:
        return set(facts(loader(EVERYTHING), data, train=loader(EVERYTHING))["data"]) & {
            "train",
            "val",
        }

    assert parts(None) == {"train", "val"}
    assert parts(Seeded()) == {"val"}


@pytest.mark.parametrize(
    ("reloads", "epoch", "compared"), [(0, 4, True), (1, 0, True), (1, 4, False)]
)
def test_training_data_of_a_later_epoch_are_not_those_of_the_first(
    reloads: int, epoch: int, compared: bool
) -> None:
    """A trial that continues after a pause loads what its epoch has, as a curriculum does."""
    trainer = SimpleNamespace(
        train_dataloader=loader(EVERYTHING),
        val_dataloaders=loader(EVERYTHING),
        reload_dataloaders_every_n_epochs=reloads,
        current_epoch=epoch,
    )
    assert ("train" in data_facts(trainer, None, {})["data"]) is compared


def test_a_stream_that_is_trained_on_is_not_read() -> None:
    class Acting(IterableDataset[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("an agent would act")

    assert facts(loader(EVERYTHING), train=loader(Acting()))["data"]["train"] == [None]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shuffled_share_of_a_rank_stands_for_all_rows(seed: int) -> None:
    rows = TensorDataset(torch.arange(8))
    share = DistributedSampler(rows, num_replicas=2, rank=0, seed=seed)
    index, _ = rows_of(DataLoader(rows, sampler=share))
    assert index.tolist() == list(range(8))
