"""Small plots of one kind beside and below each other, all on the same axes: one for each value of what is varied."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from gui.theme import font, px
from gui.widgets.axes import RIGHT_MARGIN, Frame, paint_below, paint_lines, paint_numbers, paint_step_numbers, paint_upright
from gui.widgets.canvas import Row, ink
from gui.widgets.curve_plot import CurvePlot
from gui.widgets.curve_records import Panel, Series
from gui.widgets.legend_place import Drawn

NARROWEST, LOWEST = 150, 84
"""Pixels of a plot's box."""
SHAPE = 1.6
"""Width by height that plots had best have."""
HIGH = 0.5
"""Where all validation curves lie above this share of the ceiling, the axis begins near to them."""
EMPTY = 0.4
"""How much an empty place in the last row weighs against that: as much as half the width again."""


class Cell(msgspec.Struct, frozen=True, eq=False):
    """One small plot.

    Attributes
    ----------
    title : str
        The value.
    caption : str
        What came of it, beneath the title.
    panels : tuple of Panel
        One of each quantity, the same for all cells.
    words : str
        Said in the middle where there is no curve, or in place of a caption that would be missed: why there is none.
    best : str
        Said after the title of the best of all; "" for all others.
    """

    title: str
    caption: str
    panels: tuple[Panel, ...]
    words: str = ""
    best: str = ""


