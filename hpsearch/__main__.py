"""The command `hpsearch`, also as `python -m hpsearch`."""

import os
import signal
import sys

from hpsearch.commands.exit_codes import INTERRUPTED

if __name__ == "__main__" and not sys.flags.safe_path:
    # The current folder, which Python puts first: any module would import a random.py there.
    del sys.path[0]


def main() -> int:
    """Runs the command line; Ctrl-C ends it quietly even before it is imported."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        # An exception within an import would be a traceback, or some library's own error.
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from hpsearch.cli import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()


if __name__ == "__main__":
    sys.exit(main())
