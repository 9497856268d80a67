import copy
import json
import re

import pytest

from hpsearch.studyfile.algorithms import NO_PRUNER, PRUNERS, SAMPLERS, Promote
from hpsearch.studyfile.diagnostics import StudyFileError
from hpsearch.studyfile.read import read_study
from hpsearch.studyfile.study import StudySpec

BASE = {
    "study": {"name": "mnist-cnn", "objective": {"val_accuracy": "maximize"}, "trials": 4},
    "model": {"class_path": "m.CNN", "init_args": {"hidden": "~int(8, 64)"}},
    "data": {"class_path": "m.Data"},
    "trainer": {"max_epochs": 2},
}
BRANCHES = {"~choice": {"a": {"class_path": "m.A"}, "b": {"class_path": "m.B"}}}


def with_changes(**sections):
    document = copy.deepcopy(BASE)
    for name, change in sections.items():
        document[name] = (
            {**document.get(name, {}), **change} if isinstance(change, dict) else change
        )
    return document


def errors_of(**sections):
    with pytest.raises(StudyFileError) as caught:
        StudySpec.from_document(with_changes(**sections))
    return [f"{diagnostic.path}: {diagnostic.message}" for diagnostic in caught.value.diagnostics]


def study(**sections):
    return StudySpec.from_document(with_changes(**sections))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"trainer": {"max_epochs": 2, "strategy": "ddq"}},
            ["trainer.strategy: 'ddq' is not a strategy that a trial can have; did you mean"],
        ),
        (
            {"trainer": {"max_epochs": 2, "strategy": "~choice(ddp, fsdp)"}},
            ["trainer.strategy: cannot be searched; write one of auto, ddp,"],
        ),
        ({"speed": {"compile": True}}, ["speed.compile: a network on several devices is not"]),
        (
            {"speed": {"~choice": {"plain": None, "fast": {"compile": True}}}},
            ["speed.fast.compile: a network on several devices is not"],
        ),
        ({"speed": "auto"}, ["speed: auto measures a trial on one device; leave it out, or leave"]),
    ],
)
def test_trials_on_several_devices_have_a_strategy_of_lightnings(sections, said):
    assert study(study={"devices_per_trial": 2}, trainer={"max_epochs": 2, "strategy": "fsdp"})
    found = errors_of(study={"devices_per_trial": 2}, **sections)

    assert len(found) == len(said)
    assert all(start in fault for fault, start in zip(found, said, strict=True))


def test_what_is_left_out_has_a_default():
    spec = study()
    assert (spec.name, spec.objectives) == ("mnist-cnn", {"val_accuracy": "maximize"})
    assert (spec.trials, spec.timeout_s, spec.seed, spec.storage) == (4, None, 0, None)
    assert spec.sampler.to_tree() == {
        "class_path": "optuna.samplers.TPESampler",
        "init_args": {"group": True},
    }
    assert spec.pruner.class_path == "optuna.pruners.HyperbandPruner"
    assert (spec.hang_timeout_s, spec.trial_timeout_s) == (900.0, None)
    assert (spec.keep_checkpoints, spec.disk_budget) == (10, None)


@pytest.mark.parametrize(
    ("chosen", "sampler", "scheduler"),
    [
        ({}, "rungs", "promote"),
        ({"sampler": "rungs", "pruner": None}, "rungs", "promote"),
        ({"sampler": {"class_path": "rungs", "init_args": {"explore": 0.1}}}, "rungs", "promote"),
        ({"objective": {"loss": "minimize", "parameters": "minimize"}}, "rungs", "promote"),
        ({"pruner": "median"}, "tpe", "median"),
        ({"scheduler": "asha"}, "tpe", "asha"),
        ({"pruner": "none"}, "tpe", "none"),
        # Optuna's samplers learn from trials that have ended.
        ({"sampler": "tpe"}, "tpe", "hyperband"),
        ({"sampler": {"class_path": "random"}}, "random", "hyperband"),
    ],
)
def test_a_search_pauses_and_promotes_unless_the_file_chooses(chosen, sampler, scheduler, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(with_changes(study=chosen)))
    spec = read_study(file)

    assert spec.sampler.class_path == SAMPLERS[sampler]
    assert spec.promote == (Promote() if scheduler == "promote" else None)
    assert spec.pruner.class_path == PRUNERS.get(scheduler, PRUNERS["none"])
    # What is stored says it, so that a later version with another default resumes it as it was.
    assert StudySpec.from_document(spec.document).promote == spec.promote


