"""`export` and `predict`, on a study of digits that the first test of them makes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch import load_study
from hpsearch.classes import components
from hpsearch.cli import main
from hpsearch.data import ImageData
from hpsearch.trial.export.exported import open_model

STUDY = """
study:
  name: digits
  objective: {val_accuracy: maximize}
  sampler: random
  pruner: none
  trials: 2
  seed: 3
model:
  class_path: hpsearch.models.MLP
  init_args:
    widths: ["~int(8, 16)"]
data:
  class_path: hpsearch.data.ImageData
optimizer:
  class_path: torch.optim.Adam
  init_args: {lr: 0.01}
trainer: {max_epochs: 1, limit_train_batches: 30}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a study of digits is done, and its trial 0 exported."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("HPSEARCH_STORAGE", raising=False)
        Path("digits.yaml").write_text(STUDY)
        assert main(["run", "digits.yaml", "--inline"]) == 0
        assert main(["export", "digits", "--trial", "0"]) == 0
    Image.effect_noise((40, 40), 99).save(folder / "whole.png")
    content = bytearray((folder / "whole.png").read_bytes())
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (folder / "huge.png").write_bytes(content)
    return folder


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.chdir(home)
    return home


def test_export_says_what_it_wrote_and_what_next(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "digits", "--format", "pt2", "-o", "best.pt2"]) == 0
    out = capsys.readouterr().out
    assert "wrote best.pt2" in out
    assert "takes uint8 images, any number x 1 x 28 x 28; gives probabilities" in out
    assert "agrees with the Lightning module on 1,000 validation examples" in out
    assert out.rstrip().endswith("next: hpsearch predict best.pt2 IMAGE.png")


def test_the_name_of_the_file_says_its_format(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "digits", "-o", "named.pt2"]) == 0
    assert "wrote named.pt2" in capsys.readouterr().out


