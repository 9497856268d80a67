"""Keeps the libraries' own warnings and log lines off the screen."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOUD = ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "torch")


@contextmanager
def quiet() -> Iterator[None]:
    """Silences them within; `python -W` still shows the warnings."""
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield
