"""Nearest neighbours drawn: a new picture among known ones, the k nearest of which vote."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from gui.theme import CLASS_COLOURS, colour, font, px
from gui.widgets.canvas import Canvas, ink

POINTS = 60


class NeighbourDrawing(Canvas):
    """Points of three classes, made up, and the smallest circle (L2) or diamond (L1) that holds k of them."""

    file_name = "nearest-neighbours"

    def __init__(self, parent: QWidget | None = None, small: bool = False) -> None:
        super().__init__(parent)
        self._small = small
        self._neighbours = 3 if small else 1
        self._distance = "l2"
        chance = np.random.default_rng(4)
        centres = np.array([[-0.9, 0.1], [0.5, 0.55], [0.55, -0.5]])
        self._classes = np.arange(POINTS) % 3
        self._points = centres[self._classes] + chance.normal(0, 0.33, (POINTS, 2))
        if small:
            self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)

    def set_choice(self, neighbours: int, distance: str) -> None:
        self._neighbours, self._distance = neighbours, distance
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(px(104), px(52)) if self._small else QSize(px(480), px(240))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._small:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        self.paint(painter, QSizeF(self.size()))
        painter.end()

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        below = 0 if self._small else px(28)
        zoom = min(size.width() / 3.6, (size.height() - below) / 2.4)
        middle = QPointF(size.width() / 2, (size.height() - below) / 2)
        radius = px(1.6 if self._small else 5)
        distances = np.abs(self._points).sum(1) if self._distance == "l1" else np.hypot(*self._points.T)
        order = np.argsort(distances, kind="stable")[: self._neighbours]
        reach = float(distances[order[-1]]) * zoom + radius
        painter.setPen(QPen(ink("muted"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._distance == "l1":
            painter.drawPolygon(QPolygonF([middle + QPointF(*step) for step in ((reach, 0), (0, reach), (-reach, 0), (0, -reach))]))
        else:
            painter.drawEllipse(middle, reach, reach)
        voting = set(order.tolist())
        for number, (x, y) in enumerate(self._points):
            place = middle + QPointF(x * zoom, -y * zoom)
            shade = colour(CLASS_COLOURS[int(self._classes[number])])
            if number in voting and not self._small:
                painter.setPen(QPen(ink("muted"), 1))
                painter.drawLine(middle, place)
            painter.setPen(QPen(ink("text"), px(1)) if number in voting else Qt.PenStyle.NoPen)
            painter.setBrush(shade)
            painter.drawEllipse(place, radius, radius)
        painter.setPen(QPen(ink("text"), px(1 if self._small else 2)))
        painter.setBrush(ink("raised"))
        half = radius * 1.3
        painter.drawRect(QRectF(middle.x() - half, middle.y() - half, 2 * half, 2 * half))
        if self._small:
            return
        votes = np.bincount(self._classes[order], minlength=3)
        painter.setFont(font(11))
        painter.setPen(ink("muted"))
        text = self.tr("A new picture (square) among known ones, made up: {votes} of {k} nearest are of one class").format(
            votes=int(votes.max()), k=self._neighbours
        )
        painter.drawText(QRectF(0, size.height() - below, size.width(), below), int(Qt.AlignmentFlag.AlignCenter), text)
