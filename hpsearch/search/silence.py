"""Keeps the libraries' own warnings and log lines off the screen."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NOISY = ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "torch")


@contextmanager
def silence() -> Iterator[None]:
    """Silences them inside the block; with `python -W` the warnings are still shown."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
