import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as reference

from hpsearch.data.augmentation.affine import affine_matrices, resample, sampling_grid


def transform(images, degrees=0.0, scale=1.0, shear=0.0, shift=(0.0, 0.0)):
    def each(value):
        return torch.full((len(images),), float(value))

    shifts = torch.tensor([shift] * len(images), dtype=torch.float32)
    matrices = affine_matrices(each(degrees), each(scale), each(shear), shifts)
    return resample(images, sampling_grid(matrices, *images.shape[2:]))


@pytest.mark.parametrize(
    ("degrees", "scale", "shear", "shift"),
    [
        (20, 1, 0, (0, 0)),
        (-20, 1, 0, (0, 0)),
        (0, 1, 0, (3, -2)),
        (0, 1, 0, (0.4, 1.7)),
        (0, 1.2, 0, (0, 0)),
        (0, 1, 15, (0, 0)),
        (13, 0.8, -7, (1.4, 2.2)),
    ],
)
@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (4, 3, 20, 31)])
def test_agrees_with_torchvision_to_1e_5(degrees, scale, shear, shift, shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    ours = transform(images, degrees, scale, shear, shift)
    theirs = reference.affine(
        images, degrees, list(shift), scale, [shear, 0.0], InterpolationMode.BILINEAR
    )
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_a_positive_shift_goes_right_and_down():
    images = torch.zeros(1, 1, 5, 5)
    images[0, 0, 2, 2] = 1.0
    moved = transform(images, shift=(1.0, 2.0))
    assert moved[0, 0].round().nonzero().tolist() == [[4, 3]]


def test_a_positive_rotation_is_clockwise():
    images = torch.zeros(1, 1, 5, 5)
    images[0, 0, 0, 2] = 1.0
    turned = transform(images, degrees=90)
    assert turned[0, 0].round().nonzero().tolist() == [[2, 4]]


def test_each_image_has_its_own_map():
    images = torch.rand(2, 1, 8, 8)
    zero, one = torch.zeros(2), torch.ones(2)
    matrices = affine_matrices(zero, one, zero, torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    moved = resample(images, sampling_grid(matrices, 8, 8))
    torch.testing.assert_close(moved[0], images[0])
    torch.testing.assert_close(moved[1, :, :, 1:], images[1, :, :, :-1])
