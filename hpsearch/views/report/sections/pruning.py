"""The effect of pruning: how many trials survived each rung, and what that saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.measure.report import ReportData
from hpsearch.measure.rungs import audit_rungs, count_rungs
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.views.formatting import decision_words, spell
from hpsearch.views.ranking import epochs_done
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Block, Figure, Paragraph, Section, Table
from hpsearch.views.tables import trial_words

_FEW_BARS = 3  # which would fill the page otherwise
_MOST_REASONS = 30


@dataclass(frozen=True)
class Rung:
    """An epoch after which trials were pruned, are paused, or were compared and continued.

    Attributes:
        epoch: epochs done, from 1.
        reached: trials that trained as far.
        pruned: of those, trials that ended there.
        paused: of those, trials that wait there.
    """

    epoch: int
    reached: int
    pruned: int
    paused: int = 0

    @property
    def continued(self) -> int:
        """The trials that trained on, or were complete."""
        return self.reached - self.pruned - self.paused


def pruning(data: ReportData) -> Section | None:
    """Returns how many trials survived each rung and the time saved; None if none was pruned."""
    pruned = [trial for trial in data.study.trials if trial.state == "pruned"]
    ladder = [*_ladder(data.study), *_audit(data)]
    if not pruned:
        return Section("Pruning", ladder) if ladder else None
    skipped, seconds = 0, 0.0
    made = max(epochs_done(trial) for trial in data.study.trials)
    most = data.spec.max_reports() or made
    for trial in pruned:
        done = epochs_done(trial)
        left = max(_most_epochs(data, trial, most) - done, 0)
        skipped += left
        seconds += left * (trial.seconds or 0.0) / done if done else 0.0
    trained = sum(trial.seconds or 0.0 for trial in data.study.trials)
    saved = f"{seconds / (seconds + trained):.0%}" if seconds + trained else "0%"
    words = (
        f"{len(pruned):,} of {len(data.study.trials):,} trials were pruned. They did not train"
        f" {skipped:,} {data.study.unit}s, which would have taken about {spell(seconds)} at their"
        f" own pace: {saved} of the time that the search would take without pruning. Whether"
        " one of them would have been the best in the end is unknown."
    )
    figure = _figure(rungs(data.study.trials), data.study.unit)
    return Section(
        "Pruning", [Paragraph(words), figure, *_reasons(pruned, data.study.unit), *ladder]
    )


def _reasons(pruned: Sequence[TrialRecord], unit: str) -> list[Block]:
    """Returns why each trial was pruned, as far as it was kept; the same reason once."""
    numbers: dict[tuple[str, str], list[int]] = {}
    last = [(trial, trial.decisions[-1]) for trial in pruned if trial.decisions]
    for trial, decision in last[-_MOST_REASONS:]:
        words = decision_words(decision).removeprefix("pruned: ")
        numbers.setdefault((f"{decision['step']:,}", words), []).append(trial.number)
    if not last:
        return []
    rows = [(trial_words(those).partition(" ")[2], *reason) for reason, those in numbers.items()]
    shown = min(len(last), _MOST_REASONS)
    which = f", the last {shown:,} of {len(last):,}" if shown < len(last) else ""
    head = ("trial", unit, "why")
    return [Paragraph(f"Why they were pruned{which}:"), Table(head, rows, left=("trial", "why"))]


def _ladder(study: StudyRecord) -> list[Block]:
    """Returns the rungs at which trials pause, and how many trials reached, left or wait there."""
    counted = count_rungs(study.trials)
    if not counted:
        return []
    words = (
        "At each rung a trial pauses; the best of those that have reached it continue exactly where"
        " they stopped, and the others wait until they are among the best or the study ends."
    )
    rows = [
        (f"{rung.epochs:,}", f"{rung.met:,}", f"{rung.continued:,}", f"{rung.paused:,}")
        for rung in counted
    ]
    head = (f"rung, {study.unit}s", "met", "continued", "paused now")
    return [Paragraph(words), Table(head, rows)]


def _audit(data: ReportData) -> list[Block]:
    """Returns how often each rung was wrong, according to the audited trials."""
    audits = audit_rungs(data.study.trials, data.direction)
    if not audits:
        return []
    words = (
        "Some trials that would have paused were trained to their end as an audit. A rung was wrong"
        " about such a trial if it ended better than half of the trials that the rung let continue"
        " to their end. The rank correlation (Spearman) compares the values at the rung with those"
        " at the end, over all trials trained to their end; near 0, the rung is too early."
    )
    rows = [
        (
            f"{audit.epochs:,}",
            f"{audit.audited:,}",
            f"{audit.wrong:,}",
            f"{audit.winners:,}",
            "-" if audit.correlation is None else f"{audit.correlation:.2f} ({audit.whole})",
        )
        for audit in audits
    ]
    head = (f"rung, {data.study.unit}s", "audited", "wrong", "best of all", "correlation (models)")
    return [Paragraph(words), Table(head, rows)]


def rungs(trials: Sequence[TrialRecord]) -> list[Rung]:
    """Returns the rungs, and the epochs after which trials ended, with how many had come so far."""
    ladder = [rung.epochs for rung in count_rungs(trials)]
    pruned_at = [epochs_done(trial) for trial in trials if trial.state == "pruned"]
    paused_at = [epochs_done(trial) for trial in trials if trial.state == "paused"]
    reached = [epochs_done(trial) for trial in trials]
    return [
        Rung(
            epoch,
            sum(done >= epoch for done in reached),
            pruned_at.count(epoch),
            paused_at.count(epoch),
        )
        for epoch in sorted({*pruned_at, *paused_at, *ladder})
    ]


def _most_epochs(data: ReportData, trial: TrialRecord, most: int) -> int:
    """Returns how many reports the trial would have made, whose number may be searched too."""
    epochs = trial.params.get("trainer.max_epochs")
    return epochs if isinstance(epochs, int) and not data.spec.counts_validations else most


def _figure(found: Sequence[Rung], unit: str) -> Figure:
    def bars(count: str) -> list[tuple[str, int, str]]:
        return [(str(rung.epoch), getattr(rung, count), _words(rung, unit)) for rung in found]

    traces = [
        plots.heights(bars("continued"), color=plots.BLUE, name="continued or finished"),
        plots.heights(bars("pruned"), color=plots.ORANGE, name="pruned here"),
    ]
    if any(rung.paused for rung in found):
        paused = plots.heights(bars("paused"), color=plots.VIOLET, name="paused here")
        traces.insert(1, paused)
    return plots.figure(
        "how many survived each rung",
        traces,
        x=plots.axis(f"{unit}s done", type="category"),
        y=plots.whole_axis("trials", max(rung.reached for rung in found)),
        barmode="stack",
        bargap=0.8 if len(found) < _FEW_BARS else 0.2,
        wide=True,
    )


def _words(rung: Rung, unit: str) -> str:
    paused = f" {rung.paused:,} paused," if rung.paused else ""
    return (
        f"after {unit} {rung.epoch}\n{rung.reached:,} came so far, {rung.pruned:,} pruned,{paused}"
        f" {rung.continued:,} continued"
    )
