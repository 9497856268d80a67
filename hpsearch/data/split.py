"""The stratified split into training and validation, decided by a seed alone."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from hpsearch.data.order import IntArray, permutation
from hpsearch.errors import DataError


def split(
    labels: npt.ArrayLike, validation: int = 5000, seed: int = 0
) -> tuple[IntArray, IntArray]:
    """Divides images into training and validation so that every class keeps its share.

    The split depends on the labels, the count and the seed only and is equal on every machine.

    Args:
        labels: class of each image, integers, `(N,)`.
        validation: how many images go to validation, 1 to N - 1.
        seed: a non-negative integer.

    Returns:
        The sorted indices of the training images and those of the validation images.

    Raises:
        DataError: `validation` leaves no image on one of the two sides.
    """
    labels = np.asarray(labels)
    if not 1 <= validation < len(labels):
        raise DataError(
            f"validation={validation}: the split needs at least one image for validation and one "
            f"for training, and there are {len(labels)}; give a number from 1 to {len(labels) - 1}"
        )
    shuffled = permutation(len(labels), seed)
    classes, counts = np.unique(labels, return_counts=True)
    chosen = [
        shuffled[labels[shuffled] == label][:share]
        for label, share in zip(classes, _shares(counts, validation), strict=True)
    ]
    validation_index = np.sort(np.concatenate(chosen))
    training_index = np.setdiff1d(np.arange(len(labels)), validation_index, assume_unique=True)
    return training_index, validation_index


def fingerprint(training_index: IntArray, validation_index: IntArray) -> str:
    """Returns 16 hex digits of a SHA-256 that two splits share only if they are equal."""
    digest = hashlib.sha256()
    for index in (training_index, validation_index):
        digest.update(len(index).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(index, dtype="<i8").tobytes())
    return digest.hexdigest()[:16]


def _shares(counts: IntArray, total: int) -> IntArray:
    """Divides `total` in proportion to `counts`; the largest remainders are rounded up."""
    exact = counts * (total / counts.sum())
    shares: IntArray = np.floor(exact).astype(np.int64)
    most_cut = np.argsort(shares - exact, kind="stable")
    shares[most_cut[: total - shares.sum()]] += 1
    return shares
