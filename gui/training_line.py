"""Trainings that wait for their turn or are under way: in words, and kept in the project, so that closing the program loses none."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, Signal

from engine.messages import Command, Event, ForkRun, JobClosed, JobStarted, ProjectClosed, ProjectOpened, ResumeRun, Train, TrainingStarted
from engine.project.records import RunRecord
from engine.training.differences import ASIDE, names, said
from engine.training.presets import PRESETS
from engine.training.recipe import Recipe, field_of
from engine.training.sweep_values import OFF, ON
from engine.training.sweeping import place_of
from gui import networks, plan
from gui.bridge import Bridge
from gui.run_names import run_names
from gui.state import TRAININGS, AppState
from gui.widgets.sweep_words import value_words

LINE = "train.line"
"""Key of Remember: the commands that wait."""
UNDER_WAY = "train.running"
"""Key of Remember: the run that is being trained; still there afterwards if the program was closed or killed meanwhile."""
MOST_SAID = 3
Training = Train | ResumeRun | ForkRun


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("TrainingLine", text)


def title_of(state: AppState, command: Command) -> str:
    """What is trained: a network, or a run that others go on from."""
    if isinstance(command, Train):
        return networks.card(state, command.network).title
    called = run_names(state.runs)
    if isinstance(command, ForkRun):
        return tr("{run}, its weights").format(run=called.get(command.run, command.run))
    if isinstance(command, ResumeRun):
        return tr("{run} goes on").format(run=called.get(command.run, command.run))
    return type(command).__name__


def recipe_words(command: Command) -> str:
    """How it is trained: the preset, what a sweep varies, or in what the recipe differs from the usual one."""
    if isinstance(command, ResumeRun):
        return "" if command.learning_rate is None else tr("learning rate {rate:g}").format(rate=command.learning_rate)
    if not isinstance(command, Train | ForkRun):
        return ""
    place = place_of(command.sweep) if isinstance(command, Train) else None
    if place is not None:
        words = value_words(place.field, place.value)
        return words if place.value in (ON, OFF) else f"{place.field.rpartition('.')[2].replace('_', ' ')} {words}"
    preset = PRESETS.get(command.recipe.preset)
    if preset is not None:
        return preset.title
    changed = changes(command.recipe, PRESETS["solid"].recipe)
    more = len(changed) - MOST_SAID
    words = ", ".join(changed[:MOST_SAID]) or tr("own recipe")
    return tr("{words} and {more} more").format(words=words, more=more) if more > 0 else words


def changes(recipe: Recipe, usual: Recipe) -> list[str]:
    """The fields that differ from those of another recipe, in words."""
    fields = [name for name in names(recipe) if name not in ASIDE]
    return [said(name, field_of(recipe, name)) for name in fields if field_of(recipe, name) != field_of(usual, name)]


class TrainingLine(QObject):
    """Keeps what waits in the project, and knows what was left there when the program was closed.

    A project that another takes the place of takes its line along: what waits was asked for its pictures.

    Signals
    -------
    changed
        `left` is another now.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._waiting: dict[int, Training] = {}
        self._running = 0  # the job of the run that is being trained
        self._folder = bridge.state.folder
        self.left: tuple[Training, ...] = ()
        self._find(bridge.state.memory, bridge.state.runs)
        bridge.submitted.connect(self._submitted)
        bridge.happened.connect(self._hear)

    def hurry(self, job: int) -> None:
        """Let a training be the next."""
        self._bridge.hurry(job)
        self._keep()

    def take_up(self) -> None:
        """Put in line what was left."""
        left, self.left = self.left, ()
        for command in left:
            self._bridge.submit(command)
        self._keep()
        self.changed.emit()

    def forget(self) -> None:
        """Do not keep what was left any longer."""
        self.left = ()
        self._keep()
        self.changed.emit()

    def _submitted(self, job: int, command: Command) -> None:
        behind = sum(other.command in TRAININGS for other in self._bridge.state.jobs.values()) > 1
        if isinstance(command, Training) and behind:
            self._waiting[job] = command
            self._keep()

    def _hear(self, event: Event) -> None:
        if isinstance(event, JobStarted | JobClosed):
            if self._waiting.pop(event.job, None) is not None:
                self._keep()
            if isinstance(event, JobClosed) and event.job == self._running:
                self._running = 0
                plan.keep(self._bridge, UNDER_WAY, "")
        elif isinstance(event, TrainingStarted):
            self._running = event.job
            plan.keep(self._bridge, UNDER_WAY, event.run)
        elif isinstance(event, ProjectOpened) and event.project.folder != self._folder:
            self._leave(event.project.folder)
            self._find(event.memory, event.runs)
            self.changed.emit()
        elif isinstance(event, ProjectClosed):  # what runs is stopped and kept, as when the window is closed, and offered later
            self._leave("")
            for job in self._bridge.state.jobs.values():
                if job.command in TRAININGS:
                    self._bridge.cancel(job.number)

    def _find(self, memory: dict[str, str], runs: tuple[RunRecord, ...]) -> None:
        """What the program left there when it was closed or killed; in a project that is open elsewhere it may still be under way."""
        self.left = kept(memory)
        if memory.get(UNDER_WAY) and self._bridge.state.writable and self._bridge.state.job_of_training is None:
            self.left = (*interrupted(memory, runs), *self.left)
            self._keep()
            plan.keep(self._bridge, UNDER_WAY, "")

    def _leave(self, folder: str) -> None:
        waiting, self._waiting, self._folder, self.left = self._waiting, {}, folder, ()
        for job in waiting:
            self._bridge.cancel(job)

    def _keep(self) -> None:
        waiting = (*self.left, *(self._waiting[job] for job in self._bridge.state.jobs if job in self._waiting))
        plan.keep(self._bridge, LINE, msgspec.json.encode(waiting).decode() if waiting else "")


def interrupted(memory: dict[str, str], runs: tuple[RunRecord, ...]) -> tuple[ResumeRun, ...]:
    """The run that was being trained when the program ended, where it can go on."""
    return tuple(ResumeRun(run.id) for run in runs if run.id == memory.get(UNDER_WAY) and run.resumable and run.outcome != "completed")


def kept(memory: dict[str, str]) -> tuple[Training, ...]:
    """What a project kept of its line; nothing where that cannot be read."""
    try:
        return msgspec.json.decode(memory.get(LINE, "") or "[]", type=tuple[Training, ...])
    except msgspec.MsgspecError:
        return ()
