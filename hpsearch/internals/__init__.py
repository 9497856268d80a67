"""Private names of other libraries, under our own names: in the files here, nowhere else.

A release may change any of them. `tests/internals/` lists all of them with their use, and a check
that fails with one sentence if a release has changed one.
"""
