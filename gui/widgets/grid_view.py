"""A view of equal cells whose places are arithmetic, so that any number of items lays out in no time.

QListView in icon mode places every item and keeps a tree of rectangles; at 100,000 items each change of width or filter costs
seconds, or arrives in batches that make the scroll bar jump. Here a change costs a division.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QRegion, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from gui.theme import colour, colours

SelectionFlag = QItemSelectionModel.SelectionFlag


class GridView(QAbstractItemView):
    """Equal cells, left to right and top to bottom, filling the width.

    Attributes
    ----------
    seen_changed : Signal
        Other rows came into view.
    zoomed : Signal(int)
        Ctrl and the wheel: steps, positive for larger.
    """

    seen_changed = Signal()
    zoomed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cell = QSize(104, 120)
        self._margin = 8
        self._gap = 4
        self._band: QRect | None = None
        self._band_base = QItemSelection()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setMouseTracking(True)
        self.verticalScrollBar().valueChanged.connect(self.seen_changed)

    # ------------------------------------------------------------ geometry

    def set_cell(self, cell: QSize, margin: int, gap: int) -> None:
        """Smallest size of a cell; margin around all; gap between cells. Keeps the row at the top in its place."""
        first = self.seen_rows()[0]
        self._cell, self._margin, self._gap = cell, margin, gap
        self.updateGeometries()
        self.verticalScrollBar().setValue(self._rect(first).top() - margin)
        self.viewport().update()
        self.seen_changed.emit()

    def count(self) -> int:
        model = self.model()
        return model.rowCount() if model is not None else 0

    def columns(self) -> int:
        return self._columns_in(self.viewport().width())

    def _columns_in(self, width: int) -> int:
        return max(1, (width - 2 * self._margin) // max(1, self._cell.width()))

    def _rect(self, row: int) -> QRect:
        """Place of a row in the whole content."""
        columns = self.columns()
        room = self.viewport().width() - 2 * self._margin
        line, column = divmod(row, columns)
        left = self._margin + column * room // columns
        right = self._margin + (column + 1) * room // columns
        top = self._margin + line * self._cell.height()
        return QRect(left, top, right - left - self._gap, self._cell.height() - self._gap)

    def seen_rows(self) -> tuple[int, int]:
        """First and one past the last row in view."""
        height = self._cell.height()
        top = max(0, self.verticalOffset() - self._margin) // height
        bottom = (self.verticalOffset() + self.viewport().height() - self._margin) // height + 1
        columns = self.columns()
        return min(top * columns, max(0, self.count() - 1)), min(max(0, bottom * columns), self.count())

    def _row_near(self, point: QPoint) -> int:
        """The row at a point of the viewport, or the nearest one; -1 where there is none."""
        if not self.count():
            return -1
        columns = self.columns()
        room = max(1, self.viewport().width() - 2 * self._margin)
        column = min(max((point.x() - self._margin) * columns // room, 0), columns - 1)
        line = max((point.y() + self.verticalOffset() - self._margin) // self._cell.height(), 0)
        return min(line * columns + column, self.count() - 1)

    def updateGeometries(self) -> None:
        lines = -(-self.count() // self.columns())
        height = 2 * self._margin + lines * self._cell.height()
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, height - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(1, self._cell.height() // 3))
        super().updateGeometries()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        bar, height, old = self.verticalScrollBar(), self._cell.height(), self._columns_in(event.oldSize().width())
        first = max(0, bar.value() - self._margin) // height * old
        current = self.currentIndex().row()
        seen = first <= current < first + (self.viewport().height() // height + 1) * old
        row = current if seen else first
        above = row // old * height - bar.value()
        self.updateGeometries()
        if self.columns() != old:
            bar.setValue(row // self.columns() * height - above)
        self.seen_changed.emit()

    # ------------------------------------------------------------ what QAbstractItemView asks

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        if model is not None:
            for signal in (model.modelReset, model.rowsInserted, model.rowsRemoved, model.layoutChanged):
                signal.connect(self._refit)
        self._refit()

    def _refit(self) -> None:
        self.updateGeometries()
        self.viewport().update()
        self.seen_changed.emit()

    def visualRect(self, index: QModelIndex | QPersistentModelIndex) -> QRect:
        return self._rect(index.row()).translated(0, -self.verticalOffset()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._row_near(point)
        if row >= 0 and self._rect(row).translated(0, -self.verticalOffset()).contains(point):
            return self.model().index(row, 0)
        return QModelIndex()

    def scrollTo(self, index: QModelIndex, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible) -> None:
        area = self.visualRect(index)
        bar = self.verticalScrollBar()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + area.center().y() - self.viewport().height() // 2)
        elif area.top() < self._margin:
            bar.setValue(bar.value() + area.top() - self._margin)
        elif area.bottom() > self.viewport().height() - self._margin:
            bar.setValue(bar.value() + area.bottom() - self.viewport().height() + self._margin)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: QModelIndex) -> bool:
        return False

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        last = self.count() - 1
        if last < 0:
            return QModelIndex()
        row = self.currentIndex().row() if self.currentIndex().isValid() else -1
        if row < 0:
            return self.model().index(self.seen_rows()[0], 0)
        columns = self.columns()
        page = max(1, self.viewport().height() // self._cell.height()) * columns
        cursor = QAbstractItemView.CursorAction
        step = {
            cursor.MoveLeft: -1,
            cursor.MoveRight: 1,
            cursor.MovePrevious: -1,
            cursor.MoveNext: 1,
            cursor.MoveUp: -columns,
            cursor.MoveDown: columns,
            cursor.MovePageUp: -page,
            cursor.MovePageDown: page,
            cursor.MoveHome: -row,
            cursor.MoveEnd: last - row,
        }[action]
        there = row + step
        if step in (-columns, columns) and not 0 <= there <= last:
            there = row if step < 0 or row // columns == last // columns else last
        return self.model().index(min(max(there, 0), last), 0)

    def setSelection(self, rect: QRect, command: SelectionFlag) -> None:
        """Select from one end of the rectangle to the other, in reading order, as Shift does."""
        one, other = self._row_near(rect.topLeft()), self._row_near(QPoint(rect.x() + rect.width() - 1, rect.y() + rect.height() - 1))
        if min(one, other) < 0:
            return
        model = self.model()
        self.selectionModel().select(QItemSelection(model.index(min(one, other), 0), model.index(max(one, other), 0)), command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        first, end = self.seen_rows()
        for part in selection:
            for row in range(max(part.top(), first), min(part.bottom() + 1, end)):
                region += self._rect(row).translated(0, -self.verticalOffset())
        return region

    # ------------------------------------------------------------ rubber band

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and not self.indexAt(point).isValid():
            keep = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
            self._band_base = QItemSelection(self.selectionModel().selection()) if keep else QItemSelection()
            if not keep:
                self.clearSelection()
            start = point + QPoint(0, self.verticalOffset())
            self._band = QRect(start, start)
            self.setFocus()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._band is None:
            super().mouseMoveEvent(event)
            return
        point = event.position().toPoint()
        beyond = point.y() - self.viewport().height() if point.y() > self.viewport().height() else min(point.y(), 0)
        self.verticalScrollBar().setValue(self.verticalOffset() + beyond)
        self._band.setBottomRight(point + QPoint(0, self.verticalOffset()))
        self._select_band()
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._band is None:
            super().mouseReleaseEvent(event)
            return
        self._band = None
        self.viewport().update()

    def _select_band(self) -> None:
        assert self._band is not None
        band = self._band.normalized()
        columns, room = self.columns(), max(1, self.viewport().width() - 2 * self._margin)
        lines = -(-self.count() // columns)
        first_line = max(0, (band.top() - self._margin) // self._cell.height())
        last_line = min(lines - 1, (band.bottom() - self._margin) // self._cell.height())
        left = min(max((band.left() - self._margin) * columns // room, 0), columns - 1)
        right = min(max((band.right() - self._margin) * columns // room, 0), columns - 1)
        picked = QItemSelection()
        model = self.model()
        if first_line <= last_line and (left, right) == (0, columns - 1):
            last = min(last_line * columns + right, self.count() - 1)
            picked.append(QItemSelectionRange(model.index(first_line * columns, 0), model.index(last, 0)))
        else:
            for line in range(first_line, last_line + 1):  # each line is apart from all others, so nothing needs to be merged
                first, last = line * columns + left, min(line * columns + right, self.count() - 1)
                if first <= last:
                    picked.append(QItemSelectionRange(model.index(first, 0), model.index(last, 0)))
        if self._band_base.count():
            picked.merge(self._band_base, SelectionFlag.Select)
        self.selectionModel().select(picked, SelectionFlag.ClearAndSelect)

    def invert_selection(self) -> None:
        """Select what is not selected, and nothing else."""
        model, end = self.model(), self.count()
        parts = sorted((part.top(), part.bottom()) for part in self.selectionModel().selection())
        picked, next_row = QItemSelection(), 0
        for top, bottom in [*parts, (end, end)]:
            if top > next_row:
                picked.append(QItemSelectionRange(model.index(next_row, 0), model.index(top - 1, 0)))
            next_row = max(next_row, bottom + 1)
        self.selectionModel().select(picked, SelectionFlag.ClearAndSelect)

    # ------------------------------------------------------------ painting and keys

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        current = self.currentIndex().row() if self.hasFocus() else -1
        under = self.indexAt(self.viewport().mapFromGlobal(self.cursor().pos())).row() if self.underMouse() else -1
        first, end = self.seen_rows()
        dirty, shift = event.rect(), -self.verticalOffset()
        selected = self._selected_in(first, end)
        self.begin_cells(painter)
        for row in range(first, end):
            area = self._rect(row).translated(0, shift)
            if area.intersects(dirty):
                self.paint_cell(painter, area, row, selected[row - first], row == current, row == under)
        if self._band is not None:
            painter.setPen(colour(colours().accent))
            painter.setBrush(colour(colours().accent, 0.15))
            painter.drawRect(self._band.normalized().translated(0, shift))
        painter.end()

    def begin_cells(self, painter: QPainter) -> None:
        """Called before the cells of one paint."""

    def paint_cell(self, painter: QPainter, area: QRect, row: int, selected: bool, focused: bool, hovered: bool) -> None:
        """Paint one row; subclasses do."""

    def _selected_in(self, first: int, end: int) -> list[bool]:
        """Which rows from `first` to before `end` are selected; the ranges are looked at once a paint, not once a row."""
        marks = [False] * max(0, end - first)
        model = self.selectionModel()
        if model is None or not model.hasSelection():
            return marks
        for part in model.selection():
            for row in range(max(part.top(), first), min(part.bottom() + 1, end)):
                marks[row - first] = True
        return marks

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoomed.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        super().wheelEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Letters do not search; keys label."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)
