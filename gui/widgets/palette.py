"""Ctrl+K: any action, class, run or network by a few letters of its name."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.icons import icon
from gui.theme import colour, colours, font, px
from gui.widgets.sheet import Sheet

LISTED = 60
GLYPH, KIND = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class Entry(msgspec.Struct, frozen=True, eq=False):
    """Something that can be found: words, what kind it is, an icon, and what choosing it does."""

    words: str
    kind: str
    glyph: str
    run: Callable[[], object]


def rank(wanted: str, words: str) -> int | None:
    """How well words fit what was typed: lower is better, None where the letters do not occur in order.

    Examples
    --------
    >>> rank("und", "Undo") < rank("und", "Sound") < rank("udo", "Undo")
    True
    >>> rank("xyz", "Undo") is None
    True
    """
    wanted, words = wanted.casefold(), words.casefold()
    at = words.find(wanted)
    if at == 0:
        return 0
    if at > 0:
        return 1 if words[at - 1] == " " else 2
    place = -1
    for letter in wanted:
        place = words.find(letter, place + 1)
        if place < 0:
            return None
    return 3


class EntryDelegate(QStyledItemDelegate):
    """Paints icon and words at the left, the kind or the shortcut at the right."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        tones = colours()
        area = QRect(option.rect).adjusted(px(2), px(1), -px(2), -px(1))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(tones.selected if option.state & QStyle.StateFlag.State_Selected else tones.hover))
            painter.drawRoundedRect(area, px(5), px(5))
        side = px(16)
        icon(index.data(GLYPH)).paint(painter, QRect(area.left() + px(10), area.center().y() - side // 2, side, side))
        words = area.adjusted(px(38), 0, -px(10), 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        kind = str(index.data(KIND))
        painter.setFont(font(11))
        painter.setPen(colour(tones.muted))
        painter.drawText(words, middle | Qt.AlignmentFlag.AlignRight, kind)
        words.setRight(words.right() - painter.fontMetrics().horizontalAdvance(kind) - px(16))
        painter.setFont(font(13))
        painter.setPen(colour(tones.text))
        shown = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, middle | Qt.AlignmentFlag.AlignLeft, shown)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(200), px(32))


class Palette(Sheet):
    """A field and a list over the window.

    Attributes
    ----------
    closed : Signal
    """

    closed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self._entries: list[Entry] = []
        self._shown: list[Entry] = []
        column = QVBoxLayout(self.frame)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Find an action, class, run or network"))
        self.field.setAccessibleName(self.tr("Find anything"))
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        column.addWidget(self.field)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Found"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setProperty("look", "found")
        self.list.setItemDelegate(EntryDelegate(self.list))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(lambda _: self._take())
        column.addWidget(self.list)
        self.nothing = QLabel(self.tr("Nothing is called like that."))
        self.nothing.setProperty("look", "muted")
        column.addWidget(self.nothing)

    def open(self, entries: list[Entry]) -> None:
        """Offer these."""
        self._entries = entries
        self.field.clear()
        self._fill("")
        self.show_over(self.field)

    def dress(self) -> None:
        """Take over the scale."""
        self.frame.setFixedWidth(px(560))
        self.layout().setContentsMargins(0, px(72), 0, 0)
        self.list.setFixedHeight(min(px(388), max(px(96), self.height() - px(200))))

    def leave(self) -> None:
        if self.isVisible():
            self.hide()
            self.closed.emit()

    def _fill(self, text: str) -> None:
        wanted = text.strip()
        ranked = [(rank(wanted, entry.words), at, entry) for at, entry in enumerate(self._entries)]
        found = sorted((place, at) for place, at, _ in ranked if place is not None)
        self._shown = [self._entries[at] for _, at in found[:LISTED]]
        self.list.clear()
        for entry in self._shown:
            item = QListWidgetItem(entry.words)
            item.setData(GLYPH, entry.glyph)
            item.setData(KIND, entry.kind)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.words}, {entry.kind}" if entry.kind else entry.words)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(self._shown))
        self.nothing.setVisible(not self._shown)

    def _take(self) -> None:
        row = self.list.currentRow()
        if 0 <= row < len(self._shown):
            entry = self._shown[row]
            self.leave()
            entry.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        super().eventFilter(watched, event)
        if watched is not self.field or event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        elif event.key() in steps:
            row = self.list.currentRow() + steps[event.key()]
            self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
        else:
            return False
        return True
