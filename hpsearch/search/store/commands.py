"""Commands to a running search from other processes: rows that its owner takes and removes.

The table is our own, beside Optuna's, like that of the lease: whoever can reach the database can
reach the search, on any machine.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

import sqlalchemy as sa

from hpsearch.search.store.schema import make_tables

POLL_S = 0.5

_metadata = sa.MetaData()
_commands = sa.Table(
    "hpsearch_command",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("study_id", sa.Integer, nullable=False, index=True),
    sa.Column("verb", sa.String(32), nullable=False),
    # In MySQL, a text of this length becomes a LONGTEXT; a TEXT holds at most 64 KiB.
    sa.Column(
        "arguments",
        sa.Text().with_variant(sa.Text(2**32 - 1), "mysql", "mariadb"),
        nullable=False,
    ),
)


@dataclass(frozen=True)
class Command:
    """One command for a running search.

    Attributes:
        verb: what to do, such as `pause`.
        arguments: what to do it to, such as the number of a trial.
    """

    verb: str
    arguments: Mapping[str, Any]


def send_command(engine: sa.Engine, study_id: int, command: Command) -> None:
    """Leaves a command for the process that runs a study."""
    make_tables(lambda: _metadata.create_all(engine))
    with engine.begin() as connection:
        connection.execute(
            _commands.insert().values(
                study_id=study_id, verb=command.verb, arguments=json.dumps(command.arguments)
            )
        )


def take_commands(engine: sa.Engine, study_id: int) -> list[Command]:
    """Returns the commands left for a study, in order, and removes them."""
    mine = _commands.c.study_id == study_id
    with engine.connect() as connection:
        rows = connection.execute(_commands.select().where(mine).order_by(_commands.c.id)).all()
    if rows:
        with engine.begin() as connection:
            taken = _commands.c.id.in_([row.id for row in rows])
            connection.execute(_commands.delete().where(taken))
    return [Command(row.verb, _read(row.arguments)) for row in rows]


def _read(arguments: str) -> dict[str, Any]:
    """Returns the arguments of a command; as text those that hpsearch did not write."""
    try:
        return dict(json.loads(arguments))
    except (ValueError, TypeError):
        return {"arguments": arguments}


def has_commands(engine: sa.Engine, study_id: int) -> bool:
    """Returns whether a study has commands that have not been taken yet."""
    mine = sa.select(_commands.c.id).where(_commands.c.study_id == study_id).limit(1)
    with engine.connect() as connection:
        return connection.execute(mine).first() is not None


class Inbox:
    """The commands for a study, polled twice a second in a separate thread.

    The search never waits for the database here; while the database is unreachable, no command
    arrives. Commands from before the search began are removed: they were meant for an earlier one.

    Args:
        engine: the database.
        study_id: of the study.
    """

    def __init__(self, engine: sa.Engine, study_id: int) -> None:
        self._engine = engine
        self._study_id = study_id
        self._found: SimpleQueue[Command] = SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="commands", daemon=True)

    def take(self) -> list[Command]:
        """Returns the commands that have arrived since the last call, without waiting."""
        arrived: list[Command] = []
        with suppress(Empty):
            while True:
                arrived.append(self._found.get_nowait())
        return arrived

    def __enter__(self) -> Inbox:
        make_tables(lambda: _metadata.create_all(self._engine))
        take_commands(self._engine, self._study_id)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._thread.join(2 * POLL_S)

    def _look(self) -> None:
        while not self._closed.wait(POLL_S):
            with suppress(sa.exc.SQLAlchemyError):
                for command in take_commands(self._engine, self._study_id):
                    self._found.put(command)
