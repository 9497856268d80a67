"""A picture means the same in every form it may be stored in."""

import numpy as np
import pytest
from picture_forms import DIGIT, FORMS
from PIL import Image

from hpsearch.data.decode import UnreadablePicture, decode, plain, read_picture

SHAPE = (1, 28, 28)


@pytest.mark.parametrize("name", FORMS)
def test_a_digit_has_the_same_pixels_in_every_form(tmp_path, name):
    FORMS[name](tmp_path / name)
    decoded = decode(read_picture(tmp_path / name), SHAPE)
    assert np.abs(decoded[0].astype(int) - DIGIT).max() <= 1


def test_black_and_white_pictures_become_0_and_255(tmp_path):
    Image.fromarray(DIGIT > 99).save(tmp_path / "1.png")
    assert (decode(read_picture(tmp_path / "1.png"), SHAPE)[0] == (DIGIT > 99) * 255).all()


def test_a_colour_declared_transparent_is_paper(tmp_path):
    Image.fromarray(DIGIT).save(tmp_path / "8.png", transparency=0)
    sixteen = Image.fromarray(DIGIT.astype(np.uint16) * 257)
    sixteen.save(tmp_path / "16.png", transparency=0)
    for name in ("8.png", "16.png"):
        assert (
            np.abs(decode(read_picture(tmp_path / name), SHAPE)[0] - DIGIT.astype(int)).max() <= 1
        )


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (100, 255), (200, 0)])
def test_transparent_parts_get_a_colour_that_contrasts_with_the_ink(ink, paper):
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.paste((ink, ink, ink, 255), (0, 0, 2, 2))
    opaque = plain(picture)
    assert opaque.mode == "RGB"
    assert opaque.getpixel((0, 0)) == (ink, ink, ink)
    assert opaque.getpixel((3, 3)) == (paper, paper, paper)


def test_an_empty_picture_is_white():
    assert plain(Image.new("LA", (2, 2), (0, 0))).getpixel((0, 0)) == 255


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (Image.new("I", (2, 2), 5), "32-bit integer pixels, whose value for white is unknown"),
        (Image.new("F", (2, 2), -3.5), "pixels from -3.5 to -3.5, which is neither 0 to 1 nor 0"),
        (Image.new("I;16", (2, 2), 200), "pixels of 16 bits from 0 to 200, all of them black"),
    ],
)
def test_pixels_whose_value_for_white_is_unknown_are_refused(picture, reason):
    with pytest.raises(UnreadablePicture, match=reason):
        plain(picture)


def test_16_bit_tiffs_are_read_by_their_number_of_bits_and_value_for_white(tmp_path):
    samples = (DIGIT.astype(np.uint16) << 8) + 7
    for name, tags in (("plain.tif", {}), ("white is 0.tif", {262: 0})):
        Image.fromarray(samples).save(tmp_path / name, tiffinfo=tags)
    plain_tiff = decode(read_picture(tmp_path / "plain.tif"), SHAPE)[0]
    inverted = read_picture(tmp_path / "white is 0.tif")
    assert (plain_tiff == DIGIT).all()
    assert inverted.tag_v2[262] == 0
    assert (decode(inverted, SHAPE)[0] == 255 - DIGIT).all()
