from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.commands.notify import notify
from hpsearch.commands.options import SearchOptions
from hpsearch.commands.outcome import exit_code, last_line, storage_option
from hpsearch.search.run import SearchOutcome

PLAIN = SearchOptions()


def outcome(study: Any, *, interrupted: bool = False, diagnostic: str = "") -> SearchOutcome:
    return SearchOutcome(study, interrupted, diagnostic)


def test_exit_code_says_how_the_search_ended(make_study: Any, make_trial: Any) -> None:
    good = make_study(make_trial(0), make_trial(1, "failed"))
    bad = make_study(make_trial(0, "failed"), make_trial(1, "pruned"))
    assert exit_code(outcome(good)) == 0
    assert exit_code(outcome(bad)) == 1
    assert exit_code(outcome(good, diagnostic="five equal failures")) == 1
    assert exit_code(outcome(bad, interrupted=True)) == 130


def test_best_trial_is_what_to_look_at_next(make_study: Any, make_trial: Any) -> None:
    study = make_study(make_trial(0, value=0.1), make_trial(1, value=0.2))
    assert last_line(outcome(study), None, PLAIN) == "next: hpsearch show mnist 1"


def test_failed_trial_is_what_to_look_at_where_none_is_complete(
    make_study: Any, make_trial: Any
) -> None:
    study = make_study(make_trial(0, "failed"), make_trial(1, "pruned"))
    line = last_line(outcome(study), "sqlite:///a.db", PLAIN)
    assert line == "next: hpsearch show mnist 0 --storage sqlite:///a.db"
    full = make_trial(2, "pruned", attributes={"failure_kind": "out of memory"})
    study = make_study(make_trial(1, "pruned"), full)
    assert last_line(outcome(study), None, PLAIN) == "next: hpsearch show mnist 2"


@pytest.mark.parametrize(
    ("trials", "more"), [(0, ""), (1, ". The last failure: hpsearch show mnist 0 --storage a.db")]
)
def test_a_search_that_failed_before_any_value_starts_over(
    make_study: Any, make_trial: Any, trials: int, more: str
) -> None:
    study = make_study(*[make_trial(0, "failed")] * trials)
    line = last_line(outcome(study, diagnostic="it fails"), "a.db", PLAIN)
    assert line == f"next: correct the study and run it again; it starts over{more}"


def test_study_without_either_is_shown_whole(make_study: Any) -> None:
    assert last_line(outcome(make_study()), None, PLAIN) == "next: hpsearch status mnist"


def test_interrupted_search_continues_where_and_how_it_ran(make_study: Any) -> None:
    options = SearchOptions(devices="cpu:2", per_device=3)
    line = last_line(outcome(make_study(), interrupted=True), "sqlite:///a.db", options)
    assert line == (
        "to continue: hpsearch resume mnist --storage sqlite:///a.db --devices cpu:2 --per-device 3"
    )


def test_storage_is_named_only_where_it_is_not_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    assert storage_option("sqlite:///hpsearch.db") is None
    assert storage_option("sqlite:///a.db") == "sqlite:///a.db"
    monkeypatch.setenv("HPSEARCH_STORAGE", "sqlite:///a.db")
    assert storage_option("sqlite:///a.db") is None


@pytest.mark.parametrize(("interrupted", "words"), [(True, "to continue"), (False, "next")])
def test_a_confirmation_that_was_resumed_ends_by_the_command_for_its_search(
    make_study: Any, make_trial: Any, interrupted: bool, words: str
) -> None:
    run = make_trial(0, attributes={"finalist": 4, "repeat": 1})
    study = make_study(run, name="mnist.confirm", confirms="mnist")
    line = last_line(outcome(study, interrupted=interrupted), None, PLAIN)
    assert line == f"{words}: hpsearch confirm mnist --top 1 --seeds 1"


def test_password_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    assert storage_option("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


def test_a_command_is_told_how_the_search_ended(
    make_study: Any, make_trial: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = make_study(make_trial(4, value=0.95))
    notify(f'echo "$HPSEARCH_SUMMARY" > {tmp_path}/said', study)
    said = "mnist: done, 1 done, 0 to go, best val_accuracy 0.9500 (trial 4)\n"
    assert (tmp_path / "said").read_text() == said
    notify("exit 3", study)
    assert capfd.readouterr().err == "note: --notify: 'exit 3' exited with 3\n"
    notify("bell", study)
    assert capfd.readouterr().err == "\a"
    notify(None, study)
    assert capfd.readouterr() == ("", "")
