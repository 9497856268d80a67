"""`nodes`: the machines of a running search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import console, open_named
from hpsearch.commands.options import Json, Runs, Storage, StudyName

Hosts = tuple[str, ...]
# A file older than this belongs to a search that was killed.
STALE_S = 30.0


def nodes(
    name: StudyName,
    /,
    *,
    add: Annotated[
        Hosts,
        Parameter(negative="", show_default=False, help="Add a host, or try it again."),
    ] = (),
    drain: Annotated[
        Hosts,
        Parameter(
            negative="", show_default=False, help="Drain a node: it finishes its epochs and leaves."
        ),
    ] = (),
    storage: Storage = None,
    runs: Runs = None,
    json: Json = False,
) -> None:
    """Show, add or drain the nodes of a running search."""
    import json as writer

    from hpsearch.engines.cluster import read_nodes, read_rows, request
    from hpsearch.errors import InputError
    from hpsearch.views.tables import nodes_table

    for host in add:
        read_nodes(host, "--add")
    folder = _folder(name, storage, runs)
    found = read_rows(folder)
    if found is None or found[0] > STALE_S:
        raise InputError(
            f"{name} is not running on nodes now, according to {folder}; start it there with"
            f" `hpsearch resume {name} --nodes HOST,HOST`"
        )
    _, rows = found
    unknown = sorted(set(drain) - {row["name"] for row in rows})
    if unknown:
        known = ", ".join(row["name"] for row in rows) or "none"
        raise InputError(f"--drain {unknown[0]}: there is no such node; the nodes are {known}")
    if add or drain:
        request(folder, add, drain)
        print(f"requested; `hpsearch nodes {name}` shows it within seconds")
    elif json:
        print(writer.dumps({"study": name, "nodes": rows}))
    else:
        console().print(nodes_table(rows))


def _folder(name: str, storage: str | None, runs: Path | None) -> Path:
    from hpsearch.search.store import find_runs

    return find_runs(open_named(name, storage).study, runs) / name
