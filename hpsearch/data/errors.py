"""What can be wrong with data: each message says what was found, the rule, and what to do."""

from __future__ import annotations


class DataError(ValueError):
    """A data source or an argument of the data module cannot be used as it is."""


class TestSplitClosed(RuntimeError):
    """The test split was asked for where only training and validation may be used."""

    __test__ = False  # its name begins like a test's; pytest is not to collect it
