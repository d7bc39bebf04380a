"""Commands about projects, trainings, and using what was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from engine.data.preprocessing import WHITE, ResizeMode
from engine.messages.base import Command, Lane
from engine.project.records import Split
from engine.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np


# ---------------------------------------------------------------- store lane


class OpenProject(Command, frozen=True, eq=False, tag=True):
    """Open the project in a folder. Answer: ProjectOpened."""

    folder: str


class NewProject(Command, frozen=True, eq=False, tag=True):
    """Make and open an empty project. Without a folder it goes to the user's place for projects, under a free name."""

    name: str
    folder: str = ""
    copy: bool = True


class OpenSample(Command, frozen=True, eq=False, tag=True):
    """Open the project made from a bundled sample, making it first where needed. Answer: ProjectOpened."""

    sample: str = "digits"


class CloseProject(Command, frozen=True, eq=False, tag=True):
    """Close the project; everything is on disk already. Answer: ProjectClosed."""


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
    """Delete a run; for thirty days RestoreRun brings it back. Answer: RunsChanged."""

    run: str


# ---------------------------------------------------------------- imports lane


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
        A name of the zoo, "own:NAME" of the project, "torchvision:NAME", "timm:NAME", or a network JSON file.
    weights : str
        Weights to begin with: a .pth or .safetensors file, or "pretrained" to fetch what the library offers; "" for none.
    freeze : bool
        Whether all but the last layer keeps those weights.
    size : int or None
        Side of the network's input in pixels; None takes what fits the network and the data.
    resize : str or None
        How pictures come to that size, one of RESIZE_MODES; None takes what suits.
    ground : tuple of int
        sRGB colour, 0 to 255 each, on which transparent pictures lie.
    variant : str
        What is changed in the network before it trains, see `engine.networks.editing.variants`: "activation=sigmoid"; "" for nothing.
    sweep : str
        The sweep that the run belongs to and what it varies there: "SWEEP FIELD=VALUE"; "" for none.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    network: str
    recipe: Recipe
    size: int | None = None
    resize: ResizeMode | None = None
    ground: tuple[int, int, int] = WHITE
    weights: str = ""
    freeze: bool = False
    variant: str = ""
    sweep: str = ""


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
