"""Pictures in an order of their own (worst first), each with a line below; keys give them another class."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from gui.theme import px, theme
from gui.widgets.thumbnails import Thumbnails

SIDE = 84
MOST = 300
"""More pictures than this are not listed; the Data page shows them all."""


class Entry(msgspec.Struct, frozen=True):
    """A picture's identity, the words below it, and the sentence for its tooltip."""

    image: int
    caption: str
    tip: str = ""


def plain_icon(pixmap: QPixmap) -> QIcon:
    """An icon that keeps its colours when it is selected."""
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


class PictureList(QListWidget):
    """Thumbnails with captions.

    Attributes
    ----------
    chosen : Signal(int)
        The picture that is current now.
    opened : Signal(int)
        A picture was double-clicked, or Enter pressed on it.
    label_wanted : Signal(tuple of int, int)
        Pictures, and the digit that was pressed.
    """

    chosen = Signal(int)
    opened = Signal(int)
    label_wanted = Signal(object, int)

    def __init__(self, thumbnails: Thumbnails, owner: str) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self._owner = owner
        self._items: dict[int, QListWidgetItem] = {}
        self.setProperty("look", "clear")
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setMovement(QListWidget.Movement.Static)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setWordWrap(True)
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.currentItemChanged.connect(lambda item: self.chosen.emit(self._image(item)) if item is not None else None)
        self.itemActivated.connect(lambda item: self.opened.emit(self._image(item)))
        thumbnails.arrived.connect(self._dress_some)
        theme().changed.connect(self._dress)
        self._dress()

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Show these, at most MOST of them, and keep what is current where it is among them."""
        current = self.current()
        shown = entries[:MOST]
        self.blockSignals(True)
        self.clear()
        self._items = {}
        for entry in shown:
            item = QListWidgetItem(entry.caption)
            item.setData(Qt.ItemDataRole.UserRole, entry.image)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            item.setToolTip(entry.tip)
            self.addItem(item)
            self._items[entry.image] = item
        if current in self._items:
            self.setCurrentItem(self._items[current])
        self.blockSignals(False)
        self._thumbnails.want(self._owner, tuple(self._items))
        self._dress_some(frozenset(self._items))

    def current(self) -> int:
        """The current picture, or -1."""
        item = self.currentItem()
        return self._image(item) if item is not None else -1

    def selected(self) -> tuple[int, ...]:
        """The selected pictures."""
        return tuple(self._image(item) for item in self.selectedItems())

    def _image(self, item: QListWidgetItem) -> int:
        return int(item.data(Qt.ItemDataRole.UserRole))

    def _dress(self) -> None:
        self.setIconSize(QSize(px(SIDE), px(SIDE)))
        self.setGridSize(QSize(px(SIDE + 12), px(SIDE + 44)))
        self._dress_some(frozenset(self._items))

    def _dress_some(self, images: frozenset[int]) -> None:
        side = px(SIDE)
        for image in images & self._items.keys():
            pixmap = self._thumbnails.get(image)
            if pixmap is None or pixmap.isNull():
                pixmap = QPixmap(side, side)
                pixmap.fill(Qt.GlobalColor.transparent)
            small = max(pixmap.width(), pixmap.height()) < side
            way = Qt.TransformationMode.FastTransformation if small else Qt.TransformationMode.SmoothTransformation
            self._items[image].setIcon(plain_icon(pixmap.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, way)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if plain and event.text().isdigit() and self.selected():
            number = int(event.text())
            following = self._after_selection()
            self.label_wanted.emit(self.selected(), number)
            if following is not None:
                self.setCurrentItem(following)
            return
        super().keyPressEvent(event)

    def _after_selection(self) -> QListWidgetItem | None:
        last = max(self.row(item) for item in self.selectedItems())
        return self.item(last + 1)
