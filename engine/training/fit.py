"""From a dataset to a run on disk: what the window's Train and the command `train` have in common. Needs no project."""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from msgspec.structs import replace

from engine import device as devices
from engine.classic.nearest import NearestNeighbour
from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.preprocessing import WHITE, Preprocessing, ResizeMode
from engine.evaluation.metrics import confusion_matrix
from engine.failure import UserError
from engine.messages import (
    EpochDone,
    Event,
    JobProgress,
    Notice,
    PinUnit,
    StepsDone,
    TrainingFinished,
    TrainingMarked,
    TrainingStarted,
)
from engine.networks import weights as foreign
from engine.networks import zoo
from engine.networks.build import build
from engine.networks.layers import Network
from engine.networks.libraries import Input
from engine.networks.resolve import analysis_of, resolve_any
from engine.project import runs
from engine.project.records import RunHistory, RunRecord, Split
from engine.training import (
    freezing,
    initialising,
    loop,
    neocognitron,
    precision,
    preparing,
    saved,
    seen,
    sizes,
    suiting,
    supplying,
    tensorboard,
    trained_on,
)
from engine.training import recipe as recipes
from engine.training.checkpoint import Keeper, none_left
from engine.training.feeding import Feed, LaterPart, Part
from engine.training.inference import logits_of
from engine.training.preparing import Decoded
from engine.training.probe import AsTheyAre, Features
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.reporting import Reporter, epoch_done
from engine.training.room import check_room
from engine.training.steering import Steering
from engine.training.streaming import Streamed
from engine.training.telling import NOTHING, Trained
from engine.training.trained_on import TrainedOn

Emit = Callable[[Event], None]
CLASSIC_CHUNK = 1024
PAST_STEPS = 64  # told with one learning rate when a training goes on
# Multiply-adds of a step's forward pass for which one more CPU thread pays. A rule and no measurement: the number of threads shows in
# the last bits, and the same seed should give the same weights on a busy and on a quiet machine. LeNet-5 in batches of 128 (53 million)
# takes 10.5 ms a step on one thread, and on two between 8 on a quiet machine and 16 beside one other busy program.
WORK_OF_A_THREAD = 50_000_000


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(multiply_adds: int, most: int) -> int:
    """CPU threads for a step of so many multiply-adds."""
    return max(1, min(most, round(multiply_adds / WORK_OF_A_THREAD)))


