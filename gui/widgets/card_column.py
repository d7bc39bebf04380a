"""A column of cards that can be dragged into another order; a line shows where a card would come to stand."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.theme import colour, colours, px
from gui.widgets.class_card import CLASS_MIME, ClassCard


class CardColumn(QWidget):
    """Cards one below the other.

    Attributes
    ----------
    moved : Signal(int, int)
        Identity of a class, and the place, from 0, at which it shall stand.
    """

    moved = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "column")
        self.column = QVBoxLayout(self)
        self._gap_at = -1
        self.setAcceptDrops(True)

    def card_at(self, place: int) -> ClassCard | None:
        item = self.column.itemAt(place)
        widget = item.widget() if item is not None else None
        return widget if isinstance(widget, ClassCard) else None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(CLASS_MIME):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._set_gap(self._gap_near(event.position().y()))
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._set_gap(-1)

    def dropEvent(self, event: QDropEvent) -> None:
        gap = self._gap_near(event.position().y())
        self._set_gap(-1)
        dragged = int(event.mimeData().data(CLASS_MIME).data())
        ids = [card.class_id for place in range(self.column.count()) if (card := self.card_at(place)) is not None]
        if dragged in ids:
            old = ids.index(dragged)
            place = gap - 1 if gap > old else gap
            if place != old:
                self.moved.emit(dragged, place)
        event.acceptProposedAction()

    def _gap_near(self, y: float) -> int:
        """The gap nearest to a height: 0 above the first card, then one below each."""
        number = self.column.count()
        return next((place for place in range(number) if y < self.column.itemAt(place).geometry().center().y()), number)

    def _set_gap(self, gap: int) -> None:
        if gap != self._gap_at:
            self._gap_at = gap
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._gap_at < 0 or not self.column.count():
            return
        below = self.column.itemAt(min(self._gap_at, self.column.count() - 1)).geometry()
        half = self.column.spacing() // 2
        y = below.top() - half - 1 if self._gap_at < self.column.count() else below.bottom() + half
        painter = QPainter(self)
        painter.fillRect(0, max(0, y - px(1)), self.width(), px(3), colour(colours().accent))
        painter.end()
