import pytest
import torch
from torch import nn

from hpsearch.models import Dilated


def test_dilation_doubles_and_the_image_keeps_its_size():
    model = Dilated([4, 5, 6, 7])
    dilations = [m.dilation for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert dilations == [(1, 1), (2, 2), (4, 4), (8, 8)]
    assert model.features(torch.zeros(1, 1, 28, 20)).shape == (1, 7, 28, 20)


def test_all_errors_are_reported_at_once():
    with pytest.raises(ValueError, match=r"Dilated: channels=\[\] .*; kernel_size=2 .*; dropout=1"):
        Dilated([], kernel_size=2, dropout=1)