def fit(
    dataset: Dataset,
    network: str,
    recipe: Recipe,
    size: int | None,
    folder: Path,
    token: CancelToken,
    emit: Emit,
    pinned: Callable[[], PinUnit | None] = lambda: None,
    run_id: str = "",
    threads: int | None = None,
    resize: ResizeMode | None = None,
    ground: tuple[int, int, int] = WHITE,
    called: str = "",
    weights: str = "",
    freeze: bool = False,
    steering: Steering | None = None,
    parent: RunRecord | None = None,
) -> RunRecord:
    """Train a classifier and write the run.

    A cancelled training keeps what it has: outcome "cancelled", no test accuracy. It can go on, and so can one whose process was killed:
    see `engine.training.resuming`.

    Parameters
    ----------
    dataset : Dataset
        With splits.
    network : str
        A name of the zoo, a network JSON file, "torchvision:NAME" or "timm:NAME".
    recipe : Recipe
        Checked first.
    size : int or None
        Side of the network's input in pixels; None takes what suits.
    folder : Path
        The run's folder; made.
    token : CancelToken
        Checked at every step and chunk.
    emit : callable
        Gets JobProgress, Notice, TrainingStarted, StepsDone, FiltersChanged, EpochDone, UnitProbed, TrainingMarked, TrainingPaused,
        TrainingFinished.
    pinned : callable
        Tells the unit to probe after every epoch, or None.
    run_id : str
        The folder's name by default.
    threads : int or None
        CPU threads at most; all processors by default. Small networks take fewer, which leaves the others to the window.
    resize : str or None
        How pictures come to the working size, one of RESIZE_MODES; None takes what suits.
    ground : tuple of int
        sRGB colour, 0 to 255 each, on which transparent pictures lie.
    called : str
        What the run calls its network; `network` by default.
    weights : str
        Weights to begin with: a .pth or .safetensors file, or "pretrained" to fetch what a library offers; "" for new ones.
    freeze : bool
        Whether the last layer alone learns, and whatever those weights lack.
    steering : Steering or None
        Asked between steps whether something shall change.
    parent : RunRecord or None
        The run that `weights` are of: pictures are prepared as for it.

    Raises
    ------
    UserError
        If recipe, data and network do not go together, or the training diverged (the run is then kept up to its best epoch).
    Cancelled
        If it was cancelled before there was anything to keep.
    """
    try:
        recipes.check(recipe)
    except ValueError as error:
        raise UserError(str(error), "Change it in the recipe.") from None
    for warning in data.check_trainable(dataset):
        emit(Notice(level="warning", text=warning))
    if freeze and not weights:
        raise UserError(
            "There are no weights yet that the other layers could keep.", "Choose weights to begin with, or let all layers learn."
        )
    if weights and preparing.is_classic(network):
        raise UserError(f"{zoo.card(network).title} has no weights to begin with.", "Choose a network, or no weights.")
    if parent is None:
        preprocessing = preparing.preprocessing_for(network, data.typical_size(dataset), size, resize, ground, bool(weights))
    else:
        preprocessing = parent.preprocessing
    job = _Job(dataset, network, recipe, preprocessing, folder, token, emit, pinned, run_id or folder.name, threads or cores())
    job.called, job.weights, job.freeze, job.steering, job.parent = called or network, weights, freeze, steering, parent
    existed = folder.exists()
    try:
        with runs.trained_here(folder):
            return job.classic() if preparing.is_classic(network) else job.network()
    finally:
        if not job.worth_keeping:
            _take_away(folder, whole=not existed)


def _take_away(folder: Path, whole: bool) -> None:
    """Remove a run that came to nothing; of a folder that was there before only what would make it a run."""
    if whole:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name in (runs.RECORD, runs.LOCK, runs.CHECKPOINT, runs.CHECKPOINT_BEFORE):
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)


class GoingOn(NamedTuple):
    """A run that is taken up again: its record, what it was trained on, the new number of epochs in all and the new peak of the learning
    rate, or None."""

    record: RunRecord
    kept: TrainedOn
    epochs: int | None
    learning_rate: float | None = None


def go_on(
    going_on: GoingOn, folder: Path, token: CancelToken, emit: Emit, pinned: Callable[[], PinUnit | None], steering: Steering | None
) -> RunRecord:
    """Go on with a run, see `engine.training.resuming.resume`; parameters and errors otherwise as for `fit`."""
    record, kept = going_on.record, going_on.kept
    recipe = record.recipe if going_on.epochs is None else replace(record.recipe, epochs=going_on.epochs)
    try:
        recipes.check(recipe)
    except ValueError as error:
        raise UserError(f"The recipe of run {record.id} cannot be trained: {error}", "Begin a new run with its weights.") from None
    network = str(folder / saved.NETWORK)
    job = _Job(kept.dataset, network, recipe, record.preprocessing, folder, token, emit, pinned, record.id, record.threads)
    job.called, job.freeze, job.begun_with, job.created = record.network, record.frozen, record.begun_with, record.created
    job.steering, job.going_on, job.worth_keeping = steering, going_on, True
    with runs.trained_here(folder):
        return job.network()


