"""From a dataset to a run on disk: what the window's Train and the command `train` have in common. Needs no project."""

from __future__ import annotations

import datetime
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

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
from engine.messages import EpochDone, Event, JobProgress, Notice, PinUnit, TrainingFinished, TrainingStarted
from engine.networks import weights as foreign
from engine.networks import zoo
from engine.networks.build import build
from engine.networks.layers import Network
from engine.networks.libraries import Input
from engine.networks.resolve import analysis_of, resolve_any
from engine.project import runs
from engine.project.records import RunHistory, RunRecord, Split
from engine.training import freezing, initialising, loop, neocognitron, precision, preparing, saved, seen, suiting, tensorboard
from engine.training import recipe as recipes
from engine.training.feeding import Part
from engine.training.inference import logits_of
from engine.training.preparing import Decoded
from engine.training.probe import AsTheyAre, Features
from engine.training.quick import quicken
from engine.training.recipe import Recipe
from engine.training.reporting import Reporter
from engine.training.room import check_room

Emit = Callable[[Event], None]
NAMED_FILES = 5
CLASSIC_CHUNK = 1024
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
) -> RunRecord:
    """Train a classifier and write the run.

    A cancelled training keeps what it has: outcome "cancelled", no test accuracy.

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
        Gets JobProgress, Notice, TrainingStarted, StepsDone, FiltersChanged, EpochDone, UnitProbed, TrainingFinished.
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
    preprocessing = preparing.preprocessing_for(network, data.typical_size(dataset), size, resize, ground, bool(weights))
    job = _Job(dataset, network, recipe, preprocessing, folder, token, emit, pinned, run_id or folder.name, threads or cores())
    job.called, job.weights, job.freeze = called or network, weights, freeze
    existed = folder.exists()
    try:
        return job.classic() if preparing.is_classic(network) else job.network()
    finally:
        if not existed and not (folder / runs.RECORD).exists():
            shutil.rmtree(folder, ignore_errors=True)


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
        self.device = devices.choose(recipe.device)
        self.created = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")

    def network(self) -> RunRecord:
        pre = self.preprocessing
        network = resolve_any(self.name, (pre.channels, pre.height, pre.width), len(self.dataset.classes))  # refuses before it decodes
        organising = network if isinstance(network, Network) and neocognitron.organises_itself(network) else None
        if organising is not None:
            self.check_organising(organising)
        suiting.check(self.recipe, network)
        analysis = analysis_of(network)
        pictures = int(np.count_nonzero(self.dataset.splits == Split.TRAIN))
        check_room(network.title, analysis, loop.batch_size(self.recipe, pictures), self.device, learns=not self.freeze)
        learned = foreign.learned(network, self.weights, self.token, self.emit) if self.weights else None
        parts = self.decode(learned.input if learned is not None else None)
        self.recipe = preparing.suited(self.recipe, network, pre.channels, len(parts[Split.TRAIN].labels))
        batch = loop.batch_size(self.recipe, len(parts[Split.TRAIN].labels))
        torch.set_num_threads(threads_for(analysis.multiply_adds * batch, self.threads))
        normalise = Normalise(self.preprocessing, self.device)
        torch.manual_seed(self.recipe.seed)  # dropout draws from the global generator
        module = build(network, self.recipe.seed)
        initialising.begin(module, self.recipe)
        if learned is not None:
            self.begin_with(module, learned)
        suiting.prepare(module, self.recipe)
        module = quicken(module.to(self.device), self.device)
        splits = {split: self.resident(part) for split, part in parts.items() if split is not Split.TEST}
        training = splits[Split.TRAIN]
        first = normalise(training.pixels[:batch].to(self.device))
        mixed = self.recipe.mixed_precision == "auto" and organising is None
        arithmetic = precision.choose(module, first, training.labels[:batch].to(self.device), self.device, mixed)
        if arithmetic.channels_last:
            module.to(memory_format=torch.channels_last)
            normalise = Normalise(self.preprocessing, self.device, channels_last=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        seen.save(self.folder, parts[Split.TRAIN].pixels, self.token)
        saved.save_network(self.folder, network)
        step = loop.step_size(self.recipe, len(training.labels))
        per_epoch = loop.steps_per_epoch(len(training.labels), step)
        self.started(network.title, analysis.parameters, parts, per_epoch)
        events = tensorboard.EventFile(self.folder / tensorboard.FOLDER) if self.recipe.tensorboard else None
        told = self.dataset, network, module, normalise, self.pinned, self.emit, self.folder, events
        reporter = Reporter(self.run, self.recipe.epochs, step, *told)
        validation = splits.get(Split.VALIDATION)
        if validation is None and (self.recipe.target or self.recipe.patience):
            self.emit(Notice(level="warning", text=suiting.UNMEASURED))
        if organising is not None:
            ready, result = neocognitron.train(module, organising, training, validation, self.recipe, normalise, self.token, reporter)
            saved.save_network(self.folder, ready)
        else:
            learner, seen_as = module, normalise
            if self.recipe.probe:
                learner, training, validation = self.probed(module, training, validation, normalise, arithmetic)
                seen_as = AsTheyAre(normalise)
            result = loop.train(learner, training, validation, self.recipe, seen_as, arithmetic, self.token, reporter)
        if not result.epochs and (result.failure is not None or not len(result.losses)):
            raise result.failure or Cancelled()
        best = next((epoch for epoch in result.epochs if epoch.number == result.best_epoch), None)
        record = self.record(
            title=network.title,
            outcome=result.outcome,
            parameters=analysis.parameters,
            epochs=len(result.epochs),
            steps=len(result.losses) or per_epoch * len(result.epochs),
            seconds=result.seconds,
            images_per_second=result.pictures / max(result.seconds, 1e-9),
            train_loss=best.train_loss if best else float(result.losses.mean()),
            validation_accuracy=best.validation_accuracy if best and best.confusion is not None else None,
            best_epoch=result.best_epoch,
            precision=arithmetic.name,
            train_images=len(training.labels),
        )
        saved.save_weights(self.folder, module, record)
        runs.save_history(self.folder, _history(self.run, result))
        runs.save_record(self.folder, record)  # from here on the run exists, whatever happens to the test
        if result.outcome == "completed" and Split.TEST in parts:
            record = self.tested(record, parts[Split.TEST], lambda pixels: self.predicted(module, pixels, normalise, arithmetic))
        self.emit(TrainingFinished(record=record))
        if result.failure is not None:
            raise UserError(result.failure.message, f"{result.failure.remedy} The weights of epoch {result.best_epoch} are kept.")
        return record

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
        self, module: torch.nn.Module, training: Part, validation: Part | None, normalise: Normalise, arithmetic: precision.Arithmetic
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

    def decode(self, like: Input | None = None) -> dict[Split, Decoded]:
        """Decode all splits; mean and deviation are those that weights were learned with, else measured on the training pictures."""

        def progress(done: int, total: int) -> None:
            self.emit(JobProgress(fraction=done / max(1, total), text=f"Reading pictures: {done:,} of {total:,}"))

        progress(0, int(np.count_nonzero(self.dataset.splits)))
        parts, failed = preparing.decode_splits(self.dataset, self.preprocessing, self.token, progress)
        for problem in failed[:NAMED_FILES]:
            self.emit(Notice(level="warning", text=f"{problem.file} {problem.reason}."))
        if len(failed) > NAMED_FILES:
            self.emit(Notice(level="warning", text=f"{len(failed) - NAMED_FILES:,} more pictures could not be read."))
        channels = self.preprocessing.channels
        mean, deviation = like.of_channels(channels) if like is not None else data.measure(parts[Split.TRAIN].pixels)
        self.preprocessing = replace(self.preprocessing, mean=mean, std=deviation)
        return parts

    def resident(self, part: Decoded) -> Part:
        """Pixels and labels on the device; where they do not fit, beside it."""
        pixels, labels = saved.as_tensor(part.pixels), torch.from_numpy(part.labels)
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if part.pixels.nbytes > free // 2:
                return Part(pixels, labels)
        return Part(pixels.to(self.device), labels.to(self.device))

    def started(self, title: str, parameters: int, parts: dict[Split, Decoded], per_epoch: int) -> None:
        counts = [len(parts[split].labels) if split in parts else 0 for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
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
        )

    def tested(self, record: RunRecord, test: Decoded, predict: Callable[[np.ndarray], np.ndarray]) -> RunRecord:
        """Measure the test accuracy, unless cancelled meanwhile, and write the record anew."""
        self.emit(JobProgress(fraction=None, text="Testing"))
        try:
            right = predict(test.pixels) == test.labels
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


def _history(run: str, result: loop.Trained) -> RunHistory:
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
    )
