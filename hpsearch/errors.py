"""What a person can put right: errors that are printed as a sentence, never as a traceback."""

from __future__ import annotations


class InputError(Exception):
    """Something that was given is wrong; the message says what, where, and what to do (exit 2)."""


class SearchError(Exception):
    """Something outside failed: a disk, a database; the message says what to do (exit 1)."""


class DataError(ValueError):
    """A data source or an argument of the data module cannot be used as it is."""


class TestSplitClosedError(RuntimeError):
    """The test split was asked for where only training and validation may be used."""

    __test__ = False  # its name begins like a test's; pytest is not to collect it
