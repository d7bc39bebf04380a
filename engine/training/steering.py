"""Steering a training that is under way: wishes are left by any thread and fulfilled by the loop between two steps."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, NamedTuple

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import SteerTraining
from engine.training.recipe import RANGES

if TYPE_CHECKING:
    from engine.session import Emit, Session

LOOK_SECONDS = 0.04  # how often a training that holds looks whether it shall go on, or end; both within a tenth of a second
FACTORS = ((0.1, "divided by ten"), (0.5, "halved"), (2.0, "doubled"))


def rate_words(before: float, after: float) -> str:
    """What becomes of the peak of the learning rate, for a mark on the curve.

    Examples
    --------
    >>> rate_words(0.006, 0.003), rate_words(0.006, 0.005)
    ('Learning rate halved: peak 0.003', 'Learning rate: peak 0.005')
    """
    done = next((words for factor, words in FACTORS if math.isclose(after, factor * before, rel_tol=1e-6)), "")
    return f"Learning rate {done}: peak {after:g}" if done else f"Learning rate: peak {after:g}"


class Wishes(NamedTuple):
    """What is wanted of the training now; None where nothing is, or nothing more. Fields as in SteerTraining."""

    learning_rate: float | None = None
    epochs: int | None = None
    finish: bool = False


class Steering:
    """The wishes for one training. All methods may be called from any thread.

    Parameters
    ----------
    run : str
        Id of the run that is being trained.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._paused = False
        self._wishes = Wishes()

    @property
    def asked(self) -> bool:
        """Whether there is a wish, or the training shall hold: cheap enough to be asked at every step."""
        return self._paused or self._changed.is_set()

    @property
    def paused(self) -> bool:
        """Whether the training shall hold."""
        return self._paused

    def wish(self, paused: bool | None = None, learning_rate: float | None = None, epochs: int | None = None, finish: bool = False) -> None:
        """Leave a wish; later ones win. Fields as in SteerTraining."""
        with self._lock:
            before = self._wishes
            self._wishes = Wishes(
                before.learning_rate if learning_rate is None else learning_rate,
                before.epochs if epochs is None else epochs,
                before.finish or finish,
            )
            self._paused = self._paused if paused is None else paused
            self._changed.set()

    def take(self) -> Wishes:
        """The wishes since they were taken last."""
        with self._lock:
            self._changed.clear()
            wishes, self._wishes = self._wishes, Wishes()
        return wishes

    def hold(self, token: CancelToken) -> None:
        """Wait while the training shall hold and there is no wish to be taken; gives up the processor meanwhile.

        Raises
        ------
        Cancelled
            If the token was cancelled.
        """
        while self._paused and not self._changed.is_set():
            token.wait(LOOK_SECONDS)
            token.check()


def steer_training(session: Session, command: SteerTraining, token: CancelToken, emit: Emit) -> None:
    """Answer SteerTraining: leave the wish; the training tells when it is fulfilled.

    Raises
    ------
    UserError
        If that run is not being trained, or no training could take such figures.
    """
    steering = session.steering
    if steering is None or steering.run != command.run:
        raise UserError("This run is not being trained now.", "Resume it first.")
    check(command.learning_rate, command.epochs)
    steering.wish(command.paused, command.learning_rate, command.epochs, command.finish)


def check(learning_rate: float | None, epochs: int | None) -> None:
    """Refuse figures that no training could take.

    Raises
    ------
    UserError
        With the range.
    """
    for field, value in (("learning_rate", learning_rate), ("epochs", epochs)):
        words, low, high = RANGES[field]
        if value is not None and (not math.isfinite(value) or not low <= value <= high):
            raise UserError(f"The {words} is {value:g}.", f"Choose a number from {low:g} to {high:g}.")
