"""A network's training, from its description to the tested run: prepared, trained by `loop`, kept on disk all the while."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec.structs import replace

from engine.control import Cancelled
from engine.data.augmentation import Normalise
from engine.failure import UserError
from engine.messages import JobProgress, Notice, TrainingFinished
from engine.networks import weights as foreign
from engine.networks.build import build
from engine.networks.editing.variants import varied
from engine.networks.layers import Network
from engine.networks.libraries import Input
from engine.networks.resolve import analysis_of, resolve_any
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.training import (
    compiling,
    freezing,
    history,
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
    taking_up,
    tensorboard,
    trained_on,
    whitening,
)
from engine.training.checkpoint import Keeper, generations, none_left
from engine.training.feeding import Feed, LaterPart, Part
from engine.training.inference import logits_of
from engine.training.job import Job, Results
from engine.training.order import Order
from engine.training.precision import Arithmetic
from engine.training.preparing import Decoded
from engine.training.probe import AsTheyAre, Features
from engine.training.quick import quicken
from engine.training.reporting import Reporter
from engine.training.room import check_room
from engine.training.streaming import Streamed
from engine.training.telling import NOTHING, Trained, Unheard
from engine.training.threads import threads_for
from engine.training.trained_on import TrainedOn

Parts = Mapping[Split, "Decoded | supplying.Later | supplying.Streaming"]


class NetworkJob(Job):
    """One training of a network.

    Attributes
    ----------
    network, analysis
        What is trained and its arithmetic.
    module : torch.nn.Module
    normalise, arithmetic
        How pictures enter it, and in which number format it computes.
    """

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        pre = order.preprocessing
        network = resolve_any(order.network, (pre.channels, pre.height, pre.width), len(order.dataset.classes))
        if order.variant:
            if not isinstance(network, Network):
                raise UserError(f"{network.title} comes from a library and cannot be varied.", "Choose a network whose layers are known.")
            network = varied(network, order.variant)
        self.network = network
        self.organising = network if isinstance(network, Network) and neocognitron.organises_itself(network) else None
        self.analysis = analysis_of(network)
        self.going_on = order.going_on
        self.asking_seconds = 0.0  # of a probe, whose features take most of its time
        # a fork of the same classes takes all weights of its parent
        self.forked = order.parent is not None and len(order.parent.classes) == len(order.dataset.classes)

    def train(self) -> RunRecord:
        """Prepare, train, write the run, test it."""
        learned = self.check()
        with self.team.in_turn():
            parts = self.supplied(learned.input if learned is not None else None)
        if not self.team.lone:
            facts = taking_up.fingerprint(parts[Split.TRAIN], self.dataset.classes)
            self.team.check_same(facts, "The processes of this training see different pictures.")
        self.suit(parts)
        self.module = self.begun(learned)
        training = supplying.feed_of(parts[Split.TRAIN], self.device, self.token, self.warn)
        self.open.callback(training.close)
        self.decide(training)
        self.team.share_norms(self.module)
        self.keep_what_it_is(parts)
        self.per_epoch = sizes.steps_per_epoch(len(training.labels), sizes.step_size(self.recipe, len(training.labels)))
        self.pictures = parts[Split.TRAIN].pictures
        self.started(self.network.title, self.analysis.parameters, parts, self.per_epoch)
        validation = supplying.part_of(parts[Split.VALIDATION], self.device) if Split.VALIDATION in parts and self.team.leads else None
        if validation is None and (self.recipe.target or self.recipe.patience):
            self.warn(suiting.UNMEASURED)
        result = self.organised(parts) if self.organising is not None else self.learned(parts, training, validation)
        if not self.team.leads:
            return self.outcome_of(result)
        if not self.worth_keeping and not result.epochs and (result.failure is not None or not len(result.losses)):
            raise result.failure or Cancelled()
        return self.finished(result, parts)

    # ------------------------------------------------------------ preparing

    def check(self) -> foreign.Learned | None:
        """Refuse what cannot be trained before anything is decoded; gives the weights to begin with."""
        if self.organising is not None:
            self.check_organising(self.organising)
        suiting.check(self.recipe, self.network)
        batch = sizes.batch_size(self.recipe, int(np.count_nonzero(self.dataset.splits == Split.TRAIN)))
        check_room(self.network.title, self.analysis, batch, self.device, learns=not (self.order.freeze or self.recipe.probe))
        wanted = self.order.weights and not self.forked
        return foreign.learned(self.network, self.order.weights, self.token, self.emit) if wanted else None

    def check_organising(self, network: Network) -> None:
        """Networks whose cells organise themselves take less of the recipe, which is said, and begin without weights."""
        neocognitron.check(network)
        if not self.team.lone:
            raise UserError(f"The cells of {network.title} organise themselves in one process.", "Train it without torchrun.")
        if self.order.weights:
            raise UserError(f"The cells of {network.title} organise themselves from nothing.", "Train it without weights to begin with.")
        self.recipe = replace(self.recipe, suit_augmentation=False)
        self.emit(Notice(level="info", text=neocognitron.NOTICE))

    def supplied(self, like: Input | None) -> Parts:
        """The splits; mean and deviation are those that weights were learned with, else measured on the training pictures."""
        self.reading(0, int(np.count_nonzero(self.dataset.splits)))
        streams = None if self.organising is None else False
        supply = supplying.supply(self.dataset, self.preprocessing, self.token, self.reading, self.warn, streams)
        self.open.callback(supply.close)
        for text in supplying.sentences(supply.failed):
            self.warn(text)
        before = self.going_on.record if self.going_on is not None else self.order.parent or self.order.contract
        if before is not None:  # it keeps what was measured then
            self.measured = before.measured
        elif like is not None:
            mean, deviation = like.of_channels(self.preprocessing.channels)
            self.preprocessing = replace(self.preprocessing, mean=mean, std=deviation)
        else:
            files = supplying.of_files(self.dataset)
            mean, deviation, self.measured = supplying.measure(supply.training, files, self.token, self.reading)
            self.preprocessing = replace(self.preprocessing, mean=mean, std=deviation)
        if supply.streams:
            self.emit(Notice(level="info", text="The training begins while pictures are still being read."))
        return supply.parts

    def suit(self, parts: Parts) -> None:
        """The recipe as these pictures and this network need it; and the CPU threads."""
        pictures = len(parts[Split.TRAIN].labels)
        self.recipe = preparing.suited(self.recipe, self.network, self.preprocessing.channels, pictures)
        if self.going_on is not None:  # the number of threads shows in the last bits
            torch.set_num_threads(self.going_on.record.threads)
            return
        self.recipe = sizes.with_enough_epochs(self.recipe, pictures)
        work = self.analysis.multiply_adds * sizes.batch_size(self.recipe, pictures)
        torch.set_num_threads(threads_for(work, self.order.threads))

    def begun(self, learned: foreign.Learned | None) -> torch.nn.Module:
        """The network with the weights that it begins with, on the device."""
        torch.manual_seed(self.recipe.seed)  # dropout draws from the global generator
        module = build(self.network, self.recipe.seed)
        initialising.begin(module, self.recipe)
        if learned is not None:
            self.begin_with(module, learned)
        if self.order.parent is not None and self.forked:
            saved.put_weights(module, Path(self.order.weights), self.network)
            self.begun_with = f"the run {self.order.parent.id}"
        suiting.prepare(module, self.recipe, bool(self.begun_with))
        if self.going_on is not None:
            trained_on.let_learn(module, self.going_on.kept.decided)
            if self.recipe.probe:
                self.take_back(module)
        return quicken(module.to(self.device), self.device)

    def take_back(self, module: torch.nn.Module) -> None:
        """Put in what the layers had that do not learn: the state of a probe holds its last layer alone."""
        if (self.folder / saved.WEIGHTS).is_file():
            saved.put_weights(module, self.folder / saved.WEIGHTS, self.network)
        elif self.begun_with:
            text = f"The run {self.run} was stopped before its first epoch, and did not keep the weights that it began with."
            raise UserError(text, "Begin it anew with those weights.")

    def begin_with(self, module: torch.nn.Module, learned: foreign.Learned) -> None:
        """Put weights in that were learned elsewhere, and say so."""
        foreign.put(module, learned)
        self.begun_with = f"{learned.weights.name} ({learned.match.source})"
        said = foreign.sentences(learned)
        if self.order.freeze:
            freezing.freeze(module, learned.match.last | (dict(module.named_parameters()).keys() - learned.match.taken.keys()))
            said = (*said, f"{freezing.learning(module):,} parameters learn, the others stay.")
        self.emit(Notice(level="info", text=" ".join(said)))

    def decide(self, training: Feed) -> None:
        """In which number format and layout it computes."""
        self.normalise = Normalise(self.preprocessing, self.device)
        if self.going_on is not None:
            self.arithmetic = self.going_on.kept.decided.arithmetic
        else:
            if not self.begun_with:
                whitening.measure(self.module, training, self.normalise)
            batch = sizes.batch_size(self.recipe, len(training.labels))
            first, labels = training.batch(torch.arange(batch, device=training.labels.device))
            mixed = self.recipe.mixed_precision == "auto" and self.organising is None
            self.arithmetic = self.chosen(self.normalise(first), labels, mixed)
        if self.arithmetic.channels_last:
            self.module.to(memory_format=torch.channels_last)
            self.normalise = Normalise(self.preprocessing, self.device, channels_last=True)
        if self.going_on is None:
            self.decide_way(self.normalise(first), labels, len(training.labels))

    def chosen(self, pictures: torch.Tensor, labels: torch.Tensor, mixed: bool) -> Arithmetic:
        """Number format and layout; all processes of a team take what the one that leads has chosen."""

        def choose() -> bytes:
            arithmetic = precision.choose(self.module, pictures, labels, self.device, mixed)
            return msgspec.json.encode((arithmetic.name, arithmetic.channels_last))

        name, channels_last = msgspec.json.decode(self.team.from_leader(choose), type=tuple[str, bool])
        return trained_on.Decided(name, channels_last).arithmetic

    def decide_way(self, pictures: torch.Tensor, labels: torch.Tensor, count: int) -> None:
        """Whether the passes of a step are recorded or compiled, which is told."""
        recipe = self.recipe
        if recipe.compiling == "off" or recipe.probe or recipe.unfreeze or self.organising is not None or not self.team.lone:
            return
        steps = recipe.epochs * sizes.steps_per_epoch(count, sizes.step_size(recipe, count))
        way, gain = compiling.choose(self.module, pictures, labels, self.arithmetic, steps)
        self.arithmetic = self.arithmetic._replace(way=way)
        if way:
            self.emit(Notice(level="info", text=f"Steps are computed by {way}: {gain:.1f} times as fast on this device."))

    def keep_what_it_is(self, parts: Parts) -> None:
        """Network and pictures are in the run's folder before the first step; a run that goes on must have those that it began with."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shown = parts[Split.TRAIN]
        if self.going_on is not None:
            taking_up.check_pictures(self.run, self.folder, shown, self.going_on, self.token)
            return
        if not self.team.leads:
            return
        if isinstance(shown, Decoded):
            seen.save(self.folder, shown.pixels, self.token)
        saved.save_network(self.folder, self.network)

    # ------------------------------------------------------------ learning

    def reporter(self) -> Reporter:
        """Whoever is told of the steps."""
        events = tensorboard.EventFile(self.folder / tensorboard.FOLDER) if self.recipe.tensorboard else None
        told = self.dataset, self.network, self.module, self.normalise, self.order.pinned, self.emit, self.folder, events
        return Reporter(self.run, self.recipe.epochs, sizes.step_size(self.recipe, self.pictures), *told)

    def organised(self, parts: Parts) -> Trained:
        """Cells that organise themselves, without gradients."""
        assert self.organising is not None
        training = supplying.placed(parts[Split.TRAIN], self.device)
        validation = supplying.placed(parts[Split.VALIDATION], self.device) if Split.VALIDATION in parts else None
        given = self.module, self.organising, training, validation, self.recipe, self.normalise, self.token, self.reporter()
        ready, result = neocognitron.train(*given)
        saved.save_network(self.folder, ready)
        return result

    def learned(self, parts: Parts, training: Part | Feed, validation: Part | LaterPart | None) -> Trained:
        """Train by gradient, and keep the state meanwhile: a run stands on disk from before the first step."""
        learner, normalise = self.module, self.normalise
        if self.recipe.probe:
            learner, training, validation = self.probed(training, validation)
            normalise = AsTheyAre(normalise)
        going_on = self.going_on
        if not self.team.leads:
            begin = None if going_on is None else loop.Begin(generations(self.folder), going_on.epochs, going_on.learning_rate)
            given = learner, training, validation, self.recipe, normalise, self.arithmetic, self.token, Unheard()
            try:
                return loop.train(*given, begin=begin, team=self.team)
            except loop.Unfit:
                raise none_left(self.run) from None
        if going_on is None:
            chosen = self.order.freeze and not self.recipe.probe
            decided = trained_on.decided(self.module, self.arithmetic, chosen)
            trained_on.save(self.folder, TrainedOn(self.dataset, parts[Split.TRAIN].rows, decided))
        meanwhile = runs.RUNNING if going_on is None else going_on.record.outcome  # one that was stopped before stays in the list of runs
        inner = next((f"{name}." if name else "" for name, part in self.module.named_modules() if part is learner), "")
        around = {name: value for name, value in self.module.state_dict().items() if inner and not name.startswith(inner)}

        def so_far(result: Trained, best: dict[str, torch.Tensor]) -> None:
            record = replace(self.outcome_of(result), outcome=meanwhile)
            saved.save_state(self.folder, {**around, **{inner + name: value for name, value in best.items()}}, record)
            runs.save_history(self.folder, history.of(self.run, result))
            runs.save_record(self.folder, record)
            self.worth_keeping = True

        def begun() -> None:
            if going_on is None:
                runs.save_record(self.folder, replace(self.outcome_of(NOTHING), outcome=meanwhile))

        with contextlib.closing(Keeper(self.folder)) as keeper:
            begin = None
            if going_on is not None:
                past = taking_up.teller(self.run, self.emit)
                begin = loop.Begin(keeper.generations(), going_on.epochs, going_on.learning_rate, past)
            told = self.token, self.reporter(), keeper, self.order.steering, so_far, begun, begin, self.team
            try:
                result = loop.train(learner, training, validation, self.recipe, normalise, self.arithmetic, *told)
            except loop.Unfit:
                raise none_left(self.run) from None
            except Exception:
                self.worth_keeping = self.worth_keeping or keeper.states > 1
                raise
            self.worth_keeping = self.worth_keeping or (result.failure is not None and keeper.states > 1)
        if isinstance(training, Streamed):
            seen.add(self.folder, training.seen())
        return result

    def probed(
        self, training: Part | Feed, validation: Part | LaterPart | None
    ) -> tuple[torch.nn.Module, Part | Feed, Part | LaterPart | None]:
        """The last layer, and what enters it for each picture."""
        features, began = Features(self.module), time.perf_counter()

        def progress(done: int, total: int) -> None:
            self.emit(JobProgress(fraction=done / total, text=f"Asking the network once: {done:,} of {total:,} pictures"))

        given = self.normalise, self.token, self.arithmetic, progress
        beside = None if validation is None else features.of(validation, *given)
        values = features.of(training, *given)
        self.asking_seconds = time.perf_counter() - began
        return features.head, values, beside

    # ------------------------------------------------------------ what came out

    def outcome_of(self, result: Trained) -> RunRecord:
        """The record as far as the training has come."""
        best = next((epoch for epoch in result.epochs if epoch.number == result.best_epoch), None)
        measured = best is not None and math.isfinite(best.validation_accuracy)
        self.recipe = replace(self.recipe, epochs=result.planned or self.recipe.epochs)
        return self.record(
            Results(
                title=self.network.title,
                outcome=result.outcome,
                parameters=self.analysis.parameters,
                epochs=len(result.epochs),
                steps=len(result.losses) or self.per_epoch * len(result.epochs),
                seconds=self.asking_seconds + result.seconds,
                images_per_second=result.pictures / max(result.seconds, 1e-9),
                train_loss=best.train_loss if best else float(result.losses.mean()) if len(result.losses) else None,
                validation_accuracy=best.validation_accuracy if best is not None and measured else None,
                best_epoch=result.best_epoch,
                precision=self.arithmetic.name,
                compiled=self.arithmetic.way,
                train_images=self.pictures,
            )
        )

    def finished(self, result: Trained, parts: Parts) -> RunRecord:
        """Write the run, test what is complete, and tell it."""
        self.worth_keeping = True
        record = self.outcome_of(result)
        saved.save_weights(self.folder, self.module, record)
        runs.save_history(self.folder, history.of(self.run, result))
        runs.save_record(self.folder, record)  # from here on the run exists, whatever happens to the test
        if result.outcome == "completed" and Split.TEST in parts:
            record = self.tested(record, parts[Split.TEST], self.predicted)
        self.emit(TrainingFinished(record=record))
        if result.failure is not None:
            kept = f"The weights of epoch {result.best_epoch} are kept." if result.best_epoch else "The last good weights are kept."
            raise UserError(result.failure.message, f"{result.failure.remedy} {kept}")
        return record

    def predicted(self, pixels: np.ndarray) -> np.ndarray:
        """Classes of pictures, int64 [N]."""
        logits = logits_of(self.module, saved.as_tensor(pixels), self.normalise, self.token, self.arithmetic)
        answer: np.ndarray = logits.argmax(1).numpy()
        return answer
