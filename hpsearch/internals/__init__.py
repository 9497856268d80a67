"""Private names of other libraries, under names of ours: a file for each library, and nowhere else.

A release may change any of them. `tests/internals/` lists them all: what each is used for, and a
check that fails with one sentence when it is not what it was.
"""
