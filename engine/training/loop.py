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
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from engine.control import Cancelled, CancelToken
from engine.data.augmentation import Normalise
from engine.evaluation.metrics import confusion_matrix
from engine.failure import UserError
from engine.training import divergence, state, steered
from engine.training.checkpoint import Keeper, Offer, State
from engine.training.feeding import Feed, LaterPart, Part, Resident
from engine.training.figures import Figures
from engine.training.freezing import Thawing, to_training
from engine.training.inference import logits_of
from engine.training.limits import Limits
from engine.training.pace import Pace
from engine.training.precision import Arithmetic
from engine.training.presets import lower_rate
from engine.training.recipe import Recipe
from engine.training.sampling import balanced_stream, stream
from engine.training.sizes import step_size, steps_per_epoch
from engine.training.steering import Steering, rate_words
from engine.training.stepping import Stepper, out_of_memory
from engine.training.team import LONE, Ended, Team
from engine.training.telling import Epoch, Mark, Parcel, Trained, Watcher, better

PARCEL_SECONDS = 0.033


class Begin(NamedTuple):
    """Where a training goes on: the states to try, of which the first that fits is taken; the new number of epochs in all, or None; the
    new peak of the learning rate, or None; who is told what the curves have so far."""

    states: Iterable[State]
    epochs: int | None = None
    learning_rate: float | None = None
    told: Callable[[Trained], None] | None = None


