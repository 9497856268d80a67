"""Permutations and seeds that are the same on every machine and with every version of numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


def permutation(count: int, *seed: int) -> IntArray:
    """Returns the numbers 0 to `count` - 1 in an order that only the seed decides.

    numpy promises that the raw bits of PCG64 and of SeedSequence never change, but not what
    `Generator.permutation` makes of them. So the order is that of raw 64-bit keys.

    Args:
        count: how many numbers.
        seed: one or more non-negative integers, which together are the seed.
    """
    keys = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    return np.argsort(keys, kind="stable")


def spawn_seed(*seed: int) -> int:
    """Returns a 64-bit seed made from several non-negative integers."""
    return spawn_seeds(1, *seed)[0]


def spawn_seeds(count: int, *seed: int) -> list[int]:
    """Returns several 64-bit seeds made from several non-negative integers."""
    seeds: list[int] = np.random.SeedSequence(seed).generate_state(count, np.uint64).tolist()
    return seeds
