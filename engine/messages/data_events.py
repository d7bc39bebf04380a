"""Events about the pictures of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.messages.base import Event
from engine.project.findings import Finding
from engine.project.records import ClassRecord, ImageTable, ProjectRecord, Skipped

if TYPE_CHECKING:
    import numpy as np


class ProjectChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Name, division or way of keeping files is another."""

    project: ProjectRecord


class ClassesChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """All classes, in order."""

    classes: tuple[ClassRecord, ...]


class ImagesAdded(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """These pictures are in the project, on disk."""

    images: ImageTable


class ImagesRefreshed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """These pictures have other files or figures now; thumbnails kept of them are void."""

    images: ImageTable


class ImagesRemoved(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """These pictures left the project. ids int64 [N], ascending."""

    ids: np.ndarray


class LabelsChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """New labels and splits, on disk. ids int64 [N] ascending, class_ids int32 [N] (-1: none), splits int8 [N]."""

    ids: np.ndarray
    class_ids: np.ndarray
    splits: np.ndarray


class FlagsChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """New marks, on disk. ids int64 [N] ascending, flags uint8 [N], all bits of Flag."""

    ids: np.ndarray
    flags: np.ndarray


class NotesChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """These pictures have these notes now; "" where a note was taken away."""

    notes: dict[int, str]


class ImportFinished(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What an import took, and what it did not take and why; `warnings` are sentences about what was taken.

    `unseen` pictures were not looked at, because the import was stopped or the disk was full; `known` of the skipped ones are in the
    project already.

    `boxes`: pictures among them that had boxes and got one label each; they could be taken anew as crops.
    """

    taken: int
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...] = ()
    boxes: int = 0
    unseen: int = 0
    known: int = 0


class Exported(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What was written out, and where. `skipped` could not be."""

    kind: str
    path: str
    images: int
    skipped: tuple[Skipped, ...] = ()


class FindingsReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What the doctor found, worst first. `examined`: number of pictures; `unchecked`: what could not be looked at, a sentence each."""

    findings: tuple[Finding, ...]
    examined: int
    unchecked: tuple[str, ...] = ()


class ScoresReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What a run says of every picture that can be read.

    Attributes
    ----------
    ids : int64 [N]
        Ascending.
    predicted : int32 [N]
        Ids of classes of the project; -1 where the project has no such class any more.
    confidence : float32 [N]
        Probability of the predicted class.
    own : float32 [N]
        Probability of the class that the picture has; NaN where it is unlabelled or the run does not know its class.
    """

    run: str
    ids: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    own: np.ndarray


class SuggestionsReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Suggested classes, most uncertain picture first.

    Attributes
    ----------
    ids : int64 [N]
    class_ids : int32 [N]
    probabilities : float32 [N]
        Of the suggested class: the run's, or the share of the neighbours' votes.
    source : str
        Who suggests, in words for the screen.
    remaining : int
        Unlabelled pictures in all.
    """

    ids: np.ndarray
    class_ids: np.ndarray
    probabilities: np.ndarray
    source: str
    remaining: int


class InputPreviewReady(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What a network would see.

    Attributes
    ----------
    images : tuple of int
        Those that can be read.
    pictures : uint8 [images, 1 + variants, height, width, channels]
        First the plain one, then the augmented ones.
    seconds : float
        To augment one batch of these, measured.
    """

    images: tuple[int, ...]
    pictures: np.ndarray
    seconds: float
