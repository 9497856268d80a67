"""`python cli.py` is `hpsearch`, from the checkout."""

import sys

from hpsearch.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
