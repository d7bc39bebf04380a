"""Commands about the pictures of a project: ways in, labels, classes, splits, the doctor, ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from engine.data.preprocessing import RESIZE_MODES, ResizeMode
from engine.messages.base import Command, Lane
from engine.project.records import Division, Flag, Split
from engine.training.recipe import Augmentation

if TYPE_CHECKING:
    import numpy as np

# ---------------------------------------------------------------- store lane: labels, marks, classes, splits


class SetLabels(Command, frozen=True, eq=False, tag=True):
    """Give pictures a class, or none (None). Answer: LabelsChanged, HistoryChanged."""

    images: tuple[int, ...]
    class_id: int | None


class LabelEach(Command, frozen=True, eq=False, tag=True):
    """Give each picture a class of its own, all as one step of undo. Answer: LabelsChanged, HistoryChanged."""

    images: tuple[int, ...]
    class_ids: tuple[int, ...]


class SetSplits(Command, frozen=True, eq=False, tag=True):
    """Put pictures into a split. Answer: LabelsChanged, HistoryChanged."""

    images: tuple[int, ...]
    split: Split


class SetFlags(Command, frozen=True, eq=False, tag=True):
    """Set or clear marks of the user's (FLAGGED, SKIPPED, CONFIRMED). Answer: FlagsChanged, HistoryChanged."""

    images: tuple[int, ...]
    flags: Flag
    on: bool


class SetNote(Command, frozen=True, eq=False, tag=True):
    """Write a note to a picture; empty takes it away. Answer: NotesChanged, FlagsChanged, HistoryChanged."""

    image: int
    text: str


class RemoveImages(Command, frozen=True, eq=False, tag=True):
    """Take pictures out of the project (undo brings them back; files stay). Answer: ImagesRemoved, HistoryChanged."""

    images: tuple[int, ...]


class AddClass(Command, frozen=True, eq=False, tag=True):
    """Make a class. Answer: ClassesChanged, HistoryChanged."""

    name: str


class RenameClass(Command, frozen=True, eq=False, tag=True):
    """Give a class another name. No run turns stale. Answer: ClassesChanged, HistoryChanged."""

    class_id: int
    name: str


class DeleteClass(Command, frozen=True, eq=False, tag=True):
    """Take a class away; its pictures become unlabelled. Answer: LabelsChanged, ClassesChanged, HistoryChanged."""

    class_id: int


class MergeClasses(Command, frozen=True, eq=False, tag=True):
    """Give the pictures of some classes the class `into`, and take those classes away. Answer as DeleteClass."""

    classes: tuple[int, ...]
    into: int


class MoveClass(Command, frozen=True, eq=False, tag=True):
    """Put a class at another place in the order, counted from 0. Answer: ClassesChanged, HistoryChanged."""

    class_id: int
    place: int


class ColourClass(Command, frozen=True, eq=False, tag=True):
    """Give a class another colour, "#rrggbb". Answer: ClassesChanged, HistoryChanged."""

    class_id: int
    colour: str


class SetClassKey(Command, frozen=True, eq=False, tag=True):
    """Let a letter label with this class; another class that had it loses it. "" takes it away. Answer: ClassesChanged, HistoryChanged."""

    class_id: int
    key: str


class Divide(Command, frozen=True, eq=False, tag=True):
    """Divide all labelled pictures anew; near-duplicates stay together. Answer: LabelsChanged, ProjectChanged, HistoryChanged.

    Pictures whose source brought a split of its own keep it, unless `own_too`.
    """

    division: Division
    own_too: bool = False


class RecordFrames(Command, frozen=True, eq=False, tag=True):
    """While the camera plays, take its frames into the project, about ten a second, until stopped (`on` False).

    All frames of one recording are one step of undo. Answer, with the camera's job: ImagesAdded, HistoryChanged.
    """

    on: bool
    class_id: int | None = None


# ---------------------------------------------------------------- imports lane: ways in, files, ways out


class ImportPaths(Command, frozen=True, eq=False, tag=True):
    """Take files and folders into the project. Answer: JobProgress, ClassesChanged, ImagesAdded, ImportFinished.

    A folder of folders makes classes; train/ and test/ (val/) folders of those make splits as well; zips, CSV and TSV tables, COCO, VOC,
    OpenImages and YOLO annotations are followed.

    Attributes
    ----------
    class_id : int or None
        All pictures go into that class, whatever their folders.
    copy : bool or None
        Copy files into the project, or refer to them; None: as the project does.
    boxes : {"labels", "crops"}
        Where pictures have boxes: one label a picture (of the class with the largest area), or one cut-out a box.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    paths: tuple[str, ...]
    class_id: int | None = None
    copy: bool | None = None
    boxes: Literal["labels", "crops"] = "labels"


class ImportPicture(Command, frozen=True, eq=False, tag=True):
    """Take one picture from memory (pasted, or a camera frame). uint8 height x width x 3, sRGB. Answers as ImportPaths."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    pixels: np.ndarray
    name: str
    class_id: int | None = None


