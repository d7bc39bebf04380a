"""Above the grid while labels are suggested: who suggests, how many are left, and how to accept them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout

from gui.icons import icon
from gui.theme import colours, px, theme
from gui.widgets.basics import button, count, label


class SuggestionBar(QFrame):
    """A banner with buttons.

    Attributes
    ----------
    accept_wanted : Signal
        The suggestions for what is selected.
    accept_sure_wanted : Signal
        All that are certain enough.
    left : Signal
    """

    accept_wanted = Signal()
    accept_sure_wanted = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "banner")
        self._column = QVBoxLayout(self)
        self.words = label("", wrap=True)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._row = QHBoxLayout()
        self.accept = button(self.tr("Accept"), "primary", self.tr("Give what is selected the suggested class (Return)"))
        self.accept.clicked.connect(self.accept_wanted)
        self.sure = button("", "", self.tr("Give all of these the suggested class; undo takes it back"))
        self.sure.clicked.connect(self.accept_sure_wanted)
        self.leave = button(self.tr("Leave"), "quiet", self.tr("Show all pictures again (Esc)"))
        self.leave.clicked.connect(self.left)
        self._row.addWidget(self.words, 1)
        for made in (self.sure, self.accept, self.leave):
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys go on to the grid after a click
            self._row.addWidget(made)
        self._column.addLayout(self._row)
        theme().changed.connect(self.dress)
        self.dress()
        self.hide()

    def show_words(self, words: str) -> None:
        """Say how it stands; nothing can be accepted now."""
        self.words.setText(words)
        self.accept.hide()
        self.sure.hide()
        self.show()

    def show_queue(self, source: str, left: int, remaining: int, sure: int, bound: float, writable: bool) -> None:
        """Say who suggests (`source`) and how many suggestions and unlabelled pictures are left.

        `sure` suggestions have at least the probability `bound`, in [0, 1].
        """
        words = self.tr("{0} · {1} suggestions, the least certain first · {2} unlabelled")
        self.words.setText(words.format(source, count(left), count(remaining)))
        self.accept.show()
        self.accept.setEnabled(writable and left > 0)
        self.sure.setText(self.tr("Accept all above {0} % ({1})").format(round(100 * bound), count(sure)))
        self.sure.setVisible(sure > 0)
        self.sure.setEnabled(writable)
        self.show()

    def dress(self) -> None:
        self._column.setContentsMargins(px(12), px(6), px(8), px(6))
        self._row.setSpacing(px(8))
        self.accept.setIcon(icon("ph.check", colours().on_accent))
