"""What `hpsearch check` and `hpsearch summary` print."""

from __future__ import annotations

from hpsearch.views.check.layers import print_layers
from hpsearch.views.check.probes import print_probes
from hpsearch.views.check.space import distribution_words, print_space, size_words
from hpsearch.views.check.speed import print_speed

__all__ = [
    "distribution_words",
    "print_layers",
    "print_probes",
    "print_space",
    "print_speed",
    "size_words",
]
