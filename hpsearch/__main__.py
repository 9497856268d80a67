"""`python -m hpsearch` is `hpsearch`."""

import sys

if not sys.flags.safe_path:
    # The current folder, which Python puts first: any module would import a random.py there.
    del sys.path[0]

from hpsearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
