"""A search, its confirmation, one look at the test split: with real training, in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline import confirm_inline, resume_inline, run_inline
from optuna.trial import TrialState
from scripted import Watcher

from hpsearch.errors import InputError, SearchError
from hpsearch.search.confirm.finalists import choose_finalists
from hpsearch.search.confirm.run import ConfirmOptions, ConfirmResult
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.confirm.test_log import evaluations_of
from hpsearch.search.store import StudyRecord, list_studies, load_record, open_study
from hpsearch.search.store.database import open_storage
from hpsearch.studyfile.study import StudySpec


class Home:
    """A folder with a database, in which studies are searched and confirmed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.url = f"sqlite:///{folder}/study.db"
        self.watcher = Watcher()

    def search(
        self,
        trials: int = 3,
        *,
        seed: int = 1,
        metric: str = "accuracy",
        data: str = "tested.TestedData",
        **model: Any,
    ) -> None:
        spec = StudySpec.from_document(
            {
                "study": {
                    "name": "tiny",
                    "objective": {f"val_{metric}": "maximize"},
                    "sampler": "random",
                    "pruner": "none",
                    "trials": trials,
                    "seed": seed,
                },
                "model": {
                    "class_path": "tested.TestedModel",
                    "init_args": {"width": "~int(2, 64)", **model},
                },
                "data": {"class_path": data},
                "trainer": {"max_epochs": 1},
            }
        )
        run_inline(spec, self.url, self.folder / "runs")

    def confirm(self, **options: Any) -> ConfirmResult:
        self.watcher = Watcher()
        wanted = replace(ConfirmOptions(top=2, seeds=2), **options)
        return confirm_inline("tiny", self.url, wanted, self.watcher)

    def record(self, name: str = "tiny") -> StudyRecord:
        return load_record(open_storage(self.url), name)


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ConfirmResult]:
    """A search of three trials whose best two were confirmed with two seeds each."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.search()
    return home, home.confirm()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_every_finalist_is_trained_with_the_same_seeds(
    confirmed: tuple[Home, ConfirmResult],
) -> None:
    home, _ = confirmed
    runs = home.record("tiny.confirm").trials
    best = [trial.number for trial in choose_finalists(home.record(), 2)]
    pairs = [(run.attributes["repeat"], run.attributes["finalist"]) for run in runs]
    assert pairs == [(1, best[0]), (1, best[1]), (2, best[0]), (2, best[1])]
    seeds = [run.attributes["seed"] for run in runs]
    assert seeds[0] == seeds[1] != seeds[2] == seeds[3]
    assert all(
        run.params == home.record().trials[f].params
        for run, (_, f) in zip(runs, pairs, strict=True)
    )


def test_the_new_runs_are_on_the_searchs_own_split(confirmed: tuple[Home, ConfirmResult]) -> None:
    database = open_storage(confirmed[0].url)
    studies = [open_study(database, name).study for name in ("tiny", "tiny.confirm")]
    splits = [study.user_attrs["hpsearch:split"] for study in studies]
    assert splits[0] == splits[1]


def test_the_record_has_search_confirmed_and_test_side_by_side(
    confirmed: tuple[Home, ConfirmResult],
) -> None:
    home, outcome = confirmed
    record = outcome.record
    assert record is not None
    assert home.record().confirmation == record, "what was returned is what the database keeps"
    finalist = next(one for one in record["finalists"] if one["trial"] == record["chosen"])
    assert finalist["confirmed"] == pytest.approx(sum(finalist["values"].values()) / 2)
    assert finalist["low"] <= finalist["confirmed"] <= finalist["high"]
    test = record["test"]
    assert (test["metric"], test["examples"]) == ("test_accuracy", 50)
    assert test["low"] < test["value"] < test["high"]
    assert Path(record["model"]["checkpoint"]).is_file()


def test_a_confirmation_that_is_done_is_shown_again_and_nothing_is_opened(
    confirmed: tuple[Home, ConfirmResult],
) -> None:
    home, first = confirmed
    again = home.confirm()
    assert again.record == first.record
    assert home.watcher.ended_trials == []
    assert len(home.record().test_evaluations) == 1


def test_a_confirmation_cannot_be_confirmed(confirmed: tuple[Home, ConfirmResult]) -> None:
    home, _ = confirmed
    assert [study.name for study in list_studies(open_storage(home.url)).studies] == ["tiny"]
    with pytest.raises(InputError, match=r"tiny.confirm is a confirmation; hpsearch confirm tiny$"):
        confirm_inline("tiny.confirm", home.url, ConfirmOptions())


def test_an_interrupted_confirmation_ends_like_an_uninterrupted_one(
    confirmed: tuple[Home, ConfirmResult], home: Home
) -> None:
    """Here it is interrupted before its first run, and resumed as a study."""
    home.search()
    database = open_storage(home.url)
    finalists = choose_finalists(home.record(), 2)
    enqueue_finalists(open_study(database, "tiny"), finalists, 1, home.folder / "runs")
    resume_inline("tiny.confirm", home.url)

    outcome = home.confirm()

    assert [trial.number for trial in home.watcher.ended_trials] == [2, 3], "the second seed's"
    assert outcome.record is not None
    whole = confirmed[1].record
    assert whole is not None
    assert outcome.record["finalists"] == [
        {**one, "seconds": mine["seconds"]}
        for one, mine in zip(whole["finalists"], outcome.record["finalists"], strict=True)
    ]


def test_the_test_split_is_opened_for_one_model_only(home: Home) -> None:
    home.search(trials=1, seed=4, metric="skill", noise=0.1)
    assert home.confirm(top=1, seeds=1).refused == ""

    more = home.confirm(top=1, seeds=3)
    assert more.record is not None
    assert more.record["model"]["seed"] != 1, "with more seeds another run is the median"
    assert more.record["test"] is None
    assert more.refused.startswith("the test split of tiny was opened at ")
    assert len(home.record().test_evaluations) == 1

    again = home.confirm(top=1, seeds=3, again=True)
    assert again.refused == ""
    assert [one["again"] for one in home.record().test_evaluations] == [False, True]


def test_a_failed_look_is_reported_and_may_be_repeated(home: Home) -> None:
    home.search(trials=1, bad_at_test=True)
    for count in (1, 2):
        record = home.confirm(top=1, seeds=1).record
        assert record is not None
        assert record["test"]["failure"] == "ValueError: no test today"
        test_evaluations = evaluations_of(open_study(open_storage(home.url), "tiny").study)
        assert len(test_evaluations) == count


def test_the_winner_is_trained_on_everything_for_the_confirmed_epochs(home: Home) -> None:
    home.search(trials=1)
    record = home.confirm(top=1, seeds=2, refit=True).record
    assert record is not None
    assert record["refit"]["epochs"] == 1
    assert Path(record["refit"]["checkpoint"]) == home.folder / "runs/tiny/refit/best.ckpt"
    later = home.confirm(top=1, seeds=2).record
    assert later is not None
    assert later["refit"] == record["refit"], "still known when it is not asked for"


def test_seeds_are_added_until_it_is_decided_or_the_plan_ends(home: Home) -> None:
    home.search(trials=2, metric="skill", noise=0.1)
    record = home.confirm(seeds=3, max_seeds=4).record
    assert record is not None
    assert [(look["seeds"], look["plan"]) for look in record["looks"]] == [
        (3, [3, 4]),
        (4, [3, 4]),
    ]
    assert {len(one["values"]) for one in record["finalists"]} == {4}
    assert not record["comparison"]["beats"]
    assert home.confirm(seeds=3, max_seeds=4).record == record
    assert home.watcher.ended_trials == [], "the same command trains nothing more"

    for wrong in ({"seeds": 4}, {"seeds": 2}, {"seeds": 3, "top": 1}):
        with pytest.raises(InputError, match="--max-seeds 4 with --seeds"):
            home.confirm(**{"max_seeds": 4, **wrong})


def test_where_every_new_run_fails_nothing_is_confirmed(home: Home) -> None:
    home.search(trials=1)
    database = open_storage(home.url)
    study = open_study(database, "tiny")
    finalists = choose_finalists(home.record(), 1)
    enqueue_finalists(study, finalists, 1, home.folder / "runs")
    confirmation_study = open_study(database, "tiny.confirm").study
    confirmation_study.tell(confirmation_study.ask(), state=TrialState.FAIL)
    with pytest.raises(SearchError, match="every new run failed, so nothing is confirmed"):
        home.confirm(top=1, seeds=1)


@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_winner_and_a_real_difference_has_one(tmp_path: Path, seed: int) -> None:
    noise, real = Home(tmp_path / "noise"), Home(tmp_path / "real")
    noise.search(2, seed=seed, metric="skill", skill=0.9, noise=0.01)
    real.search(2, seed=seed, metric="skill", skill="~float(0, 1)", noise=0.001)
    claims = []
    for home in (noise, real):
        record = home.confirm(top=2, seeds=4).record
        assert record is not None
        claims.append(record["comparison"]["beats"])
    assert claims == [False, True]


@pytest.mark.parametrize("seed", range(3))
def test_of_shuffled_labels_nothing_can_be_learnt_and_no_winner_is_claimed(
    home: Home, seed: int
) -> None:
    home.search(4, seed=seed, metric="loss", data="tested.ShuffledData")

    record = home.confirm(top=2, seeds=4).record

    assert record is not None
    assert not record["comparison"]["beats"]
