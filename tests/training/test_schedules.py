"""Learning rates over a run."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.training.recipe import Recipe
from engine.training.schedules import LAST, learning_rate


def rates_of(recipe: Recipe, steps: int) -> list[float]:
    return [learning_rate(recipe, step, steps) for step in range(steps)]


@given(st.integers(1, 500), st.floats(1e-6, 10))
def test_one_cycle_rises_to_the_peak_and_falls(steps: int, peak: float) -> None:
    rates = rates_of(Recipe(learning_rate=peak), steps)
    assert all(0 < rate <= peak * (1 + 1e-9) for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if steps >= 10:
        assert max(rates) > 0.9 * peak
        assert rates[-1] <= peak * LAST * 1.001


def test_constant_is_constant() -> None:
    recipe = Recipe(schedule="constant", learning_rate=0.3)
    assert {learning_rate(recipe, step, 7) for step in range(7)} == {0.3}


def test_cosine_is_torch_s_annealing() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=0.2)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=49)
    wanted = []
    for _ in range(50):
        wanted.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        annealing.step()
    assert rates_of(Recipe(schedule="cosine", learning_rate=0.2), 50) == pytest.approx(wanted, abs=1e-9)


def test_a_line_falls_by_equal_amounts_to_zero_after_the_last_step() -> None:
    rates = rates_of(Recipe(schedule="linear", learning_rate=1.0, warm_up=0.25), 40)
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10:] == pytest.approx([step / 30 for step in range(30, 0, -1)])


def test_steps_fall_where_the_residual_networks_did() -> None:
    """He et al. 2015, section 4.2: divided by 10 at 32,000 and 48,000 of 64,000 steps."""
    recipe = Recipe(schedule="step", learning_rate=0.1)
    at = {step: learning_rate(recipe, step, 64_000) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)}
    assert list(at.values()) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@given(st.sampled_from(["one-cycle", "cosine", "linear", "step", "constant"]), st.floats(0, 0.9), st.integers(1, 300))
def test_every_schedule_rises_first_and_never_beyond_the_peak(schedule: str, warm_up: float, steps: int) -> None:
    recipe = Recipe(schedule=schedule, learning_rate=2.0, warm_up=warm_up)  # type: ignore[arg-type]
    rates = rates_of(recipe, steps)
    assert all(math.isfinite(rate) and 0 <= rate <= 2.0 + 1e-9 for rate in rates)
    rising = max(1, round(warm_up * steps)) if warm_up else 0
    assert rates[:rising] == sorted(rates[:rising])
    if schedule != "step":
        assert rates[rising:] == sorted(rates[rising:], reverse=True)
    if rising and schedule in ("constant", "cosine", "linear") and rising < steps:
        assert rates[rising - 1] == pytest.approx(2.0) and rates[0] == pytest.approx(2.0 / rising)
