"""What a running training tells: parcels of steps, epochs, filters as they change, the pinned unit."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from engine.data import locators
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.decoding import Picture, UnreadablePicture
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.insight.fields import probe_on_map
from engine.messages import EpochDone, Event, FiltersChanged, JobProgress, Notice, PinUnit, StepsDone, UnitProbed
from engine.networks.build import first_filters
from engine.networks.layers import AnyNetwork
from engine.training.loop import Epoch, Parcel
from engine.training.remaining import Remaining
from engine.training.statistics import Observer

BETWEEN_FILTERS = 0.25  # seconds; also between words on progress


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
    ) -> None:
        self._run, self._epochs, self._batch, self._dataset = run, epochs, batch, dataset
        self._network, self._module, self._normalise = network, module, normalise
        self._pinned, self._emit = pinned, emit
        self._told = time.perf_counter()
        self._remaining = Remaining(self._told)
        self._observer = Observer(module, next(module.parameters(), torch.zeros(())).device)
        self._watched = 0
        self._before = (0, 0.0, 0.0)  # steps, seconds, seconds waited, when speed was told last

    def watching(self, step: int) -> AbstractContextManager[object]:
        """Hear the activations of some steps."""
        if not self._observer.wants(step):
            return nullcontext()
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
        done = parcel.first + len(parcel.losses) - 1
        self._statistics(parcel, done)
        now = time.perf_counter()
        self._remaining.reached(done, now)
        if now - self._told < BETWEEN_FILTERS:
            return
        self._told = now
        epoch = min(self._epochs, 1 + done * self._epochs // parcel.steps)
        left = self._remaining.estimate(parcel.steps - done)
        self._emit(
            JobProgress(
                fraction=done / parcel.steps,
                text=f"Epoch {epoch} of {self._epochs}",
                seconds_left=left.seconds if left is not None else parcel.seconds / done * (parcel.steps - done),
                seconds_deviation=left.deviation if left is not None else None,
                images_per_second=done * self._batch / parcel.seconds if parcel.seconds else None,
            )
        )
        self._filters(done)

    def epoch(self, epoch: Epoch) -> None:
        """EpochDone, FiltersChanged, and UnitProbed where a unit of this network is pinned."""
        self._emit(
            EpochDone(
                run=self._run,
                epoch=epoch.number,
                step=epoch.step,
                train_loss=epoch.train_loss,
                train_accuracy=epoch.train_accuracy,
                validation_loss=epoch.validation_loss,
                validation_accuracy=epoch.validation_accuracy,
                confusion=epoch.confusion,
            )
        )
        self._filters(epoch.step)
        pinned = self._pinned()
        if pinned is not None and pinned.layer:
            self._probe(pinned, epoch.number)

    def progress(self, fraction: float, text: str, step: int) -> None:
        """At most four times a second JobProgress and FiltersChanged, for trainings that have no losses to tell."""
        now = time.perf_counter()
        if now - self._told < BETWEEN_FILTERS:
            return
        self._told = now
        self._emit(JobProgress(fraction=fraction, text=text))
        self._filters(step)

    def notice(self, text: str) -> None:
        """Notice."""
        self._emit(Notice(level="warning", text=text))

    def _statistics(self, parcel: Parcel, done: int) -> None:
        """Speed and waiting are those since they were told last."""
        steps, seconds, waited = self._before
        passed = max(parcel.seconds - seconds, 1e-9)
        found = self._observer.taken(self._run, (done - steps) * self._batch / passed, min(1.0, (parcel.waited - waited) / passed))
        if found:
            self._before = done, parcel.seconds, parcel.waited
        for event in found:
            self._emit(event)

    def _filters(self, step: int) -> None:
        filters = first_filters(self._network, self._module)
        if filters is not None:
            self._emit(FiltersChanged(run=self._run, step=step, filters=filters))

    def _probe(self, unit: PinUnit, epoch: int) -> None:
        """Units of other networks and pictures that are gone are passed over in silence: the next epoch may have them."""
        try:
            picture, pixels = picture_of(self._dataset, unit.image, self._normalise.preprocessing)
            on_device = torch.from_numpy(pixels).to(next(self._module.parameters()).device)
            where = unit.layer, unit.channel, unit.row, unit.column
            field = probe_on_map(self._module, self._network, self._normalise, on_device, *where)
        except UserError:
            return
        self._emit(
            UnitProbed(
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
        )


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
