"""The units of a layer as a grid, in which one is chosen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.theme import font, px
from gui.widgets.canvas import Canvas, Row, ink

EDGE = 3
LINES_FROM = 4
"""Pixels a unit from which lines stand between them."""


class UnitGrid(Canvas):
    """Rows and columns of units; click or drag to choose.

    Signals
    -------
    unit_clicked(int, int)
        Row and column.
    """

    file_name = "units"
    unit_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = self._columns = 0
        self._chosen: tuple[int, int] | None = None
        self._all = False
        self.setMinimumSize(px(96), px(96))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Units of the layer"))

    def set_grid(self, rows: int, columns: int, chosen: tuple[int, int] | None, all_alike: bool = False) -> None:
        """Show so many units, one of them chosen; or all of them, where all see the same."""
        self._rows, self._columns, self._chosen, self._all = rows, columns, chosen, all_alike
        self.setAccessibleDescription("" if chosen is None else self.tr("row {0}, column {1}").format(*chosen))
        self.update()

    # ------------------------------------------------------------ measures

    def box(self, size: QSizeF) -> QRectF:
        """Where the grid lies."""
        below = QFontMetricsF(font(11)).height() + px(4)
        room = (size.width() - px(EDGE) * 2) / max(1, self._columns), (size.height() - below - px(EDGE) * 2) / max(1, self._rows)
        side = min(*room, px(36))
        wide, tall = side * self._columns, side * self._rows
        return QRectF((size.width() - wide) / 2, (size.height() - below - tall) / 2, wide, tall)

    def cell(self, row: int, column: int, size: QSizeF) -> QRectF:
        """Where a unit lies."""
        box = self.box(size)
        wide, tall = box.width() / max(1, self._columns), box.height() / max(1, self._rows)
        return QRectF(box.left() + column * wide, box.top() + row * tall, wide, tall)

    def unit_at(self, position: QPointF) -> tuple[int, int] | None:
        """Row and column of the unit under a point."""
        box = self.box(QSizeF(self.size()))
        if not self._rows or not box.contains(position):
            return None
        row = int((position.y() - box.top()) / box.height() * self._rows)
        column = int((position.x() - box.left()) / box.width() * self._columns)
        return min(row, self._rows - 1), min(column, self._columns - 1)

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if not self._rows:
            return
        box = self.box(size)
        painter.fillRect(box, ink("accent" if self._all else "raised"))
        side = box.width() / self._columns
        painter.setPen(QPen(ink("line"), 1))
        if side >= LINES_FROM:
            for column in range(1, self._columns):
                x = box.left() + column * side
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
            for row in range(1, self._rows):
                y = box.top() + row * side
                painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
        painter.setPen(QPen(ink("muted"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        if self._chosen is not None:
            cell = self.cell(*self._chosen, size)
            short = max(0.0, px(5) - cell.width()) / 2
            cell.adjust(-short, -short, short, short)  # a unit of less than a pixel could not be seen
            painter.fillRect(cell, ink("accent"))
            painter.setPen(QPen(ink("text"), px(1)))
            painter.drawRect(cell)
        metrics = QFontMetricsF(font(11, tabular=True))
        painter.setFont(font(11, tabular=True))
        painter.setPen(ink("muted"))
        where = QRectF(0, size.height() - metrics.height(), size.width(), metrics.height())
        painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), self._words(metrics, size.width()))

    def _words(self, metrics: QFontMetricsF, width: float) -> str:
        """How many units there are, and which is chosen, in as many words as there is room for."""
        if self._rows * self._columns == 1:
            return self.tr("one place")
        size = f"{self._rows} × {self._columns}"
        which = "" if self._chosen is None or self._all else f" · {self._chosen[0]}, {self._chosen[1]}"
        longest = self.tr("{size} units a channel").format(size=size) + which
        return longest if metrics.horizontalAdvance(longest) <= width else size + which

    # ------------------------------------------------------------ mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.unit_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if found is None else Qt.CursorShape.PointingHandCursor)
        if found is None:
            QToolTip.hideText()
            return
        QToolTip.showText(event.globalPosition().toPoint(), self.tr("row {0}, column {1}").format(*found), self)
        if event.buttons() & Qt.MouseButton.LeftButton and found != self._chosen:
            self.unit_clicked.emit(*found)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.unit_at(event.position())
        if found is not None and event.button() is Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.unit_clicked.emit(*found)

    def leaveEvent(self, event: QEvent) -> None:
        QToolTip.hideText()

    def table(self) -> list[Row]:
        return []
