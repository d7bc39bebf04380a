"""A card over the window, the rest veiled: what the palette, the help and the standard sets have in common."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.theme import colour, theme
from gui.widgets.basics import panel

VEIL = 0.28


class Sheet(QWidget):
    """Covers the window as it grows and shrinks; a click beside the card leaves. Subclasses fill `frame` and say what leaving means."""

    def __init__(self, window: QWidget, place: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter) -> None:
        super().__init__(window)
        self.frame = panel("toast")
        QVBoxLayout(self).addWidget(self.frame, 0, place)
        window.installEventFilter(self)
        theme().changed.connect(self.dress)
        self.hide()

    def show_over(self, focus: QWidget) -> None:
        """Cover the window, and give this part the keys."""
        self.setGeometry(self.parentWidget().rect())
        self.dress()
        self.show()
        self.raise_()
        focus.setFocus()

    def leave(self) -> None:
        self.hide()

    def dress(self) -> None:
        """Take over the scale and the window's size."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self.parentWidget() and self.isVisible():
            self.setGeometry(self.parentWidget().rect())
            self.dress()
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.leave()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("#000000", VEIL))
        painter.end()
