"""A line of words that ends in … where there is no room for all of them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from gui.widgets.basics import set_look


class Elided(QLabel):
    """Takes what room there is; all of its words are in the tooltip, and in `text()`.

    Parameters
    ----------
    look : str
        As labels have it: "section", "caption" …
    """

    def __init__(self, look: str) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_look(self, look)

    def say(self, words: str) -> None:
        """Show words."""
        self.setText(words)
        self.setToolTip(words)

    def shown(self) -> str:
        """What there is room for."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        flags = int(self.alignment() | Qt.TextFlag.TextSingleLine)
        where, enabled = self.contentsRect(), self.isEnabled()
        self.style().drawItemText(painter, where, flags, self.palette(), enabled, self.shown(), self.foregroundRole())
        painter.end()
