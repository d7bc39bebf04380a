"""All that the window knows, as one frozen record, and the pure function that tells what an event makes of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from engine import messages
from engine.messages import Event, FailureText, Lane, Outcome
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
    """A command that is not closed yet. `running` is False while it waits for its lane."""

    number: int
    command: str
    lane: Lane
    title: str
    running: bool = False
    fraction: float | None = None
    text: str = ""
    seconds_left: float | None = None
    images_per_second: float | None = None


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

    @property
    def running(self) -> bool:
        return self.outcome is None

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
    selected_run : str or None
        The run that Check and Use look at; None means the newest. `run` resolves it.
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
    selected_run: str | None = None

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
    def writable(self) -> bool:
        """A project is open and can be written."""
        return self.project is not None and not self.project.read_only

    def running(self, command: str) -> JobState | None:
        """The first job of this command's class name that waits or runs."""
        return next((job for job in self.jobs.values() if job.command == command), None)


FIELDS = frozenset(AppState.__struct_fields__)


def changed_fields(old: AppState | None, new: AppState) -> frozenset[str]:
    """Names of the fields that are another object; all of them where there is no old state."""
    if old is None:
        return FIELDS
    return frozenset(name for name in FIELDS if getattr(old, name) is not getattr(new, name))


# ---------------------------------------------------------------- reducing


def reduce(state: AppState, event: Event) -> AppState:
    """What the state is after an event. Unknown kinds of events change nothing."""
    return _reduce(event, state)


@functools.singledispatch
def _reduce(event: Event, state: AppState) -> AppState:
    return state


def _on(kind: type[Event]) -> Callable[[Callable[[Any, AppState], AppState]], Callable[[Any, AppState], AppState]]:
    return _reduce.register(kind)


def _with(state: AppState, **changes: Any) -> AppState:
    return msgspec.structs.replace(state, **changes)


@_on(messages.EngineReady)
def _engine_ready(event: messages.EngineReady, state: AppState) -> AppState:
    return _with(state, engine=event, engine_failure=None)


# jobs


@_on(JobSubmitted)
def _job_submitted(event: JobSubmitted, state: AppState) -> AppState:
    failures = {name: failure for name, failure in state.failures.items() if name != event.command}
    if len(failures) == len(state.failures):
        failures = state.failures
    return _with(state, jobs={**state.jobs, event.job: JobState(event.job, event.command, event.lane, event.title)}, failures=failures)


@_on(messages.JobStarted)
def _job_started(event: messages.JobStarted, state: AppState) -> AppState:
    job = JobState(event.job, event.command, event.lane, event.title, running=True)
    return _with(state, jobs={**state.jobs, event.job: job})


@_on(messages.JobProgress)
def _job_progress(event: messages.JobProgress, state: AppState) -> AppState:
    job = state.jobs.get(event.job)
    if job is None:
        return state
    speed = event.images_per_second if event.images_per_second is not None else job.images_per_second
    job = msgspec.structs.replace(
        job, running=True, fraction=event.fraction, text=event.text, seconds_left=event.seconds_left, images_per_second=speed
    )
    return _with(state, jobs={**state.jobs, event.job: job})


@_on(messages.JobClosed)
def _job_closed(event: messages.JobClosed, state: AppState) -> AppState:
    if event.command == "EngineReady":
        return _with(state, engine_failure=event.failure)
    changes: dict[str, Any] = {}
    if event.job in state.jobs:
        changes["jobs"] = {number: job for number, job in state.jobs.items() if number != event.job}
    if event.failure is not None:
        changes["failures"] = {**state.failures, event.command: event.failure}
    training = state.training
    if training is not None and training.job == event.job and training.outcome is None:
        changes["training"] = msgspec.structs.replace(training, outcome=event.outcome, failure=event.failure)
    if event.command == "OpenCamera" and state.camera.opened is not None and state.camera.opened.job == event.job:
        reason = event.failure.message if event.failure is not None else ""
        changes["camera"] = CameraState(frame=state.camera.frame, reason=reason)
    return _with(state, **changes) if changes else state


