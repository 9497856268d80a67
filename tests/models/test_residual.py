import pytest
import torch

from hpsearch.models import Residual


def test_every_stage_but_the_first_halves_the_image():
    model = Residual([4, 6, 8], blocks=2)
    assert model.features(torch.zeros(2, 1, 28, 28)).shape == (2, 8, 7, 7)


def test_more_blocks_more_parameters():
    one, two = (sum(p.numel() for p in Residual(blocks=n).parameters()) for n in (1, 2))
    assert two > 1.5 * one


def test_a_block_whose_convolutions_are_zero_passes_its_input():
    model = Residual([4], blocks=1).eval()
    block = model.features[-1]
    for parameter in block.residual.parameters():
        torch.nn.init.zeros_(parameter)
    images = torch.rand(2, 4, 5, 5)
    assert torch.equal(block(images), images)


def test_all_errors_are_reported_at_once():
    with pytest.raises(ValueError, match=r"Residual: channels=\[\] .*; blocks=0 .*; dropout=1"):
        Residual([], blocks=0, dropout=1)


def test_too_many_stages_for_the_image_are_refused_with_the_number_that_fits():
    with pytest.raises(ValueError, match=r"channels has 3 blocks, .* 4 x 4 pixels allow 2"):
        Residual([4, 4, 4, 4], input_shape=(1, 4, 4))
