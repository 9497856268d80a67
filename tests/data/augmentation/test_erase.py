import torch

from hpsearch.data.augmentation.erase import erase


def erased(probability, count=1000, shape=(3, 32, 24)):
    return erase(torch.ones(count, *shape), probability, torch.Generator().manual_seed(0))


def test_the_probability_is_the_share_of_images_that_are_erased():
    touched = erased(0.3).amin((1, 2, 3)) == 0
    assert 0.26 < touched.float().mean() < 0.34


def test_between_2_and_20_percent_are_erased_in_all_channels_alike():
    images = erased(1.0)
    area = 1 - images.mean(dim=(1, 2, 3))
    assert area.min() > 0.01
    assert area.max() < 0.22
    assert torch.equal(images[:, 0], images[:, 2])


def test_what_is_erased_is_a_rectangle_inside_the_image():
    for image in 1 - erased(1.0, count=50)[:, 0]:
        rows, columns = image.amax(1), image.amax(0)
        assert torch.equal(image, torch.outer(rows, columns))
        assert int(rows.diff().abs().sum()) <= 2


def test_probability_zero_leaves_all_as_it_was():
    assert erased(0.0).min() == 1
