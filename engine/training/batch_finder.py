"""Which batch suits a device: some steps with batches of rising size, each twice the one before."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from engine.training.telling import Epoch, Mark, Parcel, Watcher
from engine.training.threads import threads_for
from engine.training.trying import READING, Ready, made_ready

if TYPE_CHECKING:
    from engine.session import Emit, Session

SMALLEST, LARGEST = 8, 1024
WARM_STEPS = 2
FEWEST, MOST = 3, 50  # steps that are timed
ENOUGH_SECONDS = 0.4  # of timed steps of one size
PATIENCE_SECONDS = 4.0  # that one step may take
NEARLY = 0.9  # of the highest speed is as good

Ended = Literal["", "pictures", "memory", "slow"]


class Tried(NamedTuple):
    """Sizes that were tried, pictures a second and bytes at the most (None: not known) of each, and why no larger ones were."""

    sizes: tuple[int, ...]
    speeds: np.ndarray
    memory: tuple[int | None, ...]
    ended: Ended


class _Nobody(Watcher):
    """Is told, and does nothing."""

    def parcel(self, parcel: Parcel) -> None:
        """Nothing."""

    def gradients(self, step: int, scale: Callable[[], float]) -> None:
        """Nothing."""

    def stepped(self, step: int) -> None:
        """Nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Nothing."""

    def notice(self, text: str, level: str = "warning") -> None:
        """Nothing."""

    def marked(self, mark: Mark) -> None:
        """Nothing."""

    def held(self, paused: bool, step: int) -> None:
        """Nothing."""


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
            suggested=suggestion(tried.sizes, tried.speeds),
            network=command.network,
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
    and again, so that the figures are those of the device and not of the disk.

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
    speeds: list[float] = []
    memory: list[int | None] = []
    ended: Ended = "pictures" if wanted[-1] < LARGEST else ""
    for place, size in enumerate(wanted):
        text = f"Trying batches of {size}"
        emit(JobProgress(fraction=READING + (1 - READING) * place / len(wanted), text=text))
        try:
            check_room(ready.title, ready.analysis, size, device)
            torch.set_num_threads(threads_for(ready.analysis.multiply_adds * size, ready.threads))
            seconds, most = _seconds_a_step(stepper, ready, size, token)
        except (UserError, RuntimeError) as error:
            if not speeds or not (isinstance(error, UserError) or out_of_memory(error)):
                raise
            ended = "memory"
            if device.type == "cuda":
                torch.cuda.empty_cache()
            break
        speeds.append(size / seconds)
        memory.append(most)
        if place + 1 < len(wanted) and 2 * seconds > PATIENCE_SECONDS:
            ended = "slow"
            break
    return Tried(wanted[: len(speeds)], np.array(speeds, np.float32), tuple(memory), ended)


def suggestion(tried: tuple[int, ...], speeds: np.ndarray) -> int:
    """The smallest size whose speed is within 10 % of the highest.

    Examples
    --------
    >>> suggestion((8, 16, 32), np.array([500, 950, 1000], np.float32))
    16
    """
    return tried[int((speeds >= NEARLY * speeds.max()).argmax())]


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
    watcher = _Nobody()
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
