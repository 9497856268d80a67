"""Labels from files: whole numbers from 0; anything else is an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hpsearch.errors import DataError


def checked_labels(
    labels: npt.NDArray[Any], where: str, names: tuple[str, ...] = ()
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Returns labels, int64 `(N,)`, and the names of the classes that they are indices into.

    Args:
        labels: whole numbers, `(N,)`.
        where: the file or dataset they come from, for the message.
        names: of the classes; None to use their numbers.

    Raises:
        DataError: labels do not count from 0, or there are fewer names than labels.
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (low > 0 and not names):
        raise DataError(
            f"{where}: its labels go from {low} to {high}, and labels count from 0: a network would"
            f" get {'no' if low < 0 else 'an'} output for a class that does not exist. Subtract"
            f" {low} from each"
        )
    if names and high >= len(names):
        raise DataError(f"{where}: a label is {high}, and there are {len(names)} classes, from 0")
    known = names or tuple(str(number) for number in range(high + 1))
    return torch.from_numpy(labels.astype(np.int64)), known
