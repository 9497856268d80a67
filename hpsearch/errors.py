"""Every error that hpsearch raises on purpose, under one base class.

HpsearchError
├── InputError            bad input
│   ├── StudyFileError    a study file or an override (hpsearch/studyfile/diagnostics.py)
│   └── ComponentError    a class path (hpsearch/classes/components.py)
├── SearchError           something outside failed, or the search stopped
├── DataError             a data source or an argument of the data module
└── TestSplitClosedError  the test split was asked for during a search
"""

from __future__ import annotations


class HpsearchError(Exception):
    """The base class of all errors."""


class InputError(HpsearchError):
    """Bad input; the message says what is wrong, where, and what to do (exit 2)."""


class SearchError(HpsearchError):
    """Something outside failed, such as a disk; the message says what to do (exit 1)."""


class DataError(HpsearchError, ValueError):
    """A data source or an argument of the data module cannot be used."""


class TestSplitClosedError(HpsearchError, RuntimeError):
    """The test split was asked for where only training and validation may be used."""

    __test__ = False  # the name begins with Test; keep pytest from collecting it
