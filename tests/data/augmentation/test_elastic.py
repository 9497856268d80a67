import pytest
import torch

from hpsearch.data.augmentation.elastic import displacement


def draw(count=500, height=28, width=20, pixels=2.0, seed=0):
    return displacement(count, height, width, pixels, torch.Generator().manual_seed(seed))


def test_strength_is_the_standard_deviation_at_every_pixel():
    deviation = draw().std(dim=0)
    assert deviation.shape == (28, 20, 2)
    assert deviation.min() > 1.7
    assert deviation.max() < 2.3


def test_neighbours_move_together_and_distant_pixels_do_not():
    across = draw(count=2000)[:, 10, :, 0]
    correlation = torch.corrcoef(across.T)
    assert correlation[5, 6] > 0.9
    assert abs(correlation[0, 19]) < 0.1


def test_the_draws_scale_with_the_strength():
    torch.testing.assert_close(draw(pixels=4.0), 2 * draw(pixels=2.0))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_generator_decides_the_draws(seed):
    assert torch.equal(draw(count=2, seed=seed), draw(count=2, seed=seed))
    assert not torch.equal(draw(count=2, seed=seed), draw(count=2, seed=0))
