import torch

from hpsearch.models import Softmax


def test_the_tutorials_has_7850_parameters():
    assert sum(p.numel() for p in Softmax().parameters()) == 7850


def test_is_one_linear_map():
    model, images = Softmax(), torch.randn(2, 1, 28, 28)
    offset = model(torch.zeros(1, 1, 28, 28))
    torch.testing.assert_close(model(2 * images) - offset, 2 * (model(images) - offset))
