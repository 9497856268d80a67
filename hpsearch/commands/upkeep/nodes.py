"""`nodes`: the machines of a running search."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import console, open_named
from hpsearch.commands.options import Json, Runs, Storage, StudyName

Hosts = tuple[str, ...]


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
    from hpsearch.search.store import find_owner, find_runs
    from hpsearch.views.tables import nodes_table

    for host in add:
        read_nodes(host, "--add")
    stored = open_named(name, storage)
    folder = find_runs(stored.study, runs) / name
    owner = find_owner(stored.database.engine, stored.row)
    rows = read_rows(folder, owner.process.pid) if owner else None
    if rows is None:
        raise InputError(
            f"{name} is not running on nodes now, according to {folder}; start it there with"
            f" `hpsearch resume {name} --nodes HOST,HOST`"
        )
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
