"""The training loop: pictures lie on the device as uint8, and nothing but parcels of losses leaves it while it runs.

Steps are cut from an endless stream of permutations, so that every batch is full and, over the epochs, every picture (or, balanced,
every class) is shown equally often. Order, augmentation and mixing have generators of their own; only dropout draws from torch's global
one.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from engine.control import Cancelled, CancelToken
from engine.data.augmentation import Augment, Mix, Normalise
from engine.evaluation.metrics import confusion_matrix
from engine.failure import UserError
from engine.networks.modules.containers import Auxiliary
from engine.training.averaging import Average
from engine.training.feeding import Feed, LaterPart, Part, Resident
from engine.training.freezing import Thawing, is_frozen, to_training
from engine.training.inference import logits_of
from engine.training.limits import Limits
from engine.training.losses import Criterion, larger_share
from engine.training.optimisers import make_optimiser, set_rate
from engine.training.precision import Arithmetic
from engine.training.recipe import Recipe
from engine.training.regularising import Gradients
from engine.training.sampling import balanced_stream, stream
from engine.training.schedules import learning_rate

PARCEL_SECONDS = 0.033
FEWEST_STEPS = 16  # an epoch; small data get smaller batches, or they would see only a step or two


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

    `waited` are those of the seconds in which the loop waited for pictures.
    """

    first: int
    losses: np.ndarray
    accuracies: np.ndarray
    learning_rate: float
    seconds: float
    steps: int
    waited: float = 0.0


class Watcher(Protocol):
    """Whoever is told, on the training's thread, at most some 25 times a second; steps may be looked into by those that subclass it."""

    def parcel(self, parcel: Parcel) -> None:
        """Some steps are done."""

    def watching(self, step: int) -> AbstractContextManager[object]:
        """Entered around the forward and backward pass of a step, counted from 1; nothing that it does may change them."""
        return contextlib.nullcontext()

    def gradients(self, step: int, scale: Callable[[], float]) -> None:
        """The step's gradients are there as the loss gave them, multiplied by `scale()`: before clipping and before the optimiser."""

    def stepped(self, step: int) -> None:
        """The optimiser has made its step."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done; the module is in evaluation mode."""

    def notice(self, text: str) -> None:
        """Something that the user should know."""


class Trained(NamedTuple):
    """What came out; the module holds the weights of `best_epoch` (0: those of the last step, no epoch was finished)."""

    outcome: str
    failure: UserError | None
    best_epoch: int
    epochs: tuple[Epoch, ...]
    losses: np.ndarray
    accuracies: np.ndarray
    seconds: float
    pictures: int


