"""What a running training tells: parcels of steps, epochs, filters as they change, the pinned unit."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import nn

from engine.data import locators
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.decoding import Picture, UnreadablePicture
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.insight.fields import feature_maps, probe_on_map
from engine.messages import (
    EpochDone,
    Event,
    FiltersChanged,
    JobProgress,
    Moment,
    Notice,
    PinUnit,
    StepsDone,
    TrainingMarked,
    TrainingPaused,
    UnitProbed,
)
from engine.networks.build import first_filters
from engine.networks.layers import AnyNetwork, Conv, NamedNetwork, PatchEmbedding, SimpleCells, walk
from engine.project.records import Split
from engine.training import kept_statistics
from engine.training.moments import Keeper
from engine.training.remaining import Remaining
from engine.training.statistics import Observer
from engine.training.telling import Epoch, Mark, Parcel
from engine.training.tensorboard import EventFile

CONVOLUTIONS = Conv, PatchEmbedding, SimpleCells
BETWEEN_FILTERS = 0.25  # seconds; also between words on progress


def epoch_done(run: str, epoch: Epoch) -> EpochDone:
    """What the loop says of an epoch, as an event."""
    return EpochDone(
        run=run,
        epoch=epoch.number,
        step=epoch.step,
        train_loss=epoch.train_loss,
        train_accuracy=epoch.train_accuracy,
        validation_loss=epoch.validation_loss,
        validation_accuracy=epoch.validation_accuracy,
        confusion=epoch.confusion,
    )


class Reporter:
    """Turns what the loop says into events. Runs on the training's thread, between its steps."""

    def __init__(
        self,
        run: str,
        epochs: int,
        batch: int,
        dataset: Dataset,
        network: AnyNetwork,
        module: nn.Module,
        normalise: Normalise,
        pinned: Callable[[], PinUnit | None],
        emit: Callable[[Event], None],
        folder: Path | None = None,
        events: EventFile | None = None,
    ) -> None:
        self._events = events
        self._run, self._epochs, self._batch, self._dataset = run, epochs, batch, dataset
        self._network, self._module, self._normalise = network, module, normalise
        self._pinned, self._emit = pinned, emit
        self._keeper = Keeper(folder) if folder is not None else None
        self._layers = kept_statistics.Keeper(folder) if folder is not None else None
        self._looking_at: tuple[int, Picture, Picture] | None = None
        self._told = time.perf_counter()
        self._remaining = Remaining(self._told)
        self._held_since = self._told
        self._observer = Observer(module, next(module.parameters(), torch.zeros(())).device)
        self._watched = self._last = 0
        self._before = (0, 0.0, 0.0)  # steps, seconds, seconds waited, when speed was told last

    def watching(self, step: int) -> AbstractContextManager[bool]:
        """Hear the activations of some steps."""
        if not self._observer.wants(step, step == self._last):
            return nullcontext(False)
        self._watched = step
        return self._observer.listening()

    def gradients(self, step: int, scale: Callable[[], float]) -> None:
        """Measure the gradients of a step that is watched."""
        if step == self._watched:
            self._observer.gradients(scale())

    def stepped(self, step: int) -> None:
        """Measure the update of a step that is watched."""
        if step == self._watched:
            self._observer.stepped(step)

    def parcel(self, parcel: Parcel) -> None:
        """StepsDone; LayerStatistics where a step was looked into; at most four times a second JobProgress and FiltersChanged."""
        self._emit(
            StepsDone(
                run=self._run,
                first_step=parcel.first,
                losses=parcel.losses,
                accuracies=parcel.accuracies,
                learning_rate=parcel.learning_rate,
            )
        )
        if self._events is not None:
            self._events.steps(parcel.first, parcel.losses, parcel.accuracies, parcel.learning_rate)
        done = parcel.first + len(parcel.losses) - 1
        self._last = parcel.steps  # another number where epochs are added on the way
        self._statistics(parcel, done)
        now = time.perf_counter()
        self._remaining.reached(done, now)
        if now - self._told < BETWEEN_FILTERS:
            return
        self._told = now
        self._epochs = parcel.epochs or self._epochs
        epoch = min(self._epochs, 1 + done * self._epochs // parcel.steps)
        left = self._remaining.estimate(parcel.steps - done)
        self._emit(
            JobProgress(
                fraction=done / parcel.steps,
                text=f"Epoch {epoch:,} of {self._epochs:,}",
                seconds_left=left.seconds if left is not None else parcel.seconds / done * (parcel.steps - done),
                seconds_deviation=left.deviation if left is not None else None,
                images_per_second=done * self._batch / parcel.seconds if parcel.seconds else None,
            )
        )
        self._filters(done)

    def epoch(self, epoch: Epoch) -> None:
        """FiltersChanged, UnitProbed where a unit of this network is pinned, and EpochDone, by which time its moment is on disk."""
        if self._events is not None:
            self._events.epoch(epoch.step, epoch.train_loss, epoch.train_accuracy, epoch.validation_loss, epoch.validation_accuracy)
            if self._events.failed:
                self.notice(self._events.failed)
                self._events = None
        filters = self._filters(epoch.step)
        pinned = self._pinned()
        if pinned is not None and not pinned.layer:
            pinned = None
        probed = self._probe(pinned, epoch.number) if pinned is not None else None
        if self._keeper is not None:
            picture, maps = self._maps(pinned.image if pinned is not None else self._usual_image())
            self._keeper.keep(
                Moment(
                    epoch=epoch.number,
                    filters=filters,
                    maps=maps,
                    confusion=epoch.confusion,
                    heat=None if probed is None else probed.heat,
                    box=None if probed is None else probed.box,
                    picture=picture,
                )
            )
        self._emit(epoch_done(self._run, epoch))  # whoever hears of an epoch may ask at once for what was kept of it

    def progress(self, fraction: float, text: str, step: int) -> None:
        """At most four times a second JobProgress and FiltersChanged, for trainings that have no losses to tell."""
        now = time.perf_counter()
        if now - self._told < BETWEEN_FILTERS:
            return
        self._told = now
        self._emit(JobProgress(fraction=fraction, text=text))
        self._filters(step)

    def notice(self, text: str, level: str = "warning", passing: bool = False) -> None:
        """Notice."""
        self._emit(Notice(level=level, text=text, training=passing))

    def marked(self, mark: Mark) -> None:
        """TrainingMarked."""
        self._emit(TrainingMarked(run=self._run, step=mark.step, text=mark.text))

    def held(self, paused: bool, step: int) -> None:
        """TrainingPaused; the time that it holds counts for no estimate."""
        now = time.perf_counter()
        if paused:
            self._held_since = now
        else:
            self._remaining.paused(now - self._held_since)
        self._emit(TrainingPaused(run=self._run, paused=paused, step=step))

    def _statistics(self, parcel: Parcel, done: int) -> None:
        """Speed and waiting are those since they were told last."""
        steps, seconds, waited = self._before
        passed = max(parcel.seconds - seconds, 1e-9)
        found = self._observer.taken(self._run, (done - steps) * self._batch / passed, min(1.0, (parcel.waited - waited) / passed))
        if found:
            self._before = done, parcel.seconds, parcel.waited
        for event in found:
            self._emit(event)
            if self._layers is not None:
                self._layers.keep(event)

    def _filters(self, step: int) -> np.ndarray | None:
        filters = first_filters(self._network, self._module)
        if filters is not None:
            self._emit(FiltersChanged(run=self._run, step=step, filters=filters))
        return filters

    def _usual_image(self) -> int | None:
        """The first picture that is not learned from, where no unit is pinned; else the first of all."""
        if not len(self._dataset.images):
            return None
        return int(self._dataset.images[int((self._dataset.splits == Split.VALIDATION).argmax())])

    def _picture(self, image: int) -> tuple[Picture, Picture]:
        """As `picture_of`; the last one is not read again."""
        if self._looking_at is None or self._looking_at[0] != image:
            self._looking_at = (image, *picture_of(self._dataset, image, self._normalise.preprocessing))
        return self._looking_at[1:]

    def _maps(self, image: int | None) -> tuple[Picture | None, np.ndarray | None]:
        """A picture and its maps in the first convolution; None for what there is not."""
        layer = first_convolution(self._network, self._module)
        try:
            if image is None:
                return None, None
            picture, pixels = self._picture(image)
            if layer is None:
                return picture, None
            on_device = torch.from_numpy(pixels).to(next(self._module.parameters()).device)
            return picture, feature_maps(self._module, self._normalise, on_device, layer, self._network)
        except UserError:
            return None, None

    def _probe(self, unit: PinUnit, epoch: int) -> UnitProbed | None:
        """Units of other networks and pictures that are gone are passed over in silence: the next epoch may have them."""
        try:
            picture, pixels = self._picture(unit.image)
            on_device = torch.from_numpy(pixels).to(next(self._module.parameters()).device)
            where = unit.layer, unit.channel, unit.row, unit.column
            field = probe_on_map(self._module, self._network, self._normalise, on_device, *where)
        except UserError:
            return None
        probed = UnitProbed(
            run=self._run,
            image=unit.image,
            layer=unit.layer,
            channel=unit.channel,
            row=field.row,
            column=field.column,
            box=field.box,
            heat=field.heat,
            picture=picture,
            activation=field.activation,
            epoch=epoch,
        )
        self._emit(probed)
        return probed


def first_convolution(network: AnyNetwork, module: nn.Module) -> str | None:
    """Dotted name of the first layer whose maps lie over the picture."""
    if isinstance(network, NamedNetwork):
        return next((name for name, part in module.named_modules() if isinstance(part, nn.Conv2d)), None)
    return next((name for name, layer in walk(network.body) if isinstance(layer, CONVOLUTIONS)), None)


def picture_of(dataset: Dataset, image: int, preprocessing: Preprocessing) -> tuple[Picture, Picture]:
    """A picture of the dataset at working size, as shown (uint8 [H, W, 3]) and as the network takes it (uint8 [H, W, C]).

    Raises
    ------
    UserError
        If there is no such picture, or it cannot be read.
    """
    found = (dataset.images == image).nonzero()[0]
    if not len(found):
        raise UnreadablePicture(f"picture {image}", "is not in the data")
    pixels = locators.located_at_working_size(dataset.locators[int(found[0])], dataset.root, preprocessing)
    return shown(pixels), pixels


def shown(pixels: Picture) -> Picture:
    """Grey pictures get three equal channels."""
    return pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
