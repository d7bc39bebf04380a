"""Events about the engine, projects, trainings and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.messages.base import Event, FailureText, Lane, Outcome
from engine.project.records import ClassRecord, Evaluation, ImageTable, ProjectRecord, RunHistory, RunRecord
from engine.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np


# ================================================================ events


class DeviceRecord(msgspec.Struct, frozen=True):
    """A device that can compute: name as torch spells it, title as shown, memory in bytes (0: unknown)."""

    name: str
    title: str
    memory: int = 0


class EngineReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """torch is loaded. The first device is what "auto" takes."""

    devices: tuple[DeviceRecord, ...]
    torch_version: str
    seconds: float


class JobStarted(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A lane has begun a command. `command` is the command's class name."""

    command: str
    lane: Lane
    title: str


class JobProgress(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """How far: fraction in [0, 1] or None where unknown; estimated seconds left or None, and the standard deviation of that estimate."""

    fraction: float | None
    text: str
    seconds_left: float | None = None
    images_per_second: float | None = None
    seconds_deviation: float | None = None


class JobClosed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A command has ended: exactly once for each submitted command, always, and last of its events."""

    command: str
    outcome: Outcome
    failure: FailureText | None = None


class Notice(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A sentence for the user: level "info", "warning" or "error". One of a `training` says what holds while that is under way."""

    level: str
    text: str
    training: bool = False


class ProjectOpened(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A project is open; `memory` holds what Remember kept; `notes` are of pictures, by id."""

    project: ProjectRecord
    classes: tuple[ClassRecord, ...]
    images: ImageTable
    runs: tuple[RunRecord, ...]
    memory: dict[str, str]
    notes: dict[int, str] = msgspec.field(default_factory=dict)


class ProjectClosed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """No project is open."""


class HistoryChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What Undo and Redo would do now, in words; empty where nothing."""

    undo: str
    redo: str


class RunsChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """All runs, newest first."""

    runs: tuple[RunRecord, ...]


class HistoryLoaded(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Curves of a run."""

    history: RunHistory


class ThumbnailsReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Thumbnails, uint8 height x width x 3 each; None where the picture cannot be read."""

    side: int
    images: tuple[int, ...]
    pictures: tuple[np.ndarray | None, ...]


class PictureReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """One picture, uint8 height x width x 3; None with `error` where it cannot be read."""

    image: int
    pixels: np.ndarray | None
    original_width: int
    original_height: int
    path: str
    error: str = ""


class TrainingStarted(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A training begins."""

    run: str
    network: str
    title: str
    recipe: Recipe
    parameters: int
    device: str
    classes: tuple[str, ...]
    train_images: int
    validation_images: int
    test_images: int
    steps_per_epoch: int


class StepsDone(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Some steps, in one parcel: float32 [n] each; `first_step` counts from 1."""

    run: str
    first_step: int
    losses: np.ndarray
    accuracies: np.ndarray
    learning_rate: float


class EpochDone(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """An epoch (from 1) has ended. Validation figures are NaN and `confusion` None without a validation split."""

    run: str
    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    confusion: np.ndarray | None


class FiltersChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """First-layer filters, float32 [filters, height, width, 1 or 3], as they are at `step`."""

    run: str
    step: int
    filters: np.ndarray


class TrainingFinished(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The run is on disk. A failed training that kept a state says so in `record.outcome`."""

    record: RunRecord


class EvaluationReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A run measured on a split."""

    evaluation: Evaluation


class ModelReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The live lane classifies with this run (None: with none). `layers`: names of layers that can be looked into."""

    run: str | None
    classes: tuple[str, ...]
    layers: tuple[str, ...]


class Classified(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """An answer for one picture: probabilities float32 [K], or `error`. `image` is -1 for pictures outside the project."""

    run: str
    name: str
    path: str
    image: int
    picture: np.ndarray | None
    classes: tuple[str, ...]
    probabilities: np.ndarray | None
    seconds: float
    error: str = ""


class FeatureMapsReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A layer's answer to a picture: maps float32 [channels, height, width]; input uint8 height x width x 3 at working size."""

    run: str
    image: int
    layer: str
    maps: np.ndarray
    picture: np.ndarray


class UnitProbed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Receptive field of a unit.

    Attributes
    ----------
    box : tuple of int
        Theoretical field: top, left, bottom, right in input pixels, bottom and right exclusive, cut to the picture.
    heat : float32 [height, width]
        Effective field: absolute gradient of the unit with respect to the input, summed over channels, scaled to a maximum of 1
        (all 0 where the gradient vanishes).
    picture : uint8 [height, width, 3]
        The picture at working size.
    activation : float
        The unit's value.
    epoch : int
        Epoch of the running training, or 0 for a finished run.
    """

    run: str
    image: int
    layer: str
    channel: int
    row: int
    column: int
    box: tuple[int, int, int, int]
    heat: np.ndarray
    picture: np.ndarray
    activation: float
    epoch: int = 0


class CameraInfo(msgspec.Struct, frozen=True):
    """A camera as found: `source` is what OpenCamera takes."""

    source: str
    name: str


class CamerasFound(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The cameras of this machine, maybe none."""

    cameras: tuple[CameraInfo, ...]


class CameraOpened(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Frames follow."""

    source: str
    width: int
    height: int


class CameraFrame(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The newest frame, uint8 height x width x 3, and what the run in use says of it (None: no run in use).

    `frames_per_second` is measured over the last second of classified frames; `seconds` is the time to classify this one.
    """

    frame: np.ndarray
    run: str | None
    classes: tuple[str, ...]
    probabilities: np.ndarray | None
    frames_per_second: float
    seconds: float


class CameraClosed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The camera has stopped. `reason` is empty where the user stopped it or the video came to its end."""

    source: str
    reason: str = ""
