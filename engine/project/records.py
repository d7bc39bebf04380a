"""What a project holds, as frozen records that cross threads: classes, images, runs, evaluations. No torch."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from engine.data.preprocessing import Preprocessing
from engine.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np


class Split(enum.IntEnum):
    """Which part of the data a picture belongs to; values as kept in the store and in arrays."""

    NONE = 0
    TRAIN = 1
    VALIDATION = 2
    TEST = 3


class Flag(enum.IntFlag):
    """Marks of a picture, as bits. The first three are the user's; the others are facts, which undo does not touch."""

    FLAGGED = 1
    SKIPPED = 2
    """Passed over while labelling; asked about last."""
    CONFIRMED = 4
    """The label was looked at and is right: no suspect any more."""
    NOTED = 8
    MISSING = 16
    """The file was not there when it was looked for last."""
    UNREADABLE = 32


USER_FLAGS = Flag.FLAGGED | Flag.SKIPPED | Flag.CONFIRMED


class ClassRecord(msgspec.Struct, frozen=True):
    """A class: identity in the store, name as shown, colour as "#rrggbb", the letter that labels with it ("": none)."""

    id: int
    name: str
    colour: str
    key: str = ""


class Division(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How pictures without a split of their own are divided.

    Attributes
    ----------
    fractions : tuple of float
        Shares of training, validation and test; they add up to 1.
    seed : int
        Another seed gives another division.
    folds : int
        0: by `fractions`; 2 to 20: that many folds of equal size, of which `fold` (from 0) is held out for test, and a tenth of the rest
        for validation.
    fold : int
    """

    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0
    folds: int = 0
    fold: int = 0


class ImageTable(msgspec.Struct, frozen=True, eq=False):
    """Pictures of a project by column; row i of each column is one picture. Arrays are never changed in place.

    Attributes
    ----------
    ids : int64 [N]
        Ascending.
    class_ids : int32 [N]
        -1 where unlabelled.
    splits : int8 [N]
        Values of Split.
    names : tuple of str
        File name as shown, for example "beach_12.jpg" or "digit 17".
    flags : uint8 [N]
        Bits of Flag.
    widths, heights : int32 [N]
        Upright size in pixels; 0 where unknown.
    sizes : int64 [N]
        Bytes of the file; 0 where unknown.
    times : float64 [N]
        When the picture was taken, else when its file was changed, in seconds since 1970; NaN where unknown.

    Make one with `engine.project.tables.table`, which fills in what is not known.
    """

    ids: np.ndarray
    class_ids: np.ndarray
    splits: np.ndarray
    names: tuple[str, ...]
    flags: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    sizes: np.ndarray
    times: np.ndarray


class Skipped(msgspec.Struct, frozen=True):
    """A file that was not taken, and the reason in one clause."""

    file: str
    reason: str


class ProjectRecord(msgspec.Struct, frozen=True):
    """An open project.

    Attributes
    ----------
    folder : str
        Absolute.
    name : str
    read_only : str
        Why it can only be read; empty where it can be written.
    copy : bool
        Whether imports copy files into the project, or refer to them where they lie.
    division : Division
    """

    folder: str
    name: str
    read_only: str = ""
    copy: bool = True
    division: Division = Division()


class RunRecord(msgspec.Struct, frozen=True):
    """A finished or stopped training run, as saved in runs/<id>/run.json.

    Attributes
    ----------
    id : str
        Name of its folder.
    folder : str
        Absolute path; filled in on reading, never trusted from the file.
    network : str
        Name in the zoo, or path of the JSON it came from.
    outcome : str
        "completed", "cancelled" (kept as far as it came), "failed" (kept up to the last good epoch) or "interrupted" (its program ended
        without a word; kept up to the last epoch that was written).
    seconds : float
        Training alone, without evaluation and start-up; of a linear probe with the time that its features took.
    images_per_second : float
    train_loss, validation_accuracy, test_accuracy : float or None
        Accuracies in [0, 1]; None where there was no such split.
    best_epoch : int
        The epoch (from 1) whose weights are kept: that of the highest validation accuracy, ties by the lower validation loss; the last
        without validation pictures; 0 for classifiers that have no epochs.
    threads : int
        CPU threads used; they change the bits of the result.
    precision : str
        "float32", "bfloat16" or "float16".
    compiled : str
        How the passes of a step were computed, where not layer by layer: "CUDA graphs" or "torch.compile".
    data_digest : str
        Of the project's labelled pictures as they were when the training read them, see `digests`; empty where there was no project.
    stale : bool
        The project's labelled pictures are others now. Worked out on reading, never trusted from the file.
    class_ids : tuple of int
        Of `classes` in the project, by which renamed classes are known again, see `runs.named`; empty where there was no project.
    begun_with : str
        Weights that it began with, "mobilenet_v2-888877bc.pth (torchvision's mobilenet_v2)"; empty for new ones.
    frozen : bool
        Whether the last layer alone learned.
    measured : int
        Training pictures that mean and deviation were measured on; 0 where weights brought them, and in older runs.
    starred, note
        What a person says of it; the title can be changed, too.
    members : tuple of str
        Ids of the runs whose mean this one is; empty for runs that were trained.
    parent : str
        Id of the run whose weights it began with.
    sweep : str
        The sweep that it belongs to and what it varies there: "SWEEP FIELD=VALUE", as in "2026-11-21T10:15:02 learning_rate=0.01"; "" for
        none.
    resumable : bool
        Whether it can go on: worked out on reading, never trusted from the file. One that is completed needs more epochs for that.
    """

    id: str
    network: str
    title: str
    recipe: Recipe
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    created: str
    outcome: str
    parameters: int
    device: str
    epochs: int
    steps: int
    seconds: float
    images_per_second: float
    train_loss: float | None
    validation_accuracy: float | None
    test_accuracy: float | None
    best_epoch: int = 0
    threads: int = 1
    precision: str = "float32"
    compiled: str = ""
    train_images: int = 0
    folder: str = ""
    stale: bool = False
    data_digest: str = ""
    class_ids: tuple[int, ...] = ()
    starred: bool = False
    note: str = ""
    members: tuple[str, ...] = ()
    parent: str = ""
    sweep: str = ""
    resumable: bool = False
    begun_with: str = ""
    frozen: bool = False
    measured: int = 0

    @property
    def accuracy(self) -> float | None:
        """The most honest accuracy there is, in [0, 1]: on the test split, else on the validation split, else None."""
        return self.validation_accuracy if self.test_accuracy is None else self.test_accuracy


class Evaluation(msgspec.Struct, frozen=True, eq=False):
    """A run measured on one split. K classes, N pictures, all rows in the same order.

    Attributes
    ----------
    images : int64 [N]
        Ids in the project; row numbers where there is no project.
    labels, predicted : int64 [N]
        Class indices in the order of `classes`.
    probabilities : float32 [N, K]
    losses : float32 [N]
        Cross-entropy of each picture, in nats.
    confusion : int64 [K, K]
        Rows are the true class.
    accuracy : float
    interval : tuple of float
        Wilson 95 % interval of the accuracy.
    top5 : float or None
        None below five classes.
    precision, recall, f1 : tuple of float or None
        A class each; None where it is 0/0.
    calibration_error : float
        Expected calibration error, 15 bins of equal width.
    seen_in_training : int or None
        How many of the pictures have the pixels of one that the run was trained on; None where the run kept no word of them.
    """

    run: str
    split: Split
    classes: tuple[str, ...]
    images: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    confusion: np.ndarray
    accuracy: float
    interval: tuple[float, float]
    loss: float
    top5: float | None
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]
    f1: tuple[float | None, ...]
    support: tuple[int, ...]
    calibration_error: float
    stale: bool = False
    seen_in_training: int | None = None


class RunHistory(msgspec.Struct, frozen=True, eq=False):
    """Curves of a run. Steps count from 1; epochs from 1. S steps, E epochs.

    Attributes
    ----------
    step_losses, step_accuracies : float32 [S]
        On the augmented training batch.
    epoch_steps : int64 [E]
        The step at which each epoch ended.
    train_losses, train_accuracies, validation_losses, validation_accuracies : float32 [E]
        NaN where there is no such split.
    learning_rates : float32 [S]
        Empty where they were not kept.
    mark_steps : int64 [M]
        The steps after which something happened that the curve shows: it was resumed, its rate was changed …
    mark_texts : str [M]
        What, in a few words.
    """

    run: str
    step_losses: np.ndarray
    step_accuracies: np.ndarray
    epoch_steps: np.ndarray
    train_losses: np.ndarray
    train_accuracies: np.ndarray
    validation_losses: np.ndarray
    validation_accuracies: np.ndarray
    learning_rates: np.ndarray = msgspec.field(default_factory=lambda: _empty("float32"))
    mark_steps: np.ndarray = msgspec.field(default_factory=lambda: _empty("int64"))
    mark_texts: np.ndarray = msgspec.field(default_factory=lambda: _empty("str"))


def _empty(kind: str) -> np.ndarray:
    """An empty column; numpy loads where one is wanted."""
    import numpy

    return numpy.empty(0, kind)
