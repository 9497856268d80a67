"""The engines by name: a new one is a file and a line in `ENGINES`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, final

from hpsearch.engines.engine import Engine
from hpsearch.engines.forkserver_client import Server
from hpsearch.engines.inline import InlineEngine
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.place import Place
from hpsearch.engines.slots import Slot, find_slots, join_slots
from hpsearch.errors import InputError


@dataclass(frozen=True)
class Workload:
    """What every trial of a study needs, so that an engine can load it once.

    Attributes:
        modules: the modules of the study's own classes.
        document: the study file as plain data.
        import_paths: folders where those modules are found.
        folder: the study's run folder.
        note: gets each line that a person should read, such as that a node is lost.
        devices_per_trial: how many devices each trial takes.
    """

    modules: Sequence[str]
    document: Mapping[str, Any]
    import_paths: Sequence[str]
    folder: Path
    note: Callable[[str], None] = lambda _: None
    devices_per_trial: int = 1


@final
class PreparedEngine:
    """A chosen engine with known slots but no study yet.

    Leaving the block ends what was started early, unless an engine has taken it over.

    Args:
        slots: slots for trials; none yet if nodes bring them later.
        build: makes the engine for a study.
        resource: what was started early, such as a process that loads torch.
        call: calls a function by name in a process with torch loaded; None if there is none.
        is_one_process: whether trials run in this process.
    """

    def __init__(
        self,
        slots: tuple[Slot, ...],
        build: Callable[[Workload], Engine],
        resource: AbstractContextManager[object] | None = None,
        call: Callable[..., Any] | None = None,
        is_one_process: bool = False,
    ) -> None:
        self.slots = slots
        self.start = build
        self.call = call
        self._resource = resource or nullcontext()
        self._is_one_process = is_one_process

    def slots_for(self, devices_per_trial: int) -> tuple[Slot, ...]:
        """Returns the slots for trials that each take this many devices.

        Raises:
            InputError: such trials cannot run here.
        """
        if devices_per_trial > 1 and (self._is_one_process or not sys.platform.startswith("linux")):
            place = "in this process (--inline)" if self._is_one_process else "without Linux"
            raise InputError(
                f"a trial takes {devices_per_trial} devices (study.devices_per_trial), with a"
                f" process on each, which cannot be {place}"
            )
        return join_slots(self.slots, devices_per_trial)

    def __enter__(self) -> PreparedEngine:
        self._resource.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._resource.__exit__(kind, error, trace)


Prepare = Callable[[Place], PreparedEngine]


def _prepare_local(place: Place) -> PreparedEngine:
    slots = find_slots(place.devices, place.per_device)
    # Loading torch takes longer than everything else before the first trial.
    server = Server()

    def build(work: Workload) -> Engine:
        log, joined = work.folder / "server.txt", join_slots(slots, work.devices_per_trial)
        return LocalEngine(
            joined, work.modules, work.document, work.import_paths, log, server, work.note
        )

    return PreparedEngine(slots, build, server, server.call)


def _prepare_inline(place: Place) -> PreparedEngine:
    slots = find_slots(place.devices, place.per_device)
    return PreparedEngine(slots[:1], lambda _: InlineEngine(slots[0]), is_one_process=True)


def _prepare_cluster(place: Place) -> PreparedEngine:
    # Most searches need none of it.
    from hpsearch.engines.cluster import Cluster

    cluster = Cluster(place)

    def build(work: Workload) -> Engine:
        return cluster.start(
            work.modules,
            work.document,
            work.import_paths,
            folder=work.folder,
            note=work.note,
            devices_per_trial=work.devices_per_trial,
        )

    return PreparedEngine((), build, cluster)


ENGINES: dict[str, Prepare] = {
    "local": _prepare_local,
    "inline": _prepare_inline,
    "cluster": _prepare_cluster,
}


def prepare_engine(place: Place) -> PreparedEngine:
    """Returns the engine of a place, ready for a study.

    Raises:
        InputError: there is no such engine, or the devices or machines are not available.
    """
    name = place.engine_name()
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise InputError(f"there is no engine {name!r}; use one of {known}")
    return ENGINES[name](place)
