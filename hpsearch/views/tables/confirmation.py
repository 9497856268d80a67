"""The result of a confirmation, from its record in the database: a table and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.formatting import spell

if TYPE_CHECKING:
    from rich.table import Table

Record = Mapping[str, Any]


def confirmation_view(record: Record) -> Group:
    """Returns the finalists side by side, then which is taken and why, and its test value."""
    parts: list[RenderableType] = [_finalists(record), Text(), Text(conclusion(record))]
    if record["test"]:
        parts.append(Text(words_of_test(record)))
    elif record.get("untested"):
        parts.append(Text(untested_words(record["untested"])))
    model = record["model"]
    parts += [Text(), Text.assemble(("model     ", "dim"), str(model["checkpoint"]))]
    if record["refit"]:
        parts.append(Text.assemble(("refit     ", "dim"), _refit_words(record["refit"])))
    return Group(*parts)


def conclusion(record: Record) -> str:
    """Returns one or two sentences on which finalist is taken, and why."""
    chosen, pair = record["chosen"], record["comparison"]
    if pair is None:
        return f"Trial {chosen} is the only finalist: there is nothing to compare it with."
    first, second = pair["first"], pair["second"]
    if pair["p_value"] is None:
        why = f"Trials {first} and {second} {_no_test_words(pair['seeds'])}"
    else:
        measured = (
            f"by {_small(pair['difference'])} over {pair['seeds']} seeds"
            f" (paired t-test, p = {pair['p_value']:.2g}{_look_words(pair)})"
        )
        if pair["beats"]:
            return f"Trial {first} beats trial {second} {measured}. Trial {first} is taken."
        why = f"Trials {first} and {second} cannot be told apart: they differ {measured}"
    return f"{why}. Trial {chosen} is taken, {_why_taken(record)}."


def untested_words(missing: str) -> str:
    """Returns why a model cannot have a test value, and what counts instead."""
    return (
        f"No test value: {missing}. What is known of the model is its confirmed mean, on"
        " the validation data that it was chosen by."
    )


def words_of_test(record: Record) -> str:
    """Returns the chosen model's result on the test split, and when it was evaluated."""
    test, seed = record["test"], record["model"]["seed"]
    whose = f", of the run with seed {seed}, the median of its runs"
    return result_words(test, whose)


def result_words(test: Record, whose: str = "") -> str:
    """Returns what the test split gave, when it was evaluated, and who had opened it earlier.

    Args:
        test: the evaluation, as a record has it.
        whose: the model, behind a value; empty if it goes without saying.
    """
    when = f"the test split was opened at {test['opened']}"
    if test["failure"]:
        return f"No test value: {when}, and {test['failure']}"
    if test["value"] is None:
        return f"No {test['metric']} was logged on the test split; {when} and gave {_others(test)}."
    counted = f"{test['examples']:,} examples" if test["examples"] else ""
    known = ", ".join(filter(None, (test_range(test), counted)))
    value = f"{test['metric']} {formatting.metric(test['value'])}{f' ({known})' if known else ''}"
    return f"On the test split: {value}{whose}; {_seeds_words(test)}{when}.{_earlier_words(test)}"


def _seeds_words(test: Record) -> str:
    """Returns the mean over all runs of the setting, in words; empty if one was tested."""
    found = test.get("over_seeds")
    if not found:
        return ""
    low, high = (formatting.metric(found[key]) for key in ("lowest", "highest"))
    mean = formatting.metric(found["mean"])
    return f"{mean} on average over its {found['runs']} seeds ({low} to {high}); "


def _others(test: Record) -> str:
    """Returns the metrics of a test that has none of the objective, and what to write instead."""
    metrics = test["metrics"]
    have = ", ".join(f"{name} {formatting.metric(value)}" for name, value in metrics.items())
    misnamed = next((name for name in metrics if name.startswith("val")), None)
    if misnamed is None:
        return have or "no metrics"
    return (
        f"{have}. This {misnamed} is of the test split: test_step should log it as {test['metric']}"
    )


def test_range(test: Record) -> str:
    """Returns the 95 % interval of a test value, in words; empty where it has none."""
    return _range(test, "95 % interval ")


def _earlier_words(test: Record) -> str:
    """Returns how often others have evaluated on the same images, and what that means."""
    earlier = test.get("earlier")
    if not earlier:
        return ""
    last, count = earlier[-1], len(earlier)
    times = "once before" if count == 1 else f"{count} times before"
    values = ", ".join(
        f"{name} {formatting.metric(value)}" for name, value in (last.get("metrics") or {}).items()
    )
    who = f"{_what(last)} of {last['study']}" if "study" in last else "another program"
    return (
        f" The same test data had been opened {times} in this folder,"
        f" {'' if count == 1 else 'last '}for {who} at {last['opened']}"
        f"{f' ({values})' if values else ''}: the best of several such figures is too good,"
        " because it was chosen."
    )


