"""Calls for a process of their own."""

from __future__ import annotations

import os
import sys
from typing import Any

from hpsearch.protocol.job import Job


def look_around(job: Job, word: str) -> dict[str, Any]:
    print("what libraries print")
    devices = os.environ["CUDA_VISIBLE_DEVICES"]
    known = "tiny" in sys.modules
    return {
        "number": job.number,
        "word": word,
        "sees": devices,
        "process": os.getpid(),
        "has the study's module": known,
    }


def give_up(job: Job) -> None:
    raise ValueError("no way")
