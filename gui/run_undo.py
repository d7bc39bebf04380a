"""Deleted runs of this sitting: the last ones come back with undo while the Train page is shown."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.messages import Command, DeleteRun, Event, JobClosed, Outcome, ProjectClosed, ProjectOpened, RestoreRun
from gui.bridge import Bridge
from gui.run_names import run_names

Gone = tuple[tuple[str, str], ...]
"""Ids and titles of runs that were deleted together."""


class DeletedRuns(QObject):
    """Remembers what was deleted, the last ones first, and has it brought back.

    Signals
    -------
    changed
        `last` is another one now.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._jobs: dict[int, tuple[str, str]] = {}
        self._together: list[tuple[str, str]] = []
        self._gone: list[Gone] = []
        bridge.submitted.connect(self._submitted)
        bridge.happened.connect(self._happened)

    @property
    def last(self) -> Gone:
        """What undo would bring back; () for nothing."""
        return self._gone[-1] if self._gone else ()

    def words(self) -> str:
        """What undo would do; "" for nothing."""
        if not self.last:
            return ""
        if len(self.last) == 1:
            return self.tr("Undo deletion of {0}").format(self.last[0][1])
        return self.tr("Undo deletion of {0} runs").format(len(self.last))

    def restore(self) -> bool:
        """Bring the last ones back; False where there are none."""
        gone = self.last
        for run, _ in reversed(gone):  # members before the ensembles that need them
            self._bridge.submit(RestoreRun(run))
        return bool(gone)

    def _forget(self) -> None:
        self._jobs, self._together, self._gone = {}, [], []
        self.changed.emit()

    def _submitted(self, job: int, command: Command) -> None:
        if isinstance(command, DeleteRun):
            names = run_names(self._bridge.state.runs)
            self._jobs[job] = command.run, names.get(command.run, command.run)
        elif isinstance(command, RestoreRun):  # from here or from the message that told of it
            kept = (tuple(run for run in gone if run[0] != command.run) for gone in self._gone)
            self._gone = [gone for gone in kept if gone]
            self.changed.emit()

    def _happened(self, event: Event) -> None:
        if isinstance(event, ProjectOpened | ProjectClosed):
            self._forget()
        if not isinstance(event, JobClosed) or event.job not in self._jobs:
            return
        run = self._jobs.pop(event.job)
        if event.outcome is Outcome.COMPLETED:
            self._together.append(run)
        if not self._jobs and self._together:
            self._gone.append(tuple(self._together))
            self._together = []
            self.changed.emit()
