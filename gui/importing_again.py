"""Takes the last import back and does it again, with one cut-out a box instead of one label a picture."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject

from engine.messages import Command, Event, ImagesAdded, ImportFinished, ImportPaths, JobClosed, Outcome, ProjectOpened, RemoveImages
from gui.bridge import Bridge
from gui.state import ReportDismissed


class ImportingAgain(QObject):
    """Remembers the last import of files and the pictures that came of it."""

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._running: dict[int, ImportPaths] = {}
        self._images: dict[int, list[int]] = {}
        self._last: tuple[ImportPaths, tuple[int, ...]] | None = None
        self._then: tuple[int, ImportPaths] | None = None
        bridge.submitted.connect(self._submitted)
        bridge.happened.connect(self._hear)

    def take_crops(self) -> None:
        """Take the pictures of the last import out of the project; when they are, import again with cut-outs. Both can be undone."""
        if self._last is None or not self._bridge.state.writable:
            return
        command, images = self._last
        self._last = None
        self._bridge.dispatch(ReportDismissed())
        again = msgspec.structs.replace(command, boxes="crops")
        if images:
            self._then = (self._bridge.submit(RemoveImages(images)), again)
        else:
            self._bridge.submit(again)

    def _submitted(self, job: int, command: Command) -> None:
        if isinstance(command, ImportPaths):
            self._running[job] = command

    def _hear(self, event: Event) -> None:
        if isinstance(event, ImagesAdded) and event.job in self._running:
            self._images.setdefault(event.job, []).extend(event.images.ids.tolist())
        elif isinstance(event, ImportFinished) and event.job in self._running:
            self._last = (self._running[event.job], tuple(self._images.get(event.job, ())))
        elif isinstance(event, ProjectOpened):
            self._last = self._then = None
        elif isinstance(event, JobClosed):
            self._running.pop(event.job, None)
            self._images.pop(event.job, None)
            if self._then is not None and self._then[0] == event.job:
                again, self._then = self._then[1], None
                if event.outcome is Outcome.COMPLETED:
                    self._bridge.submit(again)
