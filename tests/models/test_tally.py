import pytest
import torch

from hpsearch.models.tally import Tally


def test_means_weigh_every_image_alike_whatever_its_batch():
    tally = Tally()
    tally.add(torch.tensor(1.0), torch.eye(3), torch.tensor([0, 1, 2]))
    tally.add(torch.tensor(5.0), torch.eye(3)[:1], torch.tensor([2]))
    means = tally.means("val")
    assert means["val_loss"].item() == pytest.approx(2.0)
    assert means["val_accuracy"].item() == pytest.approx(0.75)


def test_no_images_no_means():
    assert Tally().means("train") == {}


def test_keeps_no_graph():
    tally = Tally()
    loss = torch.ones((), requires_grad=True)
    tally.add(loss, torch.eye(2).requires_grad_(), torch.tensor([0, 1]))
    assert not tally.means("train")["train_loss"].requires_grad
