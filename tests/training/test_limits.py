"""When a training ends before its last epoch."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engine.training.limits import Limits
from engine.training.recipe import Recipe


def test_target_is_reached_or_not() -> None:
    limits = Limits(Recipe(target=0.9))
    assert limits.after(1.0, 0.899, 5.0) == ""
    said = limits.after(1.0, 0.912, 6.0)
    assert "wanted 90 %" in said and "91.20%" in said
    assert Limits(Recipe()).after(1.0, 1.0, 6.0) == ""


def test_patience_counts_epochs_since_the_least_loss() -> None:
    limits = Limits(Recipe(patience=2))
    losses = (1.0, 0.8, 0.9, 0.79, 0.79, 0.8)
    told = [limits.after(loss, 0.5, 1.0) for loss in losses]
    assert [bool(text) for text in told] == [False, False, False, False, False, True]
    assert "for 2 epochs" in told[-1]


def test_a_loss_that_is_no_number_has_not_fallen_and_nothing_validated_never_ends_it() -> None:
    limits = Limits(Recipe(patience=1, target=0.1))
    assert limits.after(math.nan, math.nan, 1.0) == limits.after(math.nan, math.nan, 1.0) == ""
    limits = Limits(Recipe(patience=1))
    limits.after(0.5, 0.5, 1.0)
    assert limits.after(math.nan, 0.5, 1.0)


@given(st.integers(1, 1000), st.floats(0, 1e4), st.floats(0.01, 100))
def test_the_schedule_is_never_behind_steps_or_time(steps: int, seconds: float, minutes: float) -> None:
    limits = Limits(Recipe(minutes=minutes))
    for step in {0, steps // 2, steps - 1}:
        place = limits.place(step, steps, seconds)
        assert step <= place < steps
        assert place >= min(steps - 1, math.floor(steps * seconds / (60 * minutes)) - 1)
        assert Limits(Recipe()).place(step, steps, seconds) == step
    assert limits.over(60 * minutes) and not limits.over(59 * minutes)
    assert limits.after(1.0, 0.5, 60 * minutes) and not Limits(Recipe()).over(1e9)
