"""A trial on a real GPU; left out where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_local import DATA, STUBS, Desk, job

from hpsearch.engines.engine import Exited
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.slots import count_cpus, lay_out
from hpsearch.protocol.messages import Ended, Started

pytestmark = [pytest.mark.gpu, pytest.mark.process]


def test_two_trials_share_a_gpu_and_the_server_never_touches_it(tmp_path: Path) -> None:
    slots = lay_out(("cuda:0",), per_device=2, cpus=count_cpus())
    engine = LocalEngine(slots, ["tiny"], {"data": DATA}, [STUBS], tmp_path / "server.txt")
    desk = Desk()
    for number, slot in enumerate(slots):
        engine.start(job(tmp_path, number, slot), slot)

    desk.wait(engine, 2, Exited)
    engine.close()

    for number in (0, 1):
        assert desk.of(number, Started)[0].facts["device"] == "cuda:0"
        assert desk.of(number, Started)[0].facts["visible_devices"] == "0"
        assert desk.of(number, Ended)[0].how == "complete"
