"""Commands in, events out: all that passes between a window (or a script) and the engine.

Frozen, picklable, without tensors: pictures and figures travel as numpy arrays that nobody changes afterwards.
Every command names the lane that runs it; every event carries the number of the job that it belongs to.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar

import msgspec

from engine.project.records import (
    ClassRecord,
    Evaluation,
    ImageTable,
    ProjectRecord,
    RunHistory,
    RunRecord,
    Skipped,
    Split,
)
from engine.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np


class Lane(enum.Enum):
    """A thread of the engine with a queue of its own; lanes never wait for each other's jobs."""

    JOBS = "jobs"  # train, evaluate: one at a time, in order
    IMPORTS = "imports"  # files into the project: never behind a training
    STORE = "store"  # the only writer of SQLite: labels, undo, queries
    LIVE = "live"  # dropped pictures and probes, on the lane's own copy of a model
    CAMERA = "camera"  # one camera at a time; its job lasts as long as the camera plays
    PICTURES = "pictures"  # thumbnails and big pictures, newest request first


class Command(msgspec.Struct, frozen=True, eq=False, tag=True):
    """Something to do.

    Subclasses set `lane`, and `replaces` where a new command of the kind cancels the older ones of its kind.
    """

    lane: ClassVar[Lane] = Lane.STORE
    replaces: ClassVar[bool] = False


# ---------------------------------------------------------------- store lane


class OpenProject(Command, frozen=True, eq=False, tag=True):
    """Open the project in a folder. Answer: ProjectOpened."""

    folder: str


class NewProject(Command, frozen=True, eq=False, tag=True):
    """Make and open an empty project. Without a folder it goes to the user's place for projects, under a free name."""

    name: str
    folder: str = ""


class OpenSample(Command, frozen=True, eq=False, tag=True):
    """Open the project made from a bundled sample, making it first where needed. Answer: ProjectOpened."""

    sample: str = "digits"


class CloseProject(Command, frozen=True, eq=False, tag=True):
    """Close the project; everything is on disk already. Answer: ProjectClosed."""


class SetLabels(Command, frozen=True, eq=False, tag=True):
    """Give pictures a class, or none (None). Answer: LabelsChanged, HistoryChanged."""

    images: tuple[int, ...]
    class_id: int | None


class AddClass(Command, frozen=True, eq=False, tag=True):
    """Make a class. Answer: ClassesChanged, HistoryChanged."""

    name: str


class RenameClass(Command, frozen=True, eq=False, tag=True):
    """Give a class another name. Answer: ClassesChanged, HistoryChanged."""

    class_id: int
    name: str


class RemoveImages(Command, frozen=True, eq=False, tag=True):
    """Take pictures out of the project (undo brings them back; files stay). Answer: ImagesRemoved, HistoryChanged."""

    images: tuple[int, ...]


class Undo(Command, frozen=True, eq=False, tag=True):
    """Take the last change of the project back. Answer: what changed, HistoryChanged."""


class Redo(Command, frozen=True, eq=False, tag=True):
    """Do the change again that was taken back last. Answer: what changed, HistoryChanged."""


class Remember(Command, frozen=True, eq=False, tag=True):
    """Keep a word of the window's in the project (page, chosen network, pinned picture). No answer."""

    key: str
    value: str


class LoadHistory(Command, frozen=True, eq=False, tag=True):
    """Read a run's curves. Answer: HistoryLoaded."""

    run: str


class DeleteRun(Command, frozen=True, eq=False, tag=True):
    """Delete a run's folder for good. Answer: RunsChanged."""

    run: str


# ---------------------------------------------------------------- imports lane


class ImportPaths(Command, frozen=True, eq=False, tag=True):
    """Take files and folders into the project. Answer: JobProgress, ClassesChanged, ImagesAdded, ImportFinished.

    A folder of folders makes classes; train/ and test/ (val/) folders of those make splits as well. With `class_id` all pictures
    go into that class, whatever their folders.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    paths: tuple[str, ...]
    class_id: int | None = None
    copy: bool = True


class ImportPicture(Command, frozen=True, eq=False, tag=True):
    """Take one picture from memory (pasted, or a camera frame). uint8 height x width x 3, sRGB. Answers as ImportPaths."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    pixels: np.ndarray
    name: str
    class_id: int | None = None


# ---------------------------------------------------------------- pictures lane


class WantThumbnails(Command, frozen=True, eq=False, tag=True):
    """Thumbnails of these pictures. A newer request takes the place of those not begun. Answer: ThumbnailsReady (several)."""

    lane: ClassVar[Lane] = Lane.PICTURES
    replaces: ClassVar[bool] = True
    images: tuple[int, ...]
    side: int = 96


class WantPicture(Command, frozen=True, eq=False, tag=True):
    """One picture, large. Answer: PictureReady."""

    lane: ClassVar[Lane] = Lane.PICTURES
    replaces: ClassVar[bool] = True
    image: int
    side: int = 1024


# ---------------------------------------------------------------- jobs lane


