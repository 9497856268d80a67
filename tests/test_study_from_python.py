"""A search from Python: run, tables, figures, and the example notebook."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas
import pytest
from nbclient import NotebookClient

import hpsearch
from hpsearch.errors import InputError, SearchError
from hpsearch.result import Result

STUDY = """
study:
  name: tiny
  objective: {val_accuracy: maximize}
  sampler: random
  pruner: none
  trials: 3
  seed: 1
model:
  class_path: tiny.TinyModel
  init_args:
    width: ~int(2, 8)
    dropout: ~float(0, 0.5)
data:
  class_path: tiny.TinyData
trainer: {max_epochs: 2}
"""
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.yaml").write_text(STUDY)
    return folder


def ran(home: Path, *changes: str, **ways: Any) -> Result:
    storage = f"sqlite:///{home / 'hpsearch.db'}"
    study = hpsearch.read_study(home / "tiny.yaml", *changes, storage=storage)
    return study.run(engine="inline", runs=home / "runs", **ways)


@pytest.fixture(scope="module")
def result(home: Path) -> Result:
    return ran(home)


def test_trials_are_a_data_frame(result: Result) -> None:
    trials = result.trials_dataframe()
    assert isinstance(trials, pandas.DataFrame)
    assert list(trials["number"]) == [0, 1, 2]
    assert set(trials["state"]) == {"complete"}
    assert trials["val_accuracy"].max() == result.best_value
    best = trials.set_index("number").loc[result.best_trial.number]
    assert best["model.width"] == result.best_params["model.width"]
    assert best["epochs"] == 2


def test_curves_have_a_row_for_each_epoch(result: Result) -> None:
    curves = result.curves_dataframe()
    assert list(curves["epoch"]) == [1, 2] * 3
    assert {"number", "val_loss", "val_accuracy"} <= set(curves.columns)


def test_without_pandas_a_table_says_what_to_install(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="tables need pandas: pip install 'hpsearch"):
        result.trials_dataframe()
    assert [trial.number for trial in result.trials] == [0, 1, 2]


@pytest.mark.parametrize("name", ["history", "curves", "slice", "parallel", "contour", "timeline"])
def test_figures_are_plotly_s(result: Result, name: Any) -> None:
    assert len(result.figure(name).data) > 0


def test_a_figure_there_is_none_of_is_refused(result: Result) -> None:
    with pytest.raises(InputError, match="no figure 'pie'; write one of history, curves"):
        result.figure("pie")  # type: ignore[arg-type]


def test_run_again_trains_nothing_and_add_continues(home: Path, result: Result) -> None:
    again = ran(home)
    assert again.trials == result.trials
    assert len(ran(home, add=1).trials) == 4


def test_results_of_a_study_that_was_not_begun_are_refused(home: Path) -> None:
    study = hpsearch.read_study(
        home / "tiny.yaml", "study.name=new", storage=f"sqlite:///{home / 'hpsearch.db'}"
    )
    with pytest.raises(InputError, match="there is no study 'new'"):
        study.result()


def test_no_best_without_a_complete_trial_and_a_failing_search_says_why(home: Path) -> None:
    with pytest.raises(SearchError, match="planned to fail"):
        ran(home, "study.name=bad", "model.plan=raise", "study.trials=9")
    bad = hpsearch.read_study(
        home / "tiny.yaml",
        *("study.name=bad", "model.plan=raise", "study.trials=9"),
        storage=f"sqlite:///{home / 'hpsearch.db'}",
    ).result()
    with pytest.raises(InputError, match="no trial of bad is complete yet"):
        _ = bad.best_trial


def test_a_study_of_the_database_continues_without_its_file(home: Path, result: Result) -> None:
    study = hpsearch.load_study("tiny", storage=f"sqlite:///{home / 'hpsearch.db'}")
    assert repr(study) == "Study('tiny': 2 parameters, maximize val_accuracy)"
    assert study.result().trials[:3] == result.trials


def test_load_study_sends_a_file_to_read_study() -> None:
    with pytest.raises(
        InputError, match=r"'a.yaml' is a file; write hpsearch.read_study\('a.yaml'"
    ):
        hpsearch.load_study("a.yaml", "study.name=b")


def test_an_option_that_run_does_not_have_is_named(home: Path) -> None:
    with pytest.raises(InputError, match=r"run has no option 'trails'; did you mean 'trials'"):
        ran(home, trails=3)


def test_other_machines_are_options_as_well(home: Path) -> None:
    study = hpsearch.read_study(home / "tiny.yaml", storage=f"sqlite:///{home / 'hpsearch.db'}")
    with pytest.raises(InputError, match="needs one of nodes, slurm, kubernetes and ray"):
        study.run(engine="cluster")
    with pytest.raises(InputError, match="--inline trains in this process, but --nodes trains"):
        study.run(engine="inline", nodes="a,b")
    with pytest.raises(InputError, match="'a b' is not a host name"):
        study.run(nodes="a b")


def test_an_engine_that_there_is_not_is_named(home: Path) -> None:
    study = hpsearch.read_study(home / "tiny.yaml", storage=f"sqlite:///{home / 'hpsearch.db'}")
    with pytest.raises(InputError, match="no engine 'slurm'; use one of cluster, inline, local"):
        study.run(engine="slurm")


def test_all_errors_of_a_file_are_in_one_exception_and_nothing_is_printed(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(hpsearch.StudyFileError) as caught:
        hpsearch.read_study(home / "tiny.yaml", "trainer.max_epochs=0", "study.trials=-1")
    assert [one.path for one in caught.value.diagnostics] == ["study.trials", "trainer.max_epochs"]
    assert "study.trials: " in str(caught.value)
    assert "trainer.max_epochs: " in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_search_prints_nothing_unless_it_is_watched(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran(home, "study.name=silent", "study.trials=1")
    assert capfd.readouterr() == ("", "")
    ran(home, "study.name=watched", "study.trials=1", observer=hpsearch.live_view())
    assert "trial 0 complete" in capfd.readouterr().out


def test_every_public_name_is_there() -> None:
    for name in hpsearch.__all__:
        assert getattr(hpsearch, name) is not None
    assert dir(hpsearch) == hpsearch.__all__
    errors = (
        hpsearch.InputError,
        hpsearch.SearchError,
        hpsearch.DataError,
        hpsearch.StudyFileError,
    )
    assert all(issubclass(error, hpsearch.HpsearchError) for error in errors)


def test_errors_of_the_file_are_reported(home: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'width'"):
        hpsearch.read_study(home / "tiny.yaml", "model.widht=3", "study.name=other")


@pytest.mark.process
def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, hpsearch; assert not {'torch', 'optuna', 'numpy'} & set(sys.modules);"
        "hpsearch.read_study;"
        "assert not {'torch', 'scipy', 'plotly', 'hpsearch.measure.speed'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.process
def test_the_example_script_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    script = [sys.executable, str(ROOT / "examples" / "search.py")]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "trial 3 complete" in done.stdout
    assert "'optimizer': " in done.stdout
    assert done.stderr == ""
    assert "plotly" in (tmp_path / "history.html").read_text(encoding="utf-8")


@pytest.mark.process
def test_the_example_notebook_runs(tmp_path: Path) -> None:
    for folder in ("examples", "studies"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    notebook = nbformat.read(tmp_path / "examples" / "search.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "keep outputs out of the file"
    client = NotebookClient(
        notebook, timeout=200, resources={"metadata": {"path": str(tmp_path / "examples")}}
    )
    client.execute()
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type in ("execute_result", "display_data")
    ]
    kinds = [set(output.data) for output in shown]
    assert any("text/html" in kind for kind in kinds), "the table"
    assert any("application/vnd.plotly.v1+json" in kind for kind in kinds), "a figure"


QUICK = ["trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.limit_val_batches=1"]


def test_every_cell_of_the_tutorials_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, since a kernel of its own takes ten seconds to start."""
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    notebook = nbformat.read(ROOT / "examples" / "tutorial.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("study.run(" in cell for cell in cells) == 3
    names: dict[str, Any] = {}
    for cell in cells:
        small = cell.replace("quick = []", f"quick = {QUICK}")
        exec(small.replace("study.run(", "study.run(trials=1, engine='inline', "), names)
    printed = capsys.readouterr().out
    assert [count in printed for count in ("7,850", "39,760", "46,592")] == [True] * 3
    done = [names[result].record.state for result in ("networks", "nodes", "ways")]
    assert done == ["done"] * 3
    assert len(names["figure"].axes[0].lines) == 2


def test_a_study_and_its_result_say_what_they_are(home: Path, result: Result) -> None:
    words = repr(result)
    assert words.startswith("Result('tiny': done, 3 done, 0 to go; best val_accuracy 0.")
    html = result._repr_html_()
    assert '<progress value="3" max="3"></progress> 3 of 3 done' in html
    assert html.count("<tr>") == 4
    assert "<th>width</th><th>dropout</th>" in html
    storage = f"sqlite:///{home / 'hpsearch.db'}"
    assert hpsearch.load_study("tiny", storage=storage)._repr_html_().startswith("<p><b>tiny</b>")


def test_a_study_that_has_not_begun_has_no_table(home: Path) -> None:
    storage = f"sqlite:///{home / 'hpsearch.db'}"
    study = hpsearch.read_study(home / "tiny.yaml", "study.name=other", storage=storage)
    assert study._repr_html_() == (
        "<p><b>other</b>: not begun; 2 parameters, maximize val_accuracy</p>"
    )
    assert repr(study) == "Study('other': 2 parameters, maximize val_accuracy)"


def test_confirm_export_and_report_are_those_of_the_commands(
    home: Path, result: Result, tmp_path: Path
) -> None:
    study = hpsearch.load_study("tiny", storage=f"sqlite:///{home / 'hpsearch.db'}")
    assert result.confirmation is None
    confirmed = study.confirm(1, 2, engine="inline").confirmation
    assert confirmed is not None
    assert confirmed["chosen"] == result.best_trial.number
    assert len(confirmed["finalists"]) == 1
    page = study.report(tmp_path / "report.html")
    assert "<h1" in page.read_text(encoding="utf-8")
    weights = study.export(tmp_path / "best.pt")
    assert weights.stat().st_size > 0
    with pytest.raises(InputError, match=r"a model's file ends in \.onnx, \.pt2, \.pt"):
        study.export("best.h5")


CELL = '''
import pytorch_lightning as pl, torch, hpsearch
from pathlib import Path
from torch.utils.data import DataLoader, TensorDataset

class Net(pl.LightningModule):
    def __init__(self, lr: float = 0.1):
        super().__init__()
        self.lr, self.layer = lr, torch.nn.Linear(2, 1)
    def training_step(self, batch, batch_idx):
        return self.layer(batch[0]).square().mean()
    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.layer(batch[0]).square().mean())
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)
    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.ones(8, 2)), 4)
    val_dataloader = train_dataloader

Path("cell.yaml").write_text("""
study: {name: cell, objective: {val_loss: minimize}, sampler: random, pruner: none, trials: 2}
model: {class_path: __main__.Net, init_args: {lr: "~float(0.01, 0.1)"}}
trainer: {max_epochs: 2}
""")
study = hpsearch.read_study("cell.yaml")
'''


@pytest.mark.process
def test_a_class_of_a_cell_is_searched_and_shown_without_red(tmp_path: Path) -> None:
    cells = [CELL, "study.run(observer=hpsearch.live_view())", "study"]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _, ran, shown = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in ran] == ["display_data", "execute_result"]
    assert "2 of 2 done" in ran[0].data["text/html"], "the view is redrawn in its place"
    assert ran[1].data["text/plain"].startswith("Result('cell': done, 2 done, 0 to go; best val_")
    assert ran[1].data["text/html"] == shown[0].data["text/html"]
