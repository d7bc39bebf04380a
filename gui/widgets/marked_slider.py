"""A slider with a tick at one of its values."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from gui.theme import px
from gui.widgets.canvas import ink


class MarkedSlider(QSlider):
    """A horizontal slider; `set_mark` puts a tick beneath a value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._mark: int | None = None

    @property
    def mark(self) -> int | None:
        return self._mark

    def set_mark(self, value: int | None) -> None:
        """Mark a value (None: none)."""
        if value != self._mark:
            self._mark = value
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._mark is None:
            return
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        whole, part = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
        handle = self.style().subControlRect(whole, option, part, self).width()
        at = QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), self._mark, self.width() - handle) + handle / 2
        painter = QPainter(self)
        painter.fillRect(QRectF(at - px(1), self.height() / 2 + px(5), px(3), self.height() / 2 - px(5)), ink("text"))
        painter.end()