def test_a_study_that_searches_nothing_does_not_pause(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(with_changes(model={"init_args": {"hidden": 8}})))
    assert read_study(file).promote is None


def test_a_stored_study_without_a_schedule_keeps_the_one_it_was_begun_with():
    assert study().pruner.class_path == PRUNERS["hyperband"]
    assert study(study={"objective": {"a": "minimize", "b": "minimize"}}).pruner == NO_PRUNER


@pytest.mark.parametrize(
    ("before", "now", "pauses"),
    [
        ({}, {}, False),
        ({}, {"scheduler": "promote"}, True),
        ({"scheduler": "promote"}, {}, True),
        ({"pruner": "median"}, {}, True),
    ],
)
def test_a_study_begun_under_the_former_default_continues_under_it(before, now, pauses, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(with_changes(study=now)))
    spec = read_study(file).continuing(study(study=before))

    assert (spec.promote is not None) is pauses
    assert pauses or spec.pruner.class_path == PRUNERS["hyperband"]


def test_what_is_given_is_read():
    given = {"timeout": "1h30m", "seed": 7, "storage": "sqlite:///a.db", "description": "words"}
    spec = study(study={**given, "trials": None})
    assert (spec.trials, spec.timeout_s, spec.seed) == (None, 5400.0, 7)
    assert spec.storage == "sqlite:///a.db"


def test_the_limits_of_one_trial_and_of_its_checkpoints_are_read():
    limits = {"hang_timeout": "90s", "trial_timeout": "2h", "disk_budget": "20GB"}
    spec = study(study={**limits, "keep_checkpoints": 0})
    assert (spec.hang_timeout_s, spec.trial_timeout_s) == (90.0, 7200.0)
    assert (spec.keep_checkpoints, spec.disk_budget) == (0, 20_000_000_000)


@pytest.mark.parametrize("off", ["off", False])
def test_the_limit_for_hanging_trials_can_be_switched_off(off):
    assert study(study={"hang_timeout": off}).hang_timeout_s is None


def test_a_null_limit_is_the_same_as_none():
    nulls = dict.fromkeys(("hang_timeout", "trial_timeout", "keep_checkpoints", "disk_budget"))
    assert study(study=nulls).hang_timeout_s == 900.0
    assert study(study=nulls).keep_checkpoints == 10


@pytest.mark.parametrize(
    ("written", "class_path", "init_args"),
    [
        ("random", "optuna.samplers.RandomSampler", {}),
        ({"class_path": "tpe"}, "optuna.samplers.TPESampler", {"group": True}),
        (
            {"class_path": "tpe", "init_args": {"group": False, "n_startup_trials": 3}},
            "optuna.samplers.TPESampler",
            {"group": False, "n_startup_trials": 3},
        ),
        ("mine.Sampler", "mine.Sampler", {}),
        (
            {"class_path": "gp", "init_args": {"independent_sampler": {"class_path": "random"}}},
            "optuna.samplers.GPSampler",
            {
                "independent_sampler": {
                    "class_path": "optuna.samplers.RandomSampler",
                    "init_args": {},
                }
            },
        ),
    ],
)
def test_a_sampler_is_a_short_name_a_class_path_or_a_component(written, class_path, init_args):
    sampler = study(study={"sampler": written}).sampler
    assert (sampler.class_path, sampler.init_args) == (class_path, init_args)


def test_several_objectives_are_not_pruned():
    both = {"val_accuracy": "maximize", "val_loss": "minimize"}
    assert study(study={"objective": both}).pruner.class_path == "optuna.pruners.NopPruner"
    assert study(study={"objective": both, "pruner": "none"}).objectives == both
    assert study(study={"objective": both, "scheduler": "promote"}).promote == Promote()
    assert errors_of(study={"objective": both, "pruner": "median"}) == [
        "study.pruner: a pruner cannot rank trials of several objectives; "
        "write scheduler: promote, or pruner: none"
    ]


