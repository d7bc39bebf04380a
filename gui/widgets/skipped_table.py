"""Files that were not taken or not written, each with its reason: a view, so that 10,000 of them cost no more than ten."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QTableView

from engine.project.records import Skipped
from gui.theme import px, theme

LINES = 8
LINE = 24


class SkippedModel(QAbstractTableModel):
    """Two columns: the file's name (its path as tooltip) and why."""

    def __init__(self, reason: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reason = reason
        self._rows: tuple[Skipped, ...] = ()

    def show(self, rows: tuple[Skipped, ...]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 2

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        row = self._rows[index.row()]
        if index.column():
            return row.reason
        return Path(row.file).name if role == Qt.ItemDataRole.DisplayRole else row.file

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        return self._reason if section else self.tr("File")

    def text(self) -> str:
        """Path and reason of all, as a table to paste."""
        return "\n".join([f"{self.tr('File')}\t{self._reason}", *(f"{row.file}\t{row.reason}" for row in self._rows)])


class SkippedTable(QTableView):
    """As many lines high as there are, up to eight; copies all of it."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.rows = SkippedModel(reason, self)
        self.setModel(self.rows)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setStretchLastSection(True)
        self.setAccessibleName(reason)
        theme().changed.connect(self.dress)
        self.dress()

    def show_rows(self, rows: tuple[Skipped, ...]) -> None:
        self.rows.show(rows)
        self.dress()

    def copy(self) -> None:
        """Put all lines on the clipboard."""
        QGuiApplication.clipboard().setText(self.rows.text())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def dress(self) -> None:
        self.verticalHeader().setDefaultSectionSize(px(LINE))
        self.setFixedHeight(px(30) + min(self.rows.rowCount(), LINES) * px(LINE))
        self.setColumnWidth(0, min(px(260), max(px(120), self.width() // 2)))
