"""What all trainings have in common, whatever learns: reading pictures, telling, testing, the record."""

from __future__ import annotations

import contextlib
import datetime
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from msgspec.structs import replace

from engine import device as devices
from engine.control import Cancelled
from engine.messages import JobProgress, Notice, TrainingStarted
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.training import supplying
from engine.training.order import Order


class Results(NamedTuple):
    """What a training has come to, fields as in RunRecord."""

    title: str
    outcome: str
    seconds: float
    images_per_second: float
    train_images: int
    parameters: int = 0
    epochs: int = 0
    steps: int = 0
    train_loss: float | None = None
    validation_accuracy: float | None = None
    best_epoch: int = 0
    precision: str = "float32"
    compiled: str = ""


class Job(ABC):
    """One training, from decoding to the written run.

    Attributes
    ----------
    order : Order
        What is wanted.
    recipe, preprocessing
        As ordered, and as they become when data and network are known.
    worth_keeping : bool
        Whether there is more than the state before the first step.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.dataset, self.folder, self.token, self.emit, self.run = order.dataset, order.folder, order.token, order.emit, order.run
        self.recipe, self.preprocessing = order.recipe, order.preprocessing
        self.open, self.measured, self.begun_with = contextlib.ExitStack(), 0, ""
        self.created = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        before = None if order.going_on is None else order.going_on.record
        self.parent = order.parent.id if order.parent is not None else ""
        if before is not None:
            self.begun_with, self.created, self.parent = before.begun_with, before.created, before.parent
        self.worth_keeping = before is not None
        self.team = order.team
        self.device = devices.choose(self.team.device(self.recipe.device))
        self.team.settle(self.device)

    def carry_out(self) -> RunRecord:
        """Train; what feeds it is closed at the end. Errors as for `engine.training.fit.fit`."""
        with self.open:
            return self.train()

    @abstractmethod
    def train(self) -> RunRecord:
        """Read, learn, write the run."""

    # ------------------------------------------------------------ telling

    def reading(self, done: int, total: int) -> None:
        """Tell how many pictures are decoded."""
        self.emit(JobProgress(fraction=done / max(1, total), text=f"Reading pictures: {done:,} of {total:,}"))

    def warn(self, text: str) -> None:
        """Tell what a person should know."""
        self.emit(Notice(level="warning", text=text))

    def started(self, title: str, parameters: int, parts: Mapping[Split, supplying.AnyPart], per_epoch: int) -> None:
        """Tell what begins to learn, and from how many pictures."""
        counts = [parts[split].pictures if split in parts else 0 for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
        self.emit(
            TrainingStarted(
                run=self.run,
                network=self.order.called,
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

    # ------------------------------------------------------------ the record

    def record(self, results: Results) -> RunRecord:
        """The run as it is."""
        return RunRecord(
            id=self.run,
            network=self.order.called,
            recipe=self.recipe,
            preprocessing=self.preprocessing,
            classes=self.dataset.classes,
            created=self.created,
            device=str(self.device),
            test_accuracy=None,
            threads=torch.get_num_threads(),
            folder=str(self.folder.absolute()),
            data_digest=self.dataset.digest,
            class_ids=self.dataset.class_ids,
            begun_with=self.begun_with,
            frozen=self.order.freeze,
            measured=self.measured,
            parent=self.parent,
            sweep=self.order.sweep,
            resumable=runs.resumable(self.folder),
            **results._asdict(),
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
