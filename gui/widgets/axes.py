"""A plot's frame: data to pixels, levels with their numbers, titles, marks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QPolygonF
from shiboken6 import VoidPtr

from gui.theme import colour, font, px
from gui.widgets.canvas import ink
from gui.widgets.curve_records import Mark
from gui.widgets.ticks import linear_ticks, log_ticks, plain

RIGHT_MARGIN = 12
LEVELS_MORE = 4
"""How many more levels than had best be there are put up with where there would be only one: that tells no scale."""
FARTHEST = 1e5
"""Pixels; Qt's rasteriser is wrong and slow far outside."""


class Frame(msgspec.Struct, frozen=True, eq=False):
    """The box of a plot in pixels, and the ranges of x and y that it shows; y logarithmic where `log`."""

    box: QRectF
    left: float
    right: float
    low: float
    high: float
    log: bool = False

    def x(self, value: float) -> float:
        return self.box.left() + (value - self.left) / (self.right - self.left) * self.box.width()

    def y(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low) if self.log else (value - self.low) / (self.high - self.low)
        return self.box.bottom() - share * self.box.height()

    def polygon(self, x: np.ndarray, y: np.ndarray) -> QPolygonF:
        """As `pixels`, for Qt."""
        return polygon_of(*self.pixels(x, y))

    def pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A curve in pixels without what cannot be drawn: values that are not finite, and on a logarithmic axis not positive."""
        kept = np.isfinite(y) & (y > 0) if self.log else np.isfinite(y)
        x, y = x[kept], y[kept]
        share = np.log(y / self.low) / math.log(self.high / self.low) if self.log else (y - self.low) / (self.high - self.low)
        across = self.box.left() + (x - self.left) / (self.right - self.left) * self.box.width()
        up = np.clip(self.box.bottom() - share * self.box.height(), -FARTHEST, FARTHEST)
        return across, up


def polygon_of(x: np.ndarray, y: np.ndarray) -> QPolygonF:
    """Points float64 [N] each as Qt's polygon, written into its memory at once: fifty times as fast as point by point."""
    polygon = QPolygonF()
    polygon.resize(len(x))
    if len(x):
        points = np.frombuffer(VoidPtr(polygon.data(), 16 * len(x), True), np.float64).reshape(-1, 2)
        points[:, 0], points[:, 1] = x, y
    return polygon


def paint_levels(painter: QPainter, frame: Frame, title: str) -> None:
    """Horizontal lines with their numbers at the left, and the axis's title upright before them."""
    paint_lines(painter, frame)
    paint_numbers(painter, frame)
    paint_upright(painter, frame.box, title)


def _levels(frame: Frame) -> list[float]:
    most = max(2, int(frame.box.height() / (QFontMetricsF(font(11, tabular=True)).height() * 2.2)))
    ticks = log_ticks if frame.log else linear_ticks
    found = [ticks(frame.low, frame.high, number) for number in range(most, most + LEVELS_MORE)]
    return next((levels for levels in found if len(levels) > 1), found[0])


def paint_lines(painter: QPainter, frame: Frame) -> None:
    """Horizontal lines at round numbers."""
    painter.setPen(QPen(ink("grid"), 1))
    for value in _levels(frame):
        painter.drawLine(QLineF(frame.box.left(), frame.y(value), frame.box.right(), frame.y(value)))


def paint_numbers(painter: QPainter, frame: Frame) -> None:
    """The numbers of those lines, at the left of the box."""
    figures = font(11, tabular=True)
    line = QFontMetricsF(figures).height()
    painter.setFont(figures)
    painter.setPen(ink("muted"))
    for value in _levels(frame):
        where = QRectF(0, frame.y(value) - line / 2, frame.box.left() - px(5), line)
        painter.drawText(where, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), plain(value))


def paint_upright(painter: QPainter, box: QRectF, title: str) -> None:
    """The title of the axis at the left edge, upright, in the middle of a box's height; without its unit where it would be cut off."""
    metrics = QFontMetricsF(font(11))
    line = metrics.height()
    if metrics.horizontalAdvance(title) > box.height():
        title = metrics.elidedText(title.partition(" (")[0], Qt.TextElideMode.ElideRight, box.height())
    painter.save()
    painter.setFont(font(11))
    painter.setPen(ink("text"))
    painter.translate(line / 2 + px(1), box.center().y())
    painter.rotate(-90)
    painter.drawText(QRectF(-box.height() / 2, -line / 2, box.height(), line), int(Qt.AlignmentFlag.AlignCenter), title)
    painter.restore()


def paint_steps(painter: QPainter, frame: Frame, title: str, whole: bool = False) -> None:
    """Numbers and title of the x axis, below the box; `whole` where there is nothing between whole numbers."""
    paint_step_numbers(painter, frame, frame.box.right() + px(RIGHT_MARGIN), whole)
    paint_below(painter, frame.box, title)


def paint_step_numbers(painter: QPainter, frame: Frame, edge: float, whole: bool = False) -> None:
    """Numbers of the x axis, none of which crosses the edge at the right."""
    box = frame.box
    figures = font(11, tabular=True)
    metrics = QFontMetricsF(figures)
    painter.setFont(figures)
    for value in linear_ticks(frame.left, frame.right, max(2, int(box.width() / metrics.horizontalAdvance("000,000,0")))):
        if whole and not float(value).is_integer():
            continue
        x = frame.x(value)
        painter.setPen(QPen(ink("line"), 1))
        painter.drawLine(QLineF(x, box.bottom(), x, box.bottom() + px(4)))
        painter.setPen(ink("muted"))
        width = metrics.horizontalAdvance(plain(value)) + 4
        start = min(max(0.0, x - width / 2), edge - width)
        painter.drawText(QRectF(start, box.bottom() + px(4), width, metrics.height()), int(Qt.AlignmentFlag.AlignCenter), plain(value))


def paint_below(painter: QPainter, box: QRectF, title: str) -> None:
    """The title of the x axis in the middle of a box's width, below the numbers."""
    line = QFontMetricsF(font(11, tabular=True)).height()
    painter.setFont(font(11))
    painter.setPen(ink("text"))
    below = QRectF(box.left(), box.bottom() + px(4) + line, box.width(), line + 2)
    painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), title)


def paint_marks(painter: QPainter, frame: Frame, marks: Sequence[Mark]) -> None:
    """Dotted lines where something happened."""
    for mark in marks:
        x = frame.x(mark.x)
        if frame.box.left() <= x <= frame.box.right():
            painter.setPen(QPen(colour(mark.colour, 0.7) if mark.colour else ink("muted"), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(x, frame.box.top(), x, frame.box.bottom()))
