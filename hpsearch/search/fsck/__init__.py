"""Whether a study is whole, and how to repair it."""

from __future__ import annotations

from hpsearch.search.fsck.check import FsckReport, examine_study
from hpsearch.search.fsck.problem import Problem
from hpsearch.search.fsck.rebuild import Rebuilt, rebuild_study
from hpsearch.search.fsck.repair import repair_study

__all__ = [
    "FsckReport",
    "Problem",
    "Rebuilt",
    "examine_study",
    "rebuild_study",
    "repair_study",
]
