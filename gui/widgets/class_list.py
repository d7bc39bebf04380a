"""The classes of the project, a card each, below all and the unlabelled pictures; a new class is made at the end."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from engine.project.records import ClassRecord
from gui.icons import icon
from gui.label_keys import NO_CLASS, key_of, keys_of
from gui.state import AppState
from gui.theme import px, theme
from gui.widgets.basics import button
from gui.widgets.card_column import CardColumn
from gui.widgets.class_card import ClassCard
from gui.widgets.class_menu import ClassDeeds, class_menu
from gui.widgets.picture_filter import rows_of
from gui.widgets.thumbnails import Thumbnails

STRIP = 4
"""Pictures shown on a card."""
COMPACT_ABOVE = 60
"""More classes than this are lines without pictures."""
NUMBERED = 10
"""Classes that may have a number as key; no further one has."""
MADE_AT_ONCE = 24
"""New cards made before the window may paint again; a thousand at once would hold it up for a second."""
HEAD = 65_536
"""Rows of the table that are looked at first for the pictures on a card."""


class ClassList(QFrame):
    """All classes, one below the other.

    Attributes
    ----------
    chosen : Signal(object)
        Id of the class to show, -1 for the unlabelled pictures, None for all.
    images_dropped, paths_dropped : Signal(tuple, int)
        What was dropped, and the id of the class.
    class_wanted : Signal(str)
        A new class of this name.
    rename_wanted, colour_wanted, key_wanted : Signal(int, str)
        The class, and its new name, colour "#rrggbb", or letter ("": none).
    merge_wanted : Signal(int, int)
        The class that goes, and the one that takes its pictures.
    merge_asked : Signal(int)
        A class is to be merged into one that is still to be found among many.
    move_wanted : Signal(int, int)
        The class, and its place from 0.
    delete_wanted : Signal(int)
    """

    chosen = Signal(object)
    images_dropped = Signal(object, int)
    paths_dropped = Signal(object, int)
    class_wanted = Signal(str)
    rename_wanted = Signal(int, str)
    colour_wanted = Signal(int, str)
    key_wanted = Signal(int, str)
    merge_wanted = Signal(int, int)
    merge_asked = Signal(int)
    move_wanted = Signal(int, int)
    delete_wanted = Signal(int)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.setProperty("look", "side")
        self._thumbnails = thumbnails
        self._width = 232
        self.cards: dict[int, ClassCard] = {}
        self._classes: tuple[ClassRecord, ...] = ()
        self._counts: dict[int, int] = {}
        self._keys: list[str] = []
        self._writable = True
        self._chosen: int | None = None
        self._state = AppState()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 1, 0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setProperty("look", "column")
        outer.addWidget(self._scroll)
        inside = QWidget()
        inside.setProperty("look", "column")
        self._column = QVBoxLayout(inside)
        self._scroll.setWidget(inside)
        self.all = ClassCard(None)
        self.all.clicked.connect(lambda: self.chosen.emit(None))
        self.unlabelled = ClassCard(None)
        self.unlabelled.clicked.connect(lambda: self.chosen.emit(-1))
        self._column.addWidget(self.all)
        self._column.addWidget(self.unlabelled)
        self._cards = CardColumn()
        self._cards.moved.connect(self.move_wanted)
        self._column.addWidget(self._cards)
        self.new = button(self.tr("New class"), "quiet", self.tr("Make a class"))
        self.new.clicked.connect(self.ask_for_class)
        self._column.addWidget(self.new)
        self.editor = QLineEdit()
        self.editor.setPlaceholderText(self.tr("Name, then Return"))
        self.editor.setAccessibleName(self.tr("Name of the new class"))
        self.editor.returnPressed.connect(self._make)
        self.editor.installEventFilter(self)
        self.editor.hide()
        self._column.addWidget(self.editor)
        self._column.addStretch(1)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(lambda: self.render(self._state))
        thumbnails.arrived.connect(self._arrived)
        theme().changed.connect(self.dress)
        self.dress()

    def render(self, state: AppState) -> None:
        """Show classes and counts; a card whose class, count and pictures are the same is left alone."""
        import numpy as np

        others = state.classes is not self._classes
        if others:
            self.setUpdatesEnabled(False)
            self._keys = [keys_of(state.classes, at) if at < NUMBERED else record.key for at, record in enumerate(state.classes)]
        for gone in set(self.cards) - {record.id for record in state.classes}:
            card = self.cards.pop(gone)
            self._cards.column.removeWidget(card)
            card.hide()
            card.deleteLater()
        class_ids = state.images.class_ids if state.images is not None else np.empty(0, np.int32)
        most = max((record.id for record in state.classes), default=0)
        counts = np.bincount(class_ids + 1, minlength=most + 2)
        self.all.show_words(self.tr("All pictures"), len(class_ids))
        self.unlabelled.show_words(self.tr("Unlabelled"), int(counts[0]), key_of(state.classes, NO_CLASS))
        compact = len(state.classes) > COMPACT_ABOVE
        wanted: list[int] = []
        place, room = 0, MADE_AT_ONCE
        for at, record in enumerate(state.classes):
            self._counts[record.id] = int(counts[record.id + 1])
            card = self.cards.get(record.id)
            if card is None:
                if not room:
                    continue
                room -= 1
                card = self._add(record.id)
            card.set_compact(compact)
            if self._cards.card_at(place) is not card:
                self._cards.column.insertWidget(place, card)
            place += 1
            strip = () if compact else self._strip(state, record.id, card.strip)
            card.show_class(record, self._keys[at], self._counts[record.id], strip)
            wanted.extend(strip)
        self._classes, self._state = state.classes, state
        if place < len(state.classes):
            self._more.start()
        self._thumbnails.want("classes", tuple(wanted[:200]))
        if others:
            self.setUpdatesEnabled(True)

    def _strip(self, state: AppState, class_id: int, shown: tuple[int, ...]) -> tuple[int, ...]:
        """The first pictures of a class; those that are shown stay as long as they are of this class."""
        import numpy as np

        if state.images is None:
            return ()
        table = state.images
        if len(shown) == STRIP:
            rows = rows_of(table.ids, np.array(shown, np.int64))
            if len(rows) == STRIP and (table.class_ids[rows] == class_id).all():
                return shown
        for end in (HEAD, len(table.ids)):  # mostly the beginning tells already
            rows = np.flatnonzero(table.class_ids[:end] == class_id)[:STRIP]
            if len(rows) == STRIP:
                break
        return tuple(table.ids[rows].tolist())

    def set_enabled_to_write(self, writable: bool) -> None:
        """Allow changes, or only looking."""
        self._writable = writable
        self.new.setEnabled(writable)
        for card in self.cards.values():
            card.setAcceptDrops(writable)

    def set_chosen(self, class_id: int | None) -> None:
        """Mark what the grid shows: a class, -1 for the unlabelled, None for all."""
        self.all.setChecked(class_id is None)
        self.unlabelled.setChecked(class_id == -1)
        for other in {self._chosen, class_id}:
            card = self.cards.get(other) if other is not None else None
            if card is not None:
                card.setChecked(other == class_id)
        self._chosen = class_id

    def _menu(self, class_id: int, place: QPoint) -> None:
        record = next((one for one in self._classes if one.id == class_id), None)
        if record is None or not self._writable:
            return
        deeds = ClassDeeds(
            rename=lambda one: self.cards[one].rename(),
            colour=self.colour_wanted.emit,
            key=lambda one: self.cards[one].ask_for_key(),
            merge=self.merge_wanted.emit,
            find_merge=self.merge_asked.emit,
            move=self.move_wanted.emit,
            delete=self.delete_wanted.emit,
        )
        class_menu(self, record, self._classes, self._counts[class_id], deeds).popup(place)

    def ask_for_class(self) -> None:
        """Let the user type the name of a new class."""
        self.new.hide()
        self.editor.show()
        self.editor.setFocus()
        self._scroll.ensureWidgetVisible(self.editor)

    def _add(self, class_id: int) -> ClassCard:
        card = ClassCard(self._thumbnails, class_id)
        card.fit()
        card.setAcceptDrops(self._writable)
        card.setChecked(class_id == self._chosen)
        card.clicked.connect(lambda: self.chosen.emit(class_id))
        card.images_dropped.connect(lambda images: self.images_dropped.emit(images, class_id))
        card.paths_dropped.connect(lambda paths: self.paths_dropped.emit(paths, class_id))
        card.rename_wanted.connect(lambda name: self.rename_wanted.emit(class_id, name))
        card.key_wanted.connect(lambda letter: self.key_wanted.emit(class_id, letter))
        card.menu_wanted.connect(lambda place: self._menu(class_id, place))
        self.cards[class_id] = card
        return card

    def _make(self) -> None:
        name = self.editor.text().strip()
        if name:
            self.class_wanted.emit(name)
        self.editor.clear()
        if not name:
            self._leave()

    def _leave(self) -> None:
        self.editor.clear()
        self.editor.hide()
        self.new.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self._leave()
            return True
        if event.type() == QEvent.Type.FocusOut and not self.editor.text().strip():
            self._leave()
        return False

    def _arrived(self, images: frozenset[int]) -> None:
        if len(self._classes) > COMPACT_ABOVE:
            return
        for card in self.cards.values():
            if not images.isdisjoint(card.strip):
                card.update()

    def set_width(self, width: int) -> None:
        """Width in pixels of the design."""
        self._width = width
        self.setFixedWidth(px(width))

    def dress(self) -> None:
        self.set_width(self._width)
        self._column.setContentsMargins(px(12), px(12), px(12), px(12))
        self._column.setSpacing(px(6))
        self._cards.column.setContentsMargins(0, px(6), 0, 0)
        self._cards.column.setSpacing(px(6))
        self.new.setIcon(icon("ph.plus"))
        for card in (self.all, self.unlabelled, *self.cards.values()):
            card.fit()
            card.update()
