"""Which engines there are, by name: a new one is a file and a line in `ENGINES`."""

from __future__ import annotations

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
from hpsearch.engines.slots import Slot, find_slots
from hpsearch.errors import InputError


@dataclass(frozen=True)
class Workload:
    """What every trial of a study needs, so that an engine can load it once.

    Attributes:
        modules: the modules of the study's own classes.
        data: the study file's `data` section.
        import_paths: folders where those modules are found.
        folder: the study's run folder.
    """

    modules: Sequence[str]
    data: Mapping[str, Any]
    import_paths: Sequence[str]
    folder: Path


@final
class PreparedEngine:
    """An engine that is chosen, with its slots known, but has no study yet.

    Leaving the block ends what was started in advance, unless an engine has taken it over.

    Args:
        slots: room for trials.
        build: makes the engine for a study.
        resource: what was started in advance, such as a process that loads torch.
        call: calls a function by its name where torch is loaded already; None if nowhere.
    """

    def __init__(
        self,
        slots: tuple[Slot, ...],
        build: Callable[[Workload], Engine],
        resource: AbstractContextManager[object] | None = None,
        call: Callable[..., Any] | None = None,
    ) -> None:
        self.slots = slots
        self.start = build
        self.call = call
        self._resource = resource or nullcontext()

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


Prepare = Callable[[str, int], PreparedEngine]


def _prepare_local(devices: str, per_device: int) -> PreparedEngine:
    slots = find_slots(devices, per_device)
    # Torch takes longer to load than all that comes before the first trial.
    server = Server()

    def build(work: Workload) -> Engine:
        log = work.folder / "server.txt"
        return LocalEngine(slots, work.modules, work.data, work.import_paths, log, server)

    return PreparedEngine(slots, build, server, server.call)


def _prepare_inline(devices: str, per_device: int) -> PreparedEngine:
    slots = find_slots(devices, per_device)
    return PreparedEngine(slots[:1], lambda _: InlineEngine(slots[0]))


ENGINES: dict[str, Prepare] = {"local": _prepare_local, "inline": _prepare_inline}


def prepare_engine(name: str, devices: str = "auto", per_device: int = 1) -> PreparedEngine:
    """Returns the engine of this name, ready for a study.

    Args:
        name: one of `ENGINES`.
        devices: as `--devices` takes them.
        per_device: trials at once on each device.

    Raises:
        InputError: there is no such engine, or the devices cannot be had.
    """
    if name not in ENGINES:
        raise InputError(f"there is no engine {name!r}; use one of {', '.join(sorted(ENGINES))}")
    return ENGINES[name](devices, per_device)
