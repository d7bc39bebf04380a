"""A frame that takes files that are dropped on it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame

from gui.widgets.basics import repolish
from gui.widgets.picture_model import paths_of


class DropZone(QFrame):
    """A dashed frame.

    Attributes
    ----------
    dropped : Signal(tuple of str)
        Paths of local files and folders.
    """

    dropped = Signal(object)

    def __init__(self, look: str = "drop") -> None:
        super().__init__()
        self.setProperty("look", look)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if paths_of(event.mimeData()):
            event.acceptProposedAction()
            self._set_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._set_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_over(False)
        paths = paths_of(event.mimeData())
        if paths:
            self.dropped.emit(paths)
            event.acceptProposedAction()

    def _set_over(self, over: bool) -> None:
        self.setProperty("over", over)
        repolish(self)