@pytest.mark.parametrize(
    ("settings", "diagnostic"),
    [
        ({"name": "../x"}, "study.name: '../x' cannot name a study; use up to 64 letters"),
        ({"name": "x" * 65}, "cannot name a study"),
        ({"name": "CON"}, "'CON' cannot name a study: Windows reserves it for a device; write ano"),
        ({"name": "lpt1.a"}, "'lpt1.a' cannot name a study: Windows reserves it"),
        ({"name": 7}, 'the first a letter or a digit; write "7", in quotes'),
        ({"name": "my study!"}, "the first a letter or a digit; write my-study"),
        ({"objective": ["val_loss", "min"]}, "write objective: {val_loss: minimize}"),
        ({"objective": [{"val_f1": "max"}]}, "write objective: {val_f1: maximize}"),
        (
            {"objective": {"val_loss": None}},
            "null is not a direction for val_loss; write objective",
        ),
        ({"objective": {1: "maximize"}}, "1 cannot name a metric; write the name that the module"),
        ({"objective": {"val_loss ": "minimize"}}, "'val_loss ' cannot name a metric"),
        ({"objective": "val_accuracy"}, "study.objective: must be {metric: direction}; write"),
        ({"objective": "val_mse"}, "; write objective: {val_mse: minimize}"),
        (
            {"objective": {"a": "maximise"}},
            "'maximise' is not a direction for a; write objective: {a: maximize}",
        ),
        ({"trials": 0}, "study.trials: 0 must be a whole number, 1 or more"),
        ({"trials": "~int(1, 3)"}, "study.trials: '~int(1, 3)' must be a whole number"),
        ({"timeout": "soon"}, "study.timeout: soon is not a duration; use 90s, 30m, 1h30m"),
        ({"timeout": [1]}, "study.timeout: [1] is not a duration"),
        ({"seed": -1}, "study.seed: -1 must be a whole number from 0 to 2**32 - 1"),
        ({"storage": "a.db"}, "must be the URL of a database, such as sqlite:///hpsearch.db"),
        ({"storage": "pg://u:p@h/d"}, "holds a password, which would be stored with the study; "),
        ({"storage": "pg://h/d?password=p"}, "leave storage out and set $HPSEARCH_STORAGE"),
        (
            {"hang_timeout": True},
            "true is not a duration; use 90s, 30m, 1h30m, 1d or seconds, or",
        ),
        ({"hang_timeout": "never"}, "'never' is not a duration; write \"off\", in quotes"),
        ({"timeout": "never"}, "'never' is not a duration; leave it out for no limit"),
        ({"trial_timeout": False}, "false is not a duration; leave it out for no limit"),
        ({"timeout": "2h 30min"}, "2h 30min is not a duration; write 2h30m"),
        ({"trials": 1e3}, "1000.0 must be a whole number, 1 or more; write 1000"),
        ({"trials": "1,000"}, "'1,000' must be a whole number, 1 or more; write 1000"),
        ({"max_parameters": "1M"}, "'1M' must be a whole number, 1 or more; write 1000000"),
        ({"max_parameters": "1.5k"}, "'1.5k' must be a whole number, 1 or more; write 1500"),
        ({"seed": "0.5"}, "'0.5' must be a whole number from 0 to 2**32 - 1"),
        ({"audit": 5}, "'5' is not a share; write 5%"),
        ({"trial_timeout": 0}, "study.trial_timeout: 0 is not a duration"),
        ({"keep_checkpoints": -1}, "study.keep_checkpoints: -1 must be a whole number, 0 or more"),
        ({"keep_checkpoints": True}, "true must be a whole number, 0 or more"),
        ({"disk_budget": "much"}, "disk_budget: 'much' is not a size; use 500MB, 20GB, 1TiB or by"),
        ({"disk_budget": 0.5}, "study.disk_budget: '0.5' is not a size; use 500MB"),
        ({"description": 3}, "study.description: 3 must be text"),
        ({"max_parameters": "1e5"}, "study.max_parameters: '1e5' must be a whole number"),
        ({"start_from": "mnist-cnn"}, "study.start_from: a study cannot start from itself"),
        ({"audit": "5%"}, "study.audit: only trials that pause can be audited; write scheduler: p"),
        ({"audit": "much"}, "study.audit: 'much' is not a share; use 5% or 0.05"),
        ({"audit": True}, "study.audit: 'true' is not a share"),
        ({"start_from": 3}, "study.start_from: 3 cannot name a study"),
        ({"samplr": "tpe"}, "study.samplr: study has no key 'samplr'; did you mean 'sampler'?"),
        ({"sampler": "tpee"}, "study.sampler: there is no 'tpee'; did you mean 'tpe'?"),
        ({"sampler": [1]}, "must be a short name, a class path, or class_path and init_args"),
        ({"sampler": {"class_path": "tpe", "seed": 1}}, "has no key 'seed'; its arguments go into"),
        ({"sampler": {"class_path": "tpe", "init_args": 3}}, "init_args must be a mapping of"),
        ({"pruner": "tpe"}, "study.pruner: there is no 'tpe'; write sampler: tpe"),
        ({"pruner": "promote"}, "study.pruner: there is no 'promote'; write scheduler: promote"),
        ({"sampler": "hyperband"}, "there is no 'hyperband'; write pruner: hyperband"),
        (
            {"pruner": {"class_path": "hyperband", "init_args": {"reduction_factor": 1}}},
            "study.pruner: reduction_factor=1 must be a whole number, 2 or more",
        ),
    ],
)
def test_each_error_of_the_study_block_is_reported(settings, diagnostic):
    diagnostics = errors_of(study=settings)
    assert len(diagnostics) == 1
    assert diagnostic in diagnostics[0]


