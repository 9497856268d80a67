"""What people from other tools write, and slips of YAML: each is answered by the line to write."""

from __future__ import annotations

import pytest
from pytorch_lightning import Trainer

from hpsearch.classes.signature import signature_of
from hpsearch.studyfile.lightning_cli import adopt
from hpsearch.studyfile.parse import parse_study
from hpsearch.studyfile.slips import search_from_value, why_not_given
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
    # Optuna
    (
        "    x: 1",
        "    x: optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)",
        "write ~float(1e-05, 0.1, log=True)",
    ),
    ("    x: 1", "    x: ~CategoricalDistribution([8, 16])", "write ~choice(8, 16)"),
    (
        "  trials: 6",
        "  trials: 6\n  pruner: MedianPruner(n_warmup_steps=5)",
        "write {class_path: median, init_args: {n_warmup_steps: 5}}",
    ),
    (
        "  trials: 6",
        "  trials: 6\n  n_jobs: 4",
        "`hpsearch run`: --devices cuda:0,1 --per-device 2",
    ),
    ("  trials: 6", "  trials: 6\n  load_if_exists: true", "the same name continues the study"),
    # Ray Tune
    ("    x: 1", "    x: tune.qrandint(8, 64, 8)", "write ~int(8, 64, step=8)"),
    ("    x: 1", "    x: tune.randn(0, 1)", "write ~float(-2.0, 2.0)"),
    ("  trials: 6", "  trials: 6\n  max_t: 100", "write trainer: {max_epochs: ...}"),
    ("  trials: 6", "  trials: 6\n  grace_period: 2", "write pruner: {class_path: asha,"),
    ("  trials: 6", "  time_budget_s: 3600", "write timeout: 3600"),
    # KerasTuner
    (
        "    x: 1",
        '    x: hp.Int("units", min_value=32, max_value=512, step=32)',
        "write ~int(32, 512, step=32)",
    ),
    (
        "    x: 1",
        '    x: hp.Float("lr", 1e-4, 1e-2, sampling="log")',
        "write ~float(0.0001, 0.01, log=True)",
    ),
    ("    x: 1", '    x: hp.Boolean("normalise")', "write ~choice(true, false)"),
    ("  trials: 6", "  trials: 6\n  executions_per_trial: 3", "`hpsearch confirm slips --seeds 5`"),
    # Hydra
    (
        "  class_path: net.Net",
        "  _target_: net.Net",
        "write class_path: net.Net, and its arguments",
    ),
    ("    x: 1", "    x: ~range(1, 10)", "write ~int(1, 9)"),
    ("    x: 1", "    x: tag(log, interval(1e-5, 1))", "write ~float(1e-05, 1.0, log=True)"),
    ("trainer:", "defaults: [model: cnn]\ntrainer:", "a study file includes no other"),
    # W&B
    ("trainer:", "method: bayes\ntrainer:", "write study: {sampler: ...}"),
    ("trainer:", "metric: {name: val_loss}\ntrainer:", "write study: {objective: ...}"),
    ("trainer:", "program: train.py\ntrainer:", "a study file names classes instead"),
    # Syne Tune
    ("    x: 1", "    x: logfinrange(8, 64, 4)", "write ~choice(8, 16, 32, 64)"),
    ("    x: 1", "    x: finrange(0.1, 1.0, 10)", "write ~float(0.1, 1.0, step=0.1)"),
    ("    x: 1", "    x: ~ordinal([1, 2, 4])", "write ~choice(1, 2, 4)"),
    ("  trials: 6", "  max_wallclock_time: 3600", "write timeout: 3600"),
    # NePS
    (
        "    x: 1",
        "    x: neps.Float(lower=1e-5, upper=1e-1, log=True)",
        "~float(1e-05, 0.1, log=True)",
    ),
    ("    x: 1", "    x: neps.Integer(1, 8)", "write ~int(1, 8)"),
    ("  trials: 6", "  max_evaluations_total: 25", "write trials: 25"),
    ("  trials: 6", "  trials: 6\n  optimizer: priorband", "write sampler: tpe"),
    ("  trials: 6", "  trials: 6\n  root_directory: out", "`hpsearch run --runs DIR`"),
    ("trainer:", "pipeline_space: {}\ntrainer:", "write model:"),
    # scikit-optimize, ConfigSpace, numpy and scipy
    (
        "    x: 1",
        "    x: Real(1e-4, 1, prior='log-uniform')",
        "write ~float(0.0001, 1.0, log=True)",
    ),
    ("    x: 1", '    x: UniformIntegerHyperparameter("x", 1, 8)', "write ~int(1, 8)"),
    ("    x: 1", "    x: np.logspace(-4, -1, 4)", "write ~float(0.0001, 0.1, log=True)"),
    ("    x: 1", "    x: np.arange(8, 65, 8)", "write ~int(8, 64, step=8)"),
    ("    x: 1", "    x: np.linspace(0, 1, 11)", "write ~float(0.0, 1.0, step=0.1)"),
    ("    x: 1", "    x: stats.uniform(0.25, 0.5)", "write ~float(0.25, 0.75)"),
    # A search expression that is nearly right
    ("    x: 1", "    x: ~[8, 16]", "write ~choice(8, 16)"),
    ("    x: 1", "    x: ~(1, 8)", "write ~int(1, 8)"),
    ("    x: 1", "    x: ~1..8", "write ~int(1, 8)"),
    ("    x: 1", "    x: ~1e-5 to 1e-1", "write ~float(1e-5, 1e-1)"),
    ("    x: 1", "    x: ~relu | tanh", "write ~choice(relu, tanh)"),
    ("    x: 1", "    x: ~bool", "write ~choice(true, false)"),
    ("    x: 1", "    x: ~log(1e-5, 1e-1)", "write ~float(1e-05, 0.1, log=True)"),
    ("    x: 1", "    x: ~float(1e-5, 1e-1, log)", "write ~float(1e-05, 0.1, log=True)"),
    ("    x: 1", "    x: ~float(1e-5, 1, scale=log)", "write ~float(1e-05, 1, log=True)"),
    ("    x: 1", "    x: ~float(0, 1, default=0.5)", "write ~float(0, 1, prior=0.5)"),
    ("    x: 1", "    x: ~int(8, 64, 8)", "write ~int(8, 64, step=8)"),
    ("    x: 1", "    x: ~int(1e1, 1e3)", "low of ~int must be a whole number, not 10.0; write 10"),
    # More of Optuna, Ray Tune, KerasTuner, Hydra and W&B
    (
        "  trials: 6",
        "  trials: 6\n  sampler: optuna.samplers.TPESampler(multivariate=True)",
        "write {class_path: tpe, init_args: {multivariate: True}}",
    ),
    (
        "  trials: 6",
        "  trials: 6\n  pruner: PercentilePruner(25.0)",
        "write {class_path: percentile, init_args: {percentile: 25.0}}",
    ),
    ("  trials: 6", "  trials: 6\n  pruner: {type: asha}", "write asha"),
    ("  trials: 6", "  trials: 6\n  catch: [ValueError]", "a trial that fails does not end"),
    ("  trials: 6", "  trials: 6\n  sampler: BOHB", "there is no 'BOHB'; write tpe"),
    ("  trials: 6", "  trials: 6\n  stop: {training_iteration: 9}", "write trainer: {max_epochs"),
    ("  trials: 6", "  trials: 6\n  checkpoint_config: {}", "write keep_checkpoints: 10"),
    (
        "trainer:",
        "tune_config: {num_samples: 8}\ntrainer:",
        "as in study: {sampler: tpe, trials: 40}",
    ),
    ("trainer:", "resources_per_trial: {gpu: 1}\ntrainer:", "--devices cuda:0,1 --per-device 2"),
    ("  trials: 6", "  trials: 6\n  tuner: Hyperband", "write pruner: hyperband"),
    ("  trials: 6", "  trials: 6\n  project_name: digits", "write name: digits"),
    (
        "{val_accuracy: maximize}",
        "kt.Objective('val_f1', direction='max')",
        "write objective: {val_f1: maximize}",
    ),
    (
        "{val_accuracy: maximize}",
        "{name: val_f1, direction: max}",
        "write objective: {val_f1: maximize}",
    ),
    ("{val_accuracy: maximize}", "minimize val_mae", "write objective: {val_mae: minimize}"),
    ("{val_accuracy: maximize}", "-val_loss", "write objective: {val_loss: minimize}"),
    ("    x: 1", "    x: ${now:%Y-%m-%d}", "a study file has no resolvers; write the value"),
    ("  trials: 6", "  trials: 6\n  entity: me", "nothing here needs it; leave it out"),
    ("  trials: 6", "  trials: 6\n  callbacks: []", "write trainer: {callbacks: ...}"),
    # A section that is indented too far
    ("  trials: 6", "  trials: 6\n  data: {class_path: net.Rows}", "begin its line without spaces"),
    # LightningCLI
    ("trainer:", "seed_everything: 42\ntrainer:", "write study: {seed: ...}"),
    ("trainer:", "fit: {}\ntrainer:", "leave fit out"),
    # An objective without a direction, or the other way round
    ("{val_accuracy: maximize}", "val_loss", "write objective: {val_loss: minimize}"),
    ("{val_accuracy: maximize}", "{maximize: f1}", "write objective: {f1: maximize}"),
    (
        "{val_accuracy: maximize}",
        "[val_f1, val_loss]",
        "write objective: {val_f1: maximize, val_loss: minimize}",
    ),
    # The size of a model
    (
        "  trials: 6",
        "  trials: 6\n  constraints: {parameters: 100000}",
        "of a model's size write max_parameters: 100000",
    ),
    (
        "  trials: 6",
        '  trials: 6\n  constraints: ["parameters < 100000"]',
        "of a model's size write study.max_parameters: 100000",
    ),
    ("  trials: 6", '  trials: 6\n  constraints: "model.x < 3"', 'as in ["model.x < 3"]'),
]