class ImportAddresses(Command, frozen=True, eq=False, tag=True):
    """Fetch pictures from http, https or data addresses, as a browser gives them when one is dragged. Answers as ImportPaths."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    addresses: tuple[str, ...]
    class_id: int | None = None


class ImportSet(Command, frozen=True, eq=False, tag=True):
    """Take a standard set into the project, fetching what is not at hand. Answers as ImportPaths.

    Attributes
    ----------
    name : str
        As in `engine.data.standard_sets.standard_sets`.
    folder : str
        Where its files are, or shall be; empty: the user's place for such sets.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    name: str
    folder: str = ""


class CheckFiles(Command, frozen=True, eq=False, tag=True):
    """See which files are there, and measure what an older version did not. Answer: FlagsChanged, ImagesRefreshed where they differ."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    replaces: ClassVar[bool] = True


class Relink(Command, frozen=True, eq=False, tag=True):
    """Find missing files in a folder and below, by name and content. Answer: ImagesRefreshed, FlagsChanged, Notice, HistoryChanged."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    folder: str


class KeepFiles(Command, frozen=True, eq=False, tag=True):
    """Choose whether imports copy files (`copy`) or refer to them; choosing to copy brings in all files referred to so far.

    Answer: ProjectChanged, JobProgress, Notice, HistoryChanged.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    copy: bool


class Export(Command, frozen=True, eq=False, tag=True):
    """Write pictures and labels out. Answer: JobProgress, Exported.

    Attributes
    ----------
    kind : str
        "csv": a table of file, label, split. "folders": a folder a class, inside one a split where there are splits. "coco": COCO JSON
        beside an images folder. "zip": the folders, packed. "project": the whole project, packed.
    path : str
        The file, or the folder, to write; a folder must be empty or new.
    images : tuple of int or None
        Only these; None: all.
    link : bool
        Link files instead of copying, where the system can; "folders" alone.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    kind: Literal["csv", "folders", "coco", "zip", "project"]
    path: str
    images: tuple[int, ...] | None = None
    link: bool = False


class SaveCopy(Command, frozen=True, eq=False, tag=True):
    """Copy the whole project, runs included, into a new folder; the open one stays open. Answer: JobProgress, Exported."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    folder: str


# ---------------------------------------------------------------- jobs lane


class Examine(Command, frozen=True, eq=False, tag=True):
    """Let the doctor look through the project. Answer: JobProgress, FindingsReady."""

    lane: ClassVar[Lane] = Lane.JOBS
    run: str | None = None


class ScoreImages(Command, frozen=True, eq=False, tag=True):
    """Let a run judge every picture of the project, for sorting and filtering. Answer: JobProgress, ScoresReady."""

    lane: ClassVar[Lane] = Lane.JOBS
    run: str


# ---------------------------------------------------------------- live lane


class SuggestLabels(Command, frozen=True, eq=False, tag=True):
    """Suggest classes for unlabelled pictures, most uncertain first. Answer: SuggestionsReady.

    Attributes
    ----------
    run : str or None
        The run to ask; None: the nearest neighbours among what is labelled so far.
    limit : int
        At most this many pictures.
    """

    lane: ClassVar[Lane] = Lane.LIVE
    replaces: ClassVar[bool] = True
    run: str | None = None
    limit: int = 200


class PreviewInput(Command, frozen=True, eq=False, tag=True):
    """Show what a network would see of some pictures: at working size, and augmented. Answer: InputPreviewReady.

    Attributes
    ----------
    images : tuple of int
        Rows of the answer.
    height, width : int
        Working size in pixels.
    channels : {1, 3}
    resize : str
        One of RESIZE_MODES.
    ground : tuple of int
        sRGB colour, 0 to 255 each, on which transparent pictures lie.
    variants : int
        Augmented pictures of each, beside the plain one.
    seed : int
    """

    lane: ClassVar[Lane] = Lane.LIVE
    replaces: ClassVar[bool] = True
    images: tuple[int, ...]
    height: int
    width: int
    channels: Literal[1, 3] = 3
    resize: ResizeMode = RESIZE_MODES[0]
    ground: tuple[int, int, int] = (255, 255, 255)
    augmentation: Augmentation = Augmentation()
    variants: int = 6
    seed: int = 0
