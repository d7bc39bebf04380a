"""A field over the grid in which a class is found by a part of its name, and made where there is none of that name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QPixmap
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from engine.project.records import ClassRecord
from gui.theme import colour, px, theme
from gui.widgets.basics import label

SHOWN = 8
"""Classes listed at once."""
ROLE = Qt.ItemDataRole.UserRole


def matching(classes: tuple[ClassRecord, ...], typed: str) -> list[ClassRecord]:
    """Classes with this in their names, in any case: first those that begin with it, then those with a word that does.

    Examples
    --------
    >>> [record.name for record in matching((ClassRecord(1, "red fox", ""), ClassRecord(2, "Fox", ""), ClassRecord(3, "box", "")), "fo")]
    ['Fox', 'red fox']
    """
    wanted = typed.strip().casefold()
    ranked = []
    for record in classes:
        name = record.name.casefold()
        at = name.find(wanted)
        if at >= 0:
            ranked.append((0 if at == 0 else 1 if not name[at - 1].isalnum() else 2, record))
    return [record for _, record in sorted(ranked, key=lambda entry: entry[0])]


class ClassBox(QFrame):
    """Type, arrows choose, Return takes, Esc leaves.

    Attributes
    ----------
    chosen : Signal(int)
        Identity of a class.
    made : Signal(str)
        Name of a class that is not there yet.
    closed : Signal
    """

    chosen = Signal(int)
    made = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "toast")
        self._classes: tuple[ClassRecord, ...] = ()
        self._may_make = True
        self._column = QVBoxLayout(self)
        self.words = label("", "caption")
        self._column.addWidget(self.words)
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Part of the name"))
        self.field.setAccessibleName(self.tr("Find a class by its name"))
        self.field.textChanged.connect(self._list)
        self.field.installEventFilter(self)
        self._column.addWidget(self.field)
        self.list = QListWidget()
        self.list.setProperty("look", "clear")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(self.tr("Classes that match"))
        self.list.itemClicked.connect(self._take)
        self._column.addWidget(self.list)
        theme().changed.connect(self.dress)
        self.dress()
        self.hide()

    def ask(self, words: str, classes: tuple[ClassRecord, ...], may_make: bool) -> None:
        """Open the field; `words` says what the class is for."""
        self.words.setText(words)
        self._classes, self._may_make = classes, may_make
        self.field.clear()
        self._list("")
        self.place()
        self.show()
        self.raise_()
        self.field.setFocus()

    def place(self) -> None:
        """Stand in the middle of the upper part of the parent."""
        room = self.parentWidget().width()
        width = min(px(360), room - px(24))
        self.setFixedWidth(max(px(120), width))
        self.adjustSize()
        self.move((room - self.width()) // 2, px(48))

    def leave(self) -> None:
        if self.isVisible():
            self.hide()
            self.closed.emit()

    def _list(self, typed: str) -> None:
        self.list.clear()
        found = matching(self._classes, typed)
        for record in found[:SHOWN]:
            swatch = QPixmap(px(10), px(10))
            swatch.fill(colour(record.colour))
            item = QListWidgetItem(QIcon(swatch), record.name)
            item.setData(ROLE, record.id)
            self.list.addItem(item)
        name = typed.strip()
        if self._may_make and name and all(record.name != name for record in self._classes):
            item = QListWidgetItem(self.tr("Make class “{0}”").format(name))
            item.setData(ROLE, name)
            self.list.addItem(item)
        if not self.list.count():
            item = QListWidgetItem(self.tr("No class has this in its name."))
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        for row in range(self.list.count()):
            self.list.item(row).setSizeHint(QSize(0, px(28)))
        self.list.setCurrentRow(0)
        self.list.setFixedHeight(self.list.count() * px(28) + 2)
        self.adjustSize()

    def _take(self, item: QListWidgetItem | None) -> None:
        value = item.data(ROLE) if item is not None else None
        if value is None:
            return
        self.leave()
        (self.made if isinstance(value, str) else self.chosen).emit(value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.leave()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.list.currentItem())
        elif event.key() in steps:
            self.list.setCurrentRow((self.list.currentRow() + steps[event.key()]) % max(1, self.list.count()))
        else:
            return False
        return True

    def dress(self) -> None:
        self._column.setContentsMargins(px(12), px(10), px(12), px(10))
        self._column.setSpacing(px(6))