# Of earlier releases of the Trainer, with the words that say what to write instead.
REMOVED = {
    "gpus: 2": "trainer.gpus: cannot be set: hpsearch gives each trial its device; use --devices",
    "tpu_cores: 8": "or study.devices_per_trial for several",
    "auto_select_gpus: true": "use --devices and --per-device",
    "progress_bar_refresh_rate: 5": "hpsearch shows the progress of all trials together",
    "weights_summary: top": "hpsearch summary STUDY.yaml shows the layers",
    "checkpoint_callback: false": "hpsearch writes the checkpoints a trial is resumed from",
    "weights_save_path: logs": "use --runs",
    "resume_from_checkpoint: a.ckpt": "the Trainer no longer has this argument; a trial continues",
    "auto_lr_find: true": "search it, as in model.init_args: {lr: ~float(",
    "amp_level: O1": "write precision: 16-mixed",
    "replace_sampler_ddp: false": "write use_distributed_sampler: false",
    "val_percent_check: 0.2": "write limit_val_batches: 0.2",
    "stochastic_weight_avg: true": "pytorch_lightning.callbacks.StochasticWeightAveraging, init_ar",
    "terminate_on_nan: true": "leave it out",
}


@pytest.mark.parametrize(("line", "answer"), REMOVED.items(), ids=REMOVED)
def test_an_argument_that_the_trainer_had_is_answered_by_what_to_write(
    line: str, answer: str
) -> None:
    (error,) = errors_of(STUDY.replace("trainer: {", f"trainer: {{{line}, "))
    assert answer in error
    name = line.partition(":")[0]
    unset = parse(STUDY.replace("trainer: {", f"trainer: {{{name}: null, "), "a.yaml")
    assert adopt(unset).tree["trainer"] == {"max_epochs": 3}


