"""The groups of a finding, one line each: small pictures and words; mended ones are struck out. A view, so that 10,000 cost nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from engine.project.findings import Group
from gui.theme import colour, colours, font, px, theme
from gui.widgets.thumbnails import Thumbnails
from gui.widgets.tiles import paint_fitted

SMALL, LINE, SHOWN = 32, 40, 3
"""Side of a small picture and height of a line in pixels of the design; pictures a line."""


class GroupModel(QAbstractListModel):
    """Groups with their words, and which are mended."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._groups: Sequence[Group] = ()
        self._words: Sequence[str] = ()
        self._done = np.zeros(0, bool)

    def show(self, groups: Sequence[Group], words: Sequence[str]) -> None:
        self.beginResetModel()
        self._groups, self._words, self._done = groups, words, np.zeros(len(groups), bool)
        self.endResetModel()

    def set_done(self, done: np.ndarray) -> None:
        """Which groups are mended, bool [G]."""
        differ = np.flatnonzero(done != self._done)
        self._done = done
        if len(differ):
            self.dataChanged.emit(self.index(int(differ[0])), self.index(int(differ[-1])))

    def images(self, row: int) -> tuple[int, ...]:
        return self._groups[row].images

    def is_done(self, row: int) -> bool:
        return bool(self._done[row])

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._groups)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._words[index.row()]
        if role == Qt.ItemDataRole.AccessibleTextRole:
            words = self._words[index.row()]
            return self.tr("{0}, mended").format(words) if self.is_done(index.row()) else words
        return None


class _LineDelegate(QStyledItemDelegate):
    def __init__(self, model: GroupModel, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._model, self._thumbnails = model, thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(120), px(LINE))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        tones = colours()
        area = QRect(option.rect)
        done = self._model.is_done(index.row())
        painter.save()
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            ground = tones.selected if option.state & QStyle.StateFlag.State_Selected else tones.hover
            painter.fillRect(area, colour(ground))
        painter.setOpacity(0.45 if done else 1.0)
        left = area.left() + px(4)
        side = px(SMALL)
        for image in self._model.images(index.row())[:SHOWN]:
            pixmap = self._thumbnails.get(image)
            place = QRect(left, area.center().y() - side // 2, side, side)
            if pixmap is not None and not pixmap.isNull():
                paint_fitted(painter, pixmap, place)
            else:
                painter.fillRect(place, colour(tones.pressed))
            left += side + px(3)
        painter.setOpacity(1.0)
        words = font(11)
        words.setStrikeOut(done)
        painter.setFont(words)
        painter.setPen(colour(tones.disabled if done else tones.text))
        room = QRect(left + px(5), area.top(), area.right() - left - px(9), area.height())
        text = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


class GroupList(QListView):
    """One group is current; ↑ ↓ and J K move it.

    Attributes
    ----------
    current_changed : Signal(int)
        The group that is current now.
    key_pressed : Signal(QKeyEvent)
        A key that moves nothing; accept it if it means something.
    """

    current_changed = Signal(int)
    key_pressed = Signal(object)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.groups = GroupModel(self)
        self._thumbnails = thumbnails
        self.setModel(self.groups)
        self.setItemDelegate(_LineDelegate(self.groups, thumbnails, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Groups"))
        thumbnails.arrived.connect(self._repaint)
        self.verticalScrollBar().valueChanged.connect(lambda value: self.want())
        self.selectionModel().currentRowChanged.connect(lambda index, old: self._moved(index.row()))
        theme().changed.connect(self.scheduleDelayedItemsLayout)

    def _repaint(self) -> None:  # a method, unlike a function made here, goes with the list
        self.viewport().update()

    def current(self) -> int:
        """Row of the current group, or -1."""
        return self.currentIndex().row()

    def go(self, row: int) -> None:
        if 0 <= row < self.groups.rowCount():
            self.setCurrentIndex(self.groups.index(row))

    def _moved(self, row: int) -> None:
        if row >= 0:
            self.current_changed.emit(row)
            self.want()

    def want(self) -> None:
        """Ask for the pictures of the current group and of the lines that are seen."""
        rows = self.groups.rowCount()
        if not rows:
            return
        first = max(0, self.indexAt(self.viewport().rect().topLeft()).row())
        seen = range(first, min(rows, first + self.viewport().height() // max(1, px(LINE)) + 2))
        wanted = dict.fromkeys(self.groups.images(self.current())[:12]) if self.current() >= 0 else {}
        wanted.update(dict.fromkeys(image for row in seen for image in self.groups.images(row)[:SHOWN]))
        self._thumbnails.want("doctor", tuple(wanted))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
        self.key_pressed.emit(event)
        if event.isAccepted():
            return
        steps = {Qt.Key.Key_J: 1, Qt.Key.Key_K: -1}
        step = steps.get(Qt.Key(event.key()))
        if step is not None and not event.modifiers():
            self.go(min(max(self.current() + step, 0), self.groups.rowCount() - 1))
            event.accept()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            super().keyPressEvent(event)
        else:
            event.ignore()  # the list's search by letters would take the keys of mends away
