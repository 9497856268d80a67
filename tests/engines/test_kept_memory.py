"""Memory that a trial's step frees is available for its next one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hpsearch.engines.forkserver_client import KEEPS_MEMORY

STEPS = """
import resource
import numpy as np

def step():
    return [np.ones(800_000) for _ in range(4)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(5):
    step()
before = faults()
for _ in range(20):
    step()
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_pages_that_a_step_frees_are_not_faulted_in_again() -> None:
    def faults(**tunables: str) -> int:
        said = subprocess.run(
            [sys.executable, "-c", STEPS],
            env={**os.environ, **tunables},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(said.stdout)

    assert faults(GLIBC_TUNABLES="") > 20 * 1000, "by default each step faults its pages in anew"
    assert faults(**KEEPS_MEMORY) < 100
