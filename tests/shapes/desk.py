"""A coordinator for one trial that runs in the test's own process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report
from hpsearch.trial.run import run_trial


def job(folder: Path, model: dict[str, Any] | None = None, **sections: Any) -> Job:
    config = {
        "model": {"class_path": "tiny.TinyModel", "init_args": model or {}},
        "data": {"class_path": "tiny.TinyData"},
        "trainer": {"max_epochs": 4},
        **sections,
    }
    return Job(
        study="tiny",
        number=0,
        params={"model.width": 4},
        config=config,
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=2,
        folder=str(folder),
    )


def fed(folder: Path, model: str, **trainer: Any) -> Job:
    """A trial of a module, named by its class path, on the rows of `feeding.Feed`."""
    config = {
        "model": {"class_path": model},
        "data": {"class_path": "feeding.Feed"},
        "trainer": {"max_epochs": 3, **trainer},
    }
    return replace(job(folder), config=config)


class Desk:
    """A coordinator for one trial: remembers what it hears, and answers as planned."""

    def __init__(self, decisions: dict[int, Decision] | None = None) -> None:
        self.heard: list[Message] = []
        self._decisions = decisions or {}

    def __call__(self, message: Message) -> Decision | None:
        self.heard.append(message)
        if isinstance(message, Report):
            return self._decisions.get(message.step, "continue")
        return None

    @property
    def reports(self) -> list[Report]:
        return [message for message in self.heard if isinstance(message, Report)]

    @property
    def ended(self) -> Ended:
        (ended,) = [message for message in self.heard if isinstance(message, Ended)]
        return ended


def run(job: Job, decisions: dict[int, Decision] | None = None) -> Desk:
    desk = Desk(decisions)
    run_trial(job, desk)
    return desk


def weights(path: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state
