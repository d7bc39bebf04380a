"""A spin box whose number keeps its distance from the edge and is told once it is complete."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QSpinBox, QWidget

from gui.theme import px
from gui.widgets.calm_wheel import calm_wheel


class NumberBox(QSpinBox):
    """A whole number; the style sheet's padding does not reach the text of a spin box, so margins do it."""

    def __init__(self, low: int, high: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(low, high)
        self.setKeyboardTracking(False)
        calm_wheel(self)
        self.lineEdit().setTextMargins(px(6), 0, 0, 0)

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(px(6), 0)

    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint() + QSize(px(6), 0)
