"""One trial, run in this process with a list as its coordinator."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import unseeded
import yaml
from desk import Desk, job, run, weights
from pytorch_lightning.utilities.model_helpers import is_overridden
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hpsearch.protocol.events import read_events
from hpsearch.protocol.messages import Decision, Ended, Message, Report, Started
from hpsearch.trial.final_test import run_final_test
from hpsearch.trial.loggers.tensorboard import build_logger, fill_columns
from hpsearch.trial.run import run_trial
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.saving.checkpoint import keep, verified
from hpsearch.trial.seeding import seed_set_up


def test_a_trial_says_what_it_is_reports_every_epoch_and_ends(tmp_path: Path) -> None:
    desk = run(job(tmp_path))

    started = next(message for message in desk.heard if isinstance(message, Started))
    assert started.from_epoch == 0
    assert started.facts["parameters"] == 2 * 4 + 4 + 4 * 2 + 2
    assert started.facts["split"] == "split-1"
    assert [report.step for report in desk.reports] == [1, 2, 3, 4]
    assert desk.ended.how == "complete"
    assert desk.ended.facts["epochs"] == 4


def splits(tmp_path: Path, **sections: Any) -> list[Any]:
    """Returns what three trials of one study, with seeds of their own, say of their rows."""
    found = []
    for seed in range(3):
        trial = job(tmp_path / str(seed), **sections)
        model = sections.get("model", "unseeded.Model")
        config = {**trial.config, "model": {"class_path": model}}
        desk = run(replace(trial, seed=seed, config=config))
        assert desk.ended.how == "complete"
        started = next(message for message in desk.heard if isinstance(message, Started))
        found.append((started.facts["split"], started.facts["data"]))
    return found


@pytest.mark.parametrize("data", ["UnseededData", "PermutedData"])
def test_a_split_without_a_seed_is_that_of_the_study(tmp_path: Path, data: str) -> None:
    one, two, three = splits(tmp_path, data={"class_path": f"unseeded.{data}"})
    assert one == two == three
    assert one[0] is not None


def test_a_split_in_a_modules_own_loaders_is_that_of_the_study_too(tmp_path: Path) -> None:
    one, two, three = splits(tmp_path, model="unseeded.SplittingModel", data=None)
    assert one == two == three
    assert one[0] is not None
    trial = job(tmp_path / "0", data=None)
    config = {**trial.config, "model": {"class_path": "unseeded.SplittingModel"}}
    evaluation = {"folder": str(tmp_path), "search": "a", "study": "s", "trial": 0, "sha256": "b"}
    trained = replace(trial, seed=0, config=config)
    found = run_final_test(trained, "a test", {**evaluation, "again": False})
    assert found["examples"] == 8
    assert found["images"]


def test_a_split_that_nobody_can_seed_is_seen(tmp_path: Path) -> None:
    found = splits(tmp_path, data={"class_path": "unseeded.UnseededOrderData"})
    assert len({split for split, _ in found}) == 3


def test_what_the_data_draw_changes_no_weight(tmp_path: Path) -> None:
    def first(data: str) -> torch.Tensor:
        config = {"model": {"class_path": "unseeded.Model", "init_args": {"lr": 0.0}}}
        trial = job(tmp_path / data, data={"class_path": f"unseeded.{data}"})
        run(replace(trial, config={**trial.config, **config}))
        return weights(tmp_path / data / "last.ckpt")["net.weight"]

    assert torch.equal(first("UnseededData"), first("UnseededOrderData"))


def test_data_that_are_drawn_anew_every_epoch_still_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def drawn(folder: str, **trainer: Any) -> list[str]:
        capsys.readouterr()
        trial = job(tmp_path / folder, trainer={"max_epochs": 3, **trainer})
        config = {"model": {"class_path": "unseeded.Model"}}
        config["data"] = {"class_path": "unseeded.SubsampledData"}
        run(replace(trial, config={**trial.config, **config}))
        return re.findall("DRAWN (.*)", capsys.readouterr().out)

    again = drawn("again", reload_dataloaders_every_n_epochs=1)
    assert len(set(again)) == len(again) == 3
    assert drawn("once") == again[:1]


def test_a_module_with_its_own_split_has_that_of_the_study() -> None:
    module = unseeded.SplittingModel()
    seed_set_up(module, 1)
    rows = []
    for _ in range(2):
        torch.rand(3)
        module.setup("fit")
        rows.append(module.validation_rows.indices)
    assert rows[0] == rows[1]
    assert is_overridden("setup", module)
    assert pickle.loads(pickle.dumps(module)).setup.func is module.setup.func


def test_a_trial_that_may_not_train_does_not_and_leaves_no_event(tmp_path: Path) -> None:
    desk = Desk()

    def refuse(message: Message) -> Decision | None:
        return "stop" if isinstance(message, Started) else desk(message)

    run_trial(job(tmp_path), refuse)
    assert desk.heard == [Ended("stopped")]
    assert read_events(tmp_path / "events.jsonl") == []
    assert not (tmp_path / "last.ckpt").exists()


def test_the_best_epoch_is_kept_beside_the_last(tmp_path: Path) -> None:
    desk = run(job(tmp_path, {"lr": 0.5}))

    best = min(desk.reports, key=lambda report: report.values["val_loss"])
    assert desk.ended.facts["best_step"] == best.step
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == best.step - 1
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 3


@pytest.mark.parametrize(
    ("norm", "trainer", "steps", "trained"),
    [
        (True, {}, [1, 2, 3], 4),
        (True, {"val_check_interval": 1}, [1, 2, 3, 4, 5, 6], 4),
        (True, {"check_val_every_n_epoch": 3}, [3], 4),  # the average is not validated
        (False, {}, [1, 2, 3], 3),
    ],
)
def test_the_average_of_weights_is_reported_for_the_last_epoch(
    tmp_path: Path, norm: bool, trainer: dict[str, Any], steps: list[int], trained: int
) -> None:
    averaging = "pytorch_lightning.callbacks.StochasticWeightAveraging"
    arguments = {"swa_lrs": 0.01, "swa_epoch_start": 1}
    short = {"max_epochs": 3, "limit_train_batches": 2, "limit_val_batches": 1, **trainer}
    callbacks = [{"class_path": averaging, "init_args": arguments}]
    data = {"class_path": "hpsearch.data.ImageData"}
    trial = job(tmp_path, data=data, trainer={**short, "callbacks": callbacks})
    model = {"channels": [2], "batch_norm": norm}
    sections = {"model": {"class_path": "hpsearch.models.CNN", "init_args": model}}
    desk = run(replace(trial, config={**trial.config, **sections}))

    assert [report.step for report in desk.reports] == steps
    assert [report.step for report in desk.reports if report.last] == steps[-1:]
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] + 1 == trained


@pytest.mark.parametrize("done", [2, 4])
def test_a_kill_before_the_best_checkpoint_was_kept_loses_nothing(
    tmp_path: Path, done: int
) -> None:
    class Killed(BaseException):
        pass

    def kept(path: Path, target: Path) -> None:
        if target.name == "best.ckpt" and verified(path) == done:
            raise Killed
        keep(path, target)

    monotone = replace(job(tmp_path), objectives={"epochs_done": "maximize"})
    monotone = replace(
        monotone, config={**monotone.config, "model": {"class_path": "monotone_module.Monotone"}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "keep", kept)
        with pytest.raises(Killed):
            run_trial(monotone, Desk())
    assert verified(tmp_path / "best.ckpt") == done - 1

    assert run(monotone).ended.facts["best_step"] == 4
    assert verified(tmp_path / "best.ckpt") == 4


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EDQUOT, "Disk quota exceeded"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_a_disk_that_cannot_be_written_is_reported_and_the_trial_can_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    real, synced = os.fsync, []

    def refuse_the_second_checkpoint(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        if sum(name.endswith("last.tmp") for name in synced) == 2:
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", refuse_the_second_checkpoint)
    ended = run(job(tmp_path)).ended
    assert ended.failure == f"the disk that holds {tmp_path} cannot be written ({words})"
    assert (ended.failure_kind, ended.facts["needs"] > 0) == ("disk", True)

    monkeypatch.undo()
    desk = run(job(tmp_path))
    assert desk.ended.how == "complete"
    assert [report.step for report in desk.reports] == [2, 3, 4]


def test_reports_are_on_disk_before_the_coordinator_receives_them(tmp_path: Path) -> None:
    on_disk = []

    def listen(message: Message) -> Decision | None:
        if isinstance(message, Report):
            on_disk.append(read_events(tmp_path / "events.jsonl")[-1] == message)
        return "continue"

    run_trial(job(tmp_path), listen)

    assert on_disk == [True] * 4


@pytest.mark.parametrize(("decision", "how"), [("prune", "pruned"), ("stop", "stopped")])
def test_a_decision_ends_the_training_in_good_order(
    tmp_path: Path, decision: Decision, how: str
) -> None:
    desk = run(job(tmp_path), {2: decision})

    assert [report.step for report in desk.reports] == [1, 2]
    assert desk.ended.how == how


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "step schedule": {
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1, "momentum": 0.9}},
        "schedule": {
            "class_path": "torch.optim.lr_scheduler.StepLR",
            "init_args": {"step_size": 1, "gamma": 0.5},
        },
    },
    "one-cycle and averaged weights": {
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.05}},
        "schedule": {"class_path": "hpsearch.models.OneCycle"},
        "trainer": {
            "max_epochs": 4,
            "callbacks": [
                {
                    "class_path": "pytorch_lightning.callbacks.EMAWeightAveraging",
                    "init_args": {"decay": 0.9},
                },
                {
                    "class_path": "pytorch_lightning.callbacks.EarlyStopping",
                    "init_args": {"monitor": "val_loss", "patience": 1},
                },
            ],
        },
    },
    "plateau": {
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 2.0}},
        "schedule": {
            "class_path": "torch.optim.lr_scheduler.ReduceLROnPlateau",
            "init_args": {"patience": 0},
            "monitor": "val_loss",
        },
    },
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_resumed_trial_equals_the_uninterrupted_one_bit_for_bit(
    tmp_path: Path, name: str, after: int
) -> None:
    whole = run(job(tmp_path / "whole", **SETTINGS[name]))

    first = run(job(tmp_path / "parts", **SETTINGS[name]), {after: "stop"})
    second = run(job(tmp_path / "parts", **SETTINGS[name]))

    curve = [report.values["val_loss"] for report in whole.reports]
    assert [r.values["val_loss"] for r in (*first.reports, *second.reports)] == curve
    wanted, got = weights(tmp_path / "whole/last.ckpt"), weights(tmp_path / "parts/last.ckpt")
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)
    assert second.ended.facts["best_step"] == whole.ended.facts["best_step"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def swap(path: Path) -> None:
    """Puts another trial's whole checkpoint there, with its sidecar."""
    other = path.parent / "other"
    run(replace(job(other), number=1), {2: "stop"})
    shutil.copyfile(other / "last.ckpt", path)
    shutil.copyfile(other / "last.json", path.with_suffix(".json"))


class Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("evil"),)


def make_malicious(path: Path) -> None:
    """Puts a file there that runs code when it is unpickled, under its true SHA-256."""
    torch.save({"state_dict": Evil()}, path)
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    facts["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    facts |= {"owner": "somebody, trial 0", "study": "another"}
    sidecar.write_text(json.dumps(facts))


CORRUPTIONS = (cut, flip, empty, swap, make_malicious)


@pytest.mark.parametrize("corrupt", CORRUPTIONS)
def test_a_damaged_checkpoint_is_not_trusted_and_the_one_before_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corrupt: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = run(job(tmp_path / "whole"))
    run(job(tmp_path / "parts"), {2: "stop"})
    corrupt(tmp_path / "parts/last.ckpt")

    desk = run(job(tmp_path / "parts"))

    assert [report.step for report in desk.reports] == [2, 3, 4]
    (started,) = [message for message in desk.heard if isinstance(message, Started)]
    assert (started.from_epoch, *started.notes) == (
        1,
        "last.ckpt is damaged or belongs to another trial: its SHA-256 or owner differs",
    )
    wanted, got = weights(tmp_path / "whole/last.ckpt"), weights(tmp_path / "parts/last.ckpt")
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)
    assert [r.values for r in whole.reports[1:]] == [r.values for r in desk.reports]
    assert not Path("evil").exists()


