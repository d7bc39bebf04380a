"""Commands and events about trainings beyond Train: steering, resuming, looking inside, comparing, keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from engine.messages.base import Command, Event, Lane
from engine.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np


class SteerTraining(Command, frozen=True, eq=False, tag=True):
    """Change a training that is under way. Answer: TrainingMarked, TrainingPaused.

    Attributes
    ----------
    run : str
        Id of the run that is being trained.
    paused : bool or None
        True holds it after the step at hand, False lets it go on; None leaves that as it is.
    learning_rate : float or None
        New peak: the rest of the schedule is scaled to it.
    epochs : int or None
        New number of epochs in all; the schedule is stretched or shortened from here on.
    finish : bool
        End it in good order after this epoch: as completed, tested.
    """

    lane: ClassVar[Lane] = Lane.STORE
    run: str
    paused: bool | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    finish: bool = False


class ResumeRun(Command, frozen=True, eq=False, tag=True):
    """Go on with a run that was stopped, paused over a restart, or killed, with the same bits as if nothing had happened. Answer: as Train.

    `epochs`, where given, is the new number of epochs in all: a completed run learns on. `learning_rate`, where given, is the new peak that
    the rest of the schedule is scaled to: a run whose loss was no number any more goes on with a lower one.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    run: str
    epochs: int | None = None
    learning_rate: float | None = None


class ForkRun(Command, frozen=True, eq=False, tag=True):
    """Begin a new run with the weights of another. Answer: as Train.

    Attributes
    ----------
    run : str
    recipe : Recipe
        Of the new run.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    run: str
    recipe: Recipe


class FindLearningRate(Command, frozen=True, eq=False, tag=True):
    """Try rising learning rates for some steps, from the first weights (Smith 2017). Answer: LearningRatesTried.

    Fields as in Train.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    network: str
    recipe: Recipe
    size: int | None = None
    weights: str = ""
    freeze: bool = False


class FindBatch(Command, frozen=True, eq=False, tag=True):
    """Time some steps with batches of rising size, of a network whose weights are thrown away. Answer: BatchesTried.

    Fields as in Train.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    network: str
    recipe: Recipe
    size: int | None = None
    weights: str = ""
    freeze: bool = False


class EditRun(Command, frozen=True, eq=False, tag=True):
    """Change what a person says of a run; None leaves a field. Answer: RunsChanged."""

    run: str
    title: str | None = None
    starred: bool | None = None
    note: str | None = None


class RestoreRun(Command, frozen=True, eq=False, tag=True):
    """Bring a run back that DeleteRun took away in this sitting or an earlier one. Answer: RunsChanged."""

    run: str


class CombineRuns(Command, frozen=True, eq=False, tag=True):
    """Make a run whose probabilities are the mean of those of others, of the same classes. Answer: RunsChanged, TrainingFinished."""

    lane: ClassVar[Lane] = Lane.JOBS
    runs: tuple[str, ...]
    title: str = ""


class WriteReport(Command, frozen=True, eq=False, tag=True):
    """Write a run as one HTML file with its figures inside; dropped pictures need not wait for it. Answer: ReportWritten."""

    lane: ClassVar[Lane] = Lane.IMPORTS
    run: str
    path: str


class PackRun(Command, frozen=True, eq=False, tag=True):
    """Write pictures, network and recipe of a run into a folder or an archive, to be trained anew elsewhere. Answer: RunPacked.

    Attributes
    ----------
    run : str
    path : str
        A folder that is new or empty; an archive where the name ends in .zip. Outside of the project.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    run: str
    path: str


class AddRun(Command, frozen=True, eq=False, tag=True):
    """Copy a run that was trained elsewhere into the project. Answer: RunsChanged, RunAdded.

    Attributes
    ----------
    path : str
        Its folder, an archive of that, or its run.json.
    """

    lane: ClassVar[Lane] = Lane.IMPORTS
    path: str


class LoadMoment(Command, frozen=True, eq=False, tag=True):
    """Read what was kept of one epoch of a run. Answer: MomentLoaded."""

    run: str
    epoch: int


class LoadStatistics(Command, frozen=True, eq=False, tag=True):
    """Read what was kept of a run's layers while it was trained. Answer: StatisticsLoaded."""

    run: str


