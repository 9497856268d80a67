"""The commands that keep a machine, its nodes and its studies in order."""

from __future__ import annotations

from hpsearch.commands.upkeep.agent import agent
from hpsearch.commands.upkeep.copy import copy
from hpsearch.commands.upkeep.doctor import doctor
from hpsearch.commands.upkeep.fsck import fsck
from hpsearch.commands.upkeep.nodes import nodes
from hpsearch.commands.upkeep.serve import serve
from hpsearch.commands.upkeep.studies import delete, du, prune_checkpoints, rename

__all__ = [
    "agent",
    "copy",
    "delete",
    "doctor",
    "du",
    "fsck",
    "nodes",
    "prune_checkpoints",
    "rename",
    "serve",
]
