"""From what the options name to the engine that reaches it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.engines.cluster.carriers.carrier import Carrier
from hpsearch.engines.cluster.carriers.kubernetes import KubernetesCarrier, PodChoice
from hpsearch.engines.cluster.carriers.ray import RayCarrier, RayChoice
from hpsearch.engines.cluster.carriers.slurm import SlurmCarrier, SlurmRequest
from hpsearch.engines.cluster.carriers.ssh import SshCarrier
from hpsearch.engines.cluster.fleet import Fleet
from hpsearch.engines.cluster.nodes_file import read_nodes
from hpsearch.engines.cluster.notices import NONCE, Notices
from hpsearch.engines.cluster.remote import RemoteEngine
from hpsearch.engines.cluster.study_code import StudyCode
from hpsearch.engines.cluster.workplace import Study
from hpsearch.engines.place import ELSEWHERE, Place
from hpsearch.errors import InputError


class Cluster:
    """The carriers to all other machines, before there is a study.

    Args:
        place: where the nodes are.

    Raises:
        InputError: one of them is not what it should be, or does not answer.
    """

    def __init__(self, place: Place) -> None:
        if all(getattr(place, name) is None for name in ELSEWHERE):
            raise InputError("the engine cluster needs one of nodes, slurm, kubernetes and ray")
        self._ssh = SshCarrier(read_nodes(place.nodes) if place.nodes is not None else ())
        self._carriers: list[Carrier] = [self._ssh]
        if place.slurm is not None:
            self._carriers.append(SlurmCarrier(SlurmRequest.parse(place.slurm)))
        if place.kubernetes is not None:
            self._carriers.append(KubernetesCarrier(PodChoice.parse(place.kubernetes)))
        if place.ray is not None:
            self._carriers.append(RayCarrier(RayChoice.parse(place.ray)))

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        """Releases what the carriers hold."""
        for carrier in self._carriers:
            carrier.close()

    def start(
        self,
        modules: Sequence[str],
        document: Mapping[str, Any],
        import_paths: Sequence[str],
        folder: Path,
        note: Callable[[str], None],
        devices_per_trial: int = 1,
    ) -> RemoteEngine:
        """Returns the engine for a study; nodes come in while it is polled.

        Args:
            modules: of the study's own classes.
            document: the study file as plain data.
            import_paths: folders where those modules are found.
            folder: the study's run folder.
            note: gets each line that a person should read.
            devices_per_trial: how many devices each trial takes.
        """
        folder = folder.absolute()
        nonce = (NONCE, secrets.token_hex())
        (folder / NONCE).write_text(nonce[1], encoding="utf-8")
        beside = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        code = StudyCode.of(modules, (*import_paths, *beside))
        study = Study(modules, document, import_paths, code, str(folder), nonce, devices_per_trial)
        fleet = Fleet(self._carriers, study, note)
        return RemoteEngine(fleet, Notices(folder, self._admit))

    def _admit(self, name: str) -> None:
        for entry in read_nodes(name):
            if entry.label not in self._ssh.nodes():
                self._ssh.add(entry)
