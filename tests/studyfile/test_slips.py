"""What people from other tools write, and slips of YAML: each is answered by the line to write."""

from __future__ import annotations

import pytest

from hpsearch.studyfile.parse import parse_study
from hpsearch.studyfile.slips import search_from_mapping
from hpsearch.studyfile.yaml_text import parse
from hpsearch.trial.validations import advice_on

STUDY = """
study:
  name: slips
  objective: {val_accuracy: maximize}
  trials: 6
model:
  class_path: net.Net
  init_args:
    x: 1
trainer: {max_epochs: 3}
"""
# What is written in place of a line of the study, and what to write there.
SLIPS = [
    ("    x: 1", "    x: ~loguniform(1e-5, 1e-1)", "write ~float(1e-05, 0.1, log=True)"),
    ("    x: 1", "    x: ~uniform(0, 0.5)", "write ~float(0.0, 0.5)"),
    ("    x: 1", "    x: ~quniform(0, 1, 0.25)", "write ~float(0.0, 1.0, step=0.25)"),
    ("    x: 1", "    x: ~randint(1, 10)", "write ~int(1, 9)"),
    (
        "    x: 1",
        '    x: trial.suggest_float("x", 1e-5, 1, log=True)',
        "~float(1e-05, 1.0, log=True)",
    ),
    ("    x: 1", '    x: trial.suggest_int("x", 1, 8)', "write ~int(1, 8)"),
    ("    x: 1", '    x: ~suggest_categorical("x", ["a", "b c"])', 'write ~choice(a, "b c")'),
    ("    x: 1", "    x: tune.choice([16, 32])", "write ~choice(16, 32)"),
    ("    x: 1", "    x: tune.loguniform(1e-4, 1e-1)", "write ~float(0.0001, 0.1, log=True)"),
    ("    x: 1", "    x: ~tune.uniform(0, 1)", "write ~float(0.0, 1.0)"),
    ("    x: 1", '    x: hp.loguniform("x", -7, 0)', "write ~float(0.000912, 1.0, log=True)"),
    ("    x: 1", "    x: int(1, 8)", "write ~int(1, 8)"),
    ("    x: 1", "    x: float(1e-4, 1e-2, log=True)", "write ~float(0.0001, 0.01, log=True)"),
    ("    x: 1", "    x: choice(relu, tanh)", "write ~choice(relu, tanh)"),
    ("    x: 1", "    x: ~float(1e-1, 1e-5, log=True)", "write ~float(1e-05, 0.1, log=True)"),
    ("maximize}", "max}", "write objective: {val_accuracy: maximize}"),
    ("maximize}", "maximise}", "write objective: {val_accuracy: maximize}"),
    (
        "  objective: {val_accuracy: maximize}",
        "  metric: val_loss\n  mode: min",
        "study has no key 'mode'; write objective: {val_loss: minimize}",
    ),
    (
        "  objective: {val_accuracy: maximize}",
        "  metric: {name: val_accuracy, goal: maximize}",
        "write objective: {val_accuracy: maximize}",
    ),
    ("  trials: 6", "  direction: maximize", "write objective: {val_accuracy: maximize}"),
    ("  trials: 6", "  n_trials: 6", "study has no key 'n_trials'; write trials: 6"),
    ("  trials: 6", '  trials: "6"', "write 6, without quotes"),
    ("  trials: 6", "  trials: 6\n  pruner: ASHA", "there is no 'ASHA'; write asha"),
    ("  trials: 6", "  trials: 6\n  sampler: TPESampler", "write tpe"),
    ("  trials: 6", "  trials: 6\n  sampler: bayes", "write tpe"),
    ("trainer:", "datamodule: {class_path: net.Rows}\ntrainer:", "write data:"),
    ("trainer:", "lr_scheduler: {class_path: net.Rows}\ntrainer:", "write schedule:"),
    ("trainer:", "callbacks: []\ntrainer:", "write trainer: {callbacks: ...}"),
    ("  trials: 6", "  trials 6", "not YAML: this line has no `:`; write `trials: 6`"),
    ("  trials: 6", "  trials = 6", "this line has no `:`; write `trials: 6`"),
    ("  trials: 6", "   trials: 6", "begins with 3 spaces, its neighbours with 2; use 2"),
    ("  trials: 6", " trials: 6", "begins with 1 space, its neighbours with 2; use 2"),
    ("  trials: 6", "\ttrials: 6", "a tab cannot indent; use spaces"),
    ("maximize}", "maximize", "a bracket is not closed, or a comma is missing"),
]


def errors_of(text: str) -> list[str]:
    return [str(found) for found in parse_study(parse(text, "a.yaml"), ()).diagnostics]


def test_without_a_slip_nothing_is_wrong() -> None:
    assert errors_of(STUDY.replace("    x: 1", "    x: ~int(1, 8)")) == []
    assert errors_of(STUDY.replace("    x: 1", "    x: ~int(1, 8)\n    y: sum of (a, b)")) == []


@pytest.mark.parametrize(("line", "slip", "answer"), SLIPS, ids=[slip for _, slip, _ in SLIPS])
def test_a_slip_is_answered_by_the_line_to_write(line: str, slip: str, answer: str) -> None:
    assert line in STUDY
    found = errors_of(STUDY.replace(line, slip))
    assert any(answer in error.splitlines()[0] for error in found), found
    place = (
        STUDY.replace(line, slip).splitlines().index(slip.splitlines()[-1]) + 1
        if (line == "  trials: 6" and "\n" not in slip and "=" not in slip)
        else None
    )
    assert place is None or any(f"a.yaml:{place}:" in error for error in found), found


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"min": 1e-5, "max": 0.1}, "~float(1e-05, 0.1)"),
        ({"min": 1, "max": 8}, "~int(1, 8)"),
        (
            {"min": 1e-5, "max": 0.1, "distribution": "log_uniform_values"},
            "~float(1e-05, 0.1, log=True)",
        ),
        ({"min": 0.0, "max": 1.0, "q": 0.5}, "~float(0.0, 1.0, step=0.5)"),
        ({"values": [16, 32]}, "~choice(16, 32)"),
        ({"low": 1, "high": 4}, "~int(1, 4)"),
        ({"min": "a", "max": 1}, None),
        ({"min": 1}, None),
        ({"class_path": "a.B"}, None),
        (3, None),
    ],
)
def test_a_mapping_of_a_sweep_is_answered_by_its_expression(
    written: object, line: str | None
) -> None:
    assert search_from_mapping(written) == line


@pytest.mark.parametrize(
    ("objective", "advice"),
    [
        ("val_acc", "Write objective: {val_accuracy: maximize}, or log val_acc with self.log"),
        ("val_accuracys", "Write objective: {val_accuracy: maximize}, or log val_accuracys"),
        ("f1", "Log it with self.log, or name one of these in study.objective"),
    ],
)
def test_an_objective_that_is_not_logged_is_answered_by_the_metric_most_like_it(
    objective: str, advice: str
) -> None:
    logged = ("val_accuracy", "val_loss")
    assert advice_on(objective, logged, "maximize").startswith(advice)


def test_a_grid_needs_no_trials() -> None:
    text = STUDY.replace("    x: 1", "    x: ~choice(1, 2)")
    assert errors_of(text.replace("  trials: 6", "  sampler: grid")) == []
    assert "study needs a limit" in errors_of(text.replace("  trials: 6", "  sampler: tpe"))[0]
