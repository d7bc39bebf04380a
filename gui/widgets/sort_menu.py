"""By what the pictures are sorted: a button with a menu."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton

from gui.icons import icon
from gui.theme import theme
from gui.widgets.picture_filter import BY_RUN, Order, SortBy

WORDS = {
    SortBy.ADDED: QT_TRANSLATE_NOOP("SortMenu", "As added"),
    SortBy.NAME: QT_TRANSLATE_NOOP("SortMenu", "Name"),
    SortBy.CLASS: QT_TRANSLATE_NOOP("SortMenu", "Class"),
    SortBy.DATE: QT_TRANSLATE_NOOP("SortMenu", "Date"),
    SortBy.PIXELS: QT_TRANSLATE_NOOP("SortMenu", "Size in pixels"),
    SortBy.BYTES: QT_TRANSLATE_NOOP("SortMenu", "Size of the file"),
    SortBy.CONFIDENCE: QT_TRANSLATE_NOOP("SortMenu", "Confidence of the run"),
    SortBy.OWN: QT_TRANSLATE_NOOP("SortMenu", "Probability of the label"),
    SortBy.UNCERTAINTY: QT_TRANSLATE_NOOP("SortMenu", "Uncertainty of the run"),
}
LARGEST_FIRST = frozenset({SortBy.UNCERTAINTY, SortBy.DATE, SortBy.PIXELS, SortBy.BYTES})
"""What one wants to see from the top when it is chosen: the newest, the largest, the least certain."""


class SortMenu(QPushButton):
    """Shows an order, and lets the user want another one.

    Attributes
    ----------
    wanted : Signal(Order)
    """

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "quiet")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._order, self._words, self._narrow = Order(), "", False
        menu = QMenu(self)
        self._keys = QActionGroup(self)
        self.keys: dict[SortBy, QAction] = {}
        for by, words in WORDS.items():
            if by in (SortBy.NAME, SortBy.CONFIDENCE):
                menu.addSeparator()
            action = self.keys[by] = menu.addAction(self.tr(words), lambda by=by: self._choose(by))
            action.setCheckable(True)
            self._keys.addAction(action)
        menu.addSeparator()
        self._directions = QActionGroup(self)
        self.directions: dict[bool, QAction] = {}
        for descending, words in ((False, self.tr("Smallest first")), (True, self.tr("Largest first"))):
            action = self.directions[descending] = menu.addAction(
                words, lambda descending=descending: self.wanted.emit(Order(self._order.by, descending))
            )
            action.setCheckable(True)
            self._directions.addAction(action)
        self.setMenu(menu)
        theme().changed.connect(self.dress)
        self.show_order(Order(), False)

    def show_order(self, order: Order, any_run: bool) -> None:
        """Show an order; without a run those that ask one cannot be chosen."""
        self._order = order
        self.keys[order.by].setChecked(True)
        self.directions[order.descending].setChecked(True)
        for by in BY_RUN:
            self.keys[by].setEnabled(any_run)
            self.keys[by].setToolTip("" if any_run else self.tr("Train first: a run must say what it sees"))
        low, high = self._ends(order.by)
        self.directions[False].setText(low)
        self.directions[True].setText(high)
        words = self.tr(WORDS[order.by])
        self.setAccessibleName(self.tr("Sorted: {0}, {1}").format(words, high if order.descending else low))
        self.setToolTip(self.tr("In which order the pictures are shown: {0}").format(words))
        self._words = words
        self.set_narrow(self._narrow)
        self.dress()

    def set_narrow(self, narrow: bool) -> None:
        """Show the icon alone, or with words."""
        self._narrow = narrow
        self.setText("" if narrow else self._words)

    def _ends(self, by: SortBy) -> tuple[str, str]:
        if by in (SortBy.ADDED, SortBy.DATE):
            return self.tr("Oldest first"), self.tr("Newest first")
        if by is SortBy.NAME:
            return self.tr("A to Z"), self.tr("Z to A")
        if by is SortBy.CLASS:
            return self.tr("First class first"), self.tr("Last class first")
        return self.tr("Smallest first"), self.tr("Largest first")

    def _choose(self, by: SortBy) -> None:
        self.wanted.emit(Order(by, by in LARGEST_FIRST))

    def dress(self) -> None:
        self.setIcon(icon("ph.sort-descending" if self._order.descending else "ph.sort-ascending"))