@pytest.mark.parametrize("corrupt", CORRUPTIONS)
def test_a_trial_without_an_intact_checkpoint_starts_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corrupt: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "trial"
    run(job(folder), {2: "stop"})
    for name in ("last.ckpt", "previous.ckpt", "best.ckpt"):
        copy = (folder / name).read_bytes()
        (folder / name).unlink()  # not the same file under another name any more
        (folder / name).write_bytes(copy)
        corrupt(folder / name)

    desk = run(job(folder))

    assert [report.step for report in desk.reports] == [1, 2, 3, 4]
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    ("plan", "failure"),
    [
        ("raise", "ValueError: planned to fail"),
        (
            "nan",
            "the objective val_loss is nan, although all weights are finite: look at",
        ),
        ("silent", "the objective val_loss was not logged; the validation logged nothing. Log it"),
    ],
)
def test_errors_are_reported_and_never_raised(tmp_path: Path, plan: str, failure: str) -> None:
    desk = run(job(tmp_path, {"plan": plan}))

    assert not desk.reports
    assert desk.ended.how == "failed"
    assert desk.ended.failure.startswith(failure)


@pytest.mark.parametrize(
    ("plan", "kind", "at"),
    [
        ("raise", "training", "batch 1 of epoch 2"),
        ("raise-validating", "validation", "epoch 2"),
        ("diverge", "not finite", "epoch 1"),
        ("nan", "not finite", "epoch 3"),
        ("silent", "metric", "epoch 3"),
        ("oom", "out of memory", "batch 1 of epoch 2"),
    ],
)
def test_a_failure_is_reported_by_its_kind_and_place(
    tmp_path: Path, plan: str, kind: str, at: str
) -> None:
    # The third validation in a row without a usable value is one too many.
    begins = 1 if plan in ("diverge", "nan", "silent") else 2
    ended = run(job(tmp_path, {"plan": plan, "at": begins})).ended

    assert ended.failure_kind == kind
    assert ended.facts["failed_at"] == at


