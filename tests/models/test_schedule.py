from itertools import pairwise

import pytest
import torch

from hpsearch.models import OneCycle, WarmupCosine

PEAK = 0.5


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)


def rates(schedule, steps=100, **arguments):
    sgd = optimizer()
    running = schedule(sgd, total_steps=steps, **arguments)
    seen = []
    for _ in range(steps):
        seen.append(sgd.param_groups[0]["lr"])
        sgd.step()
        running.step()
    return seen


@pytest.mark.parametrize("schedule", [OneCycle, WarmupCosine])
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.3])
def test_peaks_at_the_optimizers_rate_when_the_warmup_is_over(schedule, warmup):
    seen = rates(schedule, warmup=warmup)
    assert max(seen) == pytest.approx(PEAK, rel=1e-2)
    assert seen.index(max(seen)) == pytest.approx(100 * warmup, abs=1)


@pytest.mark.parametrize("schedule", [OneCycle, WarmupCosine])
def test_rises_then_falls_and_is_never_zero(schedule):
    seen = rates(schedule, warmup=0.3)
    assert seen[:30] == sorted(seen[:30])
    assert seen[30:] == sorted(seen[30:], reverse=True)
    assert min(seen) > 0


def test_one_cycle_starts_at_a_25th_and_ends_at_its_final_part():
    seen = rates(OneCycle, steps=1000, final=0.01)
    assert seen[0] == pytest.approx(PEAK / 25, rel=1e-2)
    assert seen[-1] == pytest.approx(PEAK / 100, rel=1e-2)


def test_warmup_is_a_straight_line_from_zero():
    seen = rates(WarmupCosine, warmup=0.5)
    steps = [after - before for before, after in pairwise(seen[:50])]
    assert steps == pytest.approx([PEAK / 50] * 49)


@pytest.mark.parametrize("schedule", [OneCycle, WarmupCosine])
def test_a_step_too_many_keeps_the_last_rate(schedule):
    sgd = optimizer()
    running = schedule(sgd, total_steps=2)
    for _ in range(4):
        sgd.step()
        running.step()
    assert 0 <= sgd.param_groups[0]["lr"] < 1e-3


@pytest.mark.parametrize("schedule", [OneCycle, WarmupCosine])
def test_a_restored_schedule_continues_where_it_was(schedule):
    first, second = optimizer(), optimizer()
    saved, restored = schedule(first, total_steps=10), schedule(second, total_steps=10)
    for _ in range(4):
        first.step()
        saved.step()
    second.load_state_dict(first.state_dict())
    restored.load_state_dict(saved.state_dict())
    for sgd, running in ((first, saved), (second, restored)):
        sgd.step()
        running.step()
    assert first.param_groups[0]["lr"] == second.param_groups[0]["lr"]


@pytest.mark.parametrize("schedule", [OneCycle, WarmupCosine])
def test_errors_are_reported_with_the_rule(schedule):
    with pytest.raises(ValueError, match=r"total_steps=0 must be .*; warmup=1.0 must be a number"):
        schedule(optimizer(), total_steps=0, warmup=1.0)


def test_one_cycles_final_part_is_a_fraction():
    with pytest.raises(ValueError, match="OneCycle: final=2 must be a number from 0 to below 1"):
        OneCycle(optimizer(), total_steps=5, final=2)
