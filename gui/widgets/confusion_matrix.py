"""The confusion matrix: rows are the true class, columns the predicted one. Every cell can be clicked."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.theme import colour, font, px, readable_on
from gui.widgets.canvas import Canvas, Row, image_of, ink
from gui.widgets.colourmaps import VIRIDIS, magnitude

LEGEND_WIDTH = 14
LARGEST_CELL = 144
MOST_NAMED = 12
"""Classes that are named beside a small matrix; the tooltip of a cell names them always."""


def shares_of_rows(matrix: np.ndarray) -> np.ndarray:
    """Each cell as a share of its row, in [0, 1]; 0 in rows without pictures. float64 [K, K]."""
    totals = matrix.sum(axis=1, keepdims=True)
    return np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)


class ConfusionMatrix(Canvas):
    """Cells coloured by their share of the row, so that classes of different size compare; numbers as counts or per cent.

    Signals
    -------
    cell_clicked(int, int)
        True and predicted class, by a click or Enter.
    """

    file_name = "confusion-matrix"
    cell_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None, small: bool = False) -> None:
        super().__init__(parent)
        self._matrix = np.zeros((0, 0), np.int64)
        self._shares = np.zeros((0, 0))
        self._names: tuple[str, ...] = ()
        self._colours: tuple[str, ...] = ()
        self._per_cent = False
        self._small = small
        self._empty = ""
        self._hovered: tuple[int, int] | None = None
        self._selected: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if small else Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(px(120 if small else 280), px(120 if small else 260))
        self.setAccessibleName(self.tr("Confusion matrix"))

    # ------------------------------------------------------------ setters

    def set_matrix(self, matrix: np.ndarray | None, names: tuple[str, ...] = (), colours: tuple[str, ...] = ()) -> None:
        """Show counts [K, K] (None: nothing) with the classes' names and, where known, colours."""
        self._matrix = np.zeros((0, 0), np.int64) if matrix is None else np.asarray(matrix)
        self._shares = shares_of_rows(self._matrix)
        self._names = names
        self._colours = colours
        if self._selected is not None and max(self._selected) >= len(self._matrix):
            self._selected = None
        self._hovered = None
        self.update()

    def set_per_cent(self, on: bool) -> None:
        self._per_cent = on
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    def select(self, cell: tuple[int, int] | None) -> None:
        self._selected = cell
        self.update()

    @property
    def selected(self) -> tuple[int, int] | None:
        return self._selected

    def sentence(self, true: int, predicted: int) -> str:
        """A cell in words: "true 3, predicted 5: 2 of 36"."""
        count, total = int(self._matrix[true, predicted]), int(self._matrix[true].sum())
        text = self.tr("true {true}, predicted {predicted}: {count:,} of {total:,}").format(
            true=self._name(true), predicted=self._name(predicted), count=count, total=total
        )
        return f"{text} ({100 * count / total:.1f} %)" if total else text

    def _name(self, index: int) -> str:
        return self._names[index] if index < len(self._names) else str(index)

    # ------------------------------------------------------------ what is drawn where

    def _grid(self, size: QSizeF) -> QRectF:
        """The square of all cells."""
        classes = max(1, len(self._matrix))
        if self._small:
            left, below = self._small_margins(size)
            side = max(1.0, min(size.width() - left - px(2), size.height() - below - px(2)))
            return QRectF(left, px(2), side, side)
        margin = self._margin(size)
        right = px(LEGEND_WIDTH + 64)
        space = max(1.0, min(size.width() - margin - right, size.height() - self._head(size) - px(8)))
        cell = min(space / classes, px(LARGEST_CELL))
        whole = cell * classes
        left = margin + max(0.0, (size.width() - margin - right - whole) / 2)
        return QRectF(left, self._head(size), whole, whole)

    def _small_margins(self, size: QSizeF) -> tuple[float, float]:
        """Room at the left of and below a small matrix: the axes' titles, and the classes' names where there is room for them."""
        classes, line = len(self._matrix), QFontMetricsF(font(11)).height()
        title = px(18)
        if not self._names or not 0 < classes <= MOST_NAMED:
            return title, title
        left = title + min(self._longest(), size.width() * 0.25) + px(4)
        side = min(size.width() - left, size.height() - title - line)
        if side / classes < line * 0.8:  # names would lie over each other
            return title, title
        fits = self._longest() + px(4) <= side / classes
        return left, title + (line if fits else min(self._longest(), size.height() * 0.2) + px(4))

    def _longest(self) -> float:
        metrics = QFontMetricsF(font(11))
        return max((metrics.horizontalAdvance(self._name(index)) for index in range(len(self._matrix))), default=0.0)

    def _margin(self, size: QSizeF) -> float:
        """Room left of the cells: the axis's title, a class's colour and its name."""
        return QFontMetricsF(font(11)).height() + px(18) + min(self._longest(), size.width() * 0.2)

    def _head(self, size: QSizeF) -> float:
        line = QFontMetricsF(font(11)).height()
        upright = self._rotated(size)
        return line + px(16) + (min(self._longest(), size.height() * 0.2) if upright else line)

    def _rotated(self, size: QSizeF) -> bool:
        """Names of columns stand upright where they are wider than a cell."""
        classes = max(1, len(self._matrix))
        cell = min(px(LARGEST_CELL), (min(size.width(), size.height()) - px(140)) / classes)
        return self._longest() + px(6) > cell

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """True and predicted class under a point of the widget."""
        grid = self._grid(QSizeF(self.size()))
        classes = len(self._matrix)
        if not classes or not grid.contains(QPointF(x, y)):
            return None
        cell = grid.width() / classes
        return min(int((y - grid.top()) / cell), classes - 1), min(int((x - grid.left()) / cell), classes - 1)

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        classes = len(self._matrix)
        if not classes:
            painter.setFont(font(11 if self._small else 13))
            painter.setPen(ink("muted"))
            words = QRectF(px(8), 0, size.width() - px(16), size.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        grid = self._grid(size)
        cell = grid.width() / classes
        painter.drawImage(grid, image_of(magnitude(self._shares, 1.0)))
        if cell >= px(9):
            painter.setPen(QPen(ink("surface"), 1))
            for index in range(1, classes):
                painter.drawLine(QLineF(grid.left() + index * cell, grid.top(), grid.left() + index * cell, grid.bottom()))
                painter.drawLine(QLineF(grid.left(), grid.top() + index * cell, grid.right(), grid.top() + index * cell))
        self._paint_numbers(painter, grid, cell)
        self._paint_frames(painter, grid, cell)
        self._paint_axes(painter, size, grid, cell)
        if not self._small:
            self._paint_legend(painter, grid)

    def _paint_numbers(self, painter: QPainter, grid: QRectF, cell: float) -> None:
        figures = font(13 if cell > px(34) else 11, tabular=True)
        metrics = QFontMetricsF(figures)
        texts = (
            [[self._cell_text(row, column) for column in range(len(self._matrix))] for row in range(len(self._matrix))]
            if cell >= metrics.height()
            else []
        )
        widest = max((metrics.horizontalAdvance(text) for line in texts for text in line), default=0.0)
        if not texts or widest > cell - 2:
            return
        painter.setFont(figures)
        for row, line in enumerate(texts):
            for column, text in enumerate(line):
                if not text:
                    continue
                shade = "#{:02x}{:02x}{:02x}".format(*VIRIDIS[round(self._shares[row, column] * 255)])
                painter.setPen(colour(readable_on(shade)))
                where = QRectF(grid.left() + column * cell, grid.top() + row * cell, cell, cell)
                painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), text)

    def _cell_text(self, row: int, column: int) -> str:
        count = int(self._matrix[row, column])
        if not count:
            return ""
        return f"{100 * self._shares[row, column]:.0f}" if self._per_cent else str(count)

    def _paint_frames(self, painter: QPainter, grid: QRectF, cell: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for place, shade, width in ((self._hovered, ink("text"), 1), (self._selected, ink("accent"), 3)):
            if place is not None:
                painter.setPen(QPen(shade, px(width)))
                painter.drawRect(QRectF(grid.left() + place[1] * cell, grid.top() + place[0] * cell, cell, cell))

    def _paint_axes(self, painter: QPainter, size: QSizeF, grid: QRectF, cell: float) -> None:
        words = font(11)
        metrics = QFontMetricsF(words)
        painter.setFont(words)
        painter.setPen(ink("text"))
        line = metrics.height()
        if self._small:
            left, room = self._small_margins(size)
            if left > px(18):
                self._paint_small_names(painter, metrics, grid, cell, left - px(18), room - px(18))
            below = QRectF(grid.left(), grid.bottom() + px(1) + room - px(18), grid.width(), line)
            painter.setPen(ink("muted"))
            painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), self.tr("predicted"))
            self._upright(painter, self.tr("true"), line / 2, grid.center().y(), grid.height(), centre=True)
            return
        painter.drawText(QRectF(grid.left(), px(2), grid.width(), line), int(Qt.AlignmentFlag.AlignCenter), self.tr("predicted class"))
        self._upright(
            painter, self.tr("true class"), grid.left() - self._margin(size) + line / 2, grid.center().y(), grid.height(), centre=True
        )
        every = max(1, int(np.ceil(line / cell)))
        upright = self._rotated(size)
        for index in range(0, len(self._matrix), every):
            self._paint_name(painter, metrics, size, grid, cell, index, upright)

    def _paint_small_names(self, painter: QPainter, metrics: QFontMetricsF, grid: QRectF, cell: float, beside: float, below: float) -> None:
        """Names of the rows at the left, of the columns below: level where they fit, else upright."""
        line, level = metrics.height(), self._longest() + px(4) <= cell
        elided = Qt.TextElideMode.ElideRight
        for index in range(len(self._matrix)):
            middle = (index + 0.5) * cell
            text = metrics.elidedText(self._name(index), elided, beside - px(4))
            where = QRectF(grid.left() - beside, grid.top() + middle - line / 2, beside - px(4), line)
            painter.drawText(where, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
            if level:
                where = QRectF(grid.left() + middle - cell / 2, grid.bottom() + px(1), cell, line)
                painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), self._name(index))
            else:
                text = metrics.elidedText(self._name(index), elided, below - px(4))
                length = metrics.horizontalAdvance(text)
                self._upright(painter, text, grid.left() + middle, grid.bottom() + px(2) + length, length + px(2), centre=False)

    def _paint_name(
        self, painter: QPainter, metrics: QFontMetricsF, size: QSizeF, grid: QRectF, cell: float, index: int, upright: bool
    ) -> None:
        line, middle = metrics.height(), (index + 0.5) * cell
        chip = px(4)
        if index < len(self._colours):
            painter.fillRect(
                QRectF(grid.left() - chip - px(2), grid.top() + index * cell + 1, chip, cell - 2), colour(self._colours[index])
            )
            painter.fillRect(
                QRectF(grid.left() + index * cell + 1, grid.top() - chip - px(2), cell - 2, chip), colour(self._colours[index])
            )
        painter.setPen(ink("text"))
        room = self._margin(size) - line - px(12)
        text = metrics.elidedText(self._name(index), Qt.TextElideMode.ElideRight, room)
        where = QRectF(grid.left() - px(10) - room, grid.top() + middle - line / 2, room, line)
        painter.drawText(where, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
        if upright:
            room = self._head(size) - line - px(14)
            text = metrics.elidedText(self._name(index), Qt.TextElideMode.ElideRight, room)
            self._upright(painter, text, grid.left() + middle, grid.top() - px(9), room, centre=False)
        else:
            where = QRectF(grid.left() + middle - cell / 2, grid.top() - px(9) - line, cell, line)
            painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), self._name(index))

    def _upright(self, painter: QPainter, text: str, x: float, y: float, length: float, *, centre: bool) -> None:
        """Text read from below to above: around (x, y), or beginning there."""
        line = QFontMetricsF(painter.font()).height()
        painter.save()
        painter.translate(x, y)
        painter.rotate(-90)
        where = QRectF(-length / 2 if centre else 0, -line / 2, length, line)
        side = Qt.AlignmentFlag.AlignHCenter if centre else Qt.AlignmentFlag.AlignLeft
        painter.drawText(where, int(side | Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()

    def _paint_legend(self, painter: QPainter, grid: QRectF) -> None:
        bar = QRectF(grid.right() + px(16), grid.top(), px(LEGEND_WIDTH), min(grid.height(), px(240)))
        painter.drawImage(bar, image_of(VIRIDIS[::-1, None, :]))
        words = font(11, tabular=True)
        line = QFontMetricsF(words).height()
        painter.setFont(words)
        painter.setPen(ink("muted"))
        for share in (0.0, 0.5, 1.0):
            y = bar.bottom() - share * bar.height() - share * line
            painter.drawText(
                QRectF(bar.right() + px(5), y - line * (1 - share) * (0.5 if share == 0.5 else 1), px(60), line),
                int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
                f"{100 * share:.0f} %",
            )
        painter.drawText(QRectF(bar.left(), bar.bottom() + px(4), px(80), line), int(Qt.AlignmentFlag.AlignLeft), self.tr("of the row"))

    # ------------------------------------------------------------ mouse and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position().x(), event.position().y())
        if cell == self._hovered:
            return
        self._hovered = cell
        self.setCursor(Qt.CursorShape.PointingHandCursor if cell is not None else Qt.CursorShape.ArrowCursor)
        if cell is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.sentence(*cell), self)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position().x(), event.position().y())
        if cell is not None and event.button() is Qt.MouseButton.LeftButton:
            self._choose(cell)

    def _choose(self, cell: tuple[int, int]) -> None:
        self.select(cell)
        self.cell_clicked.emit(*cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not len(self._matrix):
            super().keyPressEvent(event)
            return
        last = len(self._matrix) - 1
        row, column = self._selected or (0, 0)
        moved = (row + step[0], column + step[1]) if self._selected is not None else (0, 0)
        self._choose((min(max(moved[0], 0), last), min(max(moved[1], 0), last)))

    # ------------------------------------------------------------ numbers

    def table(self) -> list[Row]:
        if not len(self._matrix):
            return []
        names = [self._name(index) for index in range(len(self._matrix))]
        corner = self.tr("true \\ predicted")
        return [(corner, *names), *((name, *row) for name, row in zip(names, self._matrix.tolist(), strict=True))]

    def has_table(self) -> bool:
        return bool(len(self._matrix))
