"""A module that trains when it is imported is named before it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.classes.importing import refuse_training_modules
from hpsearch.cli import main
from hpsearch.errors import InputError

MODEL = {"model": {"class_path": "script.Net"}}


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("trainer = Trainer()\ntrainer.fit(Net())", "line 2: {}: trainer.fit(Net())"),
        ("if True:\n  pl.Trainer(max_epochs=2).fit(Net())", "line 2: {}: pl.Trainer(max_epochs=2)"),
        ("for lr in (1, 2):\n  trainer.test(Net())", "line 2: {}: trainer.test(Net())"),
        ("cli.LightningCLI(Net)", "line 1: {}: cli.LightningCLI(Net)"),
        ("def main():\n  my_trainer.fit(Net())\n\nmain()", "line 4: {}: main()"),
    ],
)
def test_what_trains_when_it_is_imported_is_refused(tmp_path: Path, text: str, call: str) -> None:
    (tmp_path / "script.py").write_text(text)
    with pytest.raises(InputError) as caught:
        refuse_training_modules(MODEL, [str(tmp_path)])
    file, words = tmp_path / "script.py", call.format("importing this file would train")
    assert str(caught.value).startswith(f"{file}, {words}")
    assert str(caught.value).endswith(
        "hpsearch imports it for its classes; put what only a script should do under"
        ' `if __name__ == "__main__":`'
    )


@pytest.mark.parametrize(
    "text",
    [
        'if __name__ == "__main__":\n  trainer.fit(Net())',
        "def main():\n  trainer.fit(Net())",
        "class Net:\n  def f(self): self.trainer.fit(self)",
        "scaler.fit(rows)",
        "trainer_options.validate()",
        "not Python",
    ],
)
def test_what_trains_only_as_a_script_passes(tmp_path: Path, text: str) -> None:
    (tmp_path / "script.py").write_text(text)
    refuse_training_modules(MODEL, [str(tmp_path)])


def test_a_module_that_the_models_imports_is_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text("from parts import Net")
    Path("parts.py").write_text("trainer.fit(Net())")
    assert main(["init", "script"]) == 2
    assert "parts.py, line 1: importing this file would train" in capsys.readouterr().err
