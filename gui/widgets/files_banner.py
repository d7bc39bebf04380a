"""A line above the page when files of pictures are missing, with the way to find them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout

from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.project_panel import missing_pictures, missing_words


class FilesBanner(QFrame):
    """Tells how many files are missing until they are found or the line is put away; more that go missing are told again.

    Attributes
    ----------
    find_wanted : Signal
    """

    find_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "banner")
        self._number = 0
        self._known = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(px(12), px(4), px(8), px(4))
        row.setSpacing(px(8))
        self.words = label("", wrap=True)
        row.addWidget(self.words, 1)
        self.find = button(self.tr("Find them…"), "", self.tr("Choose a folder; it is searched by name and content"))
        self.find.clicked.connect(self.find_wanted)
        row.addWidget(self.find)
        later = button(self.tr("Later"), "quiet", self.tr("Put this away until more are missing"))
        later.clicked.connect(self._put_away)
        row.addWidget(later)
        self.hide()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Count again where pictures or the project are others."""
        if "project" in changed:
            self._known = 0
            self.find.setVisible(state.writable)
        if changed & {"project", "images"}:
            self._number = missing_pictures(state)
            self._known = min(self._known, self._number)
            self.words.setText(missing_words(self._number))
        self.setVisible(self._number > self._known)

    def _put_away(self) -> None:
        self._known = self._number
        self.hide()
