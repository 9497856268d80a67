"""The first trial's data are the study's; those of every other trial are compared with them."""

from __future__ import annotations

from typing import Any

from hpsearch.search.coordinator.data_guard import DataGuard


class Attributes:
    """A study of attributes alone."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def attribute(self, name: str) -> Any:
        return self.known.get(name)

    def set_attribute(self, name: str, value: Any) -> None:
        self.known[name] = value


def record(own: str, arguments: str = "x") -> dict[str, str]:
    return {"arguments": arguments, "own": own}


def guard(study: Any, accept_changes: bool = False) -> DataGuard:
    return DataGuard(study, accept_changes)


def test_equal_data_pass_in_this_run_and_the_next() -> None:
    study = Attributes()
    for _ in range(2):
        one = guard(study)
        assert [one.check(number, "s", record("a")) for number in range(3)] == [None] * 3


def test_what_has_changed_since_the_last_run_stops_the_search() -> None:
    study = Attributes()
    guard(study).check(0, "s", record("a"))
    for split, own, what in (("t", "a", "validation rows"), ("s", "b", "data")):
        rejection = guard(study).check(1, split, record(own))
        assert rejection is not None
        assert rejection.fatal
        assert rejection.failure.startswith(
            f"the {what} are not those of the study's earlier trials"
        )
    assert guard(study).check(2, "s", record("a")) is None


def test_what_differs_from_trial_to_trial_fails_the_trial() -> None:
    one = guard(Attributes())
    assert one.check(0, "s", record("a")) is None
    rejection = one.check(1, "t", record("a"))
    assert rejection is not None
    assert not rejection.fatal
    rule = "the validation rows of trial 1 are not those of the trials before it, so their values"
    assert rejection.failure.startswith(rule)
    assert one.check(2, "s", record("a")) is None


def test_content_is_compared_among_trials_of_equal_arguments_only() -> None:
    study = Attributes()
    one = guard(study)
    assert one.check(0, "s", record("a", arguments="x")) is None
    assert one.check(1, "s", record("b", arguments="y")) is None
    assert one.check(2, "s", record("b", arguments="x")) is not None


def test_what_is_not_known_is_neither_compared_nor_stored() -> None:
    study = Attributes()
    assert guard(study).check(0, None, None) is None
    assert study.known == {}
    assert guard(study).check(1, "s", record("a")) is None
    assert guard(study).check(2, None, None) is None


def test_the_record_stays_small_however_many_arguments_there_are() -> None:
    study = Attributes()
    one = guard(study)
    for number in range(100):
        assert one.check(number, "s", record("a", arguments=str(number))) is None
    assert len(study.known["hpsearch:data"]) == 8


def test_accepted_data_are_the_studys_from_then_on_and_on_record() -> None:
    study = Attributes()
    guard(study).check(0, "s", record("a"))
    accepting = guard(study, accept_changes=True)
    assert accepting.facts == {"data_changes": None}
    assert accepting.check(1, "t", record("b")) is None
    assert accepting.facts == {"data_changes": 1}
    assert accepting.check(2, "s", record("a")) is not None, "only the first trial of a run decides"
    [change] = study.known["hpsearch:data_changes"]
    assert (change["trial"], change["changed"]) == (1, "validation rows")
    assert guard(study).check(3, "t", record("b")) is None
    rejection = guard(study).check(4, "s", record("a"))
    assert rejection is not None
    assert "--accept-changes" in rejection.failure
