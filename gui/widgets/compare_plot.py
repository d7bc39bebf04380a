"""Points of accuracy against complexity: x logarithmic, words beside the points, a read-out under the pointer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from gui.label_places import place_labels
from gui.theme import colour, font, px
from gui.widgets.axes import RIGHT_MARGIN, Frame, paint_levels
from gui.widgets.canvas import Canvas, Row, ink
from gui.widgets.ticks import log_ticks, plain

RADIUS = 4.5
REACH = 12
"""Pixels from a point within which the pointer finds it."""
Marker = Literal["circle", "diamond", "square"]


class Point(msgspec.Struct, frozen=True):
    """A point of the plot.

    Attributes
    ----------
    key : Any
        Told when it is clicked; None where there is nothing to click.
    x, y : float
        x positive.
    group : str
        Its line in the legend.
    tip : str
        What pointing at it tells.
    ringed : bool
        Whether it stands out: it is compared, or selected.
    row : tuple
        Its line in the table.
    """

    key: Any
    name: str
    x: float
    y: float
    colour: str
    group: str
    marker: Marker = "circle"
    tip: str = ""
    ringed: bool = False
    row: tuple[object, ...] = ()


class ComplexityPlot(Canvas):
    """Points with words.

    Signals
    -------
    point_clicked(object)
        Key of a point.
    """

    file_name = "accuracy-against-complexity"
    point_clicked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[Point, ...] = ()
        self._x_title = self._y_title = self._empty = ""
        self._level: tuple[float, str] | None = None
        self._bounds: tuple[float, float] = (-math.inf, math.inf)
        self._header: tuple[str, ...] = ()
        self._more: tuple[tuple[object, ...], ...] = ()
        self._hovered: Point | None = None
        self.setMinimumSize(px(280), px(150))
        self.setAccessibleName(self.tr("Accuracy against complexity"))

    # ------------------------------------------------------------ setters

    def set_points(
        self, points: tuple[Point, ...], x_title: str, y_title: str, bounds: tuple[float, float] = (-math.inf, math.inf)
    ) -> None:
        """Show these; y stays within `bounds`."""
        self._points, self._x_title, self._y_title, self._bounds = points, x_title, y_title, bounds
        self._hovered = None
        self.update()

    def set_level(self, value: float | None, words: str = "") -> None:
        """A dashed line across, with words (None: none)."""
        self._level = None if value is None else (value, words)
        self.update()

    def set_table(self, header: tuple[str, ...], more: tuple[tuple[object, ...], ...] = ()) -> None:
        """Titles of the table's columns, and rows of what has no place in the plot."""
        self._header, self._more = header, more

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    # ------------------------------------------------------------ measures

    def _frame(self, size: QSizeF) -> Frame:
        line = QFontMetricsF(font(11)).height()
        left = line + QFontMetricsF(font(11, tabular=True)).horizontalAdvance("0.0000") + px(10)
        top, bottom = line + px(12), 2 * line + px(10)
        box = QRectF(left, top, max(1.0, size.width() - left - px(RIGHT_MARGIN)), max(1.0, size.height() - top - bottom))
        xs = [math.log10(point.x) for point in self._points]
        ys = [point.y for point in self._points] + ([self._level[0]] if self._level is not None else [])
        low_x, high_x = (min(xs), max(xs)) if xs else (0.0, 1.0)
        low_y, high_y = (min(ys), max(ys)) if ys else (0.0, 1.0)
        room_x, room_y = max(0.12, 0.08 * (high_x - low_x)), 0.1 * (high_y - low_y) or max(0.5, abs(high_y) * 0.05)
        low_y, high_y = max(self._bounds[0], low_y - room_y), min(self._bounds[1], high_y + room_y)
        return Frame(box, low_x - room_x, high_x + room_x, low_y, high_y if high_y > low_y else low_y + 1)

    def where(self, point: Point, size: QSizeF) -> QPointF:
        """Where a point lies, in pixels."""
        frame = self._frame(size)
        return QPointF(frame.x(math.log10(point.x)), frame.y(point.y))

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if not self._points:
            painter.setFont(font(13))
            painter.setPen(ink("muted"))
            words = QRectF(px(16), 0, size.width() - px(32), size.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        frame = self._frame(size)
        painter.fillRect(frame.box, ink("raised"))
        paint_levels(painter, frame, self._y_title)
        self._paint_powers(painter, frame)
        self._paint_level(painter, frame)
        painter.setPen(QPen(ink("line"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(frame.box)
        self._paint_legend(painter, frame)
        self._paint_words(painter, frame)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for point in self._points:
            self._paint_point(painter, frame, point)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_powers(self, painter: QPainter, frame: Frame) -> None:
        """The numbers of the x axis, which is logarithmic."""
        figures = font(11, tabular=True)
        metrics = QFontMetricsF(figures)
        most = max(2, int(frame.box.width() / metrics.horizontalAdvance("000.0 M")))
        for value in log_ticks(10**frame.left, 10**frame.right, most):
            x = frame.x(math.log10(value))
            painter.setPen(QPen(ink("grid"), 1))
            painter.drawLine(QLineF(x, frame.box.top(), x, frame.box.bottom()))
            painter.setPen(ink("muted"))
            painter.setFont(figures)
            words = _power(value)
            wide = metrics.horizontalAdvance(words) + 4
            where = QRectF(x - wide / 2, frame.box.bottom() + px(3), wide, metrics.height())
            painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), words)
        painter.setFont(font(11))
        painter.setPen(ink("text"))
        below = QRectF(frame.box.left(), frame.box.bottom() + px(4) + metrics.height(), frame.box.width(), metrics.height() + 2)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), self._x_title)

    def _paint_level(self, painter: QPainter, frame: Frame) -> None:
        if self._level is None:
            return
        value, words = self._level
        y = frame.y(value)
        painter.setPen(QPen(ink("text"), px(1), Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(frame.box.left(), y, frame.box.right(), y))
        painter.setFont(font(11))
        painter.drawText(self._level_words(frame), int(Qt.AlignmentFlag.AlignCenter), words)

    def _level_words(self, frame: Frame) -> QRectF:
        """Where the words of the level stand: above or below it, at an end where no point is."""
        assert self._level is not None
        metrics = QFontMetricsF(font(11))
        wide, line, y = metrics.horizontalAdvance(self._level[1]) + 2, metrics.height(), frame.y(self._level[0])
        radius = px(RADIUS + 3)
        points = [QPointF(frame.x(math.log10(point.x)), frame.y(point.y)) for point in self._points]
        lefts = (frame.box.left() + px(6), frame.box.right() - wide - px(6), frame.box.center().x() - wide / 2)
        places = [QRectF(left, top, wide, line) for top in (y - line - px(2), y + px(2)) for left in lefts]
        free = [place for place in places if frame.box.contains(place) and not any(_near(place, point, radius) for point in points)]
        return (free or places)[0]

    def _paint_words(self, painter: QPainter, frame: Frame) -> None:
        words = font(11)
        metrics = QFontMetricsF(words)
        points = [(frame.x(math.log10(point.x)), frame.y(point.y)) for point in self._points]
        sizes = [(metrics.horizontalAdvance(point.name) + 2, metrics.height()) for point in self._points]
        box = frame.box
        others = []
        if self._level is not None:
            y, words_at = frame.y(self._level[0]), self._level_words(frame)
            others = [(box.left(), y - 1, box.right(), y + 1), words_at.getCoords()]
        places = place_labels(points, sizes, (box.left(), box.top(), box.right(), box.bottom()), px(RADIUS + 1), others)
        painter.setFont(words)
        for point, place in zip(self._points, places, strict=True):
            if place is not None:
                painter.setPen(ink("text") if point.ringed or point is self._hovered else ink("muted"))
                rect = QRectF(place[0], place[1], place[2] - place[0], place[3] - place[1])
                painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter), point.name)

    def _paint_point(self, painter: QPainter, frame: Frame, point: Point) -> None:
        at = QPointF(frame.x(math.log10(point.x)), frame.y(point.y))
        radius = px(RADIUS) * (1.3 if point is self._hovered else 1.0)
        if point.ringed:
            painter.setPen(QPen(ink("text"), px(1.6)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(at, radius + px(3), radius + px(3))
        painter.setPen(QPen(ink("raised"), 1))
        painter.setBrush(colour(point.colour))
        _draw_marker(painter, point.marker, at, radius)

    def _paint_legend(self, painter: QPainter, frame: Frame) -> None:
        """Groups with their marks, above the box."""
        groups: dict[str, Point] = {}
        for point in self._points:
            groups.setdefault(point.group, point)
        metrics = QFontMetricsF(font(11))
        painter.setFont(font(11))
        x, middle = frame.box.left() + px(4), metrics.height() / 2 + px(4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for words, point in groups.items():
            if not words or x + metrics.horizontalAdvance(words) + px(14) > frame.box.right():
                continue
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(point.colour))
            _draw_marker(painter, point.marker, QPointF(x + px(4), middle), px(4))
            painter.setPen(ink("muted"))
            where = QRectF(x + px(12), middle - metrics.height() / 2, metrics.horizontalAdvance(words) + 2, metrics.height())
            painter.drawText(where, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)
            x += metrics.horizontalAdvance(words) + px(26)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    # ------------------------------------------------------------ mouse

    def point_near(self, position: QPointF) -> Point | None:
        """The point nearest to the pointer, where it is near."""
        size = QSizeF(self.size())

        def away(point: Point) -> float:
            gap = self.where(point, size) - position
            return math.hypot(gap.x(), gap.y())

        nearest = min(self._points, key=away, default=None)
        return nearest if nearest is not None and away(nearest) <= px(REACH) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.point_near(event.position())
        if found is self._hovered:
            return
        self._hovered = found
        clickable = found is not None and found.key is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if clickable else Qt.CursorShape.ArrowCursor)
        if found is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), found.tip, self)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.point_near(event.position())
        if found is not None and found.key is not None and event.button() is Qt.MouseButton.LeftButton:
            self.point_clicked.emit(found.key)

    def table(self) -> list[Row]:
        rows: list[Row] = [*(point.row for point in self._points), *self._more]
        return [self._header, *rows] if rows else []


def _near(place: QRectF, point: QPointF, radius: float) -> bool:
    return place.adjusted(-radius, -radius, radius, radius).contains(point)


def _power(value: float) -> str:
    return f"{value / 1e9:g}G" if value >= 1e9 else plain(value)


def _draw_marker(painter: QPainter, marker: Marker, at: QPointF, radius: float) -> None:
    draw: dict[Marker, Callable[[], None]] = {
        "circle": lambda: painter.drawEllipse(at, radius, radius),
        "square": lambda: painter.drawRect(QRectF(at.x() - radius * 0.9, at.y() - radius * 0.9, radius * 1.8, radius * 1.8)),
        "diamond": lambda: painter.drawPolygon(_diamond(at, radius * 1.25)),
    }
    draw[marker]()


def _diamond(at: QPointF, radius: float) -> QPolygonF:
    x, y = at.x(), at.y()
    return QPolygonF([QPointF(x, y - radius), QPointF(x + radius, y), QPointF(x, y + radius), QPointF(x - radius, y)])