def test_without_the_packages_of_onnx_an_export_is_for_torch_and_says_so(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(components, "is_installed", lambda name: name != "onnxscript")
    assert main(["export", "digits"]) == 0
    out = capsys.readouterr().out
    assert "wrote digits-trial-" in out
    note, _, following = out.splitlines()[-3:]
    assert note == "this is for torch; ONNX needs further packages: pip install 'hpsearch[export]'"
    assert following.startswith("next: hpsearch predict digits-")
    assert main(["export", "digits", "-o", "asked.onnx"]) == 2
    assert "onnxscript is needed, which is not installed" in capsys.readouterr().err
    assert main(["export", "digits", "-o", "a.xyz"]) == 2
    assert "a.xyz: a file of the format onnx ends in .onnx" in capsys.readouterr().err
    assert main(["export", "digits", "-o", "a.onnx", "--trial", "9"]) == 2
    assert "has no trial 9" in capsys.readouterr().err


def test_predict_labels_what_the_model_labels(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ImageData()
    data.setup("fit")
    images = next(iter(data.val_dataloader())).images[:20, 0].numpy()
    files = [f"{number}.png" for number in range(20)]
    for name, image in zip(files, images, strict=True):
        Image.fromarray(image).save(name)
    assert main(["predict", "digits-trial-0.onnx", *files, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    expected = open_model(Path("digits-trial-0.onnx"))(images[:, None]).argmax(axis=1)
    assert [row["file"] for row in rows] == files
    assert [row["label"] for row in rows] == [str(label) for label in expected]
    assert len(set(expected)) > 2
    assert main(["predict", "digits-trial-0.onnx", *files[:2]]) == 0
    assert "file   label  probability" in capsys.readouterr().out


@pytest.mark.process
def test_the_example_labels_without_hpsearch_and_torch(at_home: Path) -> None:
    examples = Path(__file__).parent.parent / "examples"
    model = str(at_home / "digits-trial-0.onnx")
    code = (
        "import runpy, sys; sys.argv[0:1] = [];"
        "runpy.run_path(sys.argv[0]);"
        "assert not {'torch', 'hpsearch'} & set(sys.modules)"
    )
    arguments = [str(examples / "label.py"), model, str(examples / "seven.png")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    seven = Image.open(examples / "seven.png")
    expected = open_model(Path(model))(np.asarray(seven)[None, None])
    assert done.stdout.split()[-2:] == [str(expected.argmax()), f"{expected.max():.4f}"]


def test_after_a_confirmation_the_model_that_was_tested_is_exported(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["confirm", "digits", "--top", "1", "--seeds", "2", "--devices", "cpu"]) == 0
    capsys.readouterr()
    assert main(["status", "digits", "--json"]) == 0
    assert main(["export", "digits"]) == 0
    out = capsys.readouterr().out
    assert re.search(
        r": trial \d of digits, trained with seed \d \(trial \d of digits.confirm\)", out
    )
    assert _test_accuracy(Path("digits-confirmed.onnx")) == pytest.approx(
        _confirmed_accuracy(), abs=5e-5
    )


def test_an_ensemble_is_the_same_from_the_command_line_and_from_python_and_one_file(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ensemble", "digits", "--members", "2", "--inline", "--json"]
    capsys.readouterr()
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["test"] is None
    assert "testing the ensemble of 2 models as well would turn the test into a selection" in err
    assert main([*words, "--again"]) == 0
    record = json.loads(capsys.readouterr().out)
    found = load_study("digits").ensemble(2, engine="inline").ensemble
    assert json.loads(json.dumps(found)) == record

    assert main(["export", "digits", "--ensemble", "--format", "pt2"]) == 0
    out = capsys.readouterr().out
    assert "wrote digits-ensemble.pt2" in out
    assert re.search(r": an ensemble of digits\S*, trial \d \(\d+%\); digits\S*, trial \d \(", out)
    assert "gives probabilities" in out
    assert _test_accuracy(Path("digits-ensemble.pt2")) == pytest.approx(
        record["test"]["value"], abs=5e-5
    )


def _test_accuracy(model: Path) -> float:
    data = ImageData()
    data.setup("fit")
    data.open_test_split("to compare an exported model with the one that was tested")
    opened = open_model(model)
    right = [
        opened(images.numpy()).argmax(axis=1) == labels.numpy()
        for images, labels, *_ in data.test_dataloader()
    ]
    return float(np.concatenate(right).mean())


def _confirmed_accuracy() -> float:
    from hpsearch.search.store.database import open_storage
    from hpsearch.search.store.load import load_record

    confirmation = load_record(open_storage("sqlite:///hpsearch.db"), "digits").confirmation
    assert confirmation is not None
    value: float = confirmation["test"]["value"]
    return value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "digitz"], "did you mean digits?"),
        (["export", "digits", "--trial", "9"], "has no trial 9; it has 0 to 1"),
        (["export", "digits", "--ensemble", "--trial", "1"], "--trial one trial: leave one out"),
        (
            ["ensemble", "digits", "--members", "1"],
            "--members 1: an ensemble averages two or more models",
        ),
        (["ensemble", "digits.yaml"], "that is a file: write the study's name"),
        (
            ["export", "digits", "-o", "a.pt2", "--format", "onnx"],
            "a file of the format onnx ends in .onnx",
        ),
        (
            ["export", "digits", "-o", "a.xyz"],
            "-o a.xyz: a file of the format onnx ends in .onnx, one of another in .pt2 or .pt",
        ),
        (["export", "digits", "-o", "no/a.onnx"], "name a file in a folder that exists"),
        (["export", "digits", "--format", "tflite"], "--format"),
        (["predict", "gone.onnx", "a.png"], "there is no model gone.onnx"),
        (
            ["predict", "digits-trial-0.onnx"],
            "hpsearch predict needs IMAGES; see hpsearch predict --help",
        ),
        (["predict", "digits-trial-0.onnx", "a.png", "b.png"], "b.png: there is no such file"),
        (["predict", "digits-trial-0.onnx", "cut.png"], "cut.png: damaged or cut short"),
        (["predict", "digits-trial-0.onnx", "huge.png"], "huge.png: 400 megapixels; at most 179"),
    ],
)
def test_wrong_input_is_a_clear_line_and_exit_code_2(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""


def test_a_checkpoint_that_is_gone_is_named(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = at_home / "runs" / "digits" / "trial-0001" / "best.ckpt"
    checkpoint.rename(checkpoint.with_suffix(".away"))
    assert main(["export", "digits", "--trial", "1"]) == 2
    checkpoint.with_suffix(".away").rename(checkpoint)
    assert "has no checkpoint that you can read in" in capsys.readouterr().err