class _Job:
    """One training, from decoding to the written run."""

    def __init__(
        self,
        dataset: Dataset,
        name: str,
        recipe: Recipe,
        preprocessing: Preprocessing,
        folder: Path,
        token: CancelToken,
        emit: Emit,
        pinned: Callable[[], PinUnit | None],
        run: str,
        threads: int,
    ) -> None:
        self.dataset, self.name, self.recipe, self.preprocessing = dataset, name, recipe, preprocessing
        self.folder, self.token, self.emit, self.pinned, self.run = folder, token, emit, pinned, run
        self.threads, self.called = threads, name
        self.weights, self.freeze, self.begun_with = "", False, ""
        self.open, self.measured = contextlib.ExitStack(), 0
        self.steering: Steering | None = None
        self.parent: RunRecord | None = None
        self.going_on: GoingOn | None = None
        self.worth_keeping = False  # whether there is more than the state before the first step
        self.device = devices.choose(recipe.device)
        self.created = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")

    def network(self) -> RunRecord:
        """Train a network; what feeds it is closed at the end."""
        with self.open:
            return self._network()

    def _network(self) -> RunRecord:
        pre = self.preprocessing
        network = resolve_any(self.name, (pre.channels, pre.height, pre.width), len(self.dataset.classes))  # refuses before it decodes
        organising = network if isinstance(network, Network) and neocognitron.organises_itself(network) else None
        if organising is not None:
            self.check_organising(organising)
        suiting.check(self.recipe, network)
        analysis = analysis_of(network)
        pictures = int(np.count_nonzero(self.dataset.splits == Split.TRAIN))
        check_room(network.title, analysis, sizes.batch_size(self.recipe, pictures), self.device, learns=not self.freeze)
        fitting = self.parent is not None and len(self.parent.classes) == len(self.dataset.classes)  # nothing has to be fitted
        learned = foreign.learned(network, self.weights, self.token, self.emit) if self.weights and not fitting else None
        parts = self.supplied(learned.input if learned is not None else None, None if organising is None else False)
        if self.parent is not None or self.going_on is not None:  # in the place of what was measured
            self.preprocessing = pre
        self.recipe = preparing.suited(self.recipe, network, pre.channels, len(parts[Split.TRAIN].labels))
        if self.going_on is None:
            self.recipe = sizes.with_enough_epochs(self.recipe, len(parts[Split.TRAIN].labels))
        batch = sizes.batch_size(self.recipe, len(parts[Split.TRAIN].labels))
        if self.going_on is not None:  # the number of threads shows in the last bits
            torch.set_num_threads(self.going_on.record.threads)
        else:
            torch.set_num_threads(threads_for(analysis.multiply_adds * batch, self.threads))
        normalise = Normalise(self.preprocessing, self.device)
        torch.manual_seed(self.recipe.seed)  # dropout draws from the global generator
        module = build(network, self.recipe.seed)
        initialising.begin(module, self.recipe)
        if learned is not None:
            self.begin_with(module, learned)
        if self.parent is not None and fitting:
            saved.put_weights(module, Path(self.weights), network)
            self.begun_with = f"the run {self.parent.id}"
        suiting.prepare(module, self.recipe)
        if self.going_on is not None:
            trained_on.let_learn(module, self.going_on.kept.decided)
        module = quicken(module.to(self.device), self.device)
        feed = supplying.feed_of(parts[Split.TRAIN], self.device, self.token, self.warn)
        self.open.callback(feed.close)
        training: Part | Feed = feed
        first, labels = feed.batch(torch.arange(batch, device=feed.labels.device))
        mixed = self.recipe.mixed_precision == "auto" and organising is None
        if self.going_on is not None:
            arithmetic = self.going_on.kept.decided.arithmetic
        else:
            arithmetic = precision.choose(module, normalise(first), labels, self.device, mixed)
        if arithmetic.channels_last:
            module.to(memory_format=torch.channels_last)
            normalise = Normalise(self.preprocessing, self.device, channels_last=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.going_on is not None:
            self.check_pictures(parts[Split.TRAIN], self.going_on)
        else:
            shown = parts[Split.TRAIN]
            if isinstance(shown, Decoded):
                seen.save(self.folder, shown.pixels, self.token)
            saved.save_network(self.folder, network)
        step = sizes.step_size(self.recipe, len(training.labels))
        per_epoch = sizes.steps_per_epoch(len(training.labels), step)
        self.started(network.title, analysis.parameters, parts, per_epoch)
        events = tensorboard.EventFile(self.folder / tensorboard.FOLDER) if self.recipe.tensorboard else None
        told = self.dataset, network, module, normalise, self.pinned, self.emit, self.folder, events
        reporter = Reporter(self.run, self.recipe.epochs, step, *told)

        def outcome_of(result: Trained) -> RunRecord:
            best = next((epoch for epoch in result.epochs if epoch.number == result.best_epoch), None)
            measured = best is not None and math.isfinite(best.validation_accuracy)
            self.recipe = replace(self.recipe, epochs=result.planned or self.recipe.epochs)
            return self.record(
                title=network.title,
                outcome=result.outcome,
                parameters=analysis.parameters,
                epochs=len(result.epochs),
                steps=len(result.losses) or per_epoch * len(result.epochs),
                seconds=result.seconds,
                images_per_second=result.pictures / max(result.seconds, 1e-9),
                train_loss=best.train_loss if best else float(result.losses.mean()) if len(result.losses) else None,
                validation_accuracy=best.validation_accuracy if best is not None and measured else None,
                best_epoch=result.best_epoch,
                precision=arithmetic.name,
                train_images=parts[Split.TRAIN].pictures,
            )

        validation = supplying.part_of(parts[Split.VALIDATION], self.device) if Split.VALIDATION in parts else None
        if validation is None and (self.recipe.target or self.recipe.patience):
            self.emit(Notice(level="warning", text=suiting.UNMEASURED))
        if organising is not None:
            whole = supplying.placed(parts[Split.TRAIN], self.device)
            beside = None if validation is None else supplying.placed(parts[Split.VALIDATION], self.device)
            ready, result = neocognitron.train(module, organising, whole, beside, self.recipe, normalise, self.token, reporter)
            saved.save_network(self.folder, ready)
        else:
            learner, seen_as = module, normalise
            if self.recipe.probe:
                learner, training, validation = self.probed(module, training, validation, normalise, arithmetic)
                seen_as = AsTheyAre(normalise)
            result = self.looped(learner, module, parts, training, validation, seen_as, arithmetic, reporter, outcome_of)
        if not self.worth_keeping and not result.epochs and (result.failure is not None or not len(result.losses)):
            raise result.failure or Cancelled()
        self.worth_keeping = True
        record = outcome_of(result)
        saved.save_weights(self.folder, module, record)
        runs.save_history(self.folder, _history(self.run, result))
        runs.save_record(self.folder, record)  # from here on the run exists, whatever happens to the test
        if result.outcome == "completed" and Split.TEST in parts:
            record = self.tested(record, parts[Split.TEST], lambda pixels: self.predicted(module, pixels, normalise, arithmetic))
        self.emit(TrainingFinished(record=record))
        if result.failure is not None:
            kept = f"The weights of epoch {result.best_epoch} are kept." if result.best_epoch else "The last good weights are kept."
            raise UserError(result.failure.message, f"{result.failure.remedy} {kept}")
        return record

    def looped(
        self,
        learner: torch.nn.Module,
        module: torch.nn.Module,
        parts: Mapping[Split, Decoded | supplying.Later | supplying.Streaming],
        training: Part | Feed,
        validation: Part | LaterPart | None,
        normalise: Normalise,
        arithmetic: precision.Arithmetic,
        reporter: Reporter,
        outcome_of: Callable[[Trained], RunRecord],
    ) -> Trained:
        """Train by gradient, and keep the state meanwhile: a run stands on disk from before the first step.

        `learner` is the part of the module that the loop trains, usually all of it.
        """
        going_on, rows = self.going_on, parts[Split.TRAIN].rows
        if going_on is None:
            chosen = self.freeze and not self.recipe.probe
            kept = TrainedOn(self.dataset, rows, trained_on.decided(module, arithmetic, chosen))
            trained_on.save(self.folder, kept)
        meanwhile = runs.RUNNING if going_on is None else going_on.record.outcome  # one that was stopped before stays in the list of runs
        inner = next((f"{name}." if name else "" for name, part in module.named_modules() if part is learner), "")
        around = {name: value for name, value in module.state_dict().items() if inner and not name.startswith(inner)}

        def so_far(result: Trained, best: dict[str, torch.Tensor]) -> None:
            record = replace(outcome_of(result), outcome=meanwhile)
            saved.save_state(self.folder, {**around, **{inner + name: value for name, value in best.items()}}, record)
            runs.save_history(self.folder, _history(self.run, result))
            runs.save_record(self.folder, record)
            self.worth_keeping = True

        def begun() -> None:
            if going_on is None:
                runs.save_record(self.folder, replace(outcome_of(NOTHING), outcome=meanwhile))

        with contextlib.closing(Keeper(self.folder)) as keeper:
            begin = None
            if going_on is not None:
                begin = loop.Begin(keeper.generations(), going_on.epochs, going_on.learning_rate, self.tell_past)
            told = self.token, reporter, keeper, self.steering, so_far, begun, begin
            try:
                result = loop.train(learner, training, validation, self.recipe, normalise, arithmetic, *told)
            except loop.Unfit:
                raise none_left(self.run) from None
            except Exception:
                self.worth_keeping = self.worth_keeping or keeper.states > 1
                raise
            self.worth_keeping = self.worth_keeping or (result.failure is not None and keeper.states > 1)
        if isinstance(training, Streamed):
            seen.add(self.folder, training.seen())
        return result

    def check_pictures(self, part: Decoded | supplying.Later | supplying.Streaming, going_on: GoingOn) -> None:
        """Refuse to go on with other pixels than those that the training began with: their numbers would mean other pictures."""
        known = seen.known(self.folder)
        same = np.array_equal(np.asarray(part.rows), going_on.kept.rows)
        if same and known is not None and isinstance(part, Decoded):
            same = bool(np.isin(known, seen.hashes(part.pixels, self.token)).all())  # of a stream those are known that were shown
        if not same:
            text = f"The training pictures of run {self.run} are not those that it began with: files were changed or are missing."
            raise UserError(text, "Put them back as they were, or begin a new run with its weights.")

    def tell_past(self, result: Trained) -> None:
        """What the curves had before the training was taken up again."""
        for first in range(0, len(result.losses), PAST_STEPS):
            some = slice(first, first + PAST_STEPS)
            self.emit(
                StepsDone(
                    run=self.run,
                    first_step=first + 1,
                    losses=result.losses[some],
                    accuracies=result.accuracies[some],
                    learning_rate=float(result.rates[some][-1]),
                )
            )
        for epoch in result.epochs:
            self.emit(epoch_done(self.run, epoch))
        for mark in result.marks:
            self.emit(TrainingMarked(run=self.run, step=mark.step, text=mark.text))

    def check_organising(self, network: Network) -> None:
        """Networks whose cells organise themselves take less of the recipe, which is said, and begin without weights."""
        neocognitron.check(network)
        if self.weights:
            raise UserError(f"The cells of {network.title} organise themselves from nothing.", "Train it without weights to begin with.")
        self.recipe = replace(self.recipe, suit_augmentation=False)
        self.emit(Notice(level="info", text=neocognitron.NOTICE))

    def begin_with(self, module: torch.nn.Module, learned: foreign.Learned) -> None:
        """Put weights in that were learned elsewhere, and say so."""
        foreign.put(module, learned)
        self.begun_with = f"{learned.weights.name} ({learned.match.source})"
        said = foreign.sentences(learned)
        if self.freeze:
            freezing.freeze(module, learned.match.last | (dict(module.named_parameters()).keys() - learned.match.taken.keys()))
            said = (*said, f"{freezing.learning(module):,} parameters learn, the others stay.")
        self.emit(Notice(level="info", text=" ".join(said)))

    def probed(
        self,
        module: torch.nn.Module,
        training: Part | Feed,
        validation: Part | LaterPart | None,
        normalise: Normalise,
        arithmetic: precision.Arithmetic,
    ) -> tuple[torch.nn.Module, Part, Part | None]:
        """The last layer, and what enters it for each picture."""
        features = Features(module)

        def progress(done: int, total: int) -> None:
            self.emit(JobProgress(fraction=done / total, text=f"Asking the network once: {done:,} of {total:,} pictures"))

        made = [None if part is None else features.of(part, normalise, self.token, arithmetic, progress) for part in (training, validation)]
        assert made[0] is not None
        return features.head, made[0], made[1]

    def classic(self) -> RunRecord:
        self.recipe = replace(self.recipe, suit_augmentation=False)
        parts = self.decode()
        torch.set_num_threads(self.threads)
        title = zoo.card(self.name).title
        training = parts[Split.TRAIN]
        self.started(title, 0, parts, 0)
        model = NearestNeighbour(self.recipe.neighbours, self.recipe.distance, self.device)
        begun = time.perf_counter()
        model.fit(training.pixels, training.labels, len(self.dataset.classes), self.token)
        seconds = time.perf_counter() - begun
        self.folder.mkdir(parents=True, exist_ok=True)
        seen.save(self.folder, training.pixels, self.token)
        model.save(self.folder / saved.WEIGHTS)
        record = self.record(
            title=title,
            outcome="completed",
            parameters=0,
            epochs=0,
            steps=0,
            seconds=seconds,
            images_per_second=len(training.labels) / max(seconds, 1e-9),
            train_loss=None,
            validation_accuracy=None,
            train_images=len(training.labels),
        )
        self.worth_keeping = True
        runs.save_record(self.folder, record)
        try:
            if Split.VALIDATION in parts:
                record = self.validated(record, parts[Split.VALIDATION], model)
            if Split.TEST in parts:
                test = parts[Split.TEST]
                record = self.tested(record, test, lambda pixels: self.neighbours_of(model, pixels, "Testing").argmax(1))
        except Cancelled:
            record = replace(record, outcome="cancelled")
            runs.save_record(self.folder, record)
        self.emit(TrainingFinished(record=record))
        return record

    def decode(self) -> dict[Split, Decoded]:
        """Decode all splits, for a classifier that needs all training pictures at once."""
        self.reading(0, int(np.count_nonzero(self.dataset.splits)))
        parts, failed = preparing.decode_splits(self.dataset, self.preprocessing, self.token, self.reading)
        for text in supplying.sentences(failed):
            self.warn(text)
        mean, deviation = data.measure(parts[Split.TRAIN].pixels)
        self.preprocessing = replace(self.preprocessing, mean=mean, std=deviation)
        return parts

    def supplied(self, like: Input | None, streams: bool | None) -> Mapping[Split, supplying.AnyPart]:
        """The splits; mean and deviation are those that weights were learned with, else measured on the training pictures."""
        self.reading(0, int(np.count_nonzero(self.dataset.splits)))
        supply = supplying.supply(self.dataset, self.preprocessing, self.token, self.reading, self.warn, streams)
        self.open.callback(supply.close)
        for text in supplying.sentences(supply.failed):
            self.warn(text)
        if like is not None:
            mean, deviation = like.of_channels(self.preprocessing.channels)
        else:
            files = supplying.of_files(self.dataset)
            mean, deviation, self.measured = supplying.measure(supply.training, files, self.token, self.reading)
        self.preprocessing = replace(self.preprocessing, mean=mean, std=deviation)
        if supply.streams:
            self.emit(Notice(level="info", text="The training begins while pictures are still being read."))
        return supply.parts

    def reading(self, done: int, total: int) -> None:
        """Tell how many pictures are decoded."""
        self.emit(JobProgress(fraction=done / max(1, total), text=f"Reading pictures: {done:,} of {total:,}"))

    def warn(self, text: str) -> None:
        """Tell what a person should know."""
        self.emit(Notice(level="warning", text=text))

    def started(self, title: str, parameters: int, parts: Mapping[Split, supplying.AnyPart], per_epoch: int) -> None:
        counts = [parts[split].pictures if split in parts else 0 for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
        self.emit(
            TrainingStarted(
                run=self.run,
                network=self.called,
                title=title,
                recipe=self.recipe,
                parameters=parameters,
                device=str(self.device),
                classes=self.dataset.classes,
                train_images=counts[0],
                validation_images=counts[1],
                test_images=counts[2],
                steps_per_epoch=per_epoch,
            )
        )

    def record(
        self,
        title: str,
        outcome: str,
        parameters: int,
        epochs: int,
        steps: int,
        seconds: float,
        images_per_second: float,
        train_loss: float | None,
        validation_accuracy: float | None,
        train_images: int,
        best_epoch: int = 0,
        precision: str = "float32",
    ) -> RunRecord:
        before = None if self.going_on is None else self.going_on.record
        return RunRecord(
            id=self.run,
            network=self.called,
            title=title,
            recipe=self.recipe,
            preprocessing=self.preprocessing,
            classes=self.dataset.classes,
            created=self.created,
            outcome=outcome,
            parameters=parameters,
            device=str(self.device),
            epochs=epochs,
            steps=steps,
            seconds=seconds,
            images_per_second=images_per_second,
            train_loss=train_loss,
            validation_accuracy=validation_accuracy,
            test_accuracy=None,
            best_epoch=best_epoch,
            threads=torch.get_num_threads(),
            precision=precision,
            train_images=train_images,
            folder=str(self.folder.absolute()),
            data_digest=self.dataset.digest,
            class_ids=self.dataset.class_ids,
            begun_with=self.begun_with,
            frozen=self.freeze,
            measured=self.measured,
            parent=self.parent.id if self.parent is not None else before.parent if before is not None else "",
            sweep=before.sweep if before is not None else "",
            resumable=runs.resumable(self.folder),
        )

    def tested(self, record: RunRecord, test: supplying.AnyPart, predict: Callable[[np.ndarray], np.ndarray]) -> RunRecord:
        """Measure the test accuracy, unless cancelled meanwhile, and write the record anew."""
        self.emit(JobProgress(fraction=None, text="Testing"))
        try:
            right = predict(supplying.whole(test).pixels) == supplying.whole(test).labels
        except Cancelled:
            return record
        record = replace(record, test_accuracy=float(right.mean()))
        runs.save_record(self.folder, record)
        return record

    def predicted(self, module: torch.nn.Module, pixels: np.ndarray, normalise: Normalise, arithmetic: precision.Arithmetic) -> np.ndarray:
        logits = logits_of(module, saved.as_tensor(pixels), normalise, self.token, arithmetic)
        answer: np.ndarray = logits.argmax(1).numpy()
        return answer

    def validated(self, record: RunRecord, part: Decoded, model: NearestNeighbour) -> RunRecord:
        answers = self.neighbours_of(model, part.pixels, "Validating").argmax(1)
        accuracy = float((answers == part.labels).mean())
        confusion = confusion_matrix(part.labels, answers, len(self.dataset.classes))
        nothing = float("nan")
        self.emit(
            EpochDone(
                run=self.run,
                epoch=0,
                step=0,
                train_loss=nothing,
                train_accuracy=nothing,
                validation_loss=nothing,
                validation_accuracy=accuracy,
                confusion=confusion,
            )
        )
        return replace(record, validation_accuracy=accuracy)

    def neighbours_of(self, model: NearestNeighbour, pixels: np.ndarray, text: str) -> np.ndarray:
        answers = []
        for start in range(0, len(pixels), CLASSIC_CHUNK):
            self.emit(JobProgress(fraction=start / len(pixels), text=f"{text}: {start:,} of {len(pixels):,} pictures"))
            answers.append(model.predict_proba(pixels[start : start + CLASSIC_CHUNK], self.token))
        return np.concatenate(answers)


def _history(run: str, result: Trained) -> RunHistory:
    epochs = result.epochs
    return RunHistory(
        run=run,
        step_losses=result.losses,
        step_accuracies=result.accuracies,
        epoch_steps=np.array([epoch.step for epoch in epochs], np.int64),
        train_losses=np.array([epoch.train_loss for epoch in epochs], np.float32),
        train_accuracies=np.array([epoch.train_accuracy for epoch in epochs], np.float32),
        validation_losses=np.array([epoch.validation_loss for epoch in epochs], np.float32),
        validation_accuracies=np.array([epoch.validation_accuracy for epoch in epochs], np.float32),
        learning_rates=result.rates,
        mark_steps=np.array([mark.step for mark in result.marks], np.int64),
        mark_texts=np.array([mark.text for mark in result.marks], np.str_),
    )
