"""The whole network in a corner, with a frame about what the view shows; click or drag to move there."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from gui.theme import px
from gui.widgets.canvas import ink
from gui.widgets.network_painting import NetworkPainter
from gui.widgets.network_records import Span

WIDEST, TALLEST = 190, 130


class NetworkMinimap(QWidget):
    """A small picture of the drawing.

    Attributes
    ----------
    moved : Signal(float, float)
        Point of the drawing that is to be in the middle of the view.
    """

    moved = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._painter: NetworkPainter | None = None
        self._picture: QPixmap | None = None
        self._seen: Span = (0.0, 0.0, 0.0, 0.0)
        self._step = 1.0
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Overview of the network"))
        self.setToolTip(self.tr("Click or drag to move there"))
        self.hide()

    def set_drawing(self, painter: NetworkPainter) -> None:
        """Show another drawing, or the same in other colours."""
        self._painter, self._picture = painter, None
        drawing = painter.drawing
        self._step = min(px(WIDEST) / max(1.0, drawing.width), px(TALLEST) / max(1.0, drawing.height))
        self.resize(QSize(max(12, round(drawing.width * self._step)), max(12, round(drawing.height * self._step))))
        self.update()

    def set_seen(self, seen: Span) -> None:
        """The part of the drawing that the view shows."""
        self._seen = seen
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._painter is None:
            return
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._taken(self._painter)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        left, top, right, bottom = (edge * self._step for edge in self._seen)
        frame = QRectF(left, top, right - left, bottom - top).intersected(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.setPen(QPen(ink("accent"), 2))
        painter.setBrush(ink("accent", 0.12))
        painter.drawRect(frame)
        painter.setPen(QPen(ink("line"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _taken(self, inside: NetworkPainter) -> QPixmap:
        ratio = self.devicePixelRatioF()
        made = QPixmap(self.size() * ratio)
        made.setDevicePixelRatio(ratio)
        made.fill(ink("raised"))
        painter = QPainter(made)
        painter.scale(self._step, self._step)
        inside.paint(painter, (0.0, 0.0, inside.drawing.width, inside.drawing.height), self._step)
        painter.end()
        return made

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def _go(self, point: QPointF) -> None:
        self.moved.emit(point.x() / self._step, point.y() / self._step)
