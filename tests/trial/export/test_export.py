"""Export: a model is trained a little, exported, and run from its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import pytorch_lightning as pl
import tiny
import torch
from picture_forms import write_forms
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from hpsearch.data import ImageData
from hpsearch.errors import InputError
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.trial.export.export import export_trial
from hpsearch.trial.export.exportable import exportable, validation_examples
from hpsearch.trial.export.exported import CARD, open_model
from hpsearch.trial.export.predict import predict
from hpsearch.trial.run import run_trial
from hpsearch.trial.trained_model import load_trained_model

CONFIGS: dict[str, dict[str, Any]] = {
    "digits": {
        "model": {
            "class_path": "hpsearch.models.CNN",
            "init_args": {"channels": [4, 4], "dropout": 0.2, "batch_norm": True},
        },
        "data": {"class_path": "hpsearch.data.ImageData", "init_args": {"batch_size": 64}},
        "trainer": {"max_epochs": 1, "limit_train_batches": 20, "limit_val_batches": 1},
    },
    "points": {
        "model": {"class_path": "tiny.TinyModel"},
        "data": {"class_path": "tiny.TinyData"},
        "trainer": {"max_epochs": 1},
    },
}


def trained(folder: Path, config: dict[str, Any]) -> Job:
    objectives: Any = {"val_accuracy": "maximize"}
    job = Job("tiny", 3, {}, config, objectives, study_seed=1, seed=2, folder=str(folder))
    run_trial(job, lambda message: "continue")
    return job


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return trained(tmp_path_factory.mktemp("digits"), CONFIGS["digits"])


@pytest.fixture(scope="module")
def digits_onnx(digits: Job) -> Path:
    path = Path(digits.folder) / "digits.onnx"
    export_trial(digits, {"val_accuracy": 0.5}, "onnx", str(path))
    return path


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return trained(tmp_path_factory.mktemp("points"), CONFIGS["points"])


def test_an_onnx_file_gives_the_module_s_probabilities_from_bytes(
    digits: Job, digits_onnx: Path
) -> None:
    module, data = load_trained_model(digits)
    assert isinstance(data, ImageData)
    batch = list(data.val_dataloader())[-1]  # not among the images that export checks
    with torch.inference_mode():
        prepared, _ = data.on_after_batch_transfer(batch, 0)
        expected = module(prepared).softmax(1).numpy()
    model = open_model(digits_onnx)
    for count in (1, 7):
        outputs = model(batch.images[:count].numpy())
        np.testing.assert_allclose(outputs, expected[:count], atol=1e-5)
    assert expected.std() > 0.01, "the module says something"


AVERAGED = {
    "class_path": "pytorch_lightning.callbacks.EMAWeightAveraging",
    "init_args": {"decay": 0.5},
}


@pytest.mark.parametrize("callbacks", [[], [AVERAGED]])
def test_an_exported_model_is_as_right_as_the_trial_reported(
    tmp_path: Path, callbacks: list[dict[str, Any]]
) -> None:
    trainer = {**CONFIGS["digits"]["trainer"], "callbacks": callbacks}
    job = trained(tmp_path, {**CONFIGS["digits"], "trainer": trainer})
    export_trial(job, {}, "pt2", str(tmp_path / "digits.pt2"))
    data = ImageData(split_seed=job.study_seed)
    data.setup("fit")
    images, labels, *_ = next(iter(data.val_dataloader()))
    right = open_model(tmp_path / "digits.pt2")(images.numpy()).argmax(axis=1) == labels.numpy()
    (reported,) = EventLog(tmp_path / "events.jsonl").reports
    assert right.mean() == pytest.approx(reported.values["val_accuracy"], abs=1e-6)
    assert right.mean() > 0.15, "it has learned something"


def test_an_onnx_file_is_one_file_that_describes_its_input(digits: Job, digits_onnx: Path) -> None:
    assert not list(digits_onnx.parent.glob("*.data")) + list(digits_onnx.parent.glob("*.partial*"))
    onnx.checker.check_model(str(digits_onnx))
    metadata = open_model(digits_onnx).metadata
    assert (metadata.study, metadata.trial, metadata.values) == ("tiny", 3, {"val_accuracy": 0.5})
    assert (metadata.input, metadata.shape, metadata.output) == (
        "images",
        (1, 28, 28),
        "probabilities",
    )
    assert metadata.classes == tuple("0123456789")


def test_both_graphs_of_one_trial_agree(digits: Job, digits_onnx: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.pt2"
    written = export_trial(digits, {}, "pt2", str(path))
    assert written["checked_on"] == 1000
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    np.testing.assert_allclose(open_model(path)(images), open_model(digits_onnx)(images), atol=1e-5)


def test_weights_alone_load_without_pickle_and_are_the_checkpoint_s(
    digits: Job, tmp_path: Path
) -> None:
    path = tmp_path / "digits.pt"
    export_trial(digits, {}, "state", str(path))
    state = torch.load(path, weights_only=True)
    best = torch.load(Path(digits.folder) / "best.ckpt", weights_only=True)["state_dict"]
    assert state["state_dict"].keys() == best.keys()
    assert all(torch.equal(state["state_dict"][name], best[name]) for name in best)
    assert state["normalise"]["deviation"][0] > 0
    with pytest.raises(InputError, match="holds weights without a network"):
        open_model(path)


def test_a_module_and_data_of_ones_own_are_exported_as_they_are(
    points: Job, tmp_path: Path
) -> None:
    path = tmp_path / "points.pt2"
    metadata = export_trial(points, {}, "pt2", str(path))["metadata"]
    assert (metadata["input"], metadata["shape"], metadata["output"]) == (
        "tensors",
        (2,),
        "outputs",
    )
    module, _ = load_trained_model(points)
    rows = torch.randn(3, 2)
    with torch.inference_mode():
        expected = module(rows).numpy()
    np.testing.assert_allclose(open_model(path)(rows.numpy()), expected, atol=1e-6)
    with pytest.raises(InputError, match="takes tensors as its own data module makes"):
        predict(str(path), ["a.png"])


class SelfFed(tiny.TinyModel):
    """Loads its own training data, and validates on nothing."""

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(TensorDataset(torch.randn(8, 2), torch.zeros(8)), 4)


def test_a_module_with_its_own_loaders_is_called_with_what_it_trains_on() -> None:
    module = SelfFed()
    model = exportable(module, module)
    assert next(validation_examples(model, module)).raw[0].shape == (4, 2)


class Table(pl.LightningDataModule):
    """Rows whose columns have the names of operations."""

    def train_dataloader(self) -> DataLoader[Any]:
        columns = {"num": torch.randn(2), "cat": torch.randn(1)}
        return DataLoader([columns for _ in range(8)], 4)

    val_dataloader = train_dataloader


class OfTable(pl.LightningModule):
    """Joins the columns, by an operation that is called as one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, num: torch.Tensor, cat: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.layer(torch.cat([num, cat], 1))
        return outputs

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        return self(**batch).square().mean()

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        self.log("val_accuracy", self(**batch).mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_an_input_may_have_the_name_of_an_operation(tmp_path: Path) -> None:
    sections = {"model": "OfTable", "data": "Table"}
    config = {name: {"class_path": f"{__name__}.{kind}"} for name, kind in sections.items()}
    job = trained(tmp_path / "trial", {**config, "trainer": {"max_epochs": 1}})
    path = tmp_path / "table.onnx"
    export_trial(job, {}, "onnx", str(path))
    columns = [np.ones((5, 2), np.float32), np.ones((5, 1), np.float32)]
    assert open_model(path).answer(columns)[0].shape == (5, 1)


@pytest.mark.parametrize(
    ("model", "data"), [("MadeForData", {"class_path": "late_module.Texts"}), ("LoadsItself", None)]
)
def test_a_module_that_setup_completes_is_exported_for_texts_of_any_length(
    tmp_path: Path, model: str, data: dict[str, Any] | None
) -> None:
    config = {"model": {"class_path": f"late_module.{model}"}, "trainer": {"max_epochs": 1}}
    job = trained(tmp_path / "trial", config | ({"data": data} if data else {}))
    path = tmp_path / "texts.pt2"
    written = export_trial(job, {}, "pt2", str(path))
    assert (written["metadata"]["shape"], written["checked_on"]) == ((0,), 16)
    assert open_model(path)(np.ones((3, 9), dtype=np.int64)).shape == (3, 2)


@pytest.mark.parametrize(
    ("class_path", "words"),
    [
        (
            "nondeterministic_module.Nondeterministic",
            r"differs from the Lightning module by .*, more than [\d.]+e-05",
        ),
        (
            "nondeterministic_module.Branching",
            "Branching cannot be exported as pt2: .* --format state",
        ),
    ],
)
def test_a_file_whose_outputs_differ_is_refused(
    tmp_path: Path, class_path: str, words: str
) -> None:
    config = CONFIGS["points"] | {"model": {"class_path": class_path}}
    job = trained(tmp_path / "trial", config)
    target = tmp_path / "model.pt2"
    with pytest.raises(InputError, match=words):
        export_trial(job, {}, "pt2", str(target))
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_large_outputs_may_differ_in_their_last_digits(tmp_path: Path) -> None:
    config = CONFIGS["points"] | {"model": {"class_path": "nondeterministic_module.LargeOutputs"}}
    job = trained(tmp_path / "trial", config)
    written = export_trial(job, {}, "pt2", str(tmp_path / "model.pt2"))
    assert 1e-5 < written["difference"] < 1e-2


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_a_forward_that_fixes_its_number_of_rows_is_answered_by_what_to_write(
    tmp_path: Path, kind: str
) -> None:
    config = CONFIGS["points"] | {"model": {"class_path": "nondeterministic_module.Counting"}}
    job = trained(tmp_path / "trial", config)
    with pytest.raises(InputError, match=r"as len\(x\) does; write x\.shape\[0\] for len\(x\)"):
        export_trial(job, {}, kind, str(tmp_path / f"model.{kind}"))


def test_a_checkpoint_that_has_changed_is_not_exported(points: Job, tmp_path: Path) -> None:
    for name in ("best.ckpt", "best.json"):
        content = (Path(points.folder) / name).read_bytes()
        (tmp_path / name).write_bytes(content if name.endswith("json") else content[:-1] + b"x")
    with pytest.raises(InputError, match="its SHA-256 differs"):
        export_trial(replace(points, folder=str(tmp_path)), {}, "pt2", str(tmp_path / "m.pt2"))


def test_missing_data_are_named(digits: Job, tmp_path: Path) -> None:
    data = {"class_path": "hpsearch.data.ImageData", "init_args": {"source": str(tmp_path)}}
    job = replace(digits, config={**digits.config, "data": data})
    with pytest.raises(InputError, match=f"trial 3 of tiny: .*{tmp_path.name}"):
        export_trial(job, {}, "pt2", str(tmp_path / "m.pt2"))


def test_a_digit_gets_one_label_in_every_form(digits_onnx: Path, tmp_path: Path) -> None:
    files = [str(path) for path in write_forms(tmp_path)]
    rows = predict(str(digits_onnx), files)["rows"]
    assert len(rows) == len(files) >= 10
    assert len({row["label"] for row in rows}) == 1
    scores = [row["score"] for row in rows]
    assert max(scores) - min(scores) < 0.01


def test_pictures_of_any_size_and_colour_are_labelled(
    digits: Job, digits_onnx: Path, tmp_path: Path
) -> None:
    _, data = load_trained_model(digits)
    images = next(iter(data.val_dataloader())).images[:2, 0].numpy()
    files = [str(tmp_path / name) for name in ("plain.png", "large.png")]
    Image.fromarray(images[0]).save(files[0])
    Image.fromarray(images[1]).convert("RGB").resize((56, 56), Image.Resampling.NEAREST).save(
        files[1]
    )
    plain, large = predict(str(digits_onnx), files)["rows"]
    scores = open_model(digits_onnx)(images[:1, None])
    assert plain["changed"] == ""
    assert plain["label"] == str(scores.argmax())
    assert plain["score"] == pytest.approx(scores.max(), abs=1e-6)
    assert large["changed"] == "RGB to L, 56x56 to 28x28"


def test_every_file_that_is_not_a_picture_is_named(digits_onnx: Path, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    write_forms(tmp_path / "forms")
    content = (tmp_path / "forms" / "grey.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[:200])
    names = ("words.png", "gone.png", "cut.png", "")
    files = [str(tmp_path / name) for name in names]
    with pytest.raises(InputError) as caught:
        predict(str(digits_onnx), files)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "words.png: not a picture, or in a format that cannot be read" in lines[0]
    assert "gone.png: there is no such file" in lines[1]
    assert "cut.png: damaged or cut short" in lines[2]
    assert f"{tmp_path}: not a file" in lines[3]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone.onnx", "there is no model .*`hpsearch export NAME -o .*gone.onnx` makes one"),
        ("gone.pt2", "`hpsearch export NAME --format pt2 -o .*gone.pt2` makes one"),
        ("gone.pt", "holds weights without a network; export to .onnx or .pt2"),
        ("gone", "is an .onnx or a .pt2 file: hpsearch predict MODEL IMAGE"),
        ("notes.txt", "an .onnx or a .pt2 file"),
        ("broken.onnx", "is not a readable ONNX model"),
        ("broken.pt2", "is not an exported program"),
    ],
)
def test_a_file_that_is_not_a_model_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).write_text("no model")
    with pytest.raises(InputError, match=words):
        open_model(tmp_path / name)
    assert capfd.readouterr().err == ""


def test_a_model_from_elsewhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pt2"
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    torch.export.save(program, path)
    with pytest.raises(InputError, match="was not exported by hpsearch"):
        open_model(path)
    for card in ("\0", "[]", '{"trial": 3}'):
        torch.export.save(program, path, extra_files={CARD: card})
        with pytest.raises(InputError, match=r"damaged, or of another version; export it again$"):
            open_model(path)


def test_a_missing_package_is_named_with_its_extra(
    digits: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hpsearch.trial.export.exported.is_installed", lambda name: name != "onnxscript"
    )
    with pytest.raises(InputError, match=r"onnxscript is needed.*hpsearch\[export\]"):
        export_trial(digits, {}, "onnx", str(tmp_path / "m.onnx"))
