"""Every error that hpsearch raises on purpose, under one base class.

HpsearchError
├── InputError            something that was given is wrong
│   ├── StudyFileError    a study file or an override (hpsearch/studyfile/diagnostics.py)
│   └── ComponentError    a class path (hpsearch/classes/components.py)
├── SearchError           something outside failed, or the search stopped itself
├── DataError             a data source or an argument of the data module
└── TestSplitClosedError  the test split was asked for during a search
"""

from __future__ import annotations


class HpsearchError(Exception):
    """The base of all of them."""


class InputError(HpsearchError):
    """Something that was given is wrong; the message says what, where, and what to do (exit 2)."""


class SearchError(HpsearchError):
    """Something outside failed: a disk, a database; the message says what to do (exit 1)."""


class DataError(HpsearchError, ValueError):
    """A data source or an argument of the data module cannot be used as it is."""


class TestSplitClosedError(HpsearchError, RuntimeError):
    """The test split was asked for where only training and validation may be used."""

    __test__ = False  # its name begins like a test's; pytest is not to collect it
