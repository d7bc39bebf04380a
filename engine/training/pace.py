"""Where a training stands in its schedule, and how that changes when a person wants more epochs, fewer, or another rate."""

from __future__ import annotations

from engine.training.checkpoint import State
from engine.training.limits import Limits
from engine.training.recipe import Recipe
from engine.training.schedules import learning_rate


class Pace:
    """The learning rate of each step.

    Parameters
    ----------
    recipe : Recipe
    steps_per_epoch : int

    Attributes
    ----------
    epochs, steps : int
        Of the whole run, as wanted last.
    factor : float
        Peak of the learning rate by that of the recipe.
    """

    def __init__(self, recipe: Recipe, steps_per_epoch: int) -> None:
        self._recipe, self._steps_per_epoch = recipe, steps_per_epoch
        self.epochs, self.steps = recipe.epochs, steps_per_epoch * recipe.epochs
        self.factor = 1.0
        self._schedule_steps, self._shift = self.steps, 0  # step s has the rate of step s + shift of a schedule of so many steps

    @property
    def peak(self) -> float:
        """The rate that the schedule goes up to."""
        return self.factor * self._recipe.learning_rate

    def to_peak(self, rate: float) -> None:
        """Scale what is left of the schedule to another peak."""
        self.factor = rate / self._recipe.learning_rate

    def rate(self, step: int, limits: Limits, seconds: float) -> float:
        """The learning rate of a step, counted from 0, so many seconds after the beginning."""
        place = limits.place(step + self._shift, self._schedule_steps, seconds)
        return self.factor * learning_rate(self._recipe, place, self._schedule_steps)

    def stretch(self, epochs: int, done: int) -> None:
        """Train for so many epochs in all, of which so many steps are done.

        What is left of the schedule is stretched or shortened to the steps that are left. Where nothing is left of it, as after the last
        epoch, the rate is that of a schedule of so many epochs from the beginning.
        """
        steps = epochs * self._steps_per_epoch
        left, share = steps - done, 1 - (done + self._shift) / self._schedule_steps
        self._schedule_steps = max(left, round(left / share)) if done and share > 0 and left > 0 else steps
        self._shift = self._schedule_steps - steps
        self.epochs, self.steps = epochs, steps

    def state_dict(self) -> State:
        """All that decides what comes."""
        return {"planned": self.epochs, "schedule": [self._schedule_steps, self._shift, self.factor]}

    def load_state_dict(self, state: State) -> None:
        """Go on from there."""
        self.epochs = int(state["planned"])
        self.steps = self.epochs * self._steps_per_epoch
        self._schedule_steps, self._shift, self.factor = state["schedule"]
