"""Makes the tests' scripted engine and large study importable for the programs in this folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "stubs"))
