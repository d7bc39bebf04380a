"""The classes of the project, a card each, below all and the unlabelled pictures; a new class is made at the end."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from gui.icons import icon
from gui.label_keys import NO_CLASS, key_of
from gui.state import AppState
from gui.theme import px, theme
from gui.widgets.basics import button
from gui.widgets.class_card import ClassCard
from gui.widgets.thumbnails import Thumbnails

STRIP = 4
"""Pictures shown on a card."""


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
    rename_wanted : Signal(int, str)
    """

    chosen = Signal(object)
    images_dropped = Signal(object, int)
    paths_dropped = Signal(object, int)
    class_wanted = Signal(str)
    rename_wanted = Signal(int, str)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.setProperty("look", "side")
        self._thumbnails = thumbnails
        self._width = 232
        self.cards: dict[int, ClassCard] = {}
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
        self._cards = QVBoxLayout()
        self._column.addLayout(self._cards)
        self.new = button(self.tr("New class"), "quiet", self.tr("Make a class"))
        self.new.clicked.connect(self.ask_for_class)
        self._column.addWidget(self.new)
        self.editor = QLineEdit()
        self.editor.setPlaceholderText(self.tr("Name of the class, then Return"))
        self.editor.setAccessibleName(self.tr("Name of the new class"))
        self.editor.returnPressed.connect(self._make)
        self.editor.installEventFilter(self)
        self.editor.hide()
        self._column.addWidget(self.editor)
        self._column.addStretch(1)
        thumbnails.arrived.connect(self._arrived)
        theme().changed.connect(self.dress)
        self.dress()

    def render(self, state: AppState) -> None:
        """Show classes and counts."""
        import numpy as np

        for gone in set(self.cards) - {record.id for record in state.classes}:
            card = self.cards.pop(gone)
            self._cards.removeWidget(card)
            card.deleteLater()
        class_ids = state.images.class_ids if state.images is not None else np.empty(0, np.int32)
        self.all.show_words(self.tr("All pictures"), len(class_ids))
        self.unlabelled.show_words(self.tr("Unlabelled"), int((class_ids < 0).sum()), key_of(state.classes, NO_CLASS))
        wanted: list[int] = []
        for at, record in enumerate(state.classes):
            rows = np.flatnonzero(class_ids == record.id)
            strip = tuple(state.images.ids[rows[:STRIP]].tolist()) if state.images is not None else ()
            card = self.cards.get(record.id) or self._add(record.id)
            if self._cards.indexOf(card) != at:
                self._cards.insertWidget(at, card)
            card.show_class(record, key_of(state.classes, at), len(rows), strip)
            wanted.extend(strip)
        self._thumbnails.want("classes", tuple(wanted[:200]))

    def set_enabled_to_write(self, writable: bool) -> None:
        """Allow changes, or only looking."""
        self.new.setEnabled(writable)
        for card in self.cards.values():
            card.setAcceptDrops(writable)

    def set_chosen(self, class_id: int | None) -> None:
        """Mark what the grid shows: a class, -1 for the unlabelled, None for all."""
        self.all.setChecked(class_id is None)
        self.unlabelled.setChecked(class_id == -1)
        for other, card in self.cards.items():
            card.setChecked(other == class_id)

    def ask_for_class(self) -> None:
        """Let the user type the name of a new class."""
        self.new.hide()
        self.editor.show()
        self.editor.setFocus()
        self._scroll.ensureWidgetVisible(self.editor)

    def _add(self, class_id: int) -> ClassCard:
        card = ClassCard(self._thumbnails)
        card.setFixedHeight(card.sizeHint().height())
        card.clicked.connect(lambda: self.chosen.emit(class_id))
        card.images_dropped.connect(lambda images: self.images_dropped.emit(images, class_id))
        card.paths_dropped.connect(lambda paths: self.paths_dropped.emit(paths, class_id))
        card.rename_wanted.connect(lambda name: self.rename_wanted.emit(class_id, name))
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
        self._cards.setContentsMargins(0, px(6), 0, 0)
        self._cards.setSpacing(px(6))
        self.new.setIcon(icon("ph.plus"))
        for card in (self.all, self.unlabelled, *self.cards.values()):
            card.setFixedHeight(card.sizeHint().height())
            card.update()
