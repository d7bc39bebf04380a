"""Which learning rate suits: a few steps at rising rates, from the first weights (Smith, Cyclical Learning Rates, 2017, section 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.messages import FindLearningRate, JobProgress, LearningRatesTried
from engine.training import freezing
from engine.training.feeding import Feed
from engine.training.precision import PLAIN
from engine.training.recipe import Recipe
from engine.training.sampling import stream
from engine.training.stepping import Stepper
from engine.training.telling import Unheard
from engine.training.trying import READING, made_ready

if TYPE_CHECKING:
    from engine.session import Emit, Session

STEPS = 100
LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.9  # of the running mean of the losses
LOST = 4.0  # times the lowest loss so far: from here on it diverges
LEADS = 10  # the first rates, whose mean still settles, tell nothing


class Tried(NamedTuple):
    """Rates float32 [n], smoothed losses float32 [n], and the rate that is suggested, None where the loss never fell."""

    rates: np.ndarray
    losses: np.ndarray
    suggested: float | None


def find_learning_rate(session: Session, command: FindLearningRate, token: CancelToken, emit: Emit) -> None:
    """Answer FindLearningRate. Nothing is kept of the weights.

    Raises
    ------
    UserError
        As Train.
    Cancelled
        If it was cancelled.
    """
    with made_ready(session, command, "learning rate", token, emit) as ready:
        tried = try_rates(ready.module, ready.feed, ready.recipe, ready.normalise, ready.batch, token, emit)
    emit(LearningRatesTried(rates=tried.rates, losses=tried.losses, suggested=tried.suggested, network=command.network))


def try_rates(module: nn.Module, feed: Feed, recipe: Recipe, normalise: Normalise, batch: int, token: CancelToken, emit: Emit) -> Tried:
    """Train in place for some steps, each at a rate that is higher by the same factor; end where the loss is lost.

    Parameters
    ----------
    module : torch.nn.Module
        On the device; changed.
    feed : Feed
        Training pictures.
    recipe : Recipe
        As a training would take it, but for the mean of the weights and its schedule.
    normalise : Normalise
        Of the pictures.
    batch : int
        Pictures a step.
    token : CancelToken
        Checked at every step.
    emit : callable
        Gets JobProgress.
    """
    stepper = Stepper(module, replace(recipe, accumulate=1, ema=0.0), feed.labels, normalise, PLAIN)
    watcher = Unheard()
    batches = feed.ahead(stream(len(feed.labels), batch, recipe.seed, feed.labels.device))
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    running, lowest = 0.0, np.inf
    torch.manual_seed(recipe.seed)
    freezing.to_training(module)
    for number, rate in enumerate(rates.tolist()):
        token.check()
        value = float(stepper.passes(*feed.batch(next(batches)), token).loss)
        if not np.isfinite(value):
            break
        running = SMOOTHING * running + (1 - SMOOTHING) * value
        smooth = running / (1 - SMOOTHING ** (number + 1))
        losses.append(smooth)
        lowest = min(lowest, smooth)
        if number > LEADS and smooth > LOST * lowest:
            break
        stepper.update(number + 1, rate, watcher)
        emit(JobProgress(fraction=READING + (1 - READING) * number / STEPS, text=f"Trying learning rate {rate:.2g}"))
    return Tried(rates[: len(losses)].astype(np.float32), np.array(losses, np.float32), suggestion(rates[: len(losses)], np.array(losses)))


def suggestion(rates: np.ndarray, losses: np.ndarray) -> float | None:
    """The rate at which the loss falls most steeply over the logarithm of the rate; None where it never falls.

    Parameters
    ----------
    rates, losses : float [n]
        Rates rising by a constant factor; losses smoothed.
    """
    if len(losses) < LEADS + 3:
        return None
    end = int(losses.argmin()) + 1
    if end < LEADS + 3:
        return None
    slopes = np.gradient(losses[:end])
    slopes[:LEADS] = 0
    steepest = int(slopes.argmin())
    return float(rates[steepest]) if slopes[steepest] < 0 else None