def test_a_study_needs_a_name_an_objective_and_a_limit():
    (error,) = errors_of(study=None)
    assert error.startswith("study: the section study: is missing; `hpsearch init --from FILE`")
    assert errors_of(study=[]) == ["study: must be a mapping with a name, an objective and trials"]
    document = {**BASE, "study": {}}
    with pytest.raises(StudyFileError, match="study needs a name, as in name: mnist-cnn"):
        StudySpec.from_document(document)
    with pytest.raises(StudyFileError, match=r"needs objective: \{val_accuracy: maximize\}"):
        StudySpec.from_document(document)


def test_a_study_without_parameters_needs_no_limit():
    assert study(study={"trials": None}, model={"init_args": {}}).trials is None


@pytest.mark.parametrize(
    ("sampler", "sections", "diagnostic"),
    [
        ("cmaes", {"optimizer": BRANCHES}, "cmaes cannot search branches, as at optimizer"),
        (
            "cmaes",
            {"data": {"init_args": {"size": "~choice(1, 2)"}}},
            "cmaes cannot search a ~choice, as at data.size; use tpe",
        ),
        ("grid", {"optimizer": BRANCHES}, "use optuna.samplers.BruteForceSampler, which can"),
        (
            "grid",
            {"model": {"init_args": {"dropout": "~float(0, 1)"}}},
            "grid needs a step in the range of model.dropout: ~float(low, high, step=...)",
        ),
    ],
)
def test_a_sampler_that_does_not_fit_the_space_is_refused(sampler, sections, diagnostic):
    diagnostics = errors_of(study={"sampler": sampler}, **sections)
    assert len(diagnostics) == 1
    assert diagnostic in diagnostics[0]


OPTIMIZER = {"class_path": "m.O"}


@pytest.mark.parametrize(
    ("sections", "diagnostic"),
    [
        ({"modle": {}}, "modle: there is no section 'modle'; did you mean 'model'?"),
        ({"model": []}, "model: must be a mapping with class_path and init_args"),
        ({"optimizer": {"lr": 1}}, "optimizer: must be a mapping with class_path and init_args"),
        (
            {"data": {"batch_size": 3}},
            "'batch_size' is not a key of a component; arguments go into",
        ),
        ({"data": {"init_args": [1]}}, "data: init_args must be a mapping of arguments"),
        ({"data": {"class_path": 3}}, "data.class_path: class_path must be text, not 3"),
        ({"trainer": {"plugins": [{"init_args": {}}]}}, "has init_args but no class_path"),
        ({"trainer": []}, "trainer: must be a mapping of Trainer arguments, as in"),
        ({"trainer": {"max_epochs": 0}}, "must be a whole number, 1 or more, not 0"),
        ({"trainer": {"max_epochs": "~int(0, 5)"}}, "must be a whole number, 1 or more, not 0"),
        ({"trainer": {"devices": 2}}, "trainer.devices: cannot be set: hpsearch gives each trial"),
        ({"trainer": {"strategy": "ddp"}}, "trainer.strategy: cannot be set: a trial runs on one"),
        ({"trainer": {"strategy": "ddp"}}, "say on how many with study.devices_per_trial"),
        ({"trainer": {"default_root_dir": "."}}, "keeps each trial's files in its folder; use --"),
        ({"trainer": {"fast_dev_run": True}}, "use --set trainer.max_epochs=1 --trials 1"),
        (
            {"speed": True},
            "speed: must be auto, or a mapping, as in {channels_last: true, compile: true}",
        ),
        (
            {"speed": {"~choice": {"a": "auto", "b": None}}},
            "must be auto, or a mapping, as in {chan",
        ),
        ({"speed": {"compil": True}}, "speed has no key 'compil'; did you mean 'compile'?"),
        ({"speed": {"bf16": True}}, "speed has no key 'bf16'; the Trainer sets the precision:"),
        ({"speed": {"fast": True}}, "speed has no key 'fast'; known here: channels_last, compile"),
        ({"speed": {"channels_last": 1}}, "speed.channels_last: must be true or false, not 1"),
        ({"speed": {"compile": "max"}}, "must be true, false or reduce-overhead, not 'max'"),
        ({"speed": {"compile": "~choice(true, 2)"}}, "must be true, false or reduce-overhead, not"),
        ({"speed": {"~choice": {"a": None, "b": {"c": 1}}}}, "speed.b.c: speed has no key 'c'"),
        ({"tensorboard": {"graf": True}}, "tensorboard has no key 'graf'; did you mean 'graph'?"),
        ({"tensorboard": {"graph": 1}}, "tensorboard.graph: must be true or false, not 1"),
        ({"tensorboard": True}, "must be a mapping, as in {histograms: true, graph: true}"),
        (
            {"optimizer": OPTIMIZER, "schedule": {"class_path": "m.S", "interval": "batch"}},
            "schedule.interval: interval must be step or epoch, not 'batch'",
        ),
        (
            {"optimizer": OPTIMIZER, "schedule": {"class_path": "m.S", "monitor": 3}},
            "must be the name of a metric",
        ),
    ],
)
def test_each_error_of_the_sections_is_reported(sections, diagnostic):
    diagnostics = errors_of(**sections)
    assert len(diagnostics) == 1
    assert diagnostic in diagnostics[0]