class TrainingMarked(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Something happened in a training that the curve shows: what, after which step (from 1), in a few words."""

    run: str
    step: int
    text: str


class TrainingPaused(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A training holds, or goes on."""

    run: str
    paused: bool
    step: int


class LayerStatistics(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """How the layers of a running training fare at a step.

    Attributes
    ----------
    layers : tuple of str
        Dotted names of the layers with weights, in order.
    gradient_norms : float32 [L]
        Euclidean norm of the loss's gradient with respect to each layer's weights, before clipping.
    weight_norms : float32 [L]
    update_ratios : float32 [L]
        Norm of the last update by the norm of the weights; NaN where not known.
    activations : tuple of str
        Dotted names of the activation layers, in order.
    dead : float32 [A]
        Share of units of each that answered 0 to all pictures of a batch; NaN for kinds that have no such state.
    deviations : float32 [A]
        Standard deviation of what each activation gives.
    saturated : float32 [A] or None
        Share of the answers of sigmoid and tanh where their slope is below 5 % of its steepest; NaN for other kinds.
    weight_histograms, activation_histograms : float32 [L, B] and [A, B]
        Shares in B bins between the limits that follow.
    weight_limits, activation_limits : float32 [L, 2] and [A, 2]
    images_per_second : float
    waiting : float
        Share of the training's time that it waited for pictures.
    memory : int or None
        Bytes in use on the device, or by the process.
    """

    run: str
    step: int
    layers: tuple[str, ...]
    gradient_norms: np.ndarray
    weight_norms: np.ndarray
    update_ratios: np.ndarray
    activations: tuple[str, ...]
    dead: np.ndarray
    deviations: np.ndarray
    weight_histograms: np.ndarray
    weight_limits: np.ndarray
    activation_histograms: np.ndarray
    activation_limits: np.ndarray
    images_per_second: float
    waiting: float
    memory: int | None
    saturated: np.ndarray | None = None


class StatisticsLoaded(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What was kept of a run's layers, oldest first; at least one."""

    run: str
    statistics: tuple[LayerStatistics, ...]


class LearningRatesTried(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What FindLearningRate found.

    Attributes
    ----------
    rates, losses : float32 [n]
        Losses smoothed.
    suggested : float or None
        Where the loss falls most steeply; None where it never falls.
    network : str
    """

    rates: np.ndarray
    losses: np.ndarray
    suggested: float | None
    network: str


class BatchesTried(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What FindBatch found.

    Attributes
    ----------
    sizes : tuple of int
        Pictures in a batch, each size twice the one before.
    speeds : float32 [n]
        Pictures a second.
    memory : tuple of int or None
        Bytes on the device at the most, where it tells.
    ended : str
        Why no larger ones were tried: "memory" had no room for the next, the next would be "slow", of so few "pictures" a training takes
        no larger ones; "" for none of these.
    suggested : int
        The smallest size whose speed is within 10 % of the highest, or within chance where that is more.
    network : str
    spread : float
        By which share the speed of one size differed from round to round.
    """

    sizes: tuple[int, ...]
    speeds: np.ndarray
    memory: tuple[int | None, ...]
    ended: str
    suggested: int
    network: str
    spread: float = 0.0


class ReportWritten(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A report is on disk."""

    run: str
    path: str


class RunPacked(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A run is packed: where, how many pictures, and how many bytes all of it takes."""

    run: str
    path: str
    pictures: int
    bytes: int


class RunAdded(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A run from elsewhere is in the project.

    Attributes
    ----------
    run : str
        Its id here.
    title : str
    but : str
        What it cannot do here, in sentences; "" where there is nothing to say.
    """

    run: str
    title: str
    but: str = ""


class Moment(msgspec.Struct, frozen=True, eq=False):
    """What was kept of one epoch.

    Attributes
    ----------
    filters : float32 [filters, height, width, 1 or 3] or None
    maps : float32 [channels, height, width] or None
        Of the pinned picture in the first convolution.
    confusion : int64 [K, K] or None
    heat : float32 [height, width] or None
        Effective receptive field of the pinned unit.
    box : (top, left, bottom, right) or None
    picture : uint8 [height, width, 3] or None
    """

    epoch: int
    filters: np.ndarray | None
    maps: np.ndarray | None
    confusion: np.ndarray | None
    heat: np.ndarray | None
    box: tuple[int, int, int, int] | None
    picture: np.ndarray | None


class MomentLoaded(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """One epoch of a run, of how many that were kept."""

    run: str
    moment: Moment
    epochs: tuple[int, ...]
