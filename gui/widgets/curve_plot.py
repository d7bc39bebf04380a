"""Curves of training runs: loss above, accuracy below, one axis of steps and one cursor for both.

Painted without a plotting library: the window must not stop for the second that such a library takes to load, and a million
points are drawn in some milliseconds once every pixel column is reduced to its minimum and maximum.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QMouseEvent, QPainter, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from gui.theme import colour, font, px
from gui.widgets.axes import RIGHT_MARGIN, Frame, paint_levels, paint_marks, paint_steps, polygon_of
from gui.widgets.canvas import Canvas, Row, ink
from gui.widgets.curve_records import Mark, Panel, Series
from gui.widgets.legend_place import Drawn, chosen, corners
from gui.widgets.mark_words import paint_mark_words, told_at
from gui.widgets.reduction import Growing, envelope, moving_mean
from gui.widgets.ticks import span

DOTS_APART = 16
"""Pixels between the marks of a bold curve, of whose points some have none where they lie closer."""
LEGEND_SHARE = 0.4
"""Of a panel's height, at most."""
LEGEND_WIDTH, READ_WIDTH = 0.45, 0.75
"""Of a panel's width, at most; the second while the legend has the values under the cursor."""


def dotted(number: int, width: float, apart: float) -> range:
    """Which of a curve's points, spread over so many pixels, are marked; the last one always is."""
    every = max(1, math.ceil(apart * (number - 1) / max(1.0, width))) if number > 1 else 1
    return range((number - 1) % every, number, every)