@pytest.mark.parametrize(
    ("change", "diagnostic"),
    [
        (("study", "studdy"), "studdy: there is no section 'studdy'; did you mean 'study'?"),
        (("model", "modle"), "modle: there is no section 'modle'; did you mean 'model'?"),
        (("study.name", "nmae"), "study.nmae: study has no key 'nmae'; did you mean 'name'?"),
        (("study.trials", "trails"), "study.trails: study has no key 'trails'; did you mean"),
        (("trainer.max_epochs", "epochs"), "no argument 'epochs'; did you mean 'max_epochs'?"),
        (("model.class_path", "classpath"), "not a key of a component; did you mean 'class_path'?"),
        (("model.init_args", "init_arg"), "not a key of a component; did you mean 'init_args'?"),
    ],
)
def test_a_key_in_the_wrong_spelling_is_not_also_a_missing_one(change, diagnostic):
    old, new = change
    document = copy.deepcopy(BASE)
    *outer, key = old.split(".")
    parent = document[outer[0]] if outer else document
    parent[new] = parent.pop(key)
    with pytest.raises(StudyFileError) as caught:
        StudySpec.from_document(document)
    assert len(caught.value.diagnostics) == 1
    assert diagnostic in str(caught.value)


@pytest.mark.parametrize(
    "sections",
    [
        {"study": {"trials": None, "timeout": "soon"}},
        {"optimizer": {"~choise": BRANCHES["~choice"]}},
        {"optimizer": {"~choice": {"a": {"class_path": "m.A"}}}},
        {"optimizer": {"~choice": ["a", "b"]}},
        {"trainer": {"~choise": {}, "max_epochs": 3}},
        {"model": "~chioce(a, b)"},
        {"data": {"init_args": {"size": "~int(2, 1)", "step": "~float(0, 1)"}}},
    ],
)
def test_one_cause_is_one_error(sections):
    assert len(errors_of(**sections)) == 1


def test_max_epochs_is_required():
    with pytest.raises(StudyFileError, match="trainer needs max_epochs, as in max_epochs: 12"):
        StudySpec.from_document({**BASE, "trainer": {}})


def test_these_sections_are_right():
    spec = study(
        optimizer=BRANCHES,
        schedule={"~choice": {"none": None, "some": {"class_path": "m.S", "interval": "step"}}},
        trainer={"strategy": "auto", "callbacks": [{"class_path": "m.C"}]},
        tensorboard={"histograms": True},
    )
    assert spec.space.branch_parameters == ("optimizer", "schedule")


@pytest.mark.parametrize(
    ("trainer", "most"),
    [
        ({"max_epochs": 3}, 3),
        ({"max_epochs": "~int(2, 9)"}, 9),
        ({"max_epochs": "~choice(5, 20, 10)"}, 20),
        ({"max_epochs": {"~choice": {"short": 1, "long": "~int(2, 4)"}}}, 4),
    ],
)
def test_the_longest_training_is_the_maximum_over_the_space(trainer, most):
    assert study(trainer=trainer).max_reports() == most


