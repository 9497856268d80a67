"""`python -m hpsearch` is `hpsearch`."""

import sys

from hpsearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
