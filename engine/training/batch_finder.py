"""Which batch suits a device: some steps with batches of rising size, each twice the one before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from msgspec.structs import replace

from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.failure import UserError
from engine.messages import BatchesTried, FindBatch, JobProgress
from engine.training import freezing, precision, sizes
from engine.training.recipe import Recipe
from engine.training.room import check_room
from engine.training.stepping import Stepper, out_of_memory
from engine.training.telling import Unheard
from engine.training.threads import threads_for
from engine.training.trying import READING, Ready, made_ready

if TYPE_CHECKING:
    from engine.session import Emit, Session

SMALLEST, LARGEST = 8, 1024
WARM_STEPS = 2
FEWEST, MOST = 3, 50  # steps that are timed
ENOUGH_SECONDS = 0.2  # of timed steps of one size in a round
ROUNDS = 3  # in each of which all sizes have their turn: what else the device does slows down no size alone
BRIEF_SECONDS = 1.0  # a step that takes longer is timed in one round only: its figure is steady, and its rounds are long
PATIENCE_SECONDS = 4.0  # that one step may take
NEARLY = 0.9  # of the highest speed is as good
MOST_SPREAD = 0.25

Ended = Literal["", "pictures", "memory", "slow"]


class Tried(NamedTuple):
    """Sizes that were tried, pictures a second and bytes at the most (None: not known) of each, why no larger ones were, and by which
    share the speed of one size differed between rounds, in the middle of all sizes."""

    sizes: tuple[int, ...]
    speeds: np.ndarray
    memory: tuple[int | None, ...]
    ended: Ended
    spread: float = 0.0


def find_batch(session: Session, command: FindBatch, token: CancelToken, emit: Emit) -> None:
    """Answer FindBatch. Nothing is kept of the weights.

    Raises
    ------
    UserError
        As Train.
    Cancelled
        If it was cancelled.
    """
    with made_ready(session, command, "batches", token, emit) as ready:
        tried = try_batches(ready, token, emit)
    emit(
        BatchesTried(
            sizes=tried.sizes,
            speeds=tried.speeds,
            memory=tried.memory,
            ended=tried.ended,
            suggested=suggestion(tried.sizes, tried.speeds, tried.spread),
            network=command.network,
            spread=tried.spread,
        )
    )


def candidates(pictures: int) -> tuple[int, ...]:
    """Sizes to try for so many training pictures: from 8 on, each twice the one before, as far as a training would take them."""
    largest = sizes.batch_size(Recipe(batch=LARGEST), pictures)
    found = [SMALLEST << doubled for doubled in range(8) if SMALLEST << doubled <= largest]
    return tuple(found) or (largest,)


def try_batches(ready: Ready, token: CancelToken, emit: Emit) -> Tried:
    """Time steps with batches of rising size, at a learning rate of 0; end where memory or patience do.

    A step is a training's: augmentation, forward and backward pass, the optimiser's update. Of each size one batch is read and shown again
    and again, so that the figures are those of the device and not of the disk. Each size's speed is the median of some rounds.

    Parameters
    ----------
    ready : Ready
        Its module is used up.
    token : CancelToken
        Checked at every step.
    emit : callable
        Gets JobProgress.

    Raises
    ------
    UserError
        If there is no room for the smallest.
    """
    device = next(ready.module.parameters()).device
    freezing.to_training(ready.module)
    stepper = _stepper(ready, device)
    wanted = candidates(len(ready.feed.labels))
    timed: list[list[float]] = []  # seconds a step of each size, one in each round
    memory: list[int | None] = []
    ended: Ended = "pictures" if wanted[-1] < LARGEST else ""
    for place, size in enumerate(wanted):
        text = f"Trying batches of {size}"
        emit(JobProgress(fraction=READING + (1 - READING) * place / len(wanted) / ROUNDS, text=text))
        try:
            check_room(ready.title, ready.analysis, size, device)
            torch.set_num_threads(threads_for(ready.analysis.multiply_adds * size, ready.threads))
            seconds, most = _seconds_a_step(stepper, ready, size, token)
        except (UserError, RuntimeError) as error:
            if not timed or not (isinstance(error, UserError) or out_of_memory(error)):
                raise
            ended = "memory"
            if device.type == "cuda":
                torch.cuda.empty_cache()
            break
        timed.append([seconds])
        memory.append(most)
        if place + 1 < len(wanted) and 2 * seconds > PATIENCE_SECONDS:
            ended = "slow"
            break
    tried = wanted[: len(timed)]
    _more_rounds(stepper, ready, tried, timed, token, emit)
    speeds = [np.array([size / seconds for seconds in each]) for size, each in zip(tried, timed, strict=True)]
    middles = np.array([np.median(each) for each in speeds])
    spreads = [float(np.ptp(each) / np.median(each)) for each in speeds if len(each) > 1]
    return Tried(tried, middles.astype(np.float32), tuple(memory), ended, float(np.median(spreads)) if spreads else 0.0)


def _more_rounds(stepper: Stepper, ready: Ready, tried: tuple[int, ...], timed: list[list[float]], token: CancelToken, emit: Emit) -> None:
    """Time the sizes again, one after the other, as often as there are rounds after the first."""
    for number in range(1, ROUNDS):
        for place, (size, each) in enumerate(zip(tried, timed, strict=True)):
            done = (number + place / len(tried)) / ROUNDS
            emit(JobProgress(fraction=READING + (1 - READING) * done, text=f"Trying batches of {size} again"))
            if each[0] > BRIEF_SECONDS:
                continue
            torch.set_num_threads(threads_for(ready.analysis.multiply_adds * size, ready.threads))
            try:
                each.append(_seconds_a_step(stepper, ready, size, token)[0])
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                torch.cuda.empty_cache()
                return


def suggestion(tried: tuple[int, ...], speeds: np.ndarray, spread: float = 0.0) -> int:
    """The smallest size whose speed is within 10 % of the highest, or within what speeds differ by chance if that is more.

    Parameters
    ----------
    tried : tuple of int
        Sizes, rising.
    speeds : float [n]
        Pictures a second.
    spread : float
        By which share the speed of one size differs from round to round; a quarter at the most counts.

    Examples
    --------
    >>> suggestion((8, 16, 32), np.array([500, 950, 1000], np.float32))
    16
    >>> suggestion((8, 16, 32), np.array([500, 850, 1000], np.float32), spread=0.2)
    16
    """
    nearly = min(NEARLY, 1 - min(spread, MOST_SPREAD))
    return tried[int((speeds >= nearly * speeds.max()).argmax())]


def _stepper(ready: Ready, device: torch.device) -> Stepper:
    """What makes the steps, in the arithmetic that a training would choose."""
    normalise = ready.normalise
    rows = torch.arange(min(ready.batch, len(ready.feed.labels)), device=ready.feed.labels.device)
    first, labels = ready.feed.batch(rows)
    arithmetic = precision.choose(ready.module, normalise(first), labels, device, ready.recipe.mixed_precision == "auto")
    if arithmetic.channels_last:
        ready.module.to(memory_format=torch.channels_last)
        normalise = Normalise(normalise.preprocessing, device, channels_last=True)
    return Stepper(ready.module, replace(ready.recipe, accumulate=1), ready.feed.labels, normalise, arithmetic)


def _seconds_a_step(stepper: Stepper, ready: Ready, size: int, token: CancelToken) -> tuple[float, int | None]:
    """Median seconds of some steps, and bytes that they took at the most where the device tells."""
    device = stepper.device
    pixels, labels = ready.feed.batch(torch.arange(size, device=ready.feed.labels.device))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    watcher = Unheard()
    times: list[float] = []
    while len(times) < WARM_STEPS + MOST:
        token.check()
        begun = time.perf_counter()
        stepper.passes(pixels, labels, token)
        stepper.update(1, 0.0, watcher)
        if device.type != "cpu":
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - begun)
        timed = times[WARM_STEPS:]
        if len(timed) >= FEWEST and sum(timed) > ENOUGH_SECONDS:
            break
        if times[-1] > PATIENCE_SECONDS:  # the first step prepares, and would be as good as none
            break
    most = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return float(np.median(times[WARM_STEPS:] or times[-1:])), most
