"""What a training tells while it runs, to whom, and what has come out at its end."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import numpy as np

from engine.failure import UserError

NO_RATES = np.zeros(0, np.float32)


class Epoch(NamedTuple):
    """Figures of one epoch, counted from 1; validation NaN and `confusion` None without that split."""

    number: int
    step: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    confusion: np.ndarray | None


class Parcel(NamedTuple):
    """Some steps: `first` counts from 1; float32 [n] each; seconds of training so far; steps of the whole run.

    `waited` are those of the seconds in which the loop waited for pictures; `epochs` those of the whole run.
    """

    first: int
    losses: np.ndarray
    accuracies: np.ndarray
    learning_rate: float
    seconds: float
    steps: int
    waited: float = 0.0
    epochs: int = 0


class Mark(NamedTuple):
    """Something that happened after a step (from 1; 0: before the first), in a few words."""

    step: int
    text: str


class Watcher(Protocol):
    """Whoever is told, on the training's thread, at most some 25 times a second; steps may be looked into by those that subclass it."""

    def parcel(self, parcel: Parcel) -> None:
        """Some steps are done."""

    def watching(self, step: int) -> AbstractContextManager[bool]:
        """Entered around the forward and backward pass of a step, counted from 1; gives whether layers are listened to.

        Nothing that it does may change the step.
        """
        return contextlib.nullcontext(False)

    def gradients(self, step: int, scale: Callable[[], float]) -> None:
        """The step's gradients are there as the loss gave them, multiplied by `scale()`: before clipping and before the optimiser."""

    def stepped(self, step: int) -> None:
        """The optimiser has made its step."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done; the module is in evaluation mode."""

    def notice(self, text: str, level: str = "warning", passing: bool = False) -> None:
        """Something that the user should know; `passing`: until the training has ended."""

    def marked(self, mark: Mark) -> None:
        """Something happened that the curve shows."""

    def held(self, paused: bool, step: int) -> None:
        """The training holds after a step, or goes on."""


class Unheard(Watcher):
    """Nobody is told anything."""

    def parcel(self, parcel: Parcel) -> None:
        """Nobody is told."""
        return

    def gradients(self, step: int, scale: Callable[[], float]) -> None:
        """Nobody looks."""
        return

    def stepped(self, step: int) -> None:
        """Nobody looks."""
        return

    def epoch(self, epoch: Epoch) -> None:
        """Nobody is told."""
        return

    def notice(self, text: str, level: str = "warning", passing: bool = False) -> None:
        """Nobody is told."""
        return

    def marked(self, mark: Mark) -> None:
        """Nobody is told."""
        return

    def held(self, paused: bool, step: int) -> None:
        """Nobody is told."""
        return


class Trained(NamedTuple):
    """What came out; the module holds the weights of `best_epoch` (0: those of the last step, no epoch was finished).

    `rates` are the learning rates of all steps, float32 [S]; `planned` the epochs that were wanted last.
    """

    outcome: str
    failure: UserError | None
    best_epoch: int
    epochs: tuple[Epoch, ...]
    losses: np.ndarray
    accuracies: np.ndarray
    seconds: float
    pictures: int
    rates: np.ndarray = NO_RATES
    marks: tuple[Mark, ...] = ()
    planned: int = 0


NOTHING = Trained("running", None, 0, (), NO_RATES, NO_RATES, 0.0, 0)
"""Before the first step."""


def better(epoch: Epoch, best: Epoch) -> bool:
    """Whether an epoch is to be kept rather than the best one before; without validation pictures the later one is."""
    now, before = (rank(one.validation_accuracy, one.validation_loss) for one in (epoch, best))
    return epoch.confusion is None or now > before


def rank(accuracy: float, loss: float) -> tuple[bool, float, float]:
    """Of an epoch's validation figures: the higher the better, the first of equals is kept.

    Weights that are no numbers any more can still hit a large class, and come last all the same.
    """
    finite = math.isfinite(loss)
    return finite, accuracy, -loss if finite else 0.0
