"""What is to be trained, on what, how and where: one record, which a job carries out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine.control import CancelToken
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing
from engine.messages import Event, PinUnit
from engine.project.records import RunRecord
from engine.training.recipe import Recipe
from engine.training.steering import Steering
from engine.training.team import LONE, Team
from engine.training.trained_on import TrainedOn

Emit = Callable[[Event], None]


class GoingOn(NamedTuple):
    """A run that is taken up again.

    Attributes
    ----------
    record : RunRecord
    kept : TrainedOn
        What it was trained on.
    epochs : int or None
        New number of epochs in all.
    learning_rate : float or None
        New peak of the learning rate.
    """

    record: RunRecord
    kept: TrainedOn
    epochs: int | None = None
    learning_rate: float | None = None


class Contract(NamedTuple):
    """How pictures were prepared before: their contract, whose mean and deviation are not measured again, and on how many they were."""

    preprocessing: Preprocessing
    measured: int


class Order(NamedTuple):
    """A training as it is wanted; fields as the parameters of `engine.training.fit.fit`."""

    dataset: Dataset
    network: str
    recipe: Recipe
    preprocessing: Preprocessing
    folder: Path
    token: CancelToken
    emit: Emit
    pinned: Callable[[], PinUnit | None]
    run: str
    threads: int
    called: str
    weights: str = ""
    freeze: bool = False
    steering: Steering | None = None
    parent: RunRecord | None = None
    variant: str = ""
    sweep: str = ""
    going_on: GoingOn | None = None
    team: Team = LONE
    contract: Contract | None = None
