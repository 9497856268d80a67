"""A module that starts processes and leaves them behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import tiny


class Parent(tiny.TinyModel):
    """Starts two sleepers, one in a session of its own, and writes down their pids."""

    def on_train_start(self) -> None:
        sleep: Any = [sys.executable, "-c", "import time; time.sleep(600)"]
        pids = [
            subprocess.Popen(sleep, start_new_session=buffer_writes).pid
            for buffer_writes in (False, True)
        ]
        (Path(self.trainer.default_root_dir) / "pids").write_text(" ".join(map(str, pids)))
