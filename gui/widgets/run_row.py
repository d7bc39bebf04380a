"""How a row of the list of runs is painted, and typed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QFont, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.theme import px
from gui.widgets.canvas import ink

Index = QModelIndex | QPersistentModelIndex


class RunRow(QStyledItemDelegate):
    """Chips keep their colours; a bold row has a bar at its left. Words are typed over the row, at whatever place it is scrolled to.

    Parameters
    ----------
    widths : dict of int to int
        Pixels that there must be to type in a column, where the list is as wide.
    asks_for : callable
        What an empty editor says.
    view : QAbstractItemView
    """

    def __init__(self, widths: Mapping[int, int], asks_for: Callable[[Index], str], view: QAbstractItemView) -> None:
        super().__init__(view)
        self._widths, self._asks_for, self._view = widths, asks_for, view

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        face = index.data(Qt.ItemDataRole.FontRole)
        if index.column() == 0 and isinstance(face, QFont) and face.bold():
            painter.fillRect(option.rect.left(), option.rect.top() + px(3), px(3), option.rect.height() - px(6), ink("accent"))

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            editor.setPlaceholderText(self._asks_for(index))
            editor.setAccessibleName(self._asks_for(index))
        return editor

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        chip = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(chip, QPixmap):  # of a chosen row too it is the colour of its curve, not tinted
            icon = QIcon(chip)
            icon.addPixmap(chip, QIcon.Mode.Selected)
            option.icon = icon

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        view = self._view.viewport().rect()
        cell = QRect(option.rect)
        wanted = min(view.width(), max(cell.width(), px(self._widths[index.column()])))
        left = max(0, min(cell.left(), view.width() - wanted))
        editor.setGeometry(left, cell.top(), wanted, cell.height())
