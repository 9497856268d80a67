"""Steps that cost only their arithmetic: multi-step training, and optimizers of one kernel."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import small_images
import torch
from other_namespace import OtherModel
from pytorch_lightning.callbacks import EarlyStopping, EMAWeightAveraging, LearningRateMonitor
from small_images import Bystander, Witness
from tiny import TinyData, TinyModel
from torch.optim import lr_scheduler

from hpsearch.data import ImageData
from hpsearch.errors import InputError
from hpsearch.internals.lightning import leaves
from hpsearch.models import MLP
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Progress, Report
from hpsearch.trial import progress
from hpsearch.trial.optimization import can_fuse
from hpsearch.trial.run import run_trial
from hpsearch.trial.seeding import ReseedEachEpoch
from hpsearch.trial.speedups import multi_step
from hpsearch.trial.speedups.multi_step_support import multi_step_blocker
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.speedups.written_out import write_out
from hpsearch.trial.stage import StageTracker
from hpsearch.trial.training import prepare

BATCHES = 6
ADAM: dict[str, Any] = {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}}
EMA = {"class_path": "pytorch_lightning.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.9}}


@pytest.fixture(autouse=True)
def chunks_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(multi_step, "CHUNK_S", 600.0)


def job(folder: Path, *callbacks: Any, **sections: Any) -> Job:
    source = folder / "images"
    source.mkdir(parents=True, exist_ok=True)
    data = {"batch_size": 10, "validation": 12, "augment": {"shift": 0.2}}
    trainer = {"max_epochs": 3, **sections.pop("trainer", {})}
    return Job(
        study="small",
        number=0,
        params={},
        config={
            "model": {"class_path": "hpsearch.models.MLP", "init_args": {"dropout": 0.2}},
            "data": {
                "class_path": "hpsearch.data.ImageData",
                "init_args": {"source": str(small_images.write_images(source)), **data},
            },
            "optimizer": ADAM,
            "trainer": {**trainer, "callbacks": [*callbacks, stub(Witness)]},
            **sections,
        },
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=2,
        folder=str(folder),
    )


def stub(callback: type[Any]) -> dict[str, str]:
    return {"class_path": f"small_images.{callback.__name__}"}


def run(job: Job, decisions: dict[int, Decision] | None = None) -> list[Message]:
    heard: list[Message] = []

    def listen(message: Message) -> Decision | None:
        heard.append(message)
        return (
            (decisions or {}).get(message.step, "continue") if isinstance(message, Report) else None
        )

    run_trial(job, listen)
    return heard


def curve(heard: list[Message]) -> list[dict[str, float]]:
    reports = [message.metrics for message in heard if isinstance(message, Report)]
    assert reports, heard
    return [{**metrics, "seconds": 0.0} for metrics in reports]


def last(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "last.ckpt", weights_only=True)
    return state


def assert_same_weights(one: Path, other: Path) -> None:
    wanted, got = last(one)["state_dict"], last(other)["state_dict"]
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)


# Whatever the loss does, it is not a hundred less: the third epoch is the last.
EARLY = {"monitor": "val_loss", "min_delta": 100.0, "patience": 2}
SMALL = {"channels": [3], "kernel_size": 3, "hidden": 5, "dropout": 0.2}
SETTINGS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "plain": ([], {}),
    "clipped": ([], {"trainer": {"gradient_clip_val": 0.1}}),
    "AdamW with every square": (
        [],
        {
            "optimizer": {
                "class_path": "torch.optim.AdamW",
                "init_args": {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1},
            },
            "schedule": {"class_path": "hpsearch.models.OneCycle"},
        },
    ),
    "SGD with momentum": (
        [],
        {
            "optimizer": {
                "class_path": "torch.optim.SGD",
                "init_args": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
            },
            "schedule": {"class_path": "hpsearch.models.OneCycle"},
        },
    ),
    "smoothed labels": (
        [],
        {
            "model": {"class_path": "hpsearch.models.MLP", "init_args": {"label_smoothing": 0.1}},
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
            "schedule": {"class_path": "hpsearch.models.WarmupCosine"},
        },
    ),
    "softmax, stopped early": (
        [{"class_path": "pytorch_lightning.callbacks.EarlyStopping", "init_args": EARLY}],
        {"model": {"class_path": "hpsearch.models.Softmax"}, "trainer": {"max_epochs": 9}},
    ),
    "a convolution": (
        [],
        {"model": {"class_path": "hpsearch.models.CNN", "init_args": SMALL}},
    ),
    "mixed precision": ([], {"trainer": {"precision": "bf16-mixed"}}),
    "mixed precision, clipped": (
        [],
        {"trainer": {"precision": "bf16-mixed", "gradient_clip_val": 0.1}},
    ),
    "half precision": ([], {"trainer": {"precision": "bf16-true"}}),
    "averaged weights": ([EMA], {}),
    "a part of the batches": ([], {"trainer": {"limit_train_batches": 4}}),
    "a schedule of steps": ([], {"schedule": {"class_path": "hpsearch.models.OneCycle"}}),
    "a schedule of epochs": (
        [],
        {
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
            "schedule": {
                "class_path": "torch.optim.lr_scheduler.StepLR",
                "init_args": {"step_size": 1, "gamma": 0.3},
            },
        },
    ),
    "plateau": (
        [],
        {
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 3.0}},
            "schedule": {
                "class_path": "torch.optim.lr_scheduler.ReduceLROnPlateau",
                "init_args": {"patience": 0},
                "monitor": "val_loss",
            },
        },
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_multi_step_training_equals_lightnings_own_steps_bit_for_bit(
    tmp_path: Path, name: str
) -> None:
    callbacks, sections = SETTINGS[name]
    scanned = run(job(tmp_path / "scanned", *callbacks, **sections))
    assert Witness.steps == 3, "one scan an epoch"
    batches = Witness.batches
    single = run(job(tmp_path / "single", *callbacks, stub(Bystander), **sections))
    assert Witness.steps == len(batches)
    assert Witness.batches == batches, "callbacks hear of every batch either way"

    assert curve(scanned) == curve(single)
    assert_same_weights(tmp_path / "scanned", tmp_path / "single")
    one, other = (last(tmp_path / folder) for folder in ("scanned", "single"))
    for fact in ("epoch", "global_step", "lr_schedulers"):
        assert one[fact] == other[fact]
    progress, wanted = (state["loops"]["fit_loop"] for state in (one, other))
    assert progress["epoch_loop.batch_progress"] == wanted["epoch_loop.batch_progress"]
    assert progress["epoch_loop.state_dict"] == wanted["epoch_loop.state_dict"]


# One takes several steps at a time, two are for other gradients and other weights than a network's.
APART = (torch.optim.Optimizer, torch.optim.LBFGS, torch.optim.SparseAdam, torch.optim.Muon)
OPTIMIZERS = [
    name
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls not in APART
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_same_steps_in_multi_step_training(
    tmp_path: Path, name: str
) -> None:
    sections = {
        "optimizer": {"class_path": f"torch.optim.{name}"},
        "schedule": {
            "class_path": "torch.optim.lr_scheduler.ExponentialLR",
            "init_args": {"gamma": 0.8},
            "interval": "step",
        },
        "trainer": {"max_epochs": 2},
    }
    run(job(tmp_path / "scanned", **sections))
    assert Witness.steps == 2
    run(job(tmp_path / "single", stub(Bystander), **sections))
    assert Witness.steps == 2 * BATCHES

    assert_same_weights(tmp_path / "scanned", tmp_path / "single")
    one, other = (last(tmp_path / folder) for folder in ("scanned", "single"))
    assert one["lr_schedulers"] == other["lr_schedulers"]
    [state], [wanted] = one["optimizer_states"], other["optimizer_states"]
    assert state["param_groups"] == wanted["param_groups"]
    for found, expected in zip(leaves(state["state"]), leaves(wanted["state"]), strict=True):
        assert torch.equal(torch.as_tensor(found), torch.as_tensor(expected))


# Those of functions and of other schedules: a study file cannot write their arguments.
COMPOSED = ("LRScheduler", "_LRScheduler", "LambdaLR", "MultiplicativeLR", "SequentialLR")
SCHEDULES: dict[str, dict[str, Any]] = {
    "ConstantLR": {"total_iters": 4},
    "CosineAnnealingLR": {"T_max": 8},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "cycle_momentum": False},
    "ExponentialLR": {"gamma": 0.8},
    "LinearLR": {"total_iters": 5},
    "MultiStepLR": {"milestones": [2, 7]},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 2 * BATCHES},
    "PolynomialLR": {"total_iters": 9},
    "ReduceLROnPlateau": {"patience": 0},
    "StepLR": {"step_size": 5},
}


def test_every_schedule_of_torch_is_compared() -> None:
    known = {
        name
        for name, cls in vars(lr_scheduler).items()
        if isinstance(cls, type) and issubclass(cls, lr_scheduler.LRScheduler)
    }
    assert known - {*COMPOSED, "ChainedScheduler"} == SCHEDULES.keys()


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_takes_the_same_steps_in_multi_step_training(
    tmp_path: Path, name: str
) -> None:
    written = {
        "class_path": f"torch.optim.lr_scheduler.{name}",
        "init_args": SCHEDULES[name],
        **({"monitor": "val_loss"} if name == "ReduceLROnPlateau" else {"interval": "step"}),
    }
    sections = {"schedule": written, "trainer": {"max_epochs": 2}}
    run(job(tmp_path / "scanned", **sections))
    assert Witness.steps == 2, "many batches in each of Lightning's steps"
    run(job(tmp_path / "single", stub(Bystander), **sections))

    assert_same_weights(tmp_path / "scanned", tmp_path / "single")
    one, other = (last(tmp_path / folder)["lr_schedulers"] for folder in ("scanned", "single"))
    assert one == other


def test_a_small_network_trains_without_autograd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []

    def write(module: Any) -> Any:
        backpropagate = write_out(module)
        assert backpropagate is not None
        return lambda batch: written.append(batch) or backpropagate(batch)

    monkeypatch.setattr(multi_step, "write_out", write)
    run(job(tmp_path))
    assert len(written) == 3 * (BATCHES - 1), "all but the last of an epoch, which is Lightning's"


def test_where_a_multi_step_ends_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(job(tmp_path / "whole"))
    monkeypatch.setattr(multi_step, "CHUNK_S", 0.0)
    parts = run(job(tmp_path / "parts"))

    assert Witness.steps == 3 * BATCHES
    assert curve(whole) == curve(parts)
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize("name", ["plain", "averaged weights", "a schedule of steps"])
def test_a_resumed_trial_equals_the_undisturbed_one_bit_for_bit(tmp_path: Path, name: str) -> None:
    callbacks, sections = SETTINGS[name]
    whole = run(job(tmp_path / "whole", *callbacks, **sections))
    first = run(job(tmp_path / "parts", *callbacks, **sections), {1: "stop"})
    second = run(job(tmp_path / "parts", *callbacks, **sections))

    assert curve(first) + curve(second) == curve(whole)
    assert_same_weights(tmp_path / "whole", tmp_path / "parts")


def test_a_trial_that_began_with_single_steps_continues_with_multi_steps(tmp_path: Path) -> None:
    whole = run(job(tmp_path / "whole"))
    first = run(job(tmp_path / "parts", stub(Bystander)), {1: "stop"})
    second = run(job(tmp_path / "parts"))

    assert curve(first) + curve(second) == curve(whole)
    assert last(tmp_path / "parts")["global_step"] == 3 * BATCHES


@pytest.mark.parametrize("others", [[], [stub(Bystander)]], ids=["scanned", "single"])
def test_progress_is_shown_between_the_batches_of_a_multi_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: list[Any]
) -> None:
    monkeypatch.setattr(progress, "INTERVAL_S", 0.0)
    heard = run(job(tmp_path, *others, trainer={"max_epochs": 1}))

    reported = [message for message in heard if isinstance(message, Progress)]
    assert [message.fraction for message in reported] == [
        n / BATCHES for n in range(1, BATCHES + 1)
    ]
    assert all(message.samples_per_s > 0 for message in reported)


@pytest.mark.parametrize("others", [[], [stub(Bystander)]], ids=["scanned", "single"])
@pytest.mark.parametrize(
    ("plan", "kind", "at"),
    [("raise", "training", "batch 3 of epoch 1"), ("inf", "not finite", "epoch 1")],
)
def test_an_error_within_a_multi_step_is_reported_with_its_place(
    tmp_path: Path, others: list[Any], plan: str, kind: str, at: str
) -> None:
    model = {"class_path": "small_images.Fragile", "init_args": {"plan": plan}}
    # A learning rate of 0: the one bad loss is not followed by others.
    still = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.0}}
    ended = run(job(tmp_path, *others, model=model, optimizer=still))[-1]

    assert isinstance(ended, Ended)
    assert (ended.failure_kind, ended.facts["failed_at"]) == (kind, at)


class Logging(MLP):  # type: ignore[misc]
    supports_multi_step = False


class Hooked(MLP):  # type: ignore[misc]
    def on_before_optimizer_step(self, optimizer: Any) -> None:
        pass


class Manual(MLP):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


class ManualUnasked(Manual):
    supports_multi_step = False


def config(optimizer: Any = None, **trainer: Any) -> dict[str, Any]:
    return {"optimizer": optimizer, "trainer": {"max_epochs": 3, **trainer}}


LBFGS = {"class_path": "torch.optim.LBFGS"}
SLOW = "the optimizer takes more than a step at a time"


@pytest.mark.parametrize(
    ("module", "data", "settings", "callbacks", "reason"),
    [
        (MLP, ImageData, config(ADAM), [], None),
        (MLP, ImageData, config(), [EMAWeightAveraging(), EarlyStopping("val_loss")], None),
        (MLP, ImageData, config(), [StageTracker(), ReseedEachEpoch(0), Witness()], None),
        (MLP, ImageData, config(gradient_clip_val=1.0, precision="32-true"), [], None),
        (MLP, ImageData, config(accumulate_grad_batches=1, max_steps=-1), [], None),
        (MLP, ImageData, config(precision="bf16-mixed"), [], None),
        (MLP, ImageData, config(precision="bf16-true"), [], None),
        (TinyModel, ImageData, config(), [], "TinyModel does not say supports_multi_step = True"),
        (MLP, TinyData, config(), [], "TinyData does not say supports_multi_step = True"),
        (Logging, ImageData, config(), [], "Logging does not say supports_multi_step = True"),
        (Manual, ImageData, config(), [], "Manual optimizes by itself"),
        (ManualUnasked, ImageData, config(), [], "ManualUnasked optimizes by itself"),
        (Hooked, ImageData, config(), [], "Hooked.on_before_optimizer_step"),
        (MLP, ImageData, config(), [Bystander()], "Bystander.on_after_backward"),
        (MLP, ImageData, config(), [LearningRateMonitor()], "LearningRateMonitor.on_train_batch_"),
        (MLP, ImageData, config(LBFGS), [], SLOW),
        (MLP, ImageData, config({"class_path": "tiny.TinyModel"}), [], SLOW),
        (MLP, ImageData, config(accumulate_grad_batches=2), [], "trainer.accumulate_grad_batches"),
        (MLP, ImageData, config(precision="16-mixed"), [], "trainer.precision"),
        (MLP, ImageData, config(max_steps=100), [], "trainer.max_steps"),
        (MLP, ImageData, config(val_check_interval=0.5), [], "trainer.val_check_interval"),
        (MLP, ImageData, config(val_check_interval=1), [], "trainer.val_check_interval"),
        (MLP, ImageData, config(strategy="ddp"), [], "trainer.strategy"),
    ],
)
def test_multi_step_training_is_used_only_if_it_makes_no_difference(
    module: Callable[[], Any], data: Callable[[], Any], settings: Any, callbacks: Any, reason: Any
) -> None:
    found = multi_step_blocker(module(), data(), settings, callbacks)
    assert found == reason or (reason is not None and found is not None and reason in found)


def test_a_hook_counts_as_overridden_in_either_lightning_namespace() -> None:
    assert overrides(OtherModel(), "training_step")
    assert not overrides(OtherModel(), "on_train_batch_end")
    assert not overrides(TinyModel(), "optimizer_step")
    assert not overrides(pl.Callback(), "on_train_batch_start")


@pytest.mark.parametrize(
    ("name", "arguments", "precision", "clips", "fused"),
    [
        ("torch.optim.Adam", {"lr": 0.1}, "32-true", False, True),
        ("torch.optim.Adam", {"lr": 0.1}, "32-true", True, True),
        ("torch.optim.AdamW", {}, "32-true", False, True),
        ("torch.optim.SGD", {"momentum": 0.9}, "32-true", False, True),
        ("torch.optim.RMSprop", {}, "32-true", False, False),
        ("torch.optim.Adam", {"foreach": True}, "32-true", False, False),
        ("torch.optim.Adam", {"fused": False}, "32-true", False, False),
        ("torch.optim.Adam", {}, "16-mixed", False, False),
        ("torch.optim.Adam", {}, "bf16-mixed", False, True),
        ("torch.optim.Adam", {}, "bf16-mixed", True, False),
        ("torch.optim.Adam", {}, "bf16-true", True, True),
    ],
)
def test_an_optimizer_is_fused_where_the_file_leaves_it_open_and_it_can_be(
    name: str, arguments: dict[str, Any], precision: str, clips: bool, fused: bool
) -> None:
    optimizer = {"class_path": name, "init_args": arguments}
    assert can_fuse(optimizer, MLP(), precision, clips=clips) == fused


def test_sparse_gradients_and_complex_numbers_are_not_for_fused_optimizers() -> None:
    assert not can_fuse(ADAM, torch.nn.Embedding(3, 2, sparse=True), "32-true", clips=False)
    assert not can_fuse(ADAM, torch.nn.Linear(2, 2, dtype=torch.complex64), "32-true", clips=False)


def test_a_trial_trains_with_the_fused_optimizer(tmp_path: Path) -> None:
    run(job(tmp_path, trainer={"max_epochs": 1}))
    [state] = last(tmp_path)["optimizer_states"]
    assert state["param_groups"][0]["fused"] is True


def test_numbers_too_small_for_their_precision_are_zero(tmp_path: Path) -> None:
    torch.set_flush_denormal(False)
    assert torch.tensor([2e-38]).mul(0.1).item() > 0.0
    prepare(job(tmp_path))
    assert torch.tensor([2e-38]).mul(0.1).item() == 0.0


def test_on_a_cpu_no_step_looks_for_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    prepare(job(tmp_path))
    assert "PYTORCH_NVML_BASED_CUDA_CHECK" not in os.environ


def test_the_old_name_of_the_attribute_is_refused_with_the_new_one() -> None:
    class Old(TinyModel):
        may_scan = True

    with pytest.raises(InputError, match=r"Old\.may_scan is called supports_multi_step now"):
        multi_step_blocker(Old(), TinyData(), {"trainer": {}}, [])
