"""`fsck`: a study's database and its run folder, checked against each other."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from hpsearch.commands.context import console, say_next, say_what_is_left
from hpsearch.commands.exit_codes import DONE, FAILED
from hpsearch.commands.options import Runs, Storage, StudyName


def fsck(
    name: StudyName,
    /,
    *,
    repair: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Fix what can be fixed safely."),
    ] = False,
    rebuild: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Rebuild a lost database from the folder."),
    ] = False,
    storage: Storage = None,
    runs: Runs = None,
) -> int:
    """Check a study's database and files against each other."""
    from hpsearch.search.fsck import examine_study, rebuild_study, repair_study
    from hpsearch.search.store import default_url, load_record, open_storage
    from hpsearch.views.tables import problem_table, rebuilt_words, repaired_words, summary

    url = storage or default_url()
    if rebuild:
        rebuilt = rebuild_study(url, name, runs)
        print(rebuilt_words(name, rebuilt))
        say_what_is_left(load_record(open_storage(url), name), storage)
        return FAILED if rebuilt.left_out else DONE
    if repair:
        found, after = repair_study(url, name, runs)
        words = repaired_words(found, after)
    else:
        found = after = examine_study(url, name, runs)
        words = summary(found)
    if found.problems:
        console().print(problem_table(found.problems))
        print()
    print(words)
    if not repair and any(problem.repair for problem in after.errors):
        say_next("fsck", name, "--repair", storage=storage, runs=runs)
    return FAILED if after.errors else DONE
