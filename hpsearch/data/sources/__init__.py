"""Where images come from, and how each kind of source is read."""

from hpsearch.data.sources.memory import require_memory
from hpsearch.data.sources.request import Request, Split
from hpsearch.data.sources.table import load, load_test, preload

__all__ = ["Request", "Split", "load", "load_test", "preload", "require_memory"]
