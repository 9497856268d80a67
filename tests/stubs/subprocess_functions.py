"""Calls for a process of their own."""

from __future__ import annotations

import os
from typing import Any

from hpsearch.protocol.job import Job


def look_around(job: Job, word: str) -> dict[str, Any]:
    print("what libraries print")
    return {"number": job.number, "word": word, "sees": os.environ["CUDA_VISIBLE_DEVICES"]}


def give_up(job: Job) -> None:
    raise ValueError("no way")