class Train(Command, frozen=True, eq=False, tag=True):
    """Train a classifier on the labelled pictures of the open project.

    Answer: TrainingStarted, StepsDone, FiltersChanged, EpochDone, UnitProbed, RunsChanged, TrainingFinished; JobClosed.

    Attributes
    ----------
    network : str
        A name of the zoo, or a network JSON file.
    size : int or None
        Side of the network's input in pixels; None takes what fits the network and the data.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    network: str
    recipe: Recipe
    size: int | None = None


class Evaluate(Command, frozen=True, eq=False, tag=True):
    """Measure a run on one split of the open project. Answer: EvaluationReady."""

    lane: ClassVar[Lane] = Lane.JOBS
    run: str
    split: Split


# ---------------------------------------------------------------- live lane


class UseRun(Command, frozen=True, eq=False, tag=True):
    """Load a run for classifying (None: unload). Answer: ModelReady."""

    lane: ClassVar[Lane] = Lane.LIVE
    run: str | None


class ClassifyFiles(Command, frozen=True, eq=False, tag=True):
    """Classify files (folders are searched) with the run in use. Answer: Classified, one a picture."""

    lane: ClassVar[Lane] = Lane.LIVE
    paths: tuple[str, ...]


class ClassifyPicture(Command, frozen=True, eq=False, tag=True):
    """Classify one picture from memory, uint8 height x width x 3. Answer: Classified."""

    lane: ClassVar[Lane] = Lane.LIVE
    pixels: np.ndarray
    name: str


class ClassifyImages(Command, frozen=True, eq=False, tag=True):
    """Classify pictures of the project with the run in use. Answer: Classified, one a picture."""

    lane: ClassVar[Lane] = Lane.LIVE
    images: tuple[int, ...]


class ShowFeatureMaps(Command, frozen=True, eq=False, tag=True):
    """What a layer of a run answers to a picture of the project. Answer: FeatureMapsReady."""

    lane: ClassVar[Lane] = Lane.LIVE
    replaces: ClassVar[bool] = True
    run: str
    image: int
    layer: str


class ProbeUnit(Command, frozen=True, eq=False, tag=True):
    """Receptive field of one unit of a run on a picture of the project. Answer: UnitProbed."""

    lane: ClassVar[Lane] = Lane.LIVE
    replaces: ClassVar[bool] = True
    run: str
    image: int
    layer: str
    channel: int
    row: int
    column: int


class PinUnit(Command, frozen=True, eq=False, tag=True):
    """Ask the running and later trainings to probe this unit after every epoch (layer "" unpins). No answer."""

    lane: ClassVar[Lane] = Lane.STORE
    image: int
    layer: str
    channel: int = 0
    row: int = -1
    column: int = -1


class ListCameras(Command, frozen=True, eq=False, tag=True):
    """Find the cameras of this machine. Answer: CamerasFound."""

    lane: ClassVar[Lane] = Lane.LIVE


class MakeLauncher(Command, frozen=True, eq=False, tag=True):
    """Put an icon on the desktop that opens Fovea. Answer: Notice with its place."""

    lane: ClassVar[Lane] = Lane.LIVE


class OpenCamera(Command, frozen=True, eq=False, tag=True):
    """Play a camera ("0", "1" …), a video file or an http stream and classify its frames with the run in use, if any.

    Answer: CameraOpened, CameraFrame (newest only), CameraClosed. The job lasts until the end of the video or until it is cancelled.
    """

    lane: ClassVar[Lane] = Lane.CAMERA
    replaces: ClassVar[bool] = True
    source: str


# ================================================================ events


class Event(msgspec.Struct, frozen=True, eq=False, tag=True, kw_only=True):
    """Something that happened. `job` is the number that `submit` gave the command, 0 where no command asked."""

    job: int = 0


class Outcome(enum.Enum):
    """How a job ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class FailureText(msgspec.Struct, frozen=True):
    """A failure as text: what went wrong and where, what to do, and the traceback for the log."""

    kind: str
    message: str
    remedy: str = ""
    traceback: str = ""


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
    """How far: fraction in [0, 1] or None where unknown; estimated seconds left or None."""

    fraction: float | None
    text: str
    seconds_left: float | None = None
    images_per_second: float | None = None


class JobClosed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A command has ended: exactly once for each submitted command, always, and last of its events."""

    command: str
    outcome: Outcome
    failure: FailureText | None = None


class Notice(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A sentence for the user: level "info", "warning" or "error"."""

    level: str
    text: str


class ProjectOpened(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A project is open; `memory` holds what Remember kept."""

    project: ProjectRecord
    classes: tuple[ClassRecord, ...]
    images: ImageTable
    runs: tuple[RunRecord, ...]
    memory: dict[str, str]


class ProjectClosed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """No project is open."""


class ClassesChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """All classes, in order."""

    classes: tuple[ClassRecord, ...]


class ImagesAdded(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """These pictures are in the project, on disk."""

    images: ImageTable


class ImagesRemoved(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """These pictures left the project. ids int64 [N], ascending."""

    ids: np.ndarray


class LabelsChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """New labels and splits, on disk. ids int64 [N] ascending, class_ids int32 [N] (-1: none), splits int8 [N]."""

    ids: np.ndarray
    class_ids: np.ndarray
    splits: np.ndarray


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


class ImportFinished(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What an import took, and what it did not take and why."""

    taken: int
    skipped: tuple[Skipped, ...]


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
