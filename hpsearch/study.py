"""A study from Python, in a script or a notebook: the same search as `hpsearch run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

from hpsearch.commands.load import read_to_run
from hpsearch.commands.silence import quiet
from hpsearch.errors import SearchError
from hpsearch.result import Result
from hpsearch.search.run import run_study
from hpsearch.search.store import open_storage
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.live import open_console, search_view


@final
class Study:
    """A search that can be run, here and now, and gone on with later.

    Args:
        spec: what is searched.
        url: the database.
    """

    def __init__(self, spec: StudySpec, url: str) -> None:
        self.spec = spec
        self.url = url

    @classmethod
    def read(
        cls, path: Path, changes: Sequence[str], storage: str | None, trust: bool = False
    ) -> Study:
        """Returns the study of a file; see `hpsearch.load_study`."""
        with quiet():
            return cls(*read_to_run(path, changes, storage, trust=trust))

    def run(
        self,
        *,
        devices: str = "auto",
        per_device: int = 1,
        trials: int | None = None,
        add: int | None = None,
        timeout_s: float | None = None,
        runs: Path | None = None,
        inline: bool = False,
        accept_changes: bool = False,
    ) -> Result:
        """Runs the search, or continues it, and returns what it found; interrupted, it can resume.

        Args:
            devices: `auto`, `cpu`, `cpu:2`, `cuda` or `cuda:0,1`.
            per_device: trials at once on each device.
            trials: trials in all; None for what the study file says.
            add: so many trials more than there are.
            timeout_s: seconds after which no more epochs begin.
            runs: folder of the trials' files; None for `runs`.
            inline: train in this process, one trial at a time: to debug.
            accept_changes: continue under other code or versions than before.

        Raises:
            hpsearch.errors.InputError: something given is wrong; nothing was trained.
            hpsearch.errors.SearchError: the search stopped itself; the message says why.
        """
        view = search_view(open_console())
        try:
            with quiet():
                outcome = run_study(
                    self.spec,
                    storage=self.url,
                    runs=runs,
                    devices=devices,
                    per_device=per_device,
                    trials=trials,
                    add=add,
                    timeout_s=timeout_s,
                    inline=inline,
                    observer=view,
                    accept_changes=accept_changes,
                )
        finally:
            view.stop()
        if outcome.fault:
            raise SearchError(f"the search stopped itself: {outcome.fault}")
        return self.result()

    def result(self) -> Result:
        """Returns what the database holds of the study now; trains nothing.

        Raises:
            hpsearch.errors.InputError: the study was not begun yet.
        """
        return Result(open_storage(self.url, create=False), self.spec.name)
