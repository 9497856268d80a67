"""`control` and `enqueue`: commands for a running search, from another terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from hpsearch.commands.exit_codes import DONE, FAILED
from hpsearch.commands.options import MoreChanges, Storage, StudyName, Values
from hpsearch.errors import InputError

if TYPE_CHECKING:
    from hpsearch.search.store import StoredStudy, StudyRecord
    from hpsearch.studyfile.space import Space

SEEN_S = 5.0
LOOK_S = 0.1
_ALONE = ("pause", "resume", "drain", "stop")
Verb = Literal["pause", "resume", "drain", "stop", "fail", "promote", "enqueue", "budget"]


def control(
    name: StudyName,
    verb: Annotated[Verb, Parameter(name="VERB", help="What it should do.")],
    /,
    *what: Annotated[
        str,
        Parameter(
            name="WHAT",
            help="fail N, promote N; enqueue lr=0.01 dropout=0; budget trials=80 epochs=500.",
        ),
    ],
    changes: Annotated[Values, Parameter(show=False)] = (),
    storage: Storage = None,
) -> int:
    """Control a running search: pause or stop it, promote a trial, change the budget."""
    from hpsearch.commands.context import open_named

    if changes:
        example = f"{name} --set {' '.join([*changes, *what])}"
        raise InputError(f"--set is an option of another command: hpsearch enqueue {example}")
    stored = open_named(name, storage, write=True)
    arguments = _arguments(verb, what, stored.spec.space)
    if "number" in arguments:
        _require_unfinished(stored.record(), arguments["number"], verb)
    return _send(stored, verb, arguments, " ".join([verb, *what]))


def enqueue(
    name: StudyName, /, *more: MoreChanges, changes: Values = (), storage: Storage = None
) -> int:
    """Make a running search train a setting next."""
    from hpsearch.commands.context import open_named

    stored = open_named(name, storage, write=True)
    given = (*changes, *more)
    if not given or not all("=" in word.strip("=") for word in given):
        raise InputError(f"enqueue needs values, as in hpsearch enqueue {name} --set lr=0.01")
    arguments = _arguments("enqueue", given, stored.spec.space)
    return _send(stored, "enqueue", arguments, " ".join(["enqueue", *given]))


def _send(stored: StoredStudy, verb: Verb, arguments: Mapping[str, Any], words: str) -> int:
    """Sends a command to the process that runs a study, and waits until it has been taken."""
    from hpsearch.search.store import (
        Command,
        find_owner,
        find_setting,
        has_commands,
        send_command,
    )

    engine, study_id, name = stored.database.engine, stored.row, stored.name
    owner = find_owner(engine, study_id)
    if owner is None:
        file = "; or add the setting to study.enqueue in its file" if verb == "enqueue" else ""
        raise InputError(f"{name} is not running now; `hpsearch resume {name}` continues it{file}")
    if verb == "enqueue":
        known = find_setting(arguments["setting"], stored.record().trials)
        if known is not None:
            print(f"trial {known} of {name} already has that setting: nothing was added")
            return DONE
    send_command(engine, study_id, Command(verb, arguments))
    deadline = time.monotonic() + SEEN_S
    while has_commands(engine, study_id):
        if time.monotonic() > deadline:
            print(f"sent to {owner}, which has not answered for {SEEN_S:.0f} s: is it suspended?")
            return FAILED
        time.sleep(LOOK_S)
    print(f"{owner} has received: {words}; see its output")
    return DONE


def _arguments(verb: str, what: Sequence[str], space: Space) -> Mapping[str, Any]:
    """Returns the arguments of a command.

    Raises:
        InputError: they are not what the verb needs.
    """
    if verb in _ALONE:
        if what:
            raise InputError(f"{verb} takes no values, but has {' '.join(what)}")
        return {}
    if verb in ("fail", "promote"):
        if len(what) != 1 or not what[0].isdecimal():
            raise InputError(f"{verb} needs the number of one trial, as in {verb} 7")
        return {"number": int(what[0])}
    values = _values(verb, what)
    return _setting(values, space) if verb == "enqueue" else _budget(values)


def _require_unfinished(study: StudyRecord, number: int, verb: str) -> None:
    from hpsearch.commands.context import pick_trial

    trial = pick_trial(study, str(number))
    if trial.is_finished:
        raise InputError(f"{verb} {number}: that trial is over ({trial.state})")


def _values(verb: str, what: Sequence[str]) -> dict[str, Any]:
    from hpsearch.studyfile.yaml_text import parse

    if not what or not all("=" in word.strip("=") for word in what):
        example = "lr=0.01 dropout=0" if verb == "enqueue" else "trials=80"
        raise InputError(f"{verb} needs values, as in {verb} {example}")
    pairs = [word.partition("=") for word in what]
    return {key: parse(text, key, numbered=False).tree for key, _, text in pairs}


def _setting(values: Mapping[str, Any], space: Space) -> Mapping[str, Any]:
    from hpsearch.studyfile.diagnostics import InvalidValueError
    from hpsearch.studyfile.known_settings import broken_constraint, read_setting

    try:
        setting = read_setting(space, values)
    except InvalidValueError as error:
        raise InputError(f"enqueue: {error}") from error
    if broken := broken_constraint(space, setting):
        raise InputError(f"enqueue: this setting would never be trained: {broken}")
    return {"setting": setting}


def _budget(values: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, value in values.items():
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if key not in ("trials", "epochs") or not whole:
            raise InputError(f"budget {key}={value}: write trials=N or epochs=N, N 1 or more")
    return values
