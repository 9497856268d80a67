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
from hpsearch.trial.probes.throughput import short_training, throughput
from hpsearch.trial.run import run_trial
from hpsearch.trial.speedups.matrix_products import is_onednn_accurate
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


def test_a_short_training_is_of_as_many_steps_and_follows_from_its_seed(tmp_path: Path) -> None:
    def loss(steps: int, seed: int) -> float:
        found = short_training(replace(of_images(tmp_path / "none"), seed=seed), steps)
        return float(found["value"])

    assert loss(2, 1) == loss(2, 1) != loss(2, 2)
    assert loss(3, 1) < loss(1, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"images"}


@pytest.mark.parametrize(
    ("objectives", "sections", "failure"),
    [
        ({"val_f1": "maximize"}, {}, "a short training does not log val_f1"),
        ({"val_loss": "minimize"}, {"speed": {"compile": "reduce-overhead"}}, "WrongMachineError"),
    ],
)
def test_an_objective_that_a_short_training_does_not_have_is_reported(
    tmp_path: Path, objectives: dict[str, Any], sections: dict[str, Any], failure: str
) -> None:
    found = short_training(replace(of_points(tmp_path, **sections), objectives=objectives), 2)
    assert failure in found["failure"]


def products(module: torch.nn.Module, tmp_path: Path, **speed: bool) -> tuple[str, float]:
    """How a trial with these settings multiplies float32, and by how much it is off."""
    accelerate(module, of_points(tmp_path, speed=speed))
    left, right = torch.randn(64, 300), torch.randn(300, 40)
    exact = left.double() @ right.double()
    switch = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]
    return switch, float((left @ right - exact).norm() / exact.norm())


def test_onednn_multiplies_where_it_is_accurate_and_nowhere_else(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(300, 40), torch.nn.Linear(40, 10))
    accurate = is_onednn_accurate(module)
    usual, _ = products(module, tmp_path)
    taken, error = products(module, tmp_path, onednn=True)
    assert (taken == "bf16") == accurate
    assert error < 1e-6
    # A later trial in the same process does not inherit it.
    assert products(module, tmp_path)[0] == usual


@needs_compiler
def test_a_module_that_is_never_called_has_nothing_to_compile(tmp_path: Path) -> None:
    lonely = of_points(tmp_path, speed={"compile": True})
    lonely.config["model"]["init_args"] = {"through": False}
    found = throughput(lonely, str(tmp_path), until_s=0.02)
    assert found == {"failure": "nothing was compiled: Affine's steps do not call self(...)"}


def test_no_gpu_is_reported_by_the_class(tmp_path: Path) -> None:
    with pytest.raises(WrongMachineError, match="write compile: true, or leave it out"):
        accelerate(Affine(), of_points(tmp_path, speed={"compile": "reduce-overhead"}))