def test_a_failure_before_training_is_one_of_the_set_up(tmp_path: Path) -> None:
    ended = run(job(tmp_path, {"width": -1})).ended

    assert (ended.how, ended.failure_kind) == ("failed", "set-up")
    assert "failed_at" not in ended.facts


def test_an_exception_leaves_the_tail_of_its_traceback(tmp_path: Path) -> None:
    desk = run(job(tmp_path, {"plan": "raise"}))

    assert "in training_step" in desk.ended.traceback


@pytest.mark.parametrize("plan", ["nan", "silent"])
def test_a_trial_that_goes_wrong_later_keeps_the_values_it_had(tmp_path: Path, plan: str) -> None:
    desk = run(job(tmp_path, {"plan": plan, "at": 3}))

    assert [report.step for report in desk.reports] == [1, 2]
    assert desk.ended.how == "complete"
    assert "val_loss" in desk.ended.facts["unusable"]


def test_an_exception_in_a_later_epoch_leaves_the_reports_before_it(tmp_path: Path) -> None:
    desk = run(job(tmp_path, {"plan": "raise", "at": 3}))

    assert [report.step for report in desk.reports] == [1, 2]
    assert desk.ended.how == "failed"


# TensorBoard's thread fails with it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_trial_whose_folder_is_moved_says_so_and_not_what_a_logger_makes_of_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "project" / "trial-0000"

    class Mover(Desk):
        def __call__(self, message: Message) -> Decision | None:
            if isinstance(message, Report):
                (tmp_path / "project").rename(tmp_path / "moved")
                (folder / "tensorboard").mkdir(parents=True)  # as a logger does
            return super().__call__(message)

    run_trial(job(folder), desk := Mover())
    assert desk.ended.failure == (
        f"its folder {folder} is gone: it was moved or removed while it trained"
    )


def test_only_epochs_with_a_validation_are_reported(tmp_path: Path) -> None:
    trainer = {"max_epochs": 4, "check_val_every_n_epoch": 2}

    desk = run(job(tmp_path, trainer=trainer))

    assert [report.step for report in desk.reports] == [2, 4]


