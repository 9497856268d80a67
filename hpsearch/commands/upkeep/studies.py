"""`delete`, `rename`, `prune-checkpoints` and `du`: the names and the disk usage of studies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hpsearch.commands.context import console, open_database, open_named, say_next
from hpsearch.commands.options import Json, PositiveInt, Storage, StudyName
from hpsearch.errors import InputError

if TYPE_CHECKING:
    from hpsearch.search.store import StudyRecord

Yes = Annotated[
    bool, Parameter(name="--yes", negative="", show_default=False, help="Delete without asking.")
]


def delete(name: StudyName, /, *, yes: Yes = False, storage: Storage = None) -> None:
    """Remove a study from the database, and move its files to a trash folder."""
    from hpsearch.search.upkeep import discard, refuse_running
    from hpsearch.views.formatting import command

    stored = open_named(name, storage, write=True)
    if not yes:
        refuse_running(stored)
        _ask(stored.record())
    kept = discard(stored)
    print(f"{name} is deleted")
    if kept is not None:
        print(f"its files are in {kept}; remove them to free their space, or bring it back:")
        back = command("fsck", name, "--rebuild", storage=storage)
        print(f"  mv {kept} {kept.parent.parent / name} && {back}")


def _ask(study: StudyRecord) -> None:
    """Raises InputError unless the user types the study's name."""
    from hpsearch.views.ranking import counts_line
    from hpsearch.views.tables import best_words

    facts = f"{study.name}: {counts_line(study.counts)}; best {best_words(study)}"
    if not sys.stdin.isatty():
        raise InputError(f"{facts}; to delete it without being asked, add --yes")
    print(facts)
    if input("To delete it, type its name: ").strip() != study.name:
        raise InputError("that is not its name; nothing was deleted")


def rename(
    name: StudyName,
    new: Annotated[str, Parameter(name="NEW", help="Its new name.")],
    /,
    *,
    storage: Storage = None,
) -> None:
    """Rename a study, with its files and its confirmation."""
    from hpsearch.search.upkeep import rename as rename_study

    rename_study(open_named(name, storage, write=True), new)
    print(f"{name} is called {new} now; write `name: {new}` into its study file")
    say_next("status", new, storage=storage)


def prune_checkpoints(
    name: StudyName,
    /,
    *,
    keep: Annotated[
        PositiveInt,
        Parameter(metavar="N", help="How many of the best complete trials keep theirs."),
    ] = 1,
    storage: Storage = None,
) -> None:
    """Remove the checkpoints of finished trials, except those of the best."""
    from hpsearch.search.upkeep import prune_checkpoints as prune
    from hpsearch.views.formatting import size

    freed = prune(open_named(name, storage, write=True), keep)
    words = f"freed {size(freed)}" if freed else "there was nothing to remove"
    print(f"{words}; write `keep_checkpoints: {keep}` into the study file to keep it that way")


def du(
    name: Annotated[
        str | None, Parameter(name="NAME", help="A study, as `list` shows it. [default: all]")
    ] = None,
    /,
    *,
    storage: Storage = None,
    json: Json = False,
) -> None:
    """Show how much disk space studies use."""
    from hpsearch.measure.disk import Usage, disk_usage
    from hpsearch.search.store import list_studies, load_record
    from hpsearch.search.upkeep import TRASH
    from hpsearch.views.json_output import to_json
    from hpsearch.views.tables import usage_table

    database = open_database(storage)
    studies = list_studies(database).studies if name is None else (load_record(database, name),)
    found: dict[str, Usage] = {}
    for study in studies:
        try:
            found[study.name] = disk_usage(Path(study.runs) / study.name)
        except PermissionError as error:
            if name is not None:
                raise
            words = f"you have no permission to read {error.filename}"
            print(f"left out: {study.name}: {words}", file=sys.stderr)
    trash = {Path(study.runs) / TRASH for study in studies if name is None and study.name in found}
    if thrown := sum(disk_usage(folder).total for folder in trash):
        found["(trash)"] = Usage(other=thrown)
    if json:
        print(to_json({name: {**vars(u), "total": u.total} for name, u in found.items()}))
        return
    console().print(usage_table(found))
