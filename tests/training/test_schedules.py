"""Learning rates over a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.training.recipe import Recipe
from engine.training.schedules import LAST, learning_rate


@given(st.integers(1, 500), st.floats(1e-6, 10))
def test_one_cycle_rises_to_the_peak_and_falls(steps: int, peak: float) -> None:
    rates = [learning_rate(Recipe(learning_rate=peak), step, steps) for step in range(steps)]
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
