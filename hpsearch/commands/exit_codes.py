"""What the exit code of a command means."""

from __future__ import annotations

DONE = 0
FAILED = 1  # a search without a result; also a bug, with its traceback
USAGE_ERROR = 2  # bad input
INTERRUPTED = 130  # Ctrl-C
BROKEN_PIPE = 141  # the reader of the output closed it
