"""A table of words and figures: sorts by value, copies as a table, tells which row is chosen."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QGuiApplication, QKeyEvent, QKeySequence, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFileDialog, QHeaderView, QMenu, QTableView, QWidget

from gui.theme import colour, font, px, theme

WIDE_AT_LEAST = 112
"""Pixels of the column that takes the rest of the room, where it needs as much."""
Index = QModelIndex | QPersistentModelIndex


class Column(msgspec.Struct, frozen=True):
    """A column: title, what a value looks like ("–" stands for None), whether it is a figure, its title's tooltip."""

    title: str
    shown: Callable[[Any], str] = str
    figure: bool = True
    tip: str = ""


class Line(msgspec.Struct, frozen=True):
    """A row: a key that is told when it is clicked, a value a column, a colour chip or "", a tooltip, and whether it is ticked.

    `texts` has what may be changed in place, by column, as it is typed; of a `bold` row the first column is.
    """

    key: Any
    values: tuple[Any, ...]
    colour: str = ""
    tip: str = ""
    ticked: bool | None = None
    texts: dict[int, str] = {}
    bold: bool = False


class _Model(QAbstractTableModel):
    ticked = Signal(object, bool)
    edited = Signal(object, int, str)

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.lines: tuple[Line, ...] = ()

    def set_lines(self, lines: tuple[Line, ...]) -> None:
        """Rows keep their place where only their values change, so that selection and scrolling stay."""
        if [line.key for line in lines] == [line.key for line in self.lines]:
            self.lines = lines
            if lines:
                self.dataChanged.emit(self.index(0, 0), self.index(len(lines) - 1, len(self.columns) - 1))
            return
        self.beginResetModel()
        self.lines = lines
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def text(self, row: int, column: int) -> str:
        value = self.lines[row].values[column]
        return "–" if value is None else self.columns[column].shown(value)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line, column = self.lines[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), column)
        if role == Qt.ItemDataRole.UserRole:
            value = line.values[column]
            return float("-inf") if value is None else value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if self.columns[column].figure else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and self.columns[column].figure:
            return font(13, tabular=True)
        if role == Qt.ItemDataRole.FontRole and column == 0 and line.bold:
            return font(13, QFont.Weight.DemiBold)
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and line.colour:
            chip = QPixmap(px(10), px(10))
            chip.fill(colour(line.colour))
            return chip
        if role == Qt.ItemDataRole.CheckStateRole and column == 0 and line.ticked is not None:
            return Qt.CheckState.Checked if line.ticked else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.EditRole:
            return line.texts.get(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            value = line.values[column]
            return line.tip or (f"{value:.10g}" if isinstance(value, float) else self.text(index.row(), column))
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role == Qt.ItemDataRole.EditRole:
            line, column = self.lines[index.row()], index.column()
            if value != line.texts.get(column):
                self.edited.emit(line.key, column, value)
            return False  # the table shows it once it is kept
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        self.ticked.emit(self.lines[index.row()].key, Qt.CheckState(value) is Qt.CheckState.Checked)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() in self.lines[index.row()].texts:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == 0 and self.lines[index.row()].ticked is not None else flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.figure else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


class FiguresTable(QTableView):
    """Rows of figures.

    Signals
    -------
    line_clicked(object)
        Key of the row that became current, by mouse or keyboard.
    line_ticked(object, bool)
    line_edited(object, int, str)
        Key, column, and what was typed in place.
    """

    line_clicked = Signal(object)
    line_ticked = Signal(object, bool)
    line_edited = Signal(object, int, str)

    def __init__(self, columns: Sequence[Column], sortable: bool = True, wide: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Model(columns)
        self._model.ticked.connect(self.line_ticked)
        self._model.edited.connect(self.line_edited)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.setModel(self._sorted)
        self._quiet = False
        self._wide = wide
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(px(24))
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        if sortable:
            self._sorted.sort(-1)
            header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            header.setSortIndicatorClearable(True)
            self.setSortingEnabled(True)
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        theme().changed.connect(self.restyle)
        self.restyle()

    def restyle(self) -> None:
        self.verticalHeader().setDefaultSectionSize(px(28))
        self.setIconSize(QSize(px(10), px(10)))
        self._spread()

    def set_lines(self, lines: Sequence[Line]) -> None:
        self._model.set_lines(tuple(lines))
        self._spread()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._spread()

    def _spread(self) -> None:
        """Give each column what it needs and the wide one the rest (a header's own stretching keeps an old width when room is short)."""
        metrics = QFontMetricsF(font(11))
        header = self.horizontalHeader()
        needed = {}
        for number, column in enumerate(self._model.columns):
            if self.isColumnHidden(number):
                continue
            title = max(round(metrics.horizontalAdvance(column.title)) + px(18), header.minimumSectionSize())
            needed[number] = max(title, self.sizeHintForColumn(number))
        wide = needed.pop(self._wide)
        rest = self.viewport().width() - sum(needed.values())
        needed[self._wide] = max(min(wide, px(WIDE_AT_LEAST)), rest)
        for number, width in needed.items():
            if self.columnWidth(number) != width:
                self.setColumnWidth(number, width)

    def select(self, key: object) -> None:
        """Make the row with this key current without telling."""
        row = next((number for number, line in enumerate(self._model.lines) if line.key == key), -1)
        self._quiet = True
        self.setCurrentIndex(self._sorted.mapFromSource(self._model.index(row, 0)) if row >= 0 else QModelIndex())
        self._quiet = False

    def keys(self) -> list[Any]:
        """Keys of the rows from top to bottom, as sorted now."""
        rows = [self._sorted.mapToSource(self._sorted.index(row, 0)).row() for row in range(self._sorted.rowCount())]
        return [self._model.lines[row].key for row in rows]

    def chosen(self) -> list[Any]:
        """Keys of the selected rows from top to bottom."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.key_at(self._sorted.index(row, 0)) for row in rows]

    def key_at(self, index: Index) -> Any:
        """Key of the row at a place of the table; None outside."""
        return self._model.lines[self._sorted.mapToSource(index).row()].key if index.isValid() else None

    def _current_changed(self, current: QModelIndex) -> None:
        if not self._quiet and current.isValid():
            self.line_clicked.emit(self._model.lines[self._sorted.mapToSource(current).row()].key)

    # ------------------------------------------------------------ copying

    def rows_of_text(self) -> list[list[str]]:
        """Header and rows as shown."""
        rows = [[column.title for column in self._model.columns]]
        for row in range(self._sorted.rowCount()):
            source = self._sorted.mapToSource(self._sorted.index(row, 0)).row()
            rows.append([self._model.text(source, column) for column in range(len(self._model.columns))])
        return rows

    def copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join("\t".join(row) for row in self.rows_of_text()))

    def csv_text(self) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.rows_of_text())
        return text.getvalue()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: Any) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.add_actions(menu)
        menu.popup(event.globalPos())

    def add_actions(self, menu: QMenu) -> None:
        """What can be done with any table."""
        menu.addAction(self.tr("Copy table"), self.copy)
        menu.addAction(self.tr("Save as CSV…"), self._save)

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Save"), "table.csv", "*.csv")
        if path:
            with open(path if path.endswith(".csv") else f"{path}.csv", "w", encoding="utf-8", newline="") as file:
                file.write(self.csv_text())
