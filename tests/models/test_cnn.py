import pytest
import torch
from torch import nn

from hpsearch.models import CNN


@pytest.mark.parametrize(("channels", "parameters"), [([16, 16], 46592), ([32, 64], 209456)])
def test_the_tutorials_parameter_counts(channels, parameters):
    assert sum(p.numel() for p in CNN(channels).parameters()) == parameters


@pytest.mark.parametrize("blocks", [0, 1, 2, 3, 4])
def test_any_number_of_blocks_each_of_which_halves_the_image(blocks):
    model = CNN([4] * blocks, kernel_size=3)
    features = model.blocks(torch.zeros(1, 1, 28, 28))
    assert features.shape[2:] == (28 >> blocks, 28 >> blocks)
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_too_many_blocks_for_the_image_are_refused_with_the_number_that_fits():
    message = "CNN: channels has 5 blocks, each of which halves the image, and 28 x 28 pixels allow"
    with pytest.raises(ValueError, match=f"{message} 4"):
        CNN([8] * 5)


def test_dropout_follows_every_block_and_the_hidden_layer():
    rates = [m.p for m in CNN([4, 4, 4], dropout=0.4).modules() if isinstance(m, nn.Dropout)]
    assert rates == [0.4] * 4


def test_batch_norm_is_optional():
    def norms(model):
        return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())

    assert norms(CNN()) == 0
    assert norms(CNN(batch_norm=True)) == 2


def test_a_block_is_convolution_pooling_and_relu():
    torch.manual_seed(0)
    model, images = CNN([3]), torch.randn(2, 1, 28, 28)
    convolution = model.blocks[0][0]
    expected = nn.functional.max_pool2d(torch.relu(convolution(images)), 2)
    torch.testing.assert_close(model.blocks(images), expected)


def test_all_errors_are_reported_at_once():
    with pytest.raises(ValueError, match=r"channels\[0\]=0 .*; kernel_size=4 .*; hidden=0 .*; dro"):
        CNN([0], kernel_size=4, hidden=0, dropout=-0.1)
