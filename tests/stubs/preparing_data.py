"""Data that are written by `prepare_data`; run as a program, a process that prepares them."""

from __future__ import annotations

import sys
from pathlib import Path

from hpsearch.trial.preparing import prepare_in_turn


class Rows:
    """Rows that are written in two parts, of which nobody may see the first alone."""

    def prepare_data(self) -> None:
        """Writes the file where it is missing; waits for a line of its input in between."""
        path = Path("rows.txt")
        found = path.read_text() if path.exists() else ""
        print("found", found or "nothing", flush=True)
        if not found.endswith("end"):
            path.write_text("begin")
            print("writes", flush=True)
            sys.stdin.readline()
            path.write_text("begin end")


class MoreRows(Rows):
    """The same file, written by the base class while this one prepares."""

    def prepare_data(self) -> None:
        """Prepares another object of its own class, and the rows."""
        inner = MoreRows.__new__(MoreRows)
        inner.prepare_data = super().prepare_data  # type: ignore[method-assign]
        prepare_in_turn(inner)
        inner.prepare_data()


if __name__ == "__main__":
    rows = MoreRows() if sys.argv[1:] else Rows()
    prepare_in_turn(rows)
    rows.prepare_data()
    print("done", flush=True)
