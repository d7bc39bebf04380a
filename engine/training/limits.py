"""When a training ends before its last epoch: time, target accuracy, patience."""

from __future__ import annotations

import math

from engine.training.recipe import Recipe


class Limits:
    """The limits of one training.

    Parameters
    ----------
    recipe : Recipe
        Its minutes, target and patience.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._seconds = 60 * recipe.minutes
        self._target, self._patience = recipe.target, recipe.patience
        self._least = math.inf
        self._epochs_since = 0

    def place(self, step: int, steps: int, seconds: float) -> int:
        """Where the schedule is at a step: at that step, or further on where time runs faster than steps do.

        Parameters
        ----------
        step : int
            From 0 to steps - 1.
        steps : int
            Of the whole run, were there no limit.
        seconds : float
            Of training so far.
        """
        if not self._seconds:
            return step
        return max(step, min(steps - 1, int(steps * seconds / self._seconds)))

    def over(self, seconds: float) -> bool:
        """Whether the time is over."""
        return bool(self._seconds) and seconds >= self._seconds

    def after(self, validation_loss: float, validation_accuracy: float, seconds: float) -> str:
        """Why training ends after an epoch; "" where it goes on. To be asked once an epoch, in order.

        Parameters
        ----------
        validation_loss, validation_accuracy : float
            NaN where nothing was validated: then neither target nor patience counts.
        seconds : float
            Of training so far.
        """
        if self.over(seconds):
            return f"The {self._seconds / 60:g} minutes are over."
        if self._target and validation_accuracy >= self._target:
            return f"The wanted {100 * self._target:g} % are reached: {validation_accuracy:.2%} of the validation pictures are right."
        if validation_loss < self._least:
            self._least, self._epochs_since = validation_loss, 0
        elif not math.isnan(validation_accuracy):
            self._epochs_since += 1
        if self._patience and self._epochs_since >= self._patience:
            return f"The validation loss has not fallen for {self._epochs_since} epochs."
        return ""