def test_a_stored_study_is_rebuilt_from_json():
    spec = StudySpec.from_document(with_changes(study={"seed": 3}), ("here",))
    again = StudySpec.from_document(json.loads(json.dumps(spec.document)), ("here",))
    assert again == spec
    assert again.space.parameters == spec.space.parameters


def test_a_stored_study_is_checked_again():
    with pytest.raises(StudyFileError, match=re.escape("the stored study: error: study.seed: -1")):
        study(study={"seed": -1})


def test_a_study_that_promotes_learns_from_rungs_and_prunes_nothing():
    spec = study(study={"scheduler": "promote"})
    assert spec.promote == Promote(eta=4, first=1)
    assert spec.pruner == NO_PRUNER
    assert spec.sampler.class_path == SAMPLERS["rungs"]
    finer = {"class_path": "promote", "init_args": {"eta": 2, "first": 3}}
    assert study(study={"scheduler": finer, "sampler": "random"}).promote == Promote(2, 3)


def test_a_scheduler_may_be_a_pruner():
    spec = study(study={"scheduler": "median"})
    assert (spec.promote, spec.pruner.class_path) == (None, PRUNERS["median"])


def test_a_budget_may_be_in_epochs():
    assert study(study={"trials": None, "epochs": 500}).epochs == 500


@pytest.mark.parametrize(
    ("settings", "diagnostic"),
    [
        (
            {"scheduler": "promote", "pruner": "none"},
            "study.pruner: a study has a scheduler or a pruner, not both; leave one of them out",
        ),
        ({"scheduler": "promot"}, "study.scheduler: there is no 'promot'; did you mean 'promote'?"),
        (
            {"scheduler": {"class_path": "promote", "init_args": {"eta": 1}}},
            "study.scheduler: eta=1 must be a whole number, 2 or more",
        ),
        (
            {"scheduler": {"class_path": "promote", "init_args": {"etaa": 4}}},
            "study.scheduler: promote has no argument 'etaa'; did you mean 'eta'?",
        ),
        (
            {"scheduler": "asha", "objective": {"a": "maximize", "b": "minimize"}},
            "study.scheduler: a pruner cannot rank trials of several objectives; write"
            " scheduler: promote, or scheduler: none",
        ),
        (
            {"epochs": 1},
            "study.epochs: 1 epochs are too few for one model: trainer.max_epochs is 2; write 2 or"
            " more",
        ),
        (
            {"enqueue": {"hidden": 8}},
            "study.enqueue: must be a list of settings, as in [{lr: 0.003}, {lr: 0.01, dropout:"
            " 0}]",
        ),
        (
            {"enqueue": [{"hidden": 8}, {"hidden": 99}]},
            "study.enqueue.1: 99 is not a value of model.hidden: whole numbers, 8 to 64",
        ),
        (
            {"enqueue": [{"hidden": 8, "model.hidden": 9}]},
            "study.enqueue.0: model.hidden has two values, under two names; leave one out",
        ),
        (
            {"enqueue": [{"hidden": 8}, {"model.hidden": 8}]},
            "study.enqueue.1: is the same setting as entry 0; leave one out",
        ),
    ],
)
def test_what_is_wrong_with_a_schedule_or_with_known_settings_is_reported(settings, diagnostic):
    assert errors_of(study=settings) == [diagnostic]


@pytest.mark.parametrize(
    ("trainer", "most"),
    [
        ({"max_epochs": 4, "val_check_interval": 0.25}, 16),
        ({"max_epochs": 4, "val_check_interval": 0.7}, 4),
        ({"max_epochs": -1, "max_steps": 1000, "val_check_interval": 100}, 10),
        ({"max_steps": 1000, "val_check_interval": 100, "accumulate_grad_batches": 2}, 20),
        ({"max_epochs": 4, "val_check_interval": 50}, None),
        ({"max_epochs": -1, "max_time": "00:01:00:00"}, None),
    ],
)
def test_validations_within_epochs_bound_a_trial(
    trainer: dict[str, object], most: int | None
) -> None:
    assert study(trainer=trainer).max_reports() == most


@pytest.mark.parametrize("trainer", [{"max_epochs": -1}, {"max_epochs": 0}, {"max_steps": 0}])
def test_a_training_without_an_end_is_refused(trainer: dict[str, object]) -> None:
    with pytest.raises(StudyFileError, match=r"max_epochs|max_steps"):
        study(trainer=trainer)