class CurvePlot(Canvas):
    """Panels above each other with one x axis. Wheel or drag to enlarge, double-click to see all."""

    file_name = "curves"
    whole = False
    """Whether there is nothing between two whole numbers of x."""
    most_means = 16
    """Smoothed curves that are kept."""

    def __init__(self, x_title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._x_title = x_title
        self._panels: tuple[Panel, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._log = False
        self._window = 1
        self._empty = ""
        self._view: tuple[float, float] | None = None
        self._cursor: float | None = None
        self._drag: tuple[float, float] | None = None
        self._corners: dict[int, int] = {}  # of legends, by panels
        self._means: dict[int, tuple[np.ndarray, Growing]] = {}
        self.setMinimumSize(px(280), px(220))
        self.setCursor(Qt.CursorShape.CrossCursor)

    # ------------------------------------------------------------ setters

    def set_panels(self, panels: tuple[Panel, ...]) -> None:
        self._panels = panels
        self.update()

    def set_marks(self, marks: tuple[Mark, ...]) -> None:
        self._marks = marks
        self.update()

    def set_log(self, on: bool) -> None:
        """Draw panels without a ceiling (losses) on a logarithmic axis."""
        self._log = on
        self.update()

    def set_smoothing(self, window: int) -> None:
        """Draw the mean of `window` steps over curves that may be smoothed."""
        self._window = max(1, window)
        self._means.clear()
        self.update()

    def set_empty_text(self, text: str) -> None:
        """What to say while there is no curve."""
        self._empty = text
        self.update()

    def show_range(self, left: float, right: float) -> None:
        if right > left:
            self._view = (left, right)
            self.update()

    def show_all(self) -> None:
        self._view = None
        self.update()

    # ------------------------------------------------------------ what is drawn where

    @property
    def view(self) -> tuple[float, float]:
        """Visible range of x."""
        if self._view is not None:
            return self._view
        ends = [float(series.x[-1]) for panel in self._panels for series in panel.series if len(series.x)]
        return (0.0, max(ends, default=1.0) or 1.0)

    def _is_log(self, panel: Panel) -> bool:
        return self._log and panel.ceiling is None

    def _gutter(self) -> float:
        return QFontMetricsF(font(11)).height() + QFontMetricsF(font(11, tabular=True)).horizontalAdvance("0.0000") + px(10)

    def _boxes(self, size: QSizeF) -> list[QRectF]:
        if not self._panels:
            return []
        line = QFontMetricsF(font(11)).height()
        worded = any(mark.text for mark in self._marks)
        left, top, between, bottom = self._gutter(), px(6) + (line if worded else 0), px(14), 2 * line + px(10)
        height = (size.height() - top - bottom - between * (len(self._panels) - 1)) / len(self._panels)
        width = size.width() - left - px(RIGHT_MARGIN)
        return [QRectF(left, top + row * (height + between), max(1.0, width), max(1.0, height)) for row in range(len(self._panels))]

    def _smoothed(self, series: Series) -> np.ndarray:
        """The mean curve; only what was added to a growing curve is computed."""
        memory = series.y if series.y.base is None else series.y.base
        kept = self._means.get(id(memory))
        if kept is None or len(kept[1]) > len(series.y):
            if len(self._means) >= self.most_means:
                self._means.clear()
            kept = (memory, Growing())
            self._means[id(memory)] = kept
        means = kept[1]
        if len(means) < len(series.y):
            means.shorten(max(0, len(means) - self._window))  # the last ones were means of half a window
            known = len(means)
            before = max(0, known - self._window)
            means.append(moving_mean(series.y[before:], self._window)[known - before :])
        return means.values()

    def _drawn(self, panel: Panel, columns: int) -> list[tuple[Series, np.ndarray, np.ndarray, bool]]:
        """What to draw: curve, reduced x and y, and whether it is the faint one behind a mean."""
        left, right = self.view
        drawn = []
        for series in panel.series:
            mean = series.smooth and self._window > 1
            x, y = envelope(series.x, series.y, left, right, columns)
            drawn.append((series, x, y * panel.factor, mean))
            if mean:
                x, y = envelope(series.x, self._smoothed(series), left, right, columns)
                drawn.append((series, x, y * panel.factor, False))
        return drawn

    def _y_range(self, panel: Panel, drawn: list[tuple[Series, np.ndarray, np.ndarray, bool]]) -> tuple[float, float]:
        left, right = self.view
        inside = [y[(x >= left) & (x <= right)] for _, x, y, _ in drawn]
        log = self._is_log(panel)
        found = span(inside, log)
        if found is None:
            return (0.1, 10.0) if log else (panel.floor or 0.0, panel.ceiling if panel.ceiling is not None else 1.0)
        low, high = found
        most = self._sane(panel)
        if low < most < high:
            high = max(float(np.max(y, where=y <= most, initial=low)) for y in inside)  # the highest of those that are shown
        if log:
            return (low / 1.15, high * 1.15)
        room = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
        low, high = low - room, high + room
        if panel.floor is not None:
            low = max(panel.floor, low)
        if panel.ceiling is not None:
            high = min(panel.ceiling + (panel.ceiling - (panel.floor or 0)) * 0.02, high)
        return (low, high) if high > low else (low, low + 1.0)

    def _sane(self, panel: Panel) -> float:
        """What lies above is not shown, so that one curve that leaves for infinity does not flatten the others."""
        firsts = [panel.factor * float(series.y[0]) for series in panel.series if series.smooth and len(series.y)]
        firsts = [first for first in firsts if math.isfinite(first) and first > 0]
        if not panel.outliers or not firsts:
            return math.inf
        usual = float(np.median(firsts))
        return panel.outliers * max(first for first in firsts if first <= 10 * usual)

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        boxes = self._boxes(size)
        filled = any(len(series.x) for panel in self._panels for series in panel.series)
        for panel, box in zip(self._panels, boxes, strict=True):
            frame = self._paint_panel(painter, panel, box)
            if box is boxes[-1]:
                self._paint_steps(painter, frame)
        if not filled and self._empty:
            painter.setFont(font(13))
            painter.setPen(ink("muted"))
            where = QRectF(boxes[0] if boxes else QRectF(0, 0, size.width(), size.height()))
            painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)

    def _paint_steps(self, painter: QPainter, frame: Frame) -> None:
        paint_steps(painter, frame, self._x_title, self.whole)

    def _paint_panel(self, painter: QPainter, panel: Panel, box: QRectF) -> Frame:
        drawn = self._drawn(panel, max(1, int(box.width())))
        frame = Frame(box, *self.view, *self._y_range(panel, drawn), log=self._is_log(panel))
        painter.fillRect(box, ink("raised"))
        self._paint_levels(painter, frame, panel)
        painter.save()
        painter.setClipRect(box)
        if self._drag is not None:
            first, last = sorted(self._drag)
            painter.fillRect(QRectF(first, box.top(), last - first, box.height()), ink("selected"))
        paint_marks(painter, frame, self._marks)
        curves = []
        for series, x, y, faint in drawn:
            pixels = frame.pixels(x, y)
            curves.append(Drawn(*pixels, series.bold))
            self._paint_curve(painter, series, polygon_of(*pixels), faint)
        self._paint_cursor(painter, panel, frame)
        taken = self._paint_above(painter, panel, frame, drawn)
        painter.restore()
        painter.setPen(QPen(ink("line"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        if panel is self._panels[0]:
            paint_mark_words(painter, frame, self._marks)
        self._paint_legend(painter, panel, box, curves, taken)
        return frame

    def _above(self, panel: Panel, frame: Frame, drawn: list[tuple[Series, np.ndarray, np.ndarray, bool]]) -> float | None:
        """The highest of the visible values that lie above a panel which leaves some out."""
        if not panel.outliers:
            return None
        found = span([y[(x >= frame.left) & (x <= frame.right)] for _, x, y, _ in drawn], frame.log)
        return found[1] if found is not None and found[1] > frame.high else None

    def _paint_above(self, painter: QPainter, panel: Panel, frame: Frame, drawn: list) -> QRectF | None:
        """Say how far up the curves go that leave the panel; where that stands."""
        highest = self._above(panel, frame, drawn)
        if highest is None:
            return None
        painter.setFont(font(11))
        painter.setPen(ink("muted"))
        where = frame.box.adjusted(px(6), px(3), 0, 0)
        words = self.tr("↑ up to {value:.3g}").format(value=highest)
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        painter.drawText(where, flags, words)
        return painter.boundingRect(where, flags, words)

    def _paint_levels(self, painter: QPainter, frame: Frame, panel: Panel) -> None:
        paint_levels(painter, frame, panel.title)

    def _paint_curve(self, painter: QPainter, series: Series, points: QPolygonF, faint: bool) -> None:
        """Thin curves without antialiasing (a million points are behind them), bold ones with it and a mark at each point."""
        shade = colour(series.colour, 0.28 if faint else 1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, series.bold)
        painter.setPen(QPen(shade, px(2) if series.bold else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(points)
        if series.bold and points.size():
            painter.setPen(QPen(ink("raised"), 1))
            painter.setBrush(shade)
            for place in dotted(points.size(), points.last().x() - points.first().x(), px(DOTS_APART)):
                painter.drawEllipse(points.at(place), px(3.4), px(3.4))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_cursor(self, painter: QPainter, panel: Panel, frame: Frame) -> None:
        if self._cursor is None:
            return
        x = frame.x(self._cursor)
        painter.setPen(QPen(ink("muted"), 1))
        painter.drawLine(QLineF(x, frame.box.top(), x, frame.box.bottom()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for series in panel.series:
            found = self._at(series, self._cursor, panel.factor)
            if found is not None and (found[1] > 0 or not frame.log):
                painter.setPen(QPen(ink("raised"), 1))
                painter.setBrush(colour(series.colour))
                painter.drawEllipse(QPointF(frame.x(found[0]), frame.y(found[1])), px(4), px(4))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_legend(self, painter: QPainter, panel: Panel, box: QRectF, curves: list[Drawn], taken: QRectF | None) -> None:
        """Names of the curves and, under the cursor, their values; where least is beneath them, and there until the cursor is gone."""
        words = font(11, tabular=True)
        metrics = QFontMetricsF(words)
        widest = (LEGEND_WIDTH if self._cursor is None else READ_WIDTH) * box.width() - px(38)
        lines = self._legend_lines(panel, box.height(), metrics.height())
        shown = [(series, metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, widest)) for series, text in lines]
        if not shown:
            return
        width = max(metrics.horizontalAdvance(text) for _, text in shown) + px(38)
        height = metrics.height() * len(shown) + px(8)
        top = box.top() + px(6) if panel.ceiling is None else box.bottom() - height - px(6)  # losses fall, accuracies rise
        places = corners(QRectF(box.right() - width - px(6), top, width, height), box, px(6))
        number = next(place for place, one in enumerate(self._panels) if one is panel)
        if self._cursor is None:
            self._corners[number] = chosen(places, curves, self._corners.get(number, 0), taken)
        frame = places[self._corners.get(number, 0)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink("raised", 0.86))
        painter.drawRoundedRect(frame, px(4), px(4))
        painter.setFont(words)
        for row, (series, text) in enumerate(shown):
            middle = frame.top() + px(4) + metrics.height() * (row + 0.5)
            if series is not None:
                painter.setPen(QPen(colour(series.colour), px(3) if series.bold else 1))
                painter.drawLine(QLineF(frame.left() + px(6), middle, frame.left() + px(24), middle))
            painter.setPen(ink("text"))
            where = QRectF(frame.left() + px(30), middle - metrics.height() / 2, width, metrics.height())
            painter.drawText(where, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)

    def _legend_lines(self, panel: Panel, height: float, line: float) -> list[tuple[Series | None, str]]:
        """Curves with their words, and how many more there are; none in a panel that has no room, or that says the same as the first."""
        named = [series for series in panel.series if _called(series)]
        first = [_called(series) for series in self._panels[0].series if _called(series)] if self._panels else []
        repeats = self._panels and panel is not self._panels[0] and len(named) > 2 and [_called(series) for series in named] == first
        if repeats and self._cursor is None:
            return []
        room = max(2, int((LEGEND_SHARE * height - px(8)) / line))
        if len(named) <= room:
            return [(series, self._legend_text(panel, series)) for series in named]
        more = self.tr("and {number} more").format(number=len(named) - room + 1)
        return [*((series, self._legend_text(panel, series)) for series in named[: room - 1]), (None, more)]

    def _legend_text(self, panel: Panel, series: Series) -> str:
        found = self._at(series, self._cursor, panel.factor) if self._cursor is not None else None
        if found is None:
            return _called(series)
        step = self.tr("step {step:,.0f}").format(step=found[0])
        return f"{_called(series)}  {found[1]:.{panel.decimals}f}{panel.unit}  ({step})"

    def _at(self, series: Series, x: float, factor: float) -> tuple[float, float] | None:
        """The finite point of a curve (its mean, where that is drawn) nearest to x."""
        if not len(series.x):
            return None
        values = self._smoothed(series) if series.smooth and self._window > 1 else series.y
        right = min(int(np.searchsorted(series.x, x)), len(series.x) - 1)
        nearest = right - 1 if right and x - series.x[right - 1] < series.x[right] - x else right
        value = factor * float(values[nearest])
        return (float(series.x[nearest]), value) if math.isfinite(value) else None

    # ------------------------------------------------------------ mouse

    def _value_at(self, position: float) -> float:
        box = self._boxes(QSizeF(self.size()))[0]
        left, right = self.view
        return left + (position - box.left()) / box.width() * (right - left)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._panels:
            return
        left, right = self.view
        self._cursor = min(max(self._value_at(event.position().x()), left), right)
        if self._drag is not None:
            self._drag = (self._drag[0], event.position().x())
        self.update()

    def told_at(self, where: QPointF) -> str:
        """What the marks say at a place of the widget; "" for nothing."""
        boxes = self._boxes(QSizeF(self.size()))
        return told_at(Frame(boxes[0], *self.view, 0.0, 1.0), self._marks, where) if boxes else ""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._marks:
            QToolTip.showText(event.globalPos(), self.told_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._cursor = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self._panels:
            self._drag = (event.position().x(), event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        if drag is not None and abs(drag[1] - drag[0]) >= px(6):
            left, right = self.view
            first, last = sorted(self._value_at(end) for end in drag)
            self.show_range(max(left, first), min(right, last))
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        self.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._panels:
            return
        middle = self._value_at(event.position().x())
        factor = 0.8 if event.angleDelta().y() > 0 else 1.25
        left, right = self.view
        view, self._view = self._view, None
        whole = self.view
        self._view = view
        left, right = max(whole[0], middle - (middle - left) * factor), min(whole[1], middle + (right - middle) * factor)
        if (left, right) == whole:
            self.show_all()
        else:
            self.show_range(left, right)
        event.accept()

    # ------------------------------------------------------------ numbers

    def table(self) -> list[Row]:
        rows: list[Row] = []
        for panel in self._panels:
            for series in panel.series:
                pairs = zip(series.x.tolist(), series.y.tolist(), strict=True)
                rows.extend((panel.title, series.name, f"{x:.10g}", f"{panel.factor * y:.9g}") for x, y in pairs)
        return [("quantity", "curve", "step", "value"), *rows] if rows else []

    def has_table(self) -> bool:
        return any(panel.series for panel in self._panels)


def _called(series: Series) -> str:
    """What the legend says of a curve; "" for nothing."""
    return series.name if series.legend is None else series.legend