@_on(FailureDismissed)
def _failure_dismissed(event: FailureDismissed, state: AppState) -> AppState:
    if event.command not in state.failures:
        return state
    return _with(state, failures={name: failure for name, failure in state.failures.items() if name != event.command})


# project


@_on(messages.ProjectOpened)
def _project_opened(event: messages.ProjectOpened, state: AppState) -> AppState:
    kept = AppState(
        engine=state.engine,
        engine_failure=state.engine_failure,
        jobs=state.jobs,
        cameras=state.cameras,
        camera=state.camera,
        model=state.model,
    )
    return _with(kept, project=event.project, classes=event.classes, images=event.images, runs=event.runs, memory=event.memory)


@_on(messages.ProjectClosed)
def _project_closed(event: messages.ProjectClosed, state: AppState) -> AppState:
    return AppState(engine=state.engine, engine_failure=state.engine_failure, jobs=state.jobs, cameras=state.cameras, camera=state.camera)


@_on(messages.ClassesChanged)
def _classes_changed(event: messages.ClassesChanged, state: AppState) -> AppState:
    return _with(state, classes=event.classes)


@_on(messages.ImagesAdded)
def _images_added(event: messages.ImagesAdded, state: AppState) -> AppState:
    return _with(state, images=merged(state.images, event.images))


@_on(messages.ImagesRemoved)
def _images_removed(event: messages.ImagesRemoved, state: AppState) -> AppState:
    import numpy as np

    if state.images is None:
        return state
    keep = np.isin(state.images.ids, event.ids, assume_unique=True, invert=True)
    return state if keep.all() else _with(state, images=taken(state.images, np.flatnonzero(keep)))


@_on(messages.LabelsChanged)
def _labels_changed(event: messages.LabelsChanged, state: AppState) -> AppState:
    import numpy as np

    if state.images is None or not len(state.images.ids):
        return state
    table = state.images
    rows = np.minimum(np.searchsorted(table.ids, event.ids), len(table.ids) - 1)
    known = table.ids[rows] == event.ids
    class_ids, splits = table.class_ids.copy(), table.splits.copy()
    class_ids[rows[known]] = event.class_ids[known]
    splits[rows[known]] = event.splits[known]
    return _with(state, images=ImageTable(table.ids, class_ids, splits, table.names))


@_on(messages.HistoryChanged)
def _history_changed(event: messages.HistoryChanged, state: AppState) -> AppState:
    return _with(state, history=History(event.undo, event.redo))


@_on(messages.RunsChanged)
def _runs_changed(event: messages.RunsChanged, state: AppState) -> AppState:
    return _with(state, runs=event.runs)


@_on(messages.HistoryLoaded)
def _history_loaded(event: messages.HistoryLoaded, state: AppState) -> AppState:
    return _with(state, histories={**state.histories, event.history.run: event.history})


@_on(messages.ImportFinished)
def _import_finished(event: messages.ImportFinished, state: AppState) -> AppState:
    return _with(state, import_report=event)


@_on(ReportDismissed)
def _report_dismissed(event: ReportDismissed, state: AppState) -> AppState:
    return _with(state, import_report=None)


@_on(Remembered)
def _remembered(event: Remembered, state: AppState) -> AppState:
    return _with(state, memory={**state.memory, event.key: event.value})


@_on(RunSelected)
def _run_selected(event: RunSelected, state: AppState) -> AppState:
    return _with(state, selected_run=event.run)


# training


@_on(messages.TrainingStarted)
def _training_started(event: messages.TrainingStarted, state: AppState) -> AppState:
    return _with(state, training=TrainingState(event.run, event.job, event, Curve(), Curve(), Curve()))


def _training(state: AppState, run: str, **changes: Any) -> AppState:
    """The state with changes of its training; another run's events are late and change nothing."""
    if state.training is None or state.training.run != run:
        return state
    return _with(state, training=msgspec.structs.replace(state.training, **changes))


@_on(messages.StepsDone)
def _steps_done(event: messages.StepsDone, state: AppState) -> AppState:
    training = state.training
    if training is None or training.run != event.run:
        return state
    at = event.first_step - 1
    return _training(
        state,
        event.run,
        losses=training.losses.extended(at, event.losses),
        accuracies=training.accuracies.extended(at, event.accuracies),
        learning_rates=training.learning_rates.extended(at, [event.learning_rate] * len(event.losses)),
    )


