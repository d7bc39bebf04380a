"""The training loop: pictures lie on the device as uint8, and nothing but parcels of losses leaves it while it runs.

Steps are cut from an endless stream of permutations, so that every batch is full and, over the epochs, every picture (or, balanced,
every class) is shown equally often. Order, augmentation and mixing have generators of their own; only dropout draws from torch's global
one.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import torch
from msgspec.structs import replace
from torch import nn

from engine.control import Cancelled, CancelToken
from engine.data.augmentation import Augment, Mix, Normalise
from engine.evaluation.metrics import confusion_matrix
from engine.failure import UserError
from engine.networks.modules.containers import Auxiliary
from engine.training import checkpoint, divergence
from engine.training.averaging import Average
from engine.training.checkpoint import Keeper, Offer, State
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
from engine.training.steering import Steering, Wishes

PARCEL_SECONDS = 0.033
NO_RATES = np.zeros(0, np.float32)
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

    def marked(self, mark: Mark) -> None:
        """Something happened that the curve shows."""

    def held(self, paused: bool, step: int) -> None:
        """The training holds after a step, or goes on."""


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


def batch_size(recipe: Recipe, pictures: int) -> int:
    """Pictures shown at once: the recipe's, but at most a sixteenth of the training pictures, and at least 8 where there are as many."""
    return max(1, min(recipe.batch, pictures, max(8, pictures // FEWEST_STEPS)))


def step_size(recipe: Recipe, pictures: int) -> int:
    """Pictures that make one step: as many batches as the recipe accumulates, but at most all."""
    return min(pictures, recipe.accumulate * batch_size(recipe, pictures))


def with_enough_epochs(recipe: Recipe, pictures: int) -> Recipe:
    """The recipe with as many epochs as its least number of steps needs."""
    wanted = math.ceil(recipe.least_steps / steps_per_epoch(pictures, step_size(recipe, pictures)))
    return replace(recipe, epochs=max(recipe.epochs, wanted))


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
    keeper: Keeper | None = None,
    steering: Steering | None = None,
    so_far: Callable[[Trained, dict[str, torch.Tensor]], None] | None = None,
    begun: Callable[[], None] | None = None,
    begin: Begin | None = None,
) -> Trained:
    """Train a module in place, on the device that it is on.

    The weights of the best epoch are kept: that of the highest validation accuracy, among equals that of the lowest validation loss;
    without validation pictures the last epoch's.

    Parameters
    ----------
    module, training, validation, recipe, normalise, arithmetic, token, watcher
        What learns from what, how, and who is told.
    keeper : Keeper or None
        Gets the state of the training every so often, and at its end.
    steering : Steering or None
        Asked between steps.
    so_far : callable or None
        Gets what came out so far and the weights of the best epoch, after epochs, on the keeper's thread.
    begun : callable or None
        Called once the first state is kept, before the first step.
    begin : Begin or None
        Go on with an earlier training instead of beginning one; all else must be as it was there.

    Returns
    -------
    Trained
        Outcome "completed", "cancelled", or "failed" with `failure` where the loss became NaN or infinite.

    Raises
    ------
    Unfit
        If `begin` has no state that fits.
    """
    run = _Run(module, training, validation, recipe, normalise, arithmetic, token, watcher)
    run.keeper, run.steering, run.so_far = keeper, steering, so_far
    if begin is not None:
        run.go_on(begin)
    outcome, failure = "cancelled", None
    try:
        run.first_state()
        if begun is not None:
            begun()
        with contextlib.suppress(Cancelled):
            run.all_epochs()
            outcome = "completed"
        run.keep(wait=True)
    except _Diverged as error:
        outcome, failure = "failed", run.back_from(error)
    run.restore_best()
    return run.result(outcome, failure)


class Begin(NamedTuple):
    """Where a training goes on: the states to try, of which the first that fits is taken; the new number of epochs in all, or None; who
    is told what the curves have so far."""

    states: Iterable[State]
    epochs: int | None = None
    told: Callable[[Trained], None] | None = None


class Unfit(Exception):
    """There is no state that fits the network, the pictures and the recipe."""


def diverged(step: int, loss: float, rate: float, began: str = "") -> UserError:
    """The sentence for a loss that is no number any more, with the peak of the learning rate; `began` says where that began."""
    what = "NaN" if math.isnan(loss) else "infinite"
    return UserError(f"The loss became {what} at step {step} with learning rate {rate:g}.{began}", f"Try {rate / 10:g}.")


class _Diverged(Exception):
    def __init__(self, step: int, loss: float) -> None:
        super().__init__(step, loss)
        self.step, self.loss = step, loss


MISFITS = (RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError)
"""What loading the state of another training raises."""


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
        labels = self.feed.labels
        if recipe.balanced_sampling:
            self.order = balanced_stream(labels, self.batch, recipe.seed, labels.device)
        else:
            self.order = stream(len(labels), self.batch, recipe.seed, labels.device)
        self.last_epoch = recipe.epochs
        self.schedule_steps, self.shift = self.steps, 0  # step s has the rate of step s + shift of a schedule of so many steps
        self.factor = 1.0  # peak of the learning rate by that of the recipe
        self.losses = torch.zeros(self.steps, device=self.device)
        self.hits = torch.zeros(self.steps, device=self.device)
        self.kept_losses = np.zeros(self.steps, np.float32)
        self.kept_accuracies = np.zeros(self.steps, np.float32)
        self.rates = np.zeros(self.steps, np.float32)
        self.marks: list[Mark] = []
        self.keeper: Keeper | None = None
        self.steering: Steering | None = None
        self.so_far: Callable[[Trained, dict[str, torch.Tensor]], None] | None = None
        self.kept_epochs = 0  # epochs that the run on disk knows of
        self.done = 0  # steps
        self.whole = True  # whether the module is as the last step left it, not within one
        self.finishing = False
        self.heads = [part for part in module.modules() if isinstance(part, Auxiliary) and not is_frozen(part)]
        self.pieces = recipe.accumulate  # a step's pictures are shown in so many parts; doubled when memory runs out
        self.told = 0  # steps that the watcher knows of
        self.rate = 0.0
        self.seconds = 0.0
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.best_state: dict[str, torch.Tensor] = {}

    def all_epochs(self) -> None:
        batches = self.feed.ahead(self.order)
        while (number := len(self.epochs) + 1) <= self.last_epoch and not self.finishing:
            self.thawing.at(number)
            last = self.one_epoch(number, batches)
            self.validate(number, last)
            ended = self.limits.after(self.epochs[-1].validation_loss, self.epochs[-1].validation_accuracy, self.seconds)
            if ended and number < self.last_epoch:
                self.watcher.notice(f"{ended} The training has ended after epoch {number}.")
                break
            self.keep_when_due(ended=True)

    def one_epoch(self, number: int, batches: Iterator[torch.Tensor]) -> int:
        """The steps of an epoch that are still to come, or as many as the time allows; gives the number of steps since the beginning."""
        last = number * self.steps_per_epoch
        to_training(self.module)
        begun = told = time.perf_counter()
        before = self.seconds
        steering = self.steering
        try:
            for step in range(self.done, last):
                self.token.check()
                if steering is not None and steering.asked:
                    self.seconds = before + time.perf_counter() - begun
                    try:
                        self.steer(steering, number)
                    finally:  # holding is no training
                        before, begun = self.seconds, time.perf_counter()
                rows = next(batches)
                self.set_rate(step, before + time.perf_counter() - begun)
                self.whole = False
                self.step(step, *self.feed.batch(rows))
                self.done, self.whole = step + 1, True
                now = time.perf_counter()
                if now - told >= PARCEL_SECONDS:
                    told = now
                    self.seconds = before + now - begun
                    self.tell(step + 1)
                    self.keep_when_due()
                if self.limits.over(before + now - begun):
                    last = step + 1
                    break
            self.tell(last)
        finally:
            self.seconds = before + time.perf_counter() - begun
        return last

    def set_rate(self, step: int, seconds: float) -> None:
        place = self.limits.place(step + self.shift, self.schedule_steps, seconds)
        self.rate = self.rates[step] = self.factor * learning_rate(self.recipe, place, self.schedule_steps)
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
            self.mark(f"Out of memory: {self.pieces} parts a batch", step)
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
            told = losses[:good], accuracies[:good], self.rate, self.seconds, self.steps, self.feed.waited, self.last_epoch
            self.watcher.parcel(Parcel(first, *told))
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
            rates=self.rates[: self.told].copy(),
            marks=tuple(self.marks),
            planned=self.last_epoch,
        )

    # ------------------------------------------------------------ steering

    def mark(self, text: str, step: int | None = None) -> None:
        """Write something on the curve, after the steps that are done."""
        mark = Mark(self.done if step is None else step, text)
        self.marks.append(mark)
        self.watcher.marked(mark)

    def steer(self, steering: Steering, number: int) -> None:
        """Fulfil what is wanted, and hold as long as that is."""
        self.tell(self.done)
        held = False
        while steering.asked:
            self.fulfil(steering.take(), number)
            if steering.paused and not held:
                held = True
                self.mark("Paused")
                self.keep()
                self.watcher.held(True, self.done)
            steering.hold(self.token)
        if held:
            self.watcher.held(False, self.done)

    def fulfil(self, wishes: Wishes, number: int) -> None:
        """Change the rate, the number of epochs, or the end; `number` is the epoch at hand."""
        if wishes.learning_rate is not None:
            self.factor = wishes.learning_rate / self.recipe.learning_rate
            self.mark(f"Learning rate {wishes.learning_rate:g}")
        if wishes.epochs is not None:
            self.stretch(max(wishes.epochs, number))
            self.mark(f"{self.last_epoch:,} epochs")
        if wishes.finish and not self.finishing:
            self.finishing = True
            self.mark("Ends after this epoch")
        if wishes != Wishes():
            self.keep()

    def stretch(self, epochs: int) -> None:
        """Train for so many epochs in all.

        What is left of the schedule is stretched or shortened to the steps that are left. Where nothing is left of it, as after the last
        epoch, the rate is that of a schedule of so many epochs from the beginning.
        """
        steps = epochs * self.steps_per_epoch
        left, share = steps - self.done, 1 - (self.done + self.shift) / self.schedule_steps
        self.schedule_steps = max(left, round(left / share)) if self.done and share > 0 and left > 0 else steps
        self.shift = self.schedule_steps - steps
        self.last_epoch, self.steps = epochs, steps
        self.make_room(steps)

    def make_room(self, steps: int) -> None:
        """For the figures of so many steps at least."""
        lacking = steps - len(self.rates)
        if lacking > 0:
            self.losses, self.hits = (nn.functional.pad(figures, (0, lacking)) for figures in (self.losses, self.hits))
            self.kept_losses, self.kept_accuracies, self.rates = (
                np.pad(figures, (0, lacking)) for figures in (self.kept_losses, self.kept_accuracies, self.rates)
            )

    # ------------------------------------------------------------ keeping, and going on

    def first_state(self) -> None:
        """Keep where a training begins, before its first step: from then on it can be killed."""
        if self.done == 0:
            self.keep(wait=True)

    def keep_when_due(self, ended: bool = False) -> None:
        if self.keeper is not None and self.keeper.due(ended):
            self.keep()

    def keep(self, wait: bool = False) -> None:
        """Keep the state; a training that stands within a step leaves the state before."""
        if self.keeper is None or not self.whole:
            return
        self.tell(self.done)
        self.keeper.keep(self.offer, wait)
        problem = self.keeper.problem()
        if problem:
            self.watcher.notice(problem)

    def offer(self) -> Offer | None:
        """The state as it is now; None where weights are no numbers any more, of which the next step will tell."""
        if not all(bool(value.isfinite().all()) for value in self.module.state_dict().values() if value.is_floating_point()):
            return None
        afterwards = None
        if self.so_far is not None and len(self.epochs) > self.kept_epochs:
            self.kept_epochs = len(self.epochs)
            afterwards = partial(self.so_far, self.result("running", None), self.best_state)

        return Offer(self.state_dict(), afterwards)

    def parts(self) -> dict[str, checkpoint.Stateful]:
        """What has a past besides the module."""
        parts: dict[str, checkpoint.Stateful] = {
            "optimiser": self.optimiser,
            "scaler": self.scaler,
            "augment": self.augment,
            "mix": self.mix,
        }
        return parts if self.average is None else {**parts, "average": self.average}

    def state_dict(self) -> State:
        """All that decides what comes; nothing of it is changed by later steps."""
        generators = {"cpu": torch.get_rng_state()}
        if self.device.type != "cpu":
            generators[self.device.type] = torch.get_device_module(self.device).get_rng_state(self.device)
        return {
            "step": self.done,
            "epochs": [list(epoch[:6]) for epoch in self.epochs],
            "best": 0 if self.best is None else self.best.number,
            "planned": self.last_epoch,
            "schedule": [self.schedule_steps, self.shift, self.factor],
            "finishing": self.finishing,
            "pieces": self.pieces,
            "seconds": self.seconds,
            "marks": [list(mark) for mark in self.marks],
            "losses": self.kept_losses[: self.done].copy(),
            "accuracies": self.kept_accuracies[: self.done].copy(),
            "rates": self.rates[: self.done].copy(),
            "order": self.order.place(self.done),
            "generators": generators,
            "module": checkpoint.copied(self.module.state_dict()),
            "best_state": {name: value.cpu() for name, value in self.best_state.items()},
            "parts": {name: checkpoint.copied(part.state_dict()) for name, part in self.parts().items()},
        }

    def load_state_dict(self, state: State) -> None:
        """Be as that training was; raises one of MISFITS where the state is of another one."""
        self.module.load_state_dict(state["module"])
        for name, part in self.parts().items():
            if part is self.optimiser:
                checkpoint.load_optimiser(self.optimiser, state["parts"][name])
            else:
                part.load_state_dict(state["parts"][name])
        self.order.go_to(state["order"])
        self.done = self.told = int(state["step"])
        self.last_epoch, self.pieces, self.seconds = int(state["planned"]), int(state["pieces"]), float(state["seconds"])
        self.steps = self.last_epoch * self.steps_per_epoch
        self.schedule_steps, self.shift, self.factor = state["schedule"]
        self.finishing = bool(state["finishing"])
        self.make_room(max(self.steps, self.done))
        self.kept_losses[: self.done], self.kept_accuracies[: self.done] = state["losses"], state["accuracies"]
        self.rates[: self.done] = state["rates"]
        self.marks = [Mark(*mark) for mark in state["marks"]]
        self.epochs = [Epoch._make((*figures, None)) for figures in state["epochs"]]
        self.best = self.epochs[state["best"] - 1] if state["best"] else None
        self.best_state = {name: value.to(self.device) for name, value in state["best_state"].items()}
        self.kept_epochs = len(self.epochs)
        self.limits = Limits(self.recipe)
        for epoch in self.epochs:  # they know patience by what they were told
            self.limits.after(epoch.validation_loss, epoch.validation_accuracy, 0.0)
        self.rate = float(self.rates[self.done - 1]) if self.done else 0.0
        self.whole = True
        torch.set_rng_state(state["generators"]["cpu"])
        if self.device.type != "cpu" and self.device.type in state["generators"]:
            torch.get_device_module(self.device).set_rng_state(state["generators"][self.device.type], self.device)

    def go_on(self, begin: Begin) -> None:
        """Take up an earlier training."""
        if not self.take_up(begin.states):
            raise Unfit
        if begin.told is not None:
            begin.told(self.result("running", None))
        self.finishing = False
        if begin.epochs is not None and begin.epochs != self.last_epoch:
            self.stretch(max(begin.epochs, len(self.epochs)))
            self.mark(f"{self.last_epoch:,} epochs")
        elif len(self.epochs) < self.last_epoch:
            self.mark("Resumed")

    def take_up(self, states: Iterable[State]) -> bool:
        """Be as the first of these states that fits."""
        for state in states:
            with contextlib.suppress(*MISFITS):
                self.load_state_dict(state)
                return True
        return False

    def back_from(self, error: _Diverged) -> UserError:
        """Go back to the last good state from a loss that is no number; gives the sentence, which says where that began."""
        names = "kept_losses", "kept_accuracies", "rates", "told", "marks", "epochs", "best", "best_state", "seconds"
        told = {name: getattr(self, name) for name in names}  # the curve shows how it came
        rate, began = self.factor * self.recipe.learning_rate, ""
        if self.keeper is not None and self.take_up(self.keeper.generations()):
            began = divergence.sentence(self, error.step)
            self.take_up(self.keeper.generations())
        for name, value in told.items():
            setattr(self, name, value)
        return diverged(error.step, error.loss, rate, began)


def better(epoch: Epoch, best: Epoch) -> bool:
    """Whether an epoch is to be kept rather than the best one before; without validation pictures the later one is."""
    return epoch.confusion is None or _rank(epoch) > _rank(best)


def _rank(epoch: Epoch) -> tuple[bool, float, float]:
    """The higher the better. Weights that are no numbers any more can still hit a large class, and come last all the same."""
    finite = math.isfinite(epoch.validation_loss)
    return finite, epoch.validation_accuracy, -epoch.validation_loss if finite else 0.0


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