def test_the_arguments_that_the_trainer_has_are_not_called_removed() -> None:
    known = signature_of(Trainer).hints
    assert [name for name in known if "no longer has" in str(why_not_given(name, 1))] == []


def errors_of(text: str) -> list[str]:
    return [str(found) for found in parse_study(parse(text, "a.yaml"), ()).diagnostics]


def test_without_a_slip_nothing_is_wrong() -> None:
    assert errors_of(STUDY.replace("    x: 1", "    x: ~int(1, 8)")) == []
    assert errors_of(STUDY.replace("    x: 1", "    x: ~int(1, 8)\n    y: sum of (a, b)")) == []
    assert errors_of(STUDY.replace("    x: 1", "    x: normal(0, 1)\n    y: ~int(1, 8)")) == []


@pytest.mark.parametrize(("line", "slip", "answer"), SLIPS, ids=[slip for _, slip, _ in SLIPS])
def test_the_message_on_a_slip_gives_the_line_to_write(line: str, slip: str, answer: str) -> None:
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
        ({"min": -7, "max": 0, "distribution": "log_uniform"}, "~float(0.000912, 1.0, log=True)"),
        ({"values": [8, 16], "probabilities": [0.5, 0.5]}, "~choice(8, 16)"),
        ({"grid_search": [8, 16]}, "~choice(8, 16)"),
        ({"min": 0.0, "max": 1.0, "q": 0.5}, "~float(0.0, 1.0, step=0.5)"),
        ({"values": [16, 32]}, "~choice(16, 32)"),
        ({"low": 1, "high": 4}, "~int(1, 4)"),
        ({"value": 3}, "3"),
        (
            {"distribution": "q_log_uniform_values", "min": 8, "max": 64, "q": 8},
            "~int(8, 64, log=True)",
        ),
        ({"mu": 0.5, "sigma": 0.125}, "~float(0.25, 0.75)"),
        ({"type": "float", "lower": 1, "upper": 9, "log": True}, "~float(1.0, 9.0, log=True)"),
        ({"type": "categorical", "choices": ["a", "b"]}, "~choice(a, b)"),
        ({"type": "log", "minval": -4, "maxval": -1}, "~float(0.0001, 0.1, log=True)"),
        ({"_type": "choice", "_value": [1, 2]}, "~choice(1, 2)"),
        ({"_type": "loguniform", "_value": [0.001, 0.1]}, "~float(0.001, 0.1, log=True)"),
        ({"_type": "randint", "_value": [1, 9]}, "~int(1, 8)"),
        ([8, 16], "~choice(8, 16)"),
        ("8,16", "~choice(8, 16)"),
        ("range(1, 10, step=2)", "~int(1, 9, step=2)"),
        ("interval(0, 1)", "~float(0.0, 1.0)"),
        ("int(interval(1, 8))", "~int(1, 8)"),
        ("shuffle(range(1, 5))", "~int(1, 4)"),
        ("two words", None),
        ([8], None),
        ({"_type": "choice", "_value": 3}, None),
        ({"min": "a", "max": 1}, None),
        ({"min": 1}, None),
        ({"class_path": "a.B"}, None),
        (3, None),
    ],
)
def test_a_value_of_a_sweep_is_answered_by_its_expression(
    written: object, line: str | None
) -> None:
    assert search_from_value(written) == line


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
