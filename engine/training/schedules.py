"""How the learning rate changes over a run."""

from __future__ import annotations

import math

from engine.training.recipe import Recipe

WARM_UP = 0.2  # share of all steps
FIRST = 0.1  # learning rate of the first step and of the last, as a share of the peak
LAST = 0.001


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of a step.

    One-cycle (after Smith and Topin 2017) rises linearly to the recipe's rate over the first fifth of the steps and falls along
    half a cosine to a thousandth of it.

    Parameters
    ----------
    recipe : Recipe
        Its schedule and peak.
    step : int
        From 0 to steps - 1.
    steps : int
        Steps of the whole run.
    """
    peak = recipe.learning_rate
    if recipe.schedule == "constant":
        return peak
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return peak * (FIRST + (1 - FIRST) * step / warm_up)
    fallen = (step - warm_up) / max(1, steps - 1 - warm_up)
    return peak * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * fallen)))
