"""One search over many machines: an agent on each node, and the engine that speaks to them."""

from __future__ import annotations

from hpsearch.engines.cluster.agent import AgentOptions, serve
from hpsearch.engines.cluster.cluster import Cluster
from hpsearch.engines.cluster.nodes_file import read_nodes
from hpsearch.engines.cluster.notices import read_rows, request

__all__ = [
    "AgentOptions",
    "Cluster",
    "read_nodes",
    "read_rows",
    "request",
    "serve",
]
