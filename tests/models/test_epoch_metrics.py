import pytest
import torch
from torch.nn import functional

from hpsearch.models.epoch_metrics import Confusion, EpochMetrics


def test_means_weigh_every_image_alike_whatever_its_batch():
    metrics = EpochMetrics()
    metrics.add(torch.tensor(1.0), torch.eye(3), torch.tensor([0, 1, 2]))
    metrics.add(torch.tensor(5.0), torch.eye(3)[:1], torch.tensor([2]))
    means = metrics.means("val")
    assert means["val_loss"].item() == pytest.approx(2.0)
    assert means["val_accuracy"].item() == pytest.approx(0.75)


def test_many_batches_count_as_one_large_one():
    generator = torch.Generator().manual_seed(0)
    sizes = [5] * 75 + [2]
    logits = torch.randn(sum(sizes), 3, generator=generator)
    labels = torch.randint(0, 3, (sum(sizes),), generator=generator)
    whole, parts = EpochMetrics(), EpochMetrics()
    whole.add(functional.cross_entropy(logits, labels), logits, labels)
    for some, truth in zip(logits.split(sizes), labels.split(sizes), strict=True):
        parts.add(functional.cross_entropy(some, truth), some, truth)
    torch.testing.assert_close(parts.means("val"), whole.means("val"))
    assert parts.means("val") == parts.means("val"), "asking changes nothing"


def test_no_images_no_means():
    assert EpochMetrics().means("train") == {}


def test_keeps_no_graph():
    metrics = EpochMetrics()
    loss = torch.ones((), requires_grad=True)
    metrics.add(loss, torch.eye(2).requires_grad_(), torch.tensor([0, 1]))
    assert not metrics.means("train")["train_loss"].requires_grad


def test_confusion_rows_are_true_classes_and_columns_predicted_ones():
    confusion = Confusion()
    assert confusion.rows() == []
    confusion.add(torch.eye(3), torch.tensor([0, 1, 1]))
    confusion.add(torch.eye(3)[:2], torch.tensor([2, 1]))
    assert confusion.rows() == [[1, 0, 0], [0, 2, 1], [1, 0, 0]]


def test_labels_that_cross_entropy_ignores_are_in_no_confusion_matrix():
    confusion = Confusion()
    confusion.add(torch.eye(2), torch.tensor([-100, 1]))
    assert confusion.rows() == [[0, 0], [0, 1]]