def chosen_finalist(record: Record) -> Record:
    """Returns the finalist that is taken."""
    return next(one for one in record["finalists"] if one["trial"] == record["chosen"])


def confirmed_words(record: Record) -> str:
    """Returns `trial 8: val_accuracy 0.9911 over 5 seeds, test_accuracy 0.9908`."""
    chosen = chosen_finalist(record)
    runs = len(chosen["values"])
    words = (
        f"trial {record['chosen']}: {record['metric']} {formatting.metric(chosen['confirmed'])}"
        f" over {runs} seed{'' if runs == 1 else 's'}"
    )
    test = record["test"]
    if test is None or test["value"] is None:
        return words
    return f"{words}, {test['metric']} {formatting.metric(test['value'])}"


def evaluations_words(test_evaluations: Sequence[Record]) -> str:
    """Returns how often the test split was opened, and when last."""
    last, count = test_evaluations[-1], len(test_evaluations)
    times = "once" if count == 1 else f"{count} times"
    when = "" if count == 1 else "last "
    return f"opened {times}, {when}at {last['opened']} for {_what(last)}"


def _what(evaluation: Record) -> str:
    """Returns what was measured, in words."""
    return evaluation.get("what") or f"trial {evaluation['trial']}"


def _finalists(record: Record) -> Table:
    # What was tested is said below: with it, a usual terminal has no room for the numbers.
    table = head_table()
    names = [
        "trial",
        "searched",
        "confirmed",
        "95 % interval",
        "optimism",
        "runs",
        "weights",
        "time",
    ]
    for name in names:
        table.add_column(name, justify="right", no_wrap=name != "runs")
    for one in record["finalists"]:
        cells = [
            str(one["trial"]),
            formatting.metric(one["searched"]),
            formatting.metric(one["confirmed"]),
            _range(one) or "-",
            optimism_words(one["optimism"]),
            str(len(one["values"])) + (f" + {one['failed']} failed" if one["failed"] else ""),
            f"{one['parameters']:,}",
            spell(one["seconds"]),
        ]
        taken = one["trial"] == record["chosen"]
        table.add_row(*map(Text, cells), style="bold green" if taken else "")
    return table


def _no_test_words(seeds: int) -> str:
    """Returns why nothing was tested over so many seeds."""
    if seeds > 2:
        return "give the same value with every seed, so there is no noise to compare with"
    shared = ("no seed", "one seed", "two seeds")[seeds]
    return f"have {shared} in common, too few to measure noise; take three or more"


def _look_words(pair: Record) -> str:
    """Returns which p-value counts after earlier looks at fewer seeds or other finalists."""
    if plan := pair.get("plan"):
        return f"; with {plan[0]} to {plan[1]} seeds planned, significant below {pair['level']:.2g}"
    if pair.get("look", 1) == 1:
        return ""
    return f"; as look {pair['look']} at these trials, significant below {pair['level']:.2g}"


def _why_taken(record: Record) -> str:
    """Returns why the chosen one of two equals is taken."""
    numbered = {one["trial"]: one for one in record["finalists"]}
    pair = record["comparison"]
    other = numbered[pair["second"] if record["chosen"] == pair["first"] else pair["first"]]
    chosen = numbered[record["chosen"]]
    match record.get("reason"):  # a record of an earlier version has none
        case "failures":
            return f"since {other['failed']} of the other's runs failed"
        case "parameters":
            weights = f"{chosen['parameters']:,} weights against {other['parameters']:,}"
            return f"the cheaper: {weights}"
        case "seconds":
            return f"the cheaper: {chosen['seconds']:.3g} s a run against {other['seconds']:.3g} s"
    return "which has the better mean"


def _refit_words(refit: Record) -> str:
    if "failure" in refit:
        return f"failed: {refit['failure']}"
    return (
        f"{refit['checkpoint']}  ({refit['epochs']} epochs on training and validation data;"
        " its own test value is not known)"
    )


def _range(record: Record, name: str = "") -> str:
    if record["low"] is None:
        return ""
    return f"{name}{formatting.metric(record['low'])} to {formatting.metric(record['high'])}"


def optimism_words(value: float | None) -> str:
    """Returns how much better a finalist was in the search, with as many digits as its value."""
    return "-" if value is None else _small(value)


def _small(value: float) -> str:
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1e}"
