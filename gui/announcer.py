"""What the engine says and the user should know, as short messages."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from engine import messages
from engine.messages import Event, JobClosed, Outcome
from engine.project.records import RunRecord
from engine.training.differences import learned_nothing
from gui.bridge import Bridge
from gui.notifications import Channel, Message
from gui.run_names import run_names
from gui.state import TRAININGS
from gui.ways_out import show_exported, show_file, show_place
from gui.widgets.basics import count, percent
from gui.widgets.project_panel import exported_words

SILENT = frozenset(
    {
        "WantThumbnails",
        "WantPicture",
        "Remember",
        "PinUnit",
        "OpenCamera",
        "ClassifyFiles",
        "ClassifyPicture",
        "CheckFiles",
        "CheckWeights",
        "DescribeNetwork",
        "ReadNetwork",
        "LoadMoment",
        "LoadStatistics",
    }
)
"""Commands whose failure the user did not ask to hear of, or reads where it happened; the log has it."""
CHANGES = frozenset({"Redo", "SetLabels", "LabelEach", "SetSplits", "SetFlags", "RemoveImages", "DeleteClass", "MergeClasses", "Divide"})
"""Commands after which the last undo is not news any more."""
TRAINING = "Train"
"""Topic of what is told of trainings: the name of their command, as for all failures."""
UNDER_WAY = "training under way"
"""Topic of what holds while one is under way."""

LONG = 60.0
"""Seconds that a line to be typed on another machine stays."""


class Announcer(QObject):
    """Turns events into messages of the channel.

    Parameters
    ----------
    channel : Channel
    bridge : Bridge
        Knows what undo has taken back.
    check : callable
        Goes where a finished training can be looked at.
    checking : callable
        Whether the user is there already.
    doctor : callable
        Goes where the doctor's findings are.
    consulting : callable
        Whether the user is there already.
    forget : callable
        Takes away what was told of a topic.
    training : callable
        Whether the user is where a training's failure is told of anyway.
    parent : QObject
    """

    def __init__(
        self,
        channel: Channel,
        bridge: Bridge,
        check: Callable[[], object],
        checking: Callable[[], bool],
        parent: QObject,
        doctor: Callable[[], object] = lambda: None,
        consulting: Callable[[], bool] = lambda: True,
        forget: Callable[[str], object] = lambda topic: None,
        training: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(parent)
        self._doctor, self._consulting, self._forget, self._at_training = doctor, consulting, forget, training
        self._channel, self._bridge, self._check, self._checking = channel, bridge, check, checking
        self._deleting: dict[int, tuple[str, str]] = {}  # runs by the jobs that delete them: id and title
        self._deleted: list[tuple[str, str]] = []
        self._broken: tuple[tuple[str, str], ...] = ()
        bridge.submitted.connect(self._submitted)

    def hear(self, event: Event) -> None:
        """Tell of an event if it is worth telling."""
        if isinstance(event, messages.Notice):
            self.tell(event.level, event.text, topic=UNDER_WAY if event.training else "")
        elif isinstance(event, messages.TrainingFinished):
            self._training_finished(event)
        elif isinstance(event, messages.FindingsReady):
            self._examined(event)
        elif isinstance(event, messages.Exported):
            self._exported(event)
        elif isinstance(event, messages.ImportFinished):
            self._import_finished(event)
        elif isinstance(event, messages.ReportWritten):
            self._report_written(event)
        elif isinstance(event, messages.RunPacked):
            self._run_packed(event)
        elif isinstance(event, messages.RunAdded):
            self._run_added(event)
        elif isinstance(event, messages.NetworksChanged):
            self._networks_changed(event)
        elif isinstance(event, JobClosed):
            self._job_closed(event)

    def tell(self, level: str, text: str, remedy: str = "", topic: str = "") -> None:
        """Show a short message."""
        self._channel.post(Message(level, text, remedy, topic=topic))

    def _training_finished(self, event: messages.TrainingFinished) -> None:
        """A training that failed is told of when its job closes."""
        record = event.record
        name = run_names((record, *(run for run in self._bridge.state.runs if run.id != record.id)))[record.id]
        if record.outcome == "cancelled" and learned_nothing(record):
            level, words = "info", self.tr("{0} was stopped before its first step; it has learned nothing.").format(name)
        elif record.outcome == "cancelled":
            level, words = "info", self.tr("{0} was stopped; what it learned until then is kept.").format(name)
        elif record.outcome == "completed":
            level, words = "good", self._trained(record, name)
        else:
            return
        act = "" if self._checking() else self.tr("Check it")
        self._channel.post(Message(level, words, "", act, self._check, topic=TRAINING))

    def _submitted(self, job: int, command: messages.Command) -> None:
        """Keep what runs are called that are about to be deleted."""
        if isinstance(command, messages.DeleteRun):
            names = run_names(self._bridge.state.runs)
            self._deleting[job] = command.run, names.get(command.run, command.run)

    def _run_deleted(self, event: JobClosed) -> None:
        """Several that are deleted at once are told of together, and come back together."""
        run = self._deleting.pop(event.job, None)
        if run is not None and event.outcome is Outcome.COMPLETED:
            self._deleted.append(run)
        if self._deleting or not self._deleted:
            return
        gone, self._deleted = self._deleted, []
        words = self.tr("{0} was deleted.").format(gone[0][1]) if len(gone) == 1 else self.tr("{0} runs were deleted.").format(len(gone))
        self._channel.post(Message("info", words, "", self.tr("Undo"), lambda: self._restore(gone), topic="DeleteRun"))

    def _restore(self, runs: list[tuple[str, str]]) -> None:
        for name, _ in reversed(runs):  # members before the ensembles that need them
            self._bridge.submit(messages.RestoreRun(name))

    def _report_written(self, event: messages.ReportWritten) -> None:
        show = functools.partial(show_file, event.path)
        self._channel.post(Message("good", self.tr("The report is written."), event.path, self.tr("Open"), show, topic="WriteReport"))

    def _run_packed(self, event: messages.RunPacked) -> None:
        """Say what to type elsewhere."""
        size = f"{event.bytes / 1e6:,.1f} MB"
        words = self.tr("The run is packed with {0} pictures ({1}).").format(count(event.pictures), size)
        name = Path(event.path).name
        there = f'"{name}"' if " " in name else shlex.quote(name)  # Windows knows double quotes alone
        what = self.tr("{0}\nOn the other machine: {1}").format(event.path, f"torchrun --nproc-per-node N main.py train {there}")
        self._channel.post(
            Message("good", words, what, self.tr("Show in folder"), functools.partial(show_place, event.path), "PackRun", LONG)
        )

    def _run_added(self, event: messages.RunAdded) -> None:
        act = "" if self._checking() else self.tr("Check it")
        words = self.tr("{0} was added.").format(event.title)
        self._channel.post(Message("info" if event.but else "good", words, event.but, act, self._check, topic="AddRun"))

    def _undone(self) -> None:
        """Name what was taken back: it may be large, and out of sight."""
        words = self._bridge.state.history.redo
        if words:
            redo = functools.partial(self._bridge.submit, messages.Redo())
            self._channel.post(Message("info", self.tr("Undone: {0}").format(words), "", self.tr("Redo"), redo, topic="Undo"))

    def _trained(self, record: RunRecord, name: str) -> str:
        if record.members:
            return self.tr("{0} runs are combined: {1}").format(len(record.members), name)
        if record.test_accuracy is not None:
            return self.tr("{0} is trained: {1} test accuracy").format(name, percent(record.test_accuracy))
        if record.validation_accuracy is not None:
            return self.tr("{0} is trained: {1} validation accuracy").format(name, percent(record.validation_accuracy))
        return self.tr("{0} is trained").format(name)

    def _import_finished(self, event: messages.ImportFinished) -> None:
        """What was not taken stands in the report of the Data page."""
        if event.taken and not (event.skipped or event.warnings or event.boxes or event.unseen):
            words = self.tr("1 picture was taken.") if event.taken == 1 else self.tr("{0} pictures were taken.").format(count(event.taken))
            self.tell("good", words, topic="ImportPaths")

    def _examined(self, event: messages.FindingsReady) -> None:
        """The findings stand in the doctor's panel."""
        if self._consulting():
            return
        kinds = len(event.findings)
        words = self.tr("The doctor found nothing.") if not kinds else self.tr("The doctor found 1 thing.")
        if kinds > 1:
            words = self.tr("The doctor found {0} things.").format(kinds)
        self._channel.post(Message("info" if kinds else "good", words, "", self.tr("Look"), self._doctor, topic="Examine"))

    def _exported(self, event: messages.Exported) -> None:
        """What could not be written stands in the panel of the Data page."""
        show = functools.partial(show_exported, event)
        level = "warning" if event.skipped else "good"
        self._channel.post(Message(level, exported_words(event), "", self.tr("Show in folder"), show, topic="Export"))

    def _networks_changed(self, event: messages.NetworksChanged) -> None:
        if event.removed is not None:
            undo = functools.partial(self._bridge.submit, messages.SaveNetwork(event.removed))
            words = self.tr("{0} was deleted.").format(event.removed.title or event.removed.name)
            self._channel.post(Message("info", words, "", self.tr("Undo"), undo, topic="DeleteNetwork"))
        if event.broken and event.broken != self._broken:
            (name, reason), more = event.broken[0], len(event.broken) - 1
            words = self.tr("networks/{0} is no network: {1}").format(name, reason)
            self.tell("warning", words, self.tr("So it is with {0} more.").format(count(more)) if more else "", "networks")
        self._broken = event.broken

    def _job_closed(self, event: JobClosed) -> None:
        if event.command in TRAININGS:
            self._forget(UNDER_WAY)
        if event.command == "DeleteRun":
            self._run_deleted(event)
        if event.command == "RestoreRun" and event.outcome is Outcome.COMPLETED:
            self._forget("DeleteRun")  # what was deleted is back, however that was asked for
        if event.command == "Undo" and event.outcome is Outcome.COMPLETED:
            self._undone()
        elif event.command in CHANGES:
            self._forget("Undo")  # it could no longer be done again, or is
        if event.failure is None or event.outcome is not Outcome.FAILED:
            return
        if event.command == "EngineReady":
            words = self.tr("torch could not be loaded: {0}").format(event.failure.message)
            self.tell("error", words, event.failure.remedy)
        elif event.command not in SILENT and not (event.command in TRAININGS and self._at_training()):
            self.tell("error", event.failure.message, event.failure.remedy, event.command)
