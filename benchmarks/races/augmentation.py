"""Augmentation: images/s with random rotations and shifts, on one thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from contest import HERE, Setting, peer, run
from table import NOTHING, Measured, figures_of, markdown, names, ratios, reason, spread

IMAGES = 4096
CASE = "rotate 20 degrees, shift 5 %"
HERO = "hpsearch-128"
PROGRAM = "augment"
CONTESTANTS = {
    "hpsearch-32": (),
    "hpsearch-128": (),
    "hpsearch-1024": (),
    "torchvision-v1": ("torchvision",),
    "torchvision-v1-bilinear": ("torchvision",),
    "torchvision-v2": ("torchvision",),
    "torchvision-v2-tensors": ("torchvision",),
    "kornia-32": ("kornia",),
    "kornia-128": ("kornia",),
    "kornia-1024": ("kornia",),
}
NAMES = {
    "hpsearch-32": "hpsearch, batches of 32, bilinear",
    "hpsearch-128": "hpsearch, batches of 128, bilinear",
    "hpsearch-1024": "hpsearch, batches of 1,024, bilinear",
    "torchvision-v1": "torchvision v1, PIL + ToTensor, nearest",
    "torchvision-v1-bilinear": "torchvision v1, PIL + ToTensor, bilinear",
    "torchvision-v2": "torchvision v2, PIL + ToDtype, nearest",
    "torchvision-v2-tensors": "torchvision v2, tensors, nearest",
    "kornia-32": "kornia, batches of 32, bilinear",
    "kornia-128": "kornia, batches of 128, bilinear",
    "kornia-1024": "kornia, batches of 1,024, bilinear",
}
PARITY = "parity"


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Times every method once, and measures the parity in the first round."""
    count = setting.sized(IMAGES, minimum=128)
    for contestant, needs in CONTESTANTS.items():
        if not setting.wanted(CASE, contestant):
            continue
        if absent := setting.missing(*needs):
            yield Measured(CASE, contestant, left_out=absent)
            continue
        command = peer(PROGRAM, contestant, str(count)) if needs else own(contestant, count)
        (said,) = run([command], setting.new_folder(), OMP_NUM_THREADS="1").said
        yield Measured(CASE, contestant, {"images_per_s": said["images_per_s"]})
    if turn == 0 and setting.wanted(CASE, PARITY):
        (said,) = run([own(PARITY, count)], setting.new_folder()).said
        yield Measured(CASE, PARITY, {"largest_difference": said["parity"]})


def own(method: str, count: int) -> list[str]:
    """Returns the command that times one of hpsearch's methods, in its own environment."""
    return [sys.executable, str(HERE / "peers" / f"{PROGRAM}.py"), method, str(count)]


def table(lines: Sequence[Measured]) -> str:
    """Returns the rates, hpsearch's relative to each of them, and a sentence on the parity."""
    head = ("Method, a draw an image", "Images a second", "hpsearch-128 is faster", "n")
    rows = [_row(lines, name) for name in CONTESTANTS if name in names(lines, "contestant")]
    found = figures_of(lines, CASE, PARITY, "largest_difference").values()
    sentence = "".join(
        f"\n\nLargest difference from torchvision's bilinear `affine` at the same parameters:"
        f" {value:.1e}, on a scale where white is 1."
        for value in found
    )
    return markdown(head, rows) + sentence


def _row(lines: Sequence[Measured], contestant: str) -> list[str]:
    label = NAMES[contestant]
    if why := reason(lines, CASE, contestant):
        return [label, f"left out: {why}", NOTHING, NOTHING]
    rate, best = (figures_of(lines, CASE, name, "images_per_s") for name in (contestant, HERO))
    return [label, spread(rate.values(), 0), spread(ratios(best, rate), 2), str(len(rate))]