class SmallMultiples(CurvePlot):
    """A grid of plots with one range of both axes, and one cursor. Wheel or drag to enlarge all, double-click to see all."""

    file_name = "sweep"
    most_means = 256

    def __init__(self, x_title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(x_title, parent)
        self._cells: tuple[Cell, ...] = ()
        self._quantity = 0
        self._range = (0.0, 1.0)
        self._under: int | None = None

    # ------------------------------------------------------------ setters

    def set_cells(self, cells: tuple[Cell, ...]) -> None:
        """Show these plots, row by row."""
        self._cells = cells
        self.set_panels(tuple(cell.panels[self._quantity] for cell in cells))
        self._ask_for_height()

    def set_quantity(self, place: int) -> None:
        """Which panel of each cell is drawn, from 0."""
        self._quantity = place
        self.set_panels(tuple(cell.panels[place] for cell in self._cells))

    # ------------------------------------------------------------ what is drawn where

    def _line(self) -> float:
        return QFontMetricsF(font(11)).height()

    def _head(self) -> float:
        """Height of title and caption."""
        return QFontMetricsF(font(13, QFont.Weight.DemiBold)).height() + self._line() + px(5)

    def columns(self, size: QSizeF) -> int:
        """Plots in a row, so that they come near to a good shape."""
        number = len(self._cells)
        width = size.width() - self._gutter()
        most = max(1, min(number, int(width // px(NARROWEST))))

        def ill(columns: int) -> float:
            height = (size.height() - 2 * self._line()) / math.ceil(number / columns) - self._head() - px(16)
            if height < px(LOWEST) and columns < most:
                return math.inf
            left = -number % columns
            return abs(math.log(max(1.0, width / columns) / max(1.0, height) / SHAPE)) + EMPTY * left

        return min(range(1, most + 1), key=ill, default=1)

    def _boxes(self, size: QSizeF) -> list[QRectF]:
        if not self._cells:
            return []
        columns = self.columns(size)
        rows = math.ceil(len(self._cells) / columns)
        left, across, down = self._gutter(), px(14), px(8)
        bottom = 2 * self._line() + px(10)
        width = (size.width() - left - px(RIGHT_MARGIN) - across * (columns - 1)) / columns
        height = (size.height() - bottom - rows * self._head() - down * (rows - 1)) / rows
        made = []
        for place in range(len(self._cells)):
            row, column = divmod(place, columns)
            top = self._head() + row * (height + self._head() + down)
            made.append(QRectF(left + column * (width + across), top, max(1.0, width), max(1.0, height)))
        return made

    def _ask_for_height(self) -> None:
        """Room for the rows that there are when as many plots stand in one as can."""
        most = max(1, min(len(self._cells), int((self.width() - self._gutter()) // px(NARROWEST))))
        rows = max(1, math.ceil(len(self._cells) / most))
        self.setMinimumHeight(round(max(px(220), rows * (px(LOWEST + 8) + self._head()) + 2 * self._line() + px(10))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._ask_for_height()

    def _y_range(self, panel: Panel, drawn: list) -> tuple[float, float]:
        return self._range

    def _common_range(self, boxes: list[QRectF]) -> tuple[float, float]:
        """Of y, over all plots."""
        if not self._panels:
            return 0.0, 1.0
        drawn = [curve for panel, box in zip(self._panels, boxes, strict=True) for curve in self._drawn(panel, max(1, int(box.width())))]
        panel = self._panels[0]
        low, high = super()._y_range(panel, drawn)
        bold = [y for series, _, y, _ in drawn if series.bold and len(y)]
        least = min((float(np.nanmin(y)) for y in bold if np.isfinite(y).any()), default=0.0)
        if panel.ceiling is not None and least > HIGH * panel.ceiling:  # all are good: thin curves may begin below the plots
            low = max(low, least - (panel.ceiling - least))
        return low, high

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        boxes = self._boxes(size)
        self._range = self._common_range(boxes)
        if not boxes:
            return
        left, lowest = boxes[0].left(), max(box.bottom() for box in boxes)
        below = {box.left(): box.bottom() for box in boxes}  # the lowest of each column
        for cell, panel, box in zip(self._cells, self._panels, boxes, strict=True):
            frame = self._paint_panel(painter, panel, box)
            if box.left() == left:
                paint_numbers(painter, frame)
            if box.bottom() == below[box.left()]:
                paint_step_numbers(painter, frame, box.right() + px(4), self.whole)
            self._paint_words(painter, cell, panel, box)
        whole = QRectF(QPointF(left, boxes[0].top()), QPointF(max(box.right() for box in boxes), lowest))
        paint_upright(painter, whole, self._panels[0].title)
        paint_below(painter, whole, self._x_title)

    def _paint_levels(self, painter: QPainter, frame: Frame, panel: Panel) -> None:
        paint_lines(painter, frame)

    def _paint_legend(self, painter: QPainter, panel: Panel, box: QRectF, curves: list[Drawn], taken: QRectF | None) -> None:
        """None: what thin and bold curves are is the same everywhere, and is said once."""

    def _paint_words(self, painter: QPainter, cell: Cell, panel: Panel, box: QRectF) -> None:
        heavy, small = font(13, QFont.Weight.DemiBold), font(11, tabular=True)
        line = QFontMetricsF(heavy).height()
        title = QRectF(box.left(), box.top() - self._head(), box.width(), line)
        painter.setFont(heavy)
        painter.setPen(ink("accent_text" if cell.best else "text"))
        elide = Qt.TextElideMode.ElideRight
        left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        words = f"{cell.title}, {cell.best}" if cell.best else cell.title
        painter.drawText(title, left, QFontMetricsF(heavy).elidedText(words, elide, box.width()))
        painter.setFont(small)
        painter.setPen(ink("muted"))
        caption = self._read_out(panel) or cell.caption
        painter.drawText(title.translated(0, line), left, QFontMetricsF(small).elidedText(caption, elide, box.width()))
        if cell.words:
            painter.setPen(ink("muted"))
            inside = box.adjusted(px(8), px(4), -px(8), -px(4))
            painter.drawText(inside, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), cell.words)

    def _read_out(self, panel: Panel) -> str:
        """Values of the curves under the cursor, training before validation."""
        if self._cursor is None:
            return ""
        found = [self._at(series, self._cursor, panel.factor) for series in panel.series[:2]]
        values = [f"{point[1]:.{panel.decimals}f}{panel.unit}" for point in found if point is not None]
        if not values or found[0] is None:
            return ""
        return self.tr("{values} (step {step:,.0f})").format(values=" · ".join(values), step=found[0][0])

    # ------------------------------------------------------------ mouse

    def _box_under(self, x: float, y: float) -> QRectF | None:
        """The box that is nearest to a place of the widget."""

        def away(box: QRectF) -> float:
            return math.hypot(max(box.left() - x, 0, x - box.right()), max(box.top() - y, 0, y - box.bottom()))

        return min(self._boxes(QSizeF(self.size())), key=away, default=None)

    def _value_at(self, position: float) -> float:
        """The x value at a place; beyond the edges of the plot that the pointer is in, that of the edge."""
        boxes = self._boxes(QSizeF(self.size()))
        box = boxes[self._under if self._under is not None and self._under < len(boxes) else 0]
        left, right = self.view
        return min(max(left + (position - box.left()) / box.width() * (right - left), left), right)

    def _look_under(self, where: QPointF) -> None:
        """While something is dragged, the plot where that began keeps it."""
        if self._drag is None:
            box = self._box_under(where.x(), where.y())
            boxes = self._boxes(QSizeF(self.size()))
            self._under = boxes.index(box) if box is not None else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._look_under(event.position())
        super().mouseMoveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._look_under(event.position())
        super().mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._look_under(event.position())
        super().wheelEvent(event)

    # ------------------------------------------------------------ numbers

    def table(self) -> list[Row]:
        rows: list[Row] = []
        for cell in self._cells:
            for panel in cell.panels:
                for series in panel.series:
                    rows.extend((cell.title, panel.title, *point) for point in _points(panel, series))
        return [("value", "quantity", "curve", "step", "figure"), *rows] if rows else []


def _points(panel: Panel, series: Series) -> list[tuple[str, str, str]]:
    pairs = zip(series.x.tolist(), series.y.tolist(), strict=True)
    return [(series.name, f"{x:.10g}", f"{panel.factor * y:.9g}") for x, y in pairs]
