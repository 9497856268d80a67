import numpy as np
import pytest
import torch

from hpsearch.data.images import Images
from hpsearch.data.normalise import Normalise, measure


def test_the_measured_images_have_mean_0_and_deviation_1_in_each_channel():
    scales = torch.tensor([255, 100]).view(2, 1, 1)
    pixels = (torch.rand(600, 2, 8, 8) * scales).to(torch.uint8)
    images = Images(pixels, torch.zeros(600, dtype=torch.int64), ("0",))
    inputs = measure(images, np.arange(600))(pixels)
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3)), torch.ones(2), atol=1e-3, rtol=0)


def test_only_the_images_of_the_index_count():
    pixels = torch.tensor([51, 255], dtype=torch.uint8).view(2, 1, 1, 1)
    images = Images(pixels, torch.zeros(2, dtype=torch.int64), ("0",))
    assert measure(images, np.array([0])).mean == pytest.approx([0.2])


def test_images_of_one_colour_do_not_divide_by_zero():
    images = Images(torch.zeros(5, 1, 2, 2, dtype=torch.uint8), torch.zeros(5).long(), ("0",))
    assert measure(images, np.arange(5)).deviation == pytest.approx([1 / 255])


def test_one_channel_is_treated_as_each_of_several_is():
    pixels = torch.rand(4, 1, 3, 3) * 255
    one = Normalise((0.1307,), (0.3081,))(pixels.clone())
    several = Normalise((0.1307,) * 2, (0.3081,) * 2)(pixels.repeat(1, 2, 1, 1))
    torch.testing.assert_close(several, one.repeat(1, 2, 1, 1))


def test_subtracts_the_mean_and_divides_by_the_deviation():
    result = Normalise(mean=(0.5,), deviation=(0.25,))(torch.tensor([[[[255.0, 0.0]]]]))
    assert result.flatten().tolist() == pytest.approx([2.0, -2.0])


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_and_floats_are_treated_alike_and_left_as_they_are(channels):
    pixels = torch.arange(48, dtype=torch.uint8).mul_(5).view(-1, channels, 4, 4)
    floats = pixels.float()
    normalise = Normalise((0.1307,) * channels, (0.3081,) * channels)
    torch.testing.assert_close(normalise(pixels), normalise(floats))
    assert torch.equal(floats, pixels.float())
