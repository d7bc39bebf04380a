"""What a running training tells: parcels of steps, epochs, filters as they change, the pinned unit."""

from __future__ import annotations

import time
from collections.abc import Callable

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

    def parcel(self, parcel: Parcel) -> None:
        """StepsDone; at most four times a second JobProgress and FiltersChanged."""
        self._emit(
            StepsDone(
                run=self._run,
                first_step=parcel.first,
                losses=parcel.losses,
                accuracies=parcel.accuracies,
                learning_rate=parcel.learning_rate,
            )
        )
        now = time.perf_counter()
        if now - self._told < BETWEEN_FILTERS:
            return
        self._told = now
        done = parcel.first + len(parcel.losses) - 1
        epoch = min(self._epochs, 1 + done * self._epochs // parcel.steps)
        self._emit(
            JobProgress(
                fraction=done / parcel.steps,
                text=f"Epoch {epoch} of {self._epochs}",
                seconds_left=parcel.seconds / done * (parcel.steps - done),
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
