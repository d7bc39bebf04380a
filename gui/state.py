"""All that the window knows, as one frozen record. What an event makes of it stands in `gui.reducing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine import messages
from engine.messages import Event, FailureText, Lane, Outcome
from engine.networks.arithmetic import Analysis
from engine.networks.layers import Network, Shape
from engine.project.records import ClassRecord, Evaluation, ImageTable, ProjectRecord, RunHistory, RunRecord, Split
from gui.curves import Curve

if TYPE_CHECKING:
    import numpy as np

CLASSIFIED_KEPT = 200
"""How many answers for dropped pictures are kept."""


# ---------------------------------------------------------------- events of the window itself


class JobSubmitted(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The window has handed a command over; it waits for its lane."""

    command: str
    lane: Lane
    title: str
    asked: messages.Command | None = None


class JobHurried(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """A job that waits is to be the next of its lane."""


class RunSelected(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The user looks at this run (None: at the newest)."""

    run: str | None


class ReportDismissed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The user has read what the last import did not take."""


class AnswersCleared(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Answers for dropped pictures are not wanted any more: another run is to answer."""


class FailureDismissed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The user has read how the last command of this name failed."""

    command: str


class Remembered(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The window has asked the project to keep a word."""

    key: str
    value: str


# ---------------------------------------------------------------- parts of the state


class JobState(msgspec.Struct, frozen=True):
    """A command that is not closed yet, `asked` by the window. `running` is False while it waits for its lane."""

    number: int
    command: str
    lane: Lane
    title: str
    running: bool = False
    fraction: float | None = None
    text: str = ""
    seconds_left: float | None = None
    images_per_second: float | None = None
    seconds_deviation: float | None = None
    asked: messages.Command | None = None


class History(msgspec.Struct, frozen=True):
    """What Undo and Redo would do now, in words; empty where nothing."""

    undo: str = ""
    redo: str = ""


class TrainingState(msgspec.Struct, frozen=True, eq=False):
    """The training that runs or ran last in this window.

    Attributes
    ----------
    losses, accuracies, learning_rates : Curve
        One value a step; value 0 is step 1.
    epochs : tuple of EpochDone
        Oldest first.
    filters, unit : FiltersChanged, UnitProbed or None
        The newest.
    record : RunRecord or None
        Set when the run is on disk.
    outcome : Outcome or None
        None while it runs.
    failure : FailureText or None
        Why it failed.
    statistics : tuple of LayerStatistics
        Of its layers, oldest first.
    marks : tuple of TrainingMarked
        What happened on the way.
    paused : bool
        Whether it holds.
    peak : float or None
        The learning rate that the schedule goes up to, where the window has asked for another than the recipe's.
    planned : int or None
        Epochs in all, where the window has asked for others than the recipe's.
    """

    run: str
    job: int
    started: messages.TrainingStarted
    losses: Curve
    accuracies: Curve
    learning_rates: Curve
    epochs: tuple[messages.EpochDone, ...] = ()
    filters: messages.FiltersChanged | None = None
    unit: messages.UnitProbed | None = None
    record: RunRecord | None = None
    outcome: Outcome | None = None
    failure: FailureText | None = None
    statistics: tuple[messages.LayerStatistics, ...] = ()
    marks: tuple[messages.TrainingMarked, ...] = ()
    paused: bool = False
    peak: float | None = None
    planned: int | None = None

    @property
    def running(self) -> bool:
        return self.outcome is None

    @property
    def epochs_planned(self) -> int:
        """Epochs in all, as far as is known here."""
        return self.started.recipe.epochs if self.planned is None else self.planned

    @property
    def peak_rate(self) -> float:
        """The learning rate that the schedule goes up to."""
        return self.started.recipe.learning_rate if self.peak is None else self.peak

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.losses)

    @property
    def confusion(self) -> np.ndarray | None:
        """The newest confusion matrix of the validation split, int64 [K, K], rows true."""
        return next((epoch.confusion for epoch in reversed(self.epochs) if epoch.confusion is not None), None)


class CameraState(msgspec.Struct, frozen=True, eq=False):
    """The camera: `opened` while it plays, its newest frame, and why it stopped (None: it did not; "": on purpose)."""

    opened: messages.CameraOpened | None = None
    frame: messages.CameraFrame | None = None
    reason: str | None = None

    @property
    def playing(self) -> bool:
        return self.opened is not None


TRAININGS = ("Train", "ResumeRun", "ForkRun")
"""Class names of the commands that train."""


class AppState(msgspec.Struct, frozen=True, eq=False):
    """All that the window knows of the engine. Fields that did not change keep their identity, so views compare with `is`.

    Attributes
    ----------
    engine : EngineReady or None
        None while torch loads.
    engine_failure : FailureText or None
        Why torch could not be loaded.
    images : ImageTable or None
        All pictures of the open project; None without a project.
    runs : tuple of RunRecord
        Newest first.
    memory : dict
        What Remember kept in the project.
    jobs : dict of int to JobState
        Commands not closed yet, by number.
    failures : dict of str to FailureText
        How the last command of a class name failed; gone as soon as such a command is submitted again.
    evaluations : dict of (run, Split) to Evaluation
    cameras : tuple of CameraInfo or None
        None until they were looked for.
    notes : dict of int to str
        Of pictures, by id.
    findings : FindingsReady or None
        What the doctor found last; `findings_stale` once pictures or labels changed since.
    scores : dict of str to ScoresReady
        What runs say of the pictures, by run.
    suggestions : SuggestionsReady or None
    input_preview : InputPreviewReady or None
    exported : Exported or None
        What was written out last.
    selected_run : str or None
        The run that Check and Use look at; None means the newest. `run` resolves it.
    looked_at : str or None
        The run that was chosen or began to train last, which Train looks at; `gui.looked_at` resolves it.
    networks : tuple of Network
        Those of the project's own.
    libraries : LibrariesListed or None
        What torchvision and timm offer, once it was asked for.
    described : dict of (network, input, classes) to Analysis
        Networks of other libraries that were worked out.
    weights_checked, training_probed
        The last answers to CheckWeights and ProbeTraining.
    rates_tried, batches_tried
        The last answers to FindLearningRate and FindBatch.
    moments : dict of str to MomentLoaded
        The epoch that is looked at, by run.
    statistics : dict of str to StatisticsLoaded
        What was kept of the layers of runs, as far as it was asked for.
    """

    engine: messages.EngineReady | None = None
    engine_failure: FailureText | None = None
    project: ProjectRecord | None = None
    classes: tuple[ClassRecord, ...] = ()
    images: ImageTable | None = None
    runs: tuple[RunRecord, ...] = ()
    memory: dict[str, str] = {}
    history: History = History()
    jobs: dict[int, JobState] = {}
    failures: dict[str, FailureText] = {}
    training: TrainingState | None = None
    histories: dict[str, RunHistory] = {}
    evaluations: dict[tuple[str, Split], Evaluation] = {}
    model: messages.ModelReady | None = None
    classified: tuple[messages.Classified, ...] = ()
    feature_maps: messages.FeatureMapsReady | None = None
    unit: messages.UnitProbed | None = None
    cameras: tuple[messages.CameraInfo, ...] | None = None
    camera: CameraState = CameraState()
    import_report: messages.ImportFinished | None = None
    notes: dict[int, str] = {}
    findings: messages.FindingsReady | None = None
    findings_stale: bool = False
    scores: dict[str, messages.ScoresReady] = {}
    suggestions: messages.SuggestionsReady | None = None
    input_preview: messages.InputPreviewReady | None = None
    exported: messages.Exported | None = None
    selected_run: str | None = None
    looked_at: str | None = None
    networks: tuple[Network, ...] = ()
    libraries: messages.LibrariesListed | None = None
    described: dict[tuple[str, Shape, int], Analysis] = {}
    weights_checked: messages.WeightsChecked | None = None
    training_probed: messages.TrainingProbed | None = None
    rates_tried: messages.LearningRatesTried | None = None
    batches_tried: messages.BatchesTried | None = None
    moments: dict[str, messages.MomentLoaded] = {}
    statistics: dict[str, messages.StatisticsLoaded] = {}

    @property
    def folder(self) -> str:
        """Folder of the open project, which tells it from others; "" without one."""
        return self.project.folder if self.project is not None else ""

    @property
    def run(self) -> RunRecord | None:
        """The selected run, or the newest."""
        chosen = next((run for run in self.runs if run.id == self.selected_run), None)
        return chosen or (self.runs[0] if self.runs else None)

    @property
    def best(self) -> RunRecord | None:
        """The run that is best on the validation split; the test split must not choose."""
        measured = [run for run in self.runs if run.validation_accuracy is not None]
        return max(measured, key=lambda run: run.validation_accuracy or 0.0, default=None)

    @property
    def best_tested(self) -> RunRecord | None:
        """The same among the runs with a test accuracy, where there are any: figures of two splits do not follow each other."""
        tested = [run for run in self.runs if run.test_accuracy is not None and run.validation_accuracy is not None]
        return max(tested, key=lambda run: run.validation_accuracy or 0.0, default=self.best)

    @property
    def writable(self) -> bool:
        """A project is open and can be written."""
        return self.project is not None and not self.project.read_only

    def running(self, *commands: str) -> JobState | None:
        """The first job of one of these commands' class names that waits or runs."""
        return next((job for job in self.jobs.values() if job.command in commands), None)

    @property
    def job_of_training(self) -> JobState | None:
        """The first job that trains, or will."""
        return self.running(*TRAININGS)

    @property
    def trainings_in_line(self) -> tuple[JobState, ...]:
        """Trainings that wait behind that one, in their order."""
        return tuple(job for job in self.jobs.values() if job.command in TRAININGS and not job.running and job is not self.job_of_training)


FIELDS = frozenset(AppState.__struct_fields__)


def changed_fields(old: AppState | None, new: AppState) -> frozenset[str]:
    """Names of the fields that are another object; all of them where there is no old state."""
    if old is None:
        return FIELDS
    return frozenset(name for name in FIELDS if getattr(old, name) is not getattr(new, name))