class Unfit(Exception):
    """There is no state that fits the network, the pictures and the recipe."""


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
    team: Team = LONE,
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
    team : Team
        The processes that do this together; only the one that leads validates, and knows what has come out.

    Returns
    -------
    Trained
        Outcome "completed", "cancelled", or "failed" with `failure` where the loss became NaN or infinite.

    Raises
    ------
    Unfit
        If `begin` has no state that fits.
    """
    run = _Run(module, training, validation, recipe, normalise, arithmetic, token, watcher, team)
    run.keeper, run.steering, run.so_far = keeper, steering, so_far
    if begin is not None:
        run.go_on(begin)
    outcome, failure = "cancelled", None
    try:
        run.first_state()
        if begun is not None:
            begun()
        with contextlib.suppress(Cancelled, Ended):
            run.all_epochs()
            outcome = "completed"
            if not team.leads:
                team.at_step(0.0)  # there is none: the word is that the training has ended
        team.end()
        run.keep(wait=True)
    except _Diverged as error:
        team.end()
        outcome, failure = "failed", run.back_from(error)
    run.restore_best()
    return run.result(outcome, failure)


def diverged(recipe: Recipe, step: int, loss: float, rate: float, began: str) -> UserError:
    """The sentence for a loss that is no number any more, with the peak of the learning rate; `began` says where that began."""
    what = "NaN" if math.isnan(loss) else "infinite"
    return UserError(f"The loss became {what} at step {step} with learning rate {rate:g}.{began}", f"Try {lower_rate(recipe, rate):g}.")


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
        team: Team,
    ) -> None:
        self.team = team
        self.module, self.validation, self.recipe = module, validation, recipe
        self.normalise, self.arithmetic, self.token, self.watcher = normalise, arithmetic, token, watcher
        self.device = next(module.parameters()).device
        self.feed: Feed = Resident(training, self.device) if isinstance(training, Part) else training
        self.batch = step_size(recipe, len(training.labels))
        self.steps_per_epoch = steps_per_epoch(len(training.labels), self.batch)
        self.stepper = Stepper(module, recipe, training.labels, normalise, arithmetic, team)
        self.thawing, self.limits = Thawing(module, recipe.unfreeze), Limits(recipe)
        labels = self.feed.labels
        if recipe.balanced_sampling:
            self.order = balanced_stream(labels, self.batch, recipe.seed, labels.device)
        else:
            self.order = stream(len(labels), self.batch, recipe.seed, labels.device)
        self.batches: Iterator[torch.Tensor] = iter(())
        self.pace = Pace(recipe, self.steps_per_epoch)
        self.figures = Figures(self.pace.steps, self.batch, self.device)
        self.marks: list[Mark] = []
        self.keeper: Keeper | None = None
        self.steering: Steering | None = None
        self.so_far: Callable[[Trained, dict[str, torch.Tensor]], None] | None = None
        self.kept_epochs = 0  # epochs that the run on disk knows of
        self.done = 0  # steps
        self.whole = True  # whether the module is as the last step left it, not within one
        self.finishing = False
        self.rate = 0.0
        self.seconds = 0.0
        self.epochs: list[Epoch] = []
        self.best: Epoch | None = None
        self.best_state: dict[str, torch.Tensor] = {}

    # ------------------------------------------------------------ epochs and steps

    def all_epochs(self) -> None:
        self.batches = self.feed.ahead(map(self.stepper.own, self.order))
        while (number := len(self.epochs) + 1) <= self.pace.epochs and not self.finishing:
            self.thawing.at(number)
            last = self.one_epoch(number)
            self.validate(number, last)
            ended = self.limits.after(self.epochs[-1].validation_loss, self.epochs[-1].validation_accuracy, self.seconds)
            if ended and number < self.pace.epochs:
                self.mark(ended.removesuffix("."))
                self.watcher.notice(f"{ended} The training has ended after epoch {number}.", "info")
                break
            self.keep_when_due(ended=True)

    def one_epoch(self, number: int) -> int:
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
                        steered.steer(self, steering, number)
                    finally:  # holding is no training
                        before, begun = self.seconds, time.perf_counter()
                pixels, labels = self.feed.batch(next(self.batches))
                self.set_rate(step, before + time.perf_counter() - begun)
                self.whole = False
                self.step(step, pixels, labels)
                self.done, self.whole = step + 1, True
                now = time.perf_counter()
                if now - told >= PARCEL_SECONDS:
                    told = now
                    self.seconds = before + now - begun
                    self.tell(step + 1)
                    self.keep_when_due()
                if self.team.leads and self.limits.over(before + now - begun):
                    last = step + 1
                    break
            self.seconds = before + time.perf_counter() - begun
            self.tell(last)
        finally:
            self.seconds = before + time.perf_counter() - begun
        return last

    def set_rate(self, step: int, seconds: float) -> None:
        """Set the rate of the step that begins now; the processes of a team begin it together, with that of the one that leads."""
        self.rate = self.figures.rates[step] = self.team.at_step(self.pace.rate(step, self.limits, seconds))

    def step(self, step: int, pixels: torch.Tensor, labels: torch.Tensor) -> None:
        """One step of the optimiser; when memory runs out, again in smaller pieces of the same sum."""
        self.team.seed(self.recipe.seed, step)
        while True:
            lacking = False
            try:
                with self.watcher.watching(step + 1) as listening:
                    passed = self.stepper.passes(pixels, labels, self.token if self.team.lone else CancelToken(), listening)
            except RuntimeError as error:
                if not out_of_memory(error) or self.stepper.pieces >= self.batch or not (self.team.lone or self.stepper.careful):
                    raise
                lacking = True
            if not (self.team.any(lacking) if self.stepper.careful else lacking):
                break
            self.stepper.in_smaller_pieces()
            pieces = self.stepper.pieces
            self.watcher.notice(f"The device ran out of memory: each batch of {self.batch} is now shown in {pieces} parts.")
            self.mark(f"Out of memory: {pieces} parts a batch", step)
            if not self.team.lone:
                pixels, labels = self.fetched_anew(step)
        self.figures.put(step, *self.stepper.of_all(passed))
        self.stepper.update(step + 1, self.rate, self.watcher)

    def fetched_anew(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The pictures of a step once more: in other pieces this process has others of them."""
        self.order.go_to(self.order.place(step))
        self.batches = self.feed.ahead(map(self.stepper.own, self.order))
        return self.feed.batch(next(self.batches))

    def tell(self, step: int) -> None:
        """Fetch the figures of the steps up to `step` and pass them on."""
        if step == self.figures.told or not self.team.leads:
            return
        first, losses, accuracies, bad = self.figures.fetch(step)
        if len(losses):
            told = losses, accuracies, self.rate, self.seconds, self.pace.steps, self.feed.waited, self.pace.epochs
            self.watcher.parcel(Parcel(first, *told))
        if bad is not None:
            raise _Diverged(first + len(losses), bad)

    # ------------------------------------------------------------ validating, and what came out

    def validate(self, number: int, last: int) -> None:
        """Measure what would be kept, which is the running mean of the weights where there is one."""
        if not self.team.leads:
            self.epochs.append(Epoch(number, last, math.nan, math.nan, math.nan, math.nan, None))
            return
        average = self.stepper.average
        with average.in_place() if average is not None else contextlib.nullcontext():
            self.measure(number, slice(self.epochs[-1].step if self.epochs else 0, last))  # time may have ended the one before

    def measure(self, number: int, these: slice) -> None:
        loss, accuracy, confusion = math.nan, math.nan, None
        self.module.eval()
        if self.validation is not None:
            logits = logits_of(self.module, self.validation.pixels, self.normalise, self.token, self.arithmetic)
            labels = self.validation.labels.cpu()
            loss = float(self.stepper.criterion.plain(logits, labels))
            confusion = confusion_matrix(labels.numpy(), logits.argmax(1).numpy(), logits.shape[1])
            accuracy = float(np.trace(confusion) / len(labels))
        means = float(self.figures.losses[these].mean()), float(self.figures.accuracies[these].mean())
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
        told = self.figures.told
        return Trained(
            outcome=outcome,
            failure=failure,
            best_epoch=self.best.number if self.best else 0,
            epochs=tuple(self.epochs),
            losses=self.figures.losses[:told].copy(),
            accuracies=self.figures.accuracies[:told].copy(),
            seconds=self.seconds,
            pictures=told * self.batch,
            rates=self.figures.rates[:told].copy(),
            marks=tuple(self.marks),
            planned=self.pace.epochs,
        )

    # ------------------------------------------------------------ steering

    def mark(self, text: str, step: int | None = None) -> None:
        """Write something on the curve, after the steps that are done."""
        mark = Mark(self.done if step is None else step, text)
        self.marks.append(mark)
        self.watcher.marked(mark)

    def stretch(self, epochs: int) -> None:
        """Train for so many epochs in all."""
        self.pace.stretch(epochs, self.done)
        self.figures.make_room(self.pace.steps)
        self.mark(f"{epochs:,} epochs")

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
            self.watcher.notice(problem, passing=True)

    def offer(self) -> Offer | None:
        """The state as it is now; None where weights are no numbers any more, of which the next step will tell."""
        if not all(bool(value.isfinite().all()) for value in self.module.state_dict().values() if value.is_floating_point()):
            return None
        afterwards = None
        if self.so_far is not None and len(self.epochs) > self.kept_epochs:
            self.kept_epochs = len(self.epochs)
            afterwards = partial(self.so_far, self.result("running", None), self.best_state)

        return Offer(state.state_of(self), afterwards)

    def go_on(self, begin: Begin) -> None:
        """Take up an earlier training."""
        if not state.take_up(self, begin.states):
            raise Unfit
        if begin.told is not None:
            begin.told(self.result("running", None))
        self.finishing = False
        if begin.learning_rate is not None:
            before = self.pace.peak
            self.pace.to_peak(begin.learning_rate)
            self.mark(rate_words(before, begin.learning_rate))
        if begin.epochs is not None and begin.epochs != self.pace.epochs:
            self.stretch(max(begin.epochs, len(self.epochs)))
        elif len(self.epochs) < self.pace.epochs:
            self.mark("Resumed")

    def back_from(self, error: _Diverged) -> UserError:
        """Go back to the last good state from a loss that is no number; gives the sentence, which says where that began."""
        names = "figures", "marks", "epochs", "best", "best_state", "seconds"
        told = {name: getattr(self, name) for name in names}  # the curve shows how it came
        rate, began = self.pace.peak, ""
        if self.keeper is not None:
            self.figures = Figures(self.pace.steps, self.batch, self.device)
            if state.take_up(self, self.keeper.generations()) and self.team.lone:  # those of a team have left
                began = divergence.sentence(self, error.step)
                state.take_up(self, self.keeper.generations())
        for name, value in told.items():
            setattr(self, name, value)
        return diverged(self.recipe, error.step, error.loss, rate, began)
