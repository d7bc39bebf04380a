"""A value that can be ticked; one that was typed has a cross and can be taken out again."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QPushButton

from gui.icons import icon, icon_size
from gui.theme import colours, font, px


class ValueChip(QPushButton):
    """As wide as its words are when they are bold.

    Signals
    -------
    taken_out
        The Delete key was pressed, or the cross.
    """

    taken_out = Signal()

    def __init__(self, words: str, typed: bool, tip: str) -> None:
        super().__init__(words)
        self._typed = typed
        self._pressed = False  # the cross is
        self.setProperty("look", "chip")
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if typed:
            tip = self.tr("Its cross, or Delete, takes it out")
            self.setIcon(icon("ph.x", colours().muted))
            self.setIconSize(icon_size(12))
            self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the cross stands behind the words
        self.setToolTip(tip)
        self.setAccessibleDescription(tip)
        width = QFontMetricsF(font(13, QFont.Weight.DemiBold)).horizontalAdvance(words)
        self.setMinimumWidth(round(width) + px(46 if typed else 28))

    def _on_cross(self, event: QMouseEvent) -> bool:
        return self._typed and event.button() is Qt.MouseButton.LeftButton and event.position().x() > self.width() - px(34)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = self._on_cross(event)
        if not self._pressed:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._pressed:
            super().mouseReleaseEvent(event)
        elif self._on_cross(event):
            self.taken_out.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.taken_out.emit()
        else:
            super().keyPressEvent(event)
