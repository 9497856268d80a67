"""A trial's parameters in few words: names without the part that nobody needs to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hpsearch.spec.job import Scalar
from hpsearch.views import numbers


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Returns for each parameter the shortest end of its path that no other parameter has.

    An end never begins with a list's index: `model.channels.0` becomes `channels.0`.
    """
    names = list(dict.fromkeys(names))
    ends = {name: _ends(name) for name in names}
    owners: dict[str, int] = {}
    for name in names:
        for end in ends[name]:
            owners[end] = owners.get(end, 0) + 1
    return {name: next((e for e in ends[name] if owners[e] == 1), name) for name in names}


def one_line(
    params: Mapping[str, Scalar], names: Mapping[str, str] | None = None, between: str = " "
) -> str:
    """Returns `name=value` for each parameter, with the names given or the shortest ones."""
    names = short_names(params) if names is None else names
    return between.join(f"{names.get(n, n)}={numbers.setting(v)}" for n, v in params.items())


def _ends(name: str) -> list[str]:
    parts = name.split(".")
    starts = [i for i in range(len(parts) - 1, -1, -1) if i == 0 or not parts[i].isdigit()]
    return [".".join(parts[start:]) for start in starts]