@_on(messages.EpochDone)
def _epoch_done(event: messages.EpochDone, state: AppState) -> AppState:
    return _training(state, event.run, epochs=(*state.training.epochs, event)) if state.training is not None else state


@_on(messages.FiltersChanged)
def _filters_changed(event: messages.FiltersChanged, state: AppState) -> AppState:
    return _training(state, event.run, filters=event)


@_on(messages.TrainingFinished)
def _training_finished(event: messages.TrainingFinished, state: AppState) -> AppState:
    return _with(_training(state, event.record.id, record=event.record), selected_run=None)


@_on(messages.EvaluationReady)
def _evaluation_ready(event: messages.EvaluationReady, state: AppState) -> AppState:
    key = (event.evaluation.run, Split(event.evaluation.split))
    return _with(state, evaluations={**state.evaluations, key: event.evaluation})


# looking and using


@_on(messages.ModelReady)
def _model_ready(event: messages.ModelReady, state: AppState) -> AppState:
    return _with(state, model=event)


@_on(messages.Classified)
def _classified(event: messages.Classified, state: AppState) -> AppState:
    kept = state.classified
    if event.image >= 0:  # of the project's own pictures only the newest answer is shown anywhere, and each holds a picture
        kept = tuple(answer for answer in kept if answer.image < 0)
    return _with(state, classified=(event, *kept)[:CLASSIFIED_KEPT])


@_on(AnswersCleared)
def _answers_cleared(event: AnswersCleared, state: AppState) -> AppState:
    return _with(state, classified=())


@_on(messages.FeatureMapsReady)
def _feature_maps_ready(event: messages.FeatureMapsReady, state: AppState) -> AppState:
    return _with(state, feature_maps=event)


@_on(messages.UnitProbed)
def _unit_probed(event: messages.UnitProbed, state: AppState) -> AppState:
    if event.epoch:
        return _training(state, event.run, unit=event)
    return _with(state, unit=event)


@_on(messages.CamerasFound)
def _cameras_found(event: messages.CamerasFound, state: AppState) -> AppState:
    return _with(state, cameras=event.cameras)


@_on(messages.CameraOpened)
def _camera_opened(event: messages.CameraOpened, state: AppState) -> AppState:
    return _with(state, camera=CameraState(opened=event))


@_on(messages.CameraFrame)
def _camera_frame(event: messages.CameraFrame, state: AppState) -> AppState:
    camera = state.camera
    if camera.opened is None or camera.opened.job != event.job:
        return state
    return _with(state, camera=CameraState(camera.opened, event))


@_on(messages.CameraClosed)
def _camera_closed(event: messages.CameraClosed, state: AppState) -> AppState:
    camera = state.camera
    if camera.opened is not None and camera.opened.job != event.job:
        return state
    return _with(state, camera=CameraState(frame=camera.frame, reason=event.reason))


# ---------------------------------------------------------------- tables of pictures


def taken(table: ImageTable, rows: np.ndarray) -> ImageTable:
    """These rows of a table. rows int64 [n], ascending."""
    names = table.names
    return ImageTable(table.ids[rows], table.class_ids[rows], table.splits[rows], tuple([names[row] for row in rows.tolist()]))


def merged(old: ImageTable | None, new: ImageTable) -> ImageTable:
    """Both tables in one, ids ascending; where both have a picture the new row counts."""
    import numpy as np

    if old is None or not len(old.ids):
        return new
    if not len(new.ids):
        return old
    both = ImageTable(
        np.concatenate([old.ids, new.ids]),
        np.concatenate([old.class_ids, new.class_ids]),
        np.concatenate([old.splits, new.splits]),
        old.names + new.names,
    )
    if new.ids[0] > old.ids[-1]:
        return both
    order = np.argsort(both.ids, kind="stable")
    last = np.append(np.diff(both.ids[order]) != 0, True)
    return taken(both, order[last])
