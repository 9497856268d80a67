"""Agents in processes of their own on this machine, and a coordinator's desk that hears them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.engines.cluster.carriers.command import CommandCarrier, local_agent
from hpsearch.engines.cluster.fleet import Fleet
from hpsearch.engines.cluster.notices import Notices
from hpsearch.engines.cluster.remote import RemoteEngine
from hpsearch.engines.cluster.study_code import StudyCode
from hpsearch.engines.cluster.workplace import Study

STUBS = str(Path(__file__).parent)
DATA = {"class_path": "tiny.TinyData"}


class Pipes:
    """A remote engine over agents that are processes of this machine.

    Args:
        folder: the study's run folder.
        names: of the nodes.
        shared: the nodes see the folder.
        modules: of the study's own classes.
        commands: of nodes that are started in another way, by name.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str] = ("a",),
        *,
        shared: bool = True,
        slots: int = 1,
        modules: Sequence[str] = ("tiny",),
        commands: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.notes: list[str] = []
        nonce = ("nodes.nonce", secrets.token_hex())
        if shared:
            (folder / nonce[0]).write_text(nonce[1])
        code = StudyCode.of(modules, [STUBS])
        study = Study(modules, DATA, [STUBS], code, str(folder), nonce)
        agent = local_agent(f"cpu:{slots}", 1)
        self.carrier = CommandCarrier({**dict.fromkeys(names, agent), **(commands or {})})
        self.fleet = Fleet([self.carrier], study, self.notes.append)
        self.engine = RemoteEngine(self.fleet, Notices(folder, lambda name: None))

    def pid(self, name: str) -> int:
        """Returns the process id of a node's agent."""
        hello = self.fleet.nodes[name].hello
        assert hello is not None
        return hello.pid

    def wait_for(self, seen: Callable[[], Any], handler: Any = None) -> None:
        """Polls until something is seen; a hang is pytest's to end."""
        while not seen():
            self.engine.poll(handler or _nothing_yet, 0.2)


def _nothing_yet(number: int, message: object) -> None:
    raise AssertionError(f"trial {number} said {message}")


def environment_without(*names: str) -> dict[str, str]:
    """Returns this process's environment without some variables."""
    return {name: value for name, value in os.environ.items() if name not in names}
