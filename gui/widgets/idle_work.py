"""Work that is done on the window's thread while nothing else happens, one piece between two events."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal


class IdleWork(QObject):
    """Answers by key, worked out one at a time.

    Attributes
    ----------
    PENDING : object
        What `get` gives where the answer is not known yet.
    done : Signal
        One more is known.
    """

    PENDING = object()
    done = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: dict[Hashable, Callable[[], Any]] = {}
        self._known: dict[Hashable, Any] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._step)

    def get(self, key: Hashable, deed: Callable[[], Any]) -> Any:
        """The answer for a key; where it is not known, `deed` will be asked for it and PENDING is given."""
        if key in self._known:
            return self._known[key]
        if key not in self._waiting:
            self._waiting[key] = deed
            self._timer.start()
        return self.PENDING

    @property
    def waiting(self) -> int:
        """How many answers are still to be worked out."""
        return len(self._waiting)

    def forget(self) -> None:
        """Drop what is known and what waits: the answers would be others now."""
        self._waiting.clear()
        self._known.clear()

    def drop_waiting(self) -> None:
        """Do no more of what was asked for; nobody looks."""
        self._waiting.clear()

    def _step(self) -> None:
        if not self._waiting:
            return
        key = next(iter(self._waiting))
        self._known[key] = self._waiting.pop(key)()
        if self._waiting:
            self._timer.start()
        self.done.emit()
