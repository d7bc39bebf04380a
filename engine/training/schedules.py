"""How the learning rate changes over a run."""

from __future__ import annotations

import math

from engine.training.recipe import Recipe

WARM_UP = 0.2  # share of all steps, of one cycle
FIRST = 0.1  # learning rate of the first step and of the last of one cycle, as a share of the peak
LAST = 0.001
FALLS = (0.5, 0.75)  # shares of the steps at which "step" divides the rate by ten


def warm_up_of(recipe: Recipe) -> float:
    """The share of the steps over which the rate rises."""
    if recipe.warm_up is not None:
        return recipe.warm_up
    return WARM_UP if recipe.schedule == "one-cycle" else 0.0


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of a step.

    All schedules rise linearly to the recipe's rate over its warm-up. Then one cycle (after Smith and Topin 2017) falls along half a
    cosine to a thousandth of it, "cosine" to 0 (Loshchilov and Hutter 2017, one period), "linear" along a line that is 0 after the last
    step, and "step" is divided by ten after half and after three quarters of all steps, as in He et al. 2015, section 4.2.
    One cycle begins its rise at a tenth of the peak, the others
    at the first of as many equal stairs as there are steps (Goyal et al. 2017, section 2.2).

    Parameters
    ----------
    recipe : Recipe
        Its schedule, warm-up and peak.
    step : int
        From 0 to steps - 1.
    steps : int
        Steps of the whole run.
    """
    peak = recipe.learning_rate
    share = warm_up_of(recipe)
    warm_up = max(1, round(share * steps)) if share else 0
    if step < warm_up:
        if recipe.schedule == "one-cycle":
            return peak * (FIRST + (1 - FIRST) * step / warm_up)
        return peak * (step + 1) / warm_up
    if recipe.schedule == "constant":
        return peak
    if recipe.schedule == "linear":
        return peak * (steps - step) / (steps - warm_up)
    if recipe.schedule == "step":
        return peak * 0.1 ** sum(step >= round(fall * steps) for fall in FALLS)
    last = LAST if recipe.schedule == "one-cycle" else 0.0
    fallen = (step - warm_up) / max(1, steps - 1 - warm_up)
    return peak * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * fallen)))