def test_a_searched_optimizer_replaces_the_modules_own(tmp_path: Path) -> None:
    frozen = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.0}}

    desk = run(job(tmp_path, optimizer=frozen))

    assert len({report.values["val_loss"] for report in desk.reports}) == 1


def test_tensorboard_has_the_curve_and_a_full_row_of_hparams(tmp_path: Path) -> None:
    space = {"model.width": 2, "optimizer": "adam", "optimizer.sgd.momentum": 0.9}
    desk = run(replace(job(tmp_path), space=space), {2: "prune"})

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [point.step for point in events.Scalars("val_loss")] == [3, 7]
    best = min(report.values["val_loss"] for report in desk.reports)
    assert events.Scalars("value/val_loss")[-1].value == pytest.approx(best)
    assert sorted(events.Tags()["scalars"])[-1] == "value/val_loss", "the results come last"
    assert "epoch" not in events.Tags()["scalars"]
    written = events.PluginTagToContent("hparams")
    assert b"model.width" in written["_hparams_/session_start_info"]
    assert b"optimizer.sgd.momentum" not in written["_hparams_/session_start_info"]
    assert b"optimizer.sgd.momentum" in written["_hparams_/experiment"], "of another branch"


@pytest.mark.filterwarnings("ignore:Your `val_dataloader`'s sampler has shuffling")
@pytest.mark.parametrize(
    ("trainer", "steps"),
    [
        ({}, [3, 7]),  # four steps an epoch
        ({"accumulate_grad_batches": 2}, [1, 3]),
        ({"log_every_n_steps": 3}, [2, 5]),
        ({"log_every_n_steps": 50}, None),
    ],
)
def test_what_a_training_step_logs_is_in_tensorboard_though_epochs_are_short(
    tmp_path: Path, trainer: dict[str, Any], steps: list[int] | None
) -> None:
    trial = job(tmp_path, trainer={"max_epochs": 2, **trainer})
    paths = {"model": "vae.Vae", "data": "vae.Pictures"}
    config = trial.config | {name: {"class_path": path} for name, path in paths.items()}
    run(replace(trial, config=config, objectives={"val/loss": "minimize"}))

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    written = events.Tags()["scalars"]
    found = events.Scalars("train/loss_step") if "train/loss_step" in written else None
    assert (found and [point.step for point in found]) == steps
    assert len(events.Scalars("train/loss_epoch")) == len(events.Scalars("val/loss")) == 2


def test_training_and_validation_are_in_one_chart_of_tensorboard(tmp_path: Path) -> None:
    board = build_logger(job(tmp_path), pl)
    metrics = {"train_loss": 0.5, "val_loss": 0.25, "val_f1": 0.5, "train/acc": 0.9, "val/acc": 0.8}
    fill_columns(board, Report(1, {"val_loss": 0.25}, metrics, 1.0), step=4)

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    (layout,) = events.Tensors("custom_scalars__config__")
    shown = layout.tensor_proto.string_val[0]
    assert b"^train_loss$" in shown
    assert b"^val_loss$" in shown
    assert b"^train/acc$" in shown
    assert b"^val/acc$" in shown
    assert b"val_f1" not in shown


def test_histograms_and_the_graph_are_written_on_demand(tmp_path: Path) -> None:
    run(job(tmp_path, tensorboard={"histograms": True}))

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert "layers.0.weight" in events.Tags()["histograms"]


def test_the_parameters_stand_beside_the_results(tmp_path: Path) -> None:
    run(job(tmp_path))

    written = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert written["params"] == {"model.width": 4}
    assert written["trainer"] == {"max_epochs": 4}


def test_a_module_of_the_other_lightning_namespace_trains_too(tmp_path: Path) -> None:
    sections = {
        "model": {"class_path": "other_namespace.OtherModel"},
        "data": {"class_path": "other_namespace.OtherData"},
    }

    desk = run(replace(job(tmp_path), config={"trainer": {"max_epochs": 2}, **sections}))

    assert desk.ended == Ended("complete", facts=desk.ended.facts)
    assert [report.step for report in desk.reports] == [1, 2]