def batch_size(recipe: Recipe, pictures: int) -> int:
    """Pictures shown at once: the recipe's, but at most a sixteenth of the training pictures, and at least 8 where there are as many."""
    return max(1, min(recipe.batch, pictures, max(8, pictures // FEWEST_STEPS)))


def step_size(recipe: Recipe, pictures: int) -> int:
    """Pictures that make one step: as many batches as the recipe accumulates, but at most all."""
    return min(pictures, recipe.accumulate * batch_size(recipe, pictures))


def steps_per_epoch(pictures: int, batch: int) -> int:
    """Steps in which about all pictures are shown once."""
    return max(1, round(pictures / batch))


def train(
    module: nn.Module,
    training: Part | Feed,
    validation: Part | LaterPart | None,
    recipe: Recipe,
    normalise: Normalise,
    arithmetic: Arithmetic,
    token: CancelToken,
    watcher: Watcher,
) -> Trained:
    """Train a module in place, on the device that it is on.

    The weights of the best epoch are kept: that of the highest validation accuracy, among equals that of the lowest validation loss;
    without validation pictures the last epoch's.

    Returns
    -------
    Trained
        Outcome "completed", "cancelled", or "failed" with `failure` where the loss became NaN or infinite.
    """
    run = _Run(module, training, validation, recipe, normalise, arithmetic, token, watcher)
    outcome, failure = "completed", None
    try:
        run.all_epochs()
    except Cancelled:
        outcome = "cancelled"
    except _Diverged as error:
        outcome, failure = "failed", diverged(error.step, error.loss, recipe)
    run.restore_best()
    return run.result(outcome, failure)


def diverged(step: int, loss: float, recipe: Recipe) -> UserError:
    """The sentence for a loss that is no number any more."""
    what = "NaN" if math.isnan(loss) else "infinite"
    rate = recipe.learning_rate
    return UserError(f"The loss became {what} at step {step} with learning rate {rate:g}.", f"Try {rate / 10:g}.")


class _Diverged(Exception):
    def __init__(self, step: int, loss: float) -> None:
        super().__init__(step, loss)
        self.step, self.loss = step, loss


class _Run:
    """One training under way."""

    def __init__(
        self,
        module: nn.Module,
        training: Part | Feed,
        validation: Part | LaterPart | None,
        recipe: Recipe,
        normalise: Normalise,
        arithmetic: Arithmetic,
        token: CancelToken,
        watcher: Watcher,
    ) -> None:
        self.module, self.validation, self.recipe = module, validation, recipe
        self.normalise, self.arithmetic, self.token, self.watcher = normalise, arithmetic, token, watcher
        self.device = next(module.parameters()).device
        self.feed: Feed = Resident(training, self.device) if isinstance(training, Part) else training
        self.batch = step_size(recipe, len(training.labels))
        self.steps_per_epoch = steps_per_epoch(len(training.labels), self.batch)
        self.steps = self.steps_per_epoch * recipe.epochs
        self.augment = Augment(normalise, recipe.augmentation, recipe.seed, self.device)
        self.mix = Mix(recipe.augmentation, recipe.seed, self.device)
        self.criterion = Criterion(recipe, training.labels, self.device)
        self.optimiser = make_optimiser(module, recipe, self.device)
        self.gradients = Gradients(module, recipe)
        self.average = Average(module, recipe.ema) if recipe.ema else None
        self.thawing = Thawing(module, recipe.unfreeze)
        self.limits = Limits(recipe)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=arithmetic.precision is torch.float16)
        self.losses = torch.zeros(self.steps, device=self.device)
        self.hits = torch.zeros(self.steps, device=self.device)
        self.kept_losses = np.zeros(self.steps, np.float32)
        self.kept_accuracies = np.zeros(self.steps, np.float32)
        self.heads = [part for part in module.modules() if isinstance(part, Auxiliary) and not is_frozen(part)]
        self.pieces = recipe.accumulate  # a step's pictures are shown in so many parts; doubled when memory runs out
        self.told = 0  # steps that the watcher knows of
        self.rate = 0.0
        self.seconds = 0.0
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.best_state: dict[str, torch.Tensor] = {}

    def all_epochs(self) -> None:
        labels = self.feed.labels
        if self.recipe.balanced_sampling:
            batches = balanced_stream(labels, self.batch, self.recipe.seed, labels.device)
        else:
            batches = stream(len(labels), self.batch, self.recipe.seed, labels.device)
        batches = self.feed.ahead(batches)
        for number in range(1, self.recipe.epochs + 1):
            self.thawing.at(number)
            last = self.one_epoch(number, batches)
            self.validate(number, last)
            ended = self.limits.after(self.epochs[-1].validation_loss, self.epochs[-1].validation_accuracy, self.seconds)
            if ended and number < self.recipe.epochs:
                self.watcher.notice(f"{ended} The training has ended after epoch {number}.")
                break

    def one_epoch(self, number: int, batches: Iterator[torch.Tensor]) -> int:
        """The steps of an epoch, or as many as the time allows; gives the number of steps done since the beginning."""
        first = (number - 1) * self.steps_per_epoch
        last = first + self.steps_per_epoch
        to_training(self.module)
        begun = told = time.perf_counter()
        before = self.seconds
        try:
            for step in range(first, last):
                self.token.check()
                rows = next(batches)
                self.set_rate(step, before + time.perf_counter() - begun)
                self.step(step, *self.feed.batch(rows))
                now = time.perf_counter()
                if now - told >= PARCEL_SECONDS:
                    told = now
                    self.seconds = before + now - begun
                    self.tell(step + 1)
                if self.limits.over(before + now - begun):
                    last = step + 1
                    break
            self.tell(last)
        finally:
            self.seconds = before + time.perf_counter() - begun
        return last

    def set_rate(self, step: int, seconds: float) -> None:
        self.rate = learning_rate(self.recipe, self.limits.place(step, self.steps, seconds), self.steps)
        set_rate(self.optimiser, self.rate)

    def step(self, step: int, pixels: torch.Tensor, labels: torch.Tensor) -> None:
        """One step of the optimiser; when memory runs out, again in smaller pieces of the same sum."""
        while True:
            try:
                with self.watcher.watching(step + 1):
                    self.accumulate(step, pixels, labels)
                break
            except RuntimeError as error:
                if not _out_of_memory(error) or self.pieces >= self.batch:
                    raise
            self.optimiser.zero_grad()
            for head in self.heads:
                head.logits = None
            self.pieces *= 2
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.watcher.notice(f"The device ran out of memory: each batch of {self.batch} is now shown in {self.pieces} parts.")
        self.watcher.gradients(step + 1, self.scaler.get_scale)
        if self.gradients.changed:
            self.scaler.unscale_(self.optimiser)
            self.gradients.change()
        self.scaler.step(self.optimiser)
        self.watcher.stepped(step + 1)
        self.scaler.update()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update()

    def accumulate(self, step: int, pixels: torch.Tensor, labels: torch.Tensor) -> None:
        precision = self.arithmetic.precision
        lowered = torch.autocast(self.device.type, dtype=precision) if precision is not torch.float32 else contextlib.nullcontext()
        self.losses[step] = 0
        self.hits[step] = 0
        size = math.ceil(len(labels) / self.pieces)
        for start in range(0, len(labels), size):
            part = labels[start : start + size]
            share = len(part) / len(labels)
            pictures = self.augment(pixels[start : start + size])
            both = None if self.mix.off else self.mix(pictures, part)
            with lowered:
                logits = self.module(pictures if both is None else both.pictures).float()
            loss = self.criterion(logits, part, both)
            for head in self.heads:
                loss = loss + head.share * self.criterion(head.taken().float(), part, both)
            loss = loss * share
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self.losses[step] += loss.detach()
            self.hits[step] += (logits.detach().argmax(1) == (part if both is None else larger_share(both))).sum()
            if self.pieces > 1:
                self.token.check()

    def tell(self, step: int) -> None:
        """Fetch the figures of the steps up to `step` and pass them on."""
        if step == self.told:
            return
        losses = self.losses[self.told : step].cpu().numpy().copy()
        accuracies = self.hits[self.told : step].cpu().numpy() / np.float32(self.batch)
        self.kept_losses[self.told : step] = losses
        self.kept_accuracies[self.told : step] = accuracies
        bad = np.flatnonzero(~np.isfinite(losses))
        good = int(bad[0]) if len(bad) else len(losses)
        first, self.told = self.told + 1, self.told + good
        if good:
            self.watcher.parcel(Parcel(first, losses[:good], accuracies[:good], self.rate, self.seconds, self.steps, self.feed.waited))
        if len(bad):
            raise _Diverged(first + good, float(losses[good]))

    def validate(self, number: int, last: int) -> None:
        """Measure what would be kept, which is the running mean of the weights where there is one."""
        with self.average.in_place() if self.average is not None else contextlib.nullcontext():
            self.measure(number, slice((number - 1) * self.steps_per_epoch, last))

    def measure(self, number: int, these: slice) -> None:
        loss, accuracy, confusion = math.nan, math.nan, None
        self.module.eval()
        if self.validation is not None:
            logits = logits_of(self.module, self.validation.pixels, self.normalise, self.token, self.arithmetic)
            labels = self.validation.labels.cpu()
            loss = float(self.criterion.plain(logits, labels))
            confusion = confusion_matrix(labels.numpy(), logits.argmax(1).numpy(), logits.shape[1])
            accuracy = float(np.trace(confusion) / len(labels))
        means = float(self.kept_losses[these].mean()), float(self.kept_accuracies[these].mean())
        epoch = Epoch(number, these.stop, *means, loss, accuracy, confusion)
        self.epochs.append(epoch)
        if self.best is None or better(epoch, self.best):
            self.best = epoch
            self.best_state = {name: value.clone() for name, value in self.module.state_dict().items()}
        self.watcher.epoch(epoch)

    def restore_best(self) -> None:
        if self.best is not None:
            self.module.load_state_dict(self.best_state)
        self.thawing.all()
        self.module.eval()

    def result(self, outcome: str, failure: UserError | None) -> Trained:
        return Trained(
            outcome=outcome,
            failure=failure,
            best_epoch=self.best.number if self.best else 0,
            epochs=tuple(self.epochs),
            losses=self.kept_losses[: self.told].copy(),
            accuracies=self.kept_accuracies[: self.told].copy(),
            seconds=self.seconds,
            pictures=self.told * self.batch,
        )


def better(epoch: Epoch, best: Epoch) -> bool:
    """Whether an epoch is to be kept rather than the best one before; without validation pictures the later one is."""
    return epoch.confusion is None or _rank(epoch) > _rank(best)


def _rank(epoch: Epoch) -> tuple[bool, float, float]:
    """The higher the better. Weights that are no numbers any more can still hit a large class, and come last all the same."""
    finite = math.isfinite(epoch.validation_loss)
    return finite, epoch.validation_accuracy, -epoch.validation_loss if finite else 0.0


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
