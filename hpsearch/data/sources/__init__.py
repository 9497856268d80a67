"""Where images come from, and how each kind of source is read."""

from hpsearch.data.sources.request import Request, Split
from hpsearch.data.sources.table import load, preload

__all__ = ["Request", "Split", "load", "preload"]
