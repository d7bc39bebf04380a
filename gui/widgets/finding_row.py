"""One line of the doctor's findings, which opens into its groups."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from engine.project.findings import Finding
from gui.bridge import Bridge
from gui.icons import icon, icon_size
from gui.mending import Follower
from gui.state import AppState
from gui.theme import colours, px
from gui.widgets.basics import count, label
from gui.widgets.finding_view import FindingView

GLYPHS = {"error": "ph.warning-octagon", "warning": "ph.warning", "hint": "ph.lightbulb"}


class FindingRow(QFrame):
    """A finding folded; a click, Enter or Space opens it.

    Attributes
    ----------
    toggled : Signal(bool)
    """

    toggled = Signal(bool)

    def __init__(self, bridge: Bridge, finding: Finding, follower: Follower) -> None:
        super().__init__()
        self._bridge, self.finding, self.follower = bridge, finding, follower
        self.view: FindingView | None = None
        self.setProperty("look", "card")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(finding.title)
        self._column = QVBoxLayout(self)
        self._head = QHBoxLayout()
        self._mark, self._fold = label(), label()
        self._title = label(finding.title, "section", wrap=True)
        self.left = label("", "caption")
        self._head.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        self._head.addWidget(self._title, 1)
        self._head.addWidget(self.left, 0, Qt.AlignmentFlag.AlignVCenter)
        self._head.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignVCenter)
        self._column.addLayout(self._head)
        self._text = label(finding.text, "muted", wrap=True)
        self._column.addWidget(self._text)
        self.dress()

    @property
    def is_open(self) -> bool:
        return self.view is not None

    def open(self) -> FindingView:
        """Show the groups."""
        if self.view is None:
            self.view = FindingView(self._bridge, self.finding, self.follower)
            self.view.setCursor(Qt.CursorShape.ArrowCursor)
            self._column.addWidget(self.view)
            self._text.hide()
            self.dress()
        return self.view

    def close_(self) -> None:
        """Fold."""
        if self.view is not None:
            self.view.hide()
            self.view.deleteLater()
            self.view = None
            self._text.show()
            self.dress()

    def render(self, state: AppState, done: np.ndarray) -> None:
        """Take over which groups are mended, bool [G]."""
        mended = int(done.sum())
        words = self.tr("all mended") if mended == len(done) else self.tr("{0} mended").format(count(mended))
        self.left.setText(words if mended else "")
        if self.view is not None:
            self.view.render(state, done)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        on_view = self.view is not None and self.view.geometry().contains(event.position().toPoint())
        if inside and not on_view and event.button() is Qt.MouseButton.LeftButton:
            self.toggled.emit(not self.is_open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.is_open:
            self.toggled.emit(True)
        else:
            super().keyPressEvent(event)

    def dress(self) -> None:
        tones = colours()
        tone = {"error": tones.error, "warning": tones.warning}.get(self.finding.severity, tones.muted)
        self._mark.setPixmap(icon(GLYPHS[self.finding.severity], tone).pixmap(icon_size(18)))
        self._fold.setPixmap(icon("ph.caret-down" if self.is_open else "ph.caret-right", tones.muted).pixmap(icon_size(14)))
        self._column.setContentsMargins(0, 0, 0, 0 if self.is_open else px(10))
        self._column.setSpacing(px(4))
        self._head.setContentsMargins(px(12), px(10), px(10), 0)
        self._head.setSpacing(px(8))
        self._text.setContentsMargins(px(38), 0, px(12), 0)
