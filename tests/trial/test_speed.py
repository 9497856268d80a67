"""The `speed:` section changes how fast a trial is, and nothing else about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from convolving import Affine, Convolving
from small_images import write_images

from hpsearch.protocol.events import read_events
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report
from hpsearch.trial.probes.throughput import throughput
from hpsearch.trial.run import run_trial
from hpsearch.trial.speedups.speed import WrongMachineError, accelerate, takes_channels_last
from hpsearch.trial.trained_model import load_trained_model

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++"))),
    reason="needs a C++ compiler: apt-get install -y g++",
)
# With the graph: TensorBoard traces the module, which torch does not do to what it has compiled.
COMPILED: dict[str, Any] = {"speed": {"compile": True}, "tensorboard": {"graph": True}}


def job(folder: Path, model: str, data: dict[str, Any], **sections: Any) -> Job:
    config = {
        "model": {"class_path": model},
        "data": data,
        "trainer": {"max_epochs": 2},
        **sections,
    }
    return Job("tiny", 0, {}, config, {"val_loss": "minimize"}, 1, 2, str(folder))


def of_images(folder: Path, **sections: Any) -> Job:
    source = folder.parent / "images"
    if not source.exists():
        source.mkdir()
        write_images(source)
    arguments = {"source": str(source), "validation": 24, "batch_size": 16}
    data = {"class_path": "hpsearch.data.ImageData", "init_args": arguments}
    return job(folder, "convolving.Convolving", data, **sections)


def of_points(folder: Path, **sections: Any) -> Job:
    return job(folder, "convolving.Affine", {"class_path": "tiny.TinyData"}, **sections)


def go(message: Message) -> Decision | None:
    return "continue" if isinstance(message, Report) else None


def curve(job: Job) -> list[float]:
    run_trial(job, go)
    *reports, ended = read_events(Path(job.folder) / "events.jsonl")
    assert isinstance(ended, Ended)
    assert ended.how == "complete", ended.failure
    return [report.values["val_loss"] for report in reports if isinstance(report, Report)]


def state(job: Job) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(
        Path(job.folder) / "last.ckpt", weights_only=True
    )["state_dict"]
    return weights


@pytest.fixture
def compiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps what is compiled in the test's own folder, and forgets it afterwards."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    yield
    torch._dynamo.reset()


def test_channels_last_trains_the_same_to_rounding(tmp_path: Path) -> None:
    plain = of_images(tmp_path / "plain")
    fast = of_images(tmp_path / "fast", speed={"channels_last": True})
    assert curve(fast) == pytest.approx(curve(plain), rel=1e-5)
    assert state(fast).keys() == state(plain).keys()
    kernel = "net.2.weight"
    assert state(fast)[kernel].is_contiguous(memory_format=torch.channels_last)
    assert not state(plain)[kernel].is_contiguous(memory_format=torch.channels_last)


def test_only_weights_of_images_are_laid_out(tmp_path: Path) -> None:
    module = Convolving()
    assert takes_channels_last(module)
    accelerate(module, of_images(tmp_path / "fast", speed={"channels_last": True}))
    assert not takes_channels_last(module)
    assert not takes_channels_last(Affine())


@needs_compiler
@pytest.mark.filterwarnings("ignore")  # torch's own, of what it compiles with
def test_a_compiled_trial_is_the_plain_one_to_rounding_under_the_same_names(
    tmp_path: Path, compiling: None
) -> None:
    plain, fast = (
        of_points(tmp_path / "plain"),
        of_points(tmp_path / "fast", **COMPILED),
    )
    assert curve(fast) == pytest.approx(curve(plain), rel=1e-5)
    assert list((tmp_path / "compiled").rglob("*.so")), "nothing was compiled"
    wanted, got = state(plain), state(fast)
    assert got.keys() == wanted.keys() == {"layer.weight", "layer.bias"}
    for name in wanted:
        torch.testing.assert_close(got[name], wanted[name])
    module, _ = load_trained_model(fast)
    assert module._compiled_call_impl is None, "what predicts or exports need not compile"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.gpu
def test_a_trial_of_cuda_graphs_is_the_plain_one_to_rounding(
    tmp_path: Path, compiling: None
) -> None:
    plain, fast = (
        replace(of_images(tmp_path / name, speed={"compile": mode}), device="cuda:0")
        for name, mode in (("plain", False), ("fast", "reduce-overhead"))
    )
    assert curve(fast) == pytest.approx(curve(plain), rel=1e-3)


@pytest.mark.parametrize(
    ("compiler", "mode", "sentence"),
    [
        (
            "g++",
            "reduce-overhead",
            "speed.compile: reduce-overhead replays CUDA graphs, and this tri",
        ),
        (
            "no-such",
            True,
            "has no compiler for it; install g++ (apt-get install -y g++), set $CXX to one",
        ),
    ],
)
def test_what_a_machine_cannot_do_ends_the_search_with_a_sentence(
    tmp_path: Path, compiler: str, mode: Any, sentence: str
) -> None:
    heard: list[Message] = []
    with torch._inductor.config.patch({"cpp.cxx": (compiler,)}):
        run_trial(of_points(tmp_path, speed={"compile": mode}), heard.append)  # type: ignore[arg-type]
    (ended,) = heard
    assert isinstance(ended, Ended)
    assert sentence in ended.failure
    assert ended.fatal


def test_the_throughput_is_of_steps_and_writes_nothing(tmp_path: Path) -> None:
    found = throughput(of_images(tmp_path / "none"), str(tmp_path / "cache"), until_s=0.02)
    assert found["samples_per_second"] == pytest.approx(16 / found["seconds_per_step"])
    assert found["steps_per_epoch"] == 3
    assert found["compile_seconds"] == 0
    assert found["takes_channels_last"]
    assert {path.name for path in tmp_path.iterdir()} == {"images"}


@pytest.mark.parametrize(
    ("sections", "failure"),
    [
        (
            {"trainer": {"max_epochs": 1, "max_steps": 2}},
            "ended before it could be timed: see trai",
        ),
        (
            {"speed": {"compile": "reduce-overhead"}},
            "WrongMachineError: speed.compile: reduce-overhead",
        ),
    ],
)
def test_what_cannot_be_timed_is_reported(
    tmp_path: Path, sections: dict[str, Any], failure: str
) -> None:
    found = throughput(of_points(tmp_path, **sections), str(tmp_path), until_s=0.02)
    assert failure in found["failure"]


@needs_compiler
def test_a_module_that_is_never_called_has_nothing_to_compile(tmp_path: Path) -> None:
    lonely = of_points(tmp_path, speed={"compile": True})
    lonely.config["model"]["init_args"] = {"through": False}
    found = throughput(lonely, str(tmp_path), until_s=0.02)
    assert found == {"failure": "nothing was compiled: Affine's steps do not call self(...)"}


def test_no_gpu_is_reported_by_the_class(tmp_path: Path) -> None:
    with pytest.raises(WrongMachineError, match="write compile: true, or leave it out"):
        accelerate(Affine(), of_points(tmp_path, speed={"compile": "reduce-overhead"}))
