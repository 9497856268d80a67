"""What a person can put right: errors that are printed as a sentence, never as a traceback."""

from __future__ import annotations


class InputError(Exception):
    """Something that was given is wrong; the message says what, where, and what to do (exit 2)."""


class Failure(Exception):
    """Something outside failed: a disk, a database; the message says what to do (exit 1)."""
