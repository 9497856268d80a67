"""One search over many machines: an agent on each node, and the engine that speaks to them."""

from __future__ import annotations

from hpsearch.engines.cluster.agent import AgentOptions, serve

__all__ = ["AgentOptions", "serve"]
