import numpy as np
import pytest
import torch

from hpsearch.data.batches import EvaluationBatches, Share, TrainingBatches
from hpsearch.data.images import Images

COUNT = 10
IMAGES = Images(
    torch.arange(COUNT, dtype=torch.uint8).view(-1, 1, 1, 1),
    torch.arange(COUNT),
    tuple(str(n) for n in range(COUNT)),
)
INDEX = np.array([1, 3, 4, 5, 7, 8, 9])


def training(seed=0, batch_size=3):
    return TrainingBatches(IMAGES, INDEX, batch_size, seed)


def order(batches, epoch):
    batches.sampler.set_epoch(epoch)
    return [label for batch in batches for label in batch.labels.tolist()]


def test_an_epoch_takes_every_image_of_the_index_once():
    assert sorted(order(training(), epoch=0)) == INDEX.tolist()


def test_images_and_labels_stay_together():
    for images, labels, *_ in training():
        assert images.flatten().tolist() == labels.tolist()
        assert images.dtype == torch.uint8


@pytest.mark.parametrize(("batch_size", "sizes"), [(3, [3, 3, 1]), (7, [7]), (100, [7])])
def test_the_last_batch_may_be_shorter(batch_size, sizes):
    for batches in (training(batch_size=batch_size), EvaluationBatches(IMAGES, INDEX, batch_size)):
        assert [len(batch.labels) for batch in batches] == sizes
        assert len(batches) == len(sizes)


@pytest.mark.parametrize(
    ("batch_size", "processes", "sizes"),
    [
        (4, 2, [[2, 2], [1, 2]]),
        (3, 2, [[1, 2], [1, 2]]),  # and a last one of one image, which one of them would not have
        (7, 3, [[2, 2, 3]]),
    ],
)
def test_processes_share_every_batch(
    batch_size: int, processes: int, sizes: list[list[int]]
) -> None:
    shares = [Share(rank, processes) for rank in range(processes)]
    parts = [TrainingBatches(IMAGES, INDEX, batch_size, 0, share) for share in shares]

    together = [*zip(*parts, strict=True)]
    assert [[len(part.labels) for part in batch] for batch in together] == sizes
    assert {len(part) for part in parts} == {len(sizes)}
    for batch, whole in zip(together, training(batch_size=batch_size), strict=False):
        assert torch.cat([part.labels for part in batch]).equal(whole.labels)
        assert {part.seed for part in batch} == {whole.seed}


def test_processes_share_the_evaluation_images() -> None:
    parts = [EvaluationBatches(IMAGES, INDEX, 2, Share(rank, 3)) for rank in range(3)]

    labels = [[n for batch in part for n in batch.labels.tolist()] for part in parts]
    assert labels == [[1, 3], [4, 5], [7, 8, 9]]


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    batches = training()
    first, second = order(batches, 0), order(batches, 1)
    assert first != second
    assert order(batches, 0) == first
    assert order(training(), 1) == second
    assert order(training(seed=1), 0) != first


def test_an_epoch_set_after_the_iterator_was_created_counts():
    # Lightning makes the iterator of the first epoch before it says which epoch it is.
    batches = training()
    iterator = iter(batches)
    batches.sampler.set_epoch(5)
    assert [n for batch in iterator for n in batch.labels.tolist()] == order(training(), 5)


def test_every_training_batch_has_a_seed_of_its_own_that_the_epoch_changes():
    batches = training()
    seeds = [batch.seed for batch in batches]
    batches.sampler.set_epoch(1)
    seeds += [batch.seed for batch in batches]
    assert len(set(seeds)) == 6


def test_evaluation_keeps_the_order_and_has_no_seed():
    batches = list(EvaluationBatches(IMAGES, INDEX, 4))
    assert torch.cat([batch.labels for batch in batches]).tolist() == INDEX.tolist()
    assert {batch.seed for batch in batches} == {None}


class Counting:
    """Images that count how often they are read."""

    labels, classes, shape = IMAGES.labels, IMAGES.classes, IMAGES.shape
    takes = 0

    def take(self, index):
        self.takes += 1
        return IMAGES.take(index)


@pytest.mark.parametrize(("bytes_at_once", "takes"), [(1, 3), (6, 2), (100, 1)])
def test_several_small_batches_are_read_at_once(monkeypatch, bytes_at_once, takes):
    monkeypatch.setattr("hpsearch.data.batches._BYTES_AT_ONCE", bytes_at_once)
    images = Counting()
    batches = list(TrainingBatches(images, INDEX, 3, seed=0))
    assert images.takes == takes
    alone = list(training())
    assert [batch.labels.tolist() for batch in batches] == [b.labels.tolist() for b in alone]
    assert [batch.seed for batch in batches] == [batch.seed for batch in alone]
