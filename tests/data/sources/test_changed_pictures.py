"""Changed pictures change the fingerprint of the data; unchanged ones do not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from hpsearch.data.sources import Request
from hpsearch.data.sources.folder import load_folder

CLASSES, EACH, SIZE = ("ant", "bee"), 10, 12
HELD, STREAMED = 1.0, 1e-9  # GB that may be held in memory


def fingerprint(folder: Path, limit: float) -> str:
    return load_folder(folder, "train", Request(str(folder), None, SIZE, limit, False)).fingerprint


def picture(folder: Path, number: int = 3, name: str = "ant") -> Path:
    return folder / name / f"{number:02d}.png"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    chance = np.random.default_rng(0)
    for name in CLASSES:
        (tmp_path / "pics" / name).mkdir(parents=True)
        for number in range(EACH):
            pixels = chance.integers(0, 250, (SIZE, SIZE, 3), np.uint8)
            Image.fromarray(pixels).save(picture(tmp_path / "pics", number, name))
    return tmp_path / "pics"


def edit(change: Callable[[Image.Image], Image.Image]) -> Callable[[Path], object]:
    def edited(folder: Path) -> None:
        with Image.open(picture(folder)) as image:
            changed = change(image.copy())
        changed.save(picture(folder))

    return edited


def put(image: Image.Image) -> Image.Image:
    image.putpixel((5, 5), (255, 0, 255))
    return image


def swap(folder: Path) -> None:
    first, second = picture(folder, 1), picture(folder, 2)
    first.rename(folder / "spare")
    second.rename(first)
    (folder / "spare").rename(second)


def noise(folder: Path) -> None:
    chance = np.random.default_rng(1)
    for path in folder.rglob("*.png"):
        Image.fromarray(chance.integers(0, 250, (SIZE, SIZE, 3), np.uint8)).save(path)


def every(change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: [change(path) for path in sorted(folder.rglob("*.png"))]


def save_again(path: Path, **options: int | bool) -> None:
    with Image.open(path) as image:
        image.load()
    image.save(path, **options)


OTHER: dict[str, Callable[[Path], object]] = {
    "every picture replaced by noise": noise,
    "one picture is that of the other class": lambda f: shutil.copy(
        picture(f, 3, "bee"), picture(f)
    ),
    "two pictures swapped": swap,
    "one pixel": edit(put),
    "brighter": edit(lambda image: ImageEnhance.Brightness(image).enhance(1.02)),
    "mirrored": edit(lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "turned": edit(lambda image: image.rotate(90)),
    "in shades of grey": edit(lambda image: image.convert("L").convert("RGB")),
    "blurred by another size": edit(lambda image: image.resize((6, 6)).resize((SIZE, SIZE))),
    "cut": edit(lambda image: image.crop((1, 1, SIZE, SIZE))),
    "inverted": edit(lambda image: image.point(lambda value: 255 - value)),
    "of few colours": edit(lambda image: image.quantize(8).convert("RGB")),
    "removed": lambda folder: picture(folder).unlink(),
    "the last removed": lambda folder: picture(folder, EACH - 1, "bee").unlink(),
    "added": lambda folder: shutil.copy(picture(folder), picture(folder, 99)),
    "moved to the other class": lambda folder: picture(folder).rename(picture(folder, 99, "bee")),
    "a class renamed": lambda folder: (folder / "bee").rename(folder / "wasp"),
    "classes renamed, each to the other": lambda folder: [
        (folder / before).rename(folder / after)
        for before, after in (("ant", "spare"), ("bee", "ant"), ("spare", "bee"))
    ],
    "a class added": lambda folder: shutil.copytree(folder / "bee", folder / "wasp"),
    "half of a class removed": lambda folder: [
        picture(folder, number, "bee").unlink() for number in range(EACH // 2)
    ],
}


def copy_back(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("spare"))
    shutil.rmtree(folder)
    folder.with_name("spare").rename(folder)


def make_in_reverse(folder: Path) -> None:
    contents = {path: path.read_bytes() for path in sorted(folder.rglob("*.png"), reverse=True)}
    shutil.rmtree(folder)
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


# The second limit is for pictures that are too many to be held: these are not decoded in advance,
# so the sizes of their files count.
SAME: dict[str, tuple[Callable[[Path], object], bool]] = {
    "nothing": (lambda folder: None, True),
    "touched": (every(lambda path: os.utime(path, (0, 0))), True),
    "in the future": (every(lambda path: os.utime(path, (2e9, 2e9))), True),
    "read only": (every(lambda path: path.chmod(0o444)), True),
    "executable": (every(lambda path: path.chmod(0o755)), True),
    "copied and put back": (copy_back, True),
    "made in another order": (make_in_reverse, True),
    "behind a link": (link, True),
    "another folder beside it": (lambda f: f.with_name("other").mkdir(), True),
    "a hidden file": (lambda folder: (folder / "ant" / ".DS_Store").write_text("x"), True),
    "a hidden folder": (lambda folder: (folder / ".cache").mkdir(), True),
    "a text": (lambda folder: (folder / "README.md").write_text("x"), True),
    "an index": (lambda folder: (folder / "ant" / "Thumbs.db").write_text("x"), True),
    "opened": (every(lambda path: path.read_bytes()), True),
    "written as it is": (every(lambda path: path.write_bytes(path.read_bytes())), True),
    "a backup beside a class": (lambda f: shutil.copy(picture(f), f / "ant" / "03.png.bak"), True),
    "saved again": (every(save_again), False),
    "not compressed": (every(lambda path: save_again(path, compress_level=0)), False),
    "compressed more": (every(lambda path: save_again(path, optimize=True)), False),
    "one saved again": (lambda folder: save_again(picture(folder), compress_level=1), False),
}


@pytest.mark.parametrize("limit", [HELD, STREAMED])
@pytest.mark.parametrize("change", OTHER)
def test_changed_pictures_change_the_fingerprint(pictures: Path, change: str, limit: float) -> None:
    before = fingerprint(pictures, limit)
    OTHER[change](pictures)
    assert fingerprint(pictures, limit) != before


@pytest.mark.parametrize("limit", [HELD, STREAMED])
@pytest.mark.parametrize("change", SAME)
def test_unchanged_pictures_keep_the_fingerprint(
    pictures: Path, change: str, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, streamed_too = SAME[change]
    before = fingerprint(pictures, limit)
    act(pictures)
    monkeypatch.chdir(pictures.parent)
    if limit == HELD or streamed_too:
        assert fingerprint(Path(pictures.name), limit) == before


def test_there_are_twenty_of_each() -> None:
    assert len(OTHER) == len(SAME) == 20
