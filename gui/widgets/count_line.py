"""Below the grid: how many pictures, what is being waited for, which runs are stale, and whether labelling moves on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QWidget

from gui.theme import px, theme
from gui.widgets.basics import button, label


class CountLine(QWidget):
    """One quiet line.

    Attributes
    ----------
    words : QLabel
    train_wanted : Signal
        The stale runs shall be trained again.
    move_on_chosen : Signal(bool)
    """

    train_wanted = Signal()
    move_on_chosen = Signal(bool)

    def __init__(self, move_on: bool) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self.words = label("", "caption")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._row.addWidget(self.words, 1)
        self.stale = label("", "caption")
        self._row.addWidget(self.stale)
        self.train = button(self.tr("Train again"), "quiet", self.tr("The pictures or their labels have changed since; go to Train"))
        self.train.clicked.connect(self.train_wanted)
        self._row.addWidget(self.train)
        self.move_on = QCheckBox(self.tr("Move on after a label"))
        self.move_on.setToolTip(self.tr("After a label the next unlabelled picture is selected"))
        self.move_on.setChecked(move_on)
        self.move_on.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys go on to the grid after a click
        self.move_on.toggled.connect(self.move_on_chosen)
        self._row.addWidget(self.move_on)
        self._said = ""
        self._runs: tuple[str, ...] = ()
        theme().changed.connect(self.dress)
        self.dress()

    def say(self, words: str) -> None:
        """Show a sentence or a count at the left."""
        if words != self._said:
            self._said = words
            self.words.setText(words)
            self._fold()

    def show_stale(self, runs: tuple[str, ...]) -> None:
        """Name the runs whose labelled pictures are others now, newest first."""
        self._runs = runs
        shown = ", ".join(runs[:2])
        if len(runs) == 1:
            words = self.tr("{0} is stale").format(shown)
        elif len(runs) == 2:
            words = self.tr("{0} are stale").format(shown)
        else:
            words = self.tr("{0} and {1} more are stale").format(shown, len(runs) - 2)
        self.stale.setText(words)
        self.stale.setToolTip(self.tr("Stale: {0}").format(", ".join(runs)))
        self._fold()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        """In a narrow line the button says it all."""
        others = self.train.sizeHint().width() + self.move_on.sizeHint().width() + self.words.sizeHint().width() + px(80)
        self.stale.setVisible(bool(self._runs) and self.width() > others + self.stale.sizeHint().width())
        self.train.setVisible(bool(self._runs))
        self.train.setToolTip(f"{self.stale.toolTip()}. " + self.tr("The pictures or their labels have changed since; go to Train"))
        self.move_on.setVisible(self.width() > self.move_on.sizeHint().width() + px(180))

    def dress(self) -> None:
        self._row.setContentsMargins(px(16), px(3), px(12), px(3))
        self._row.setSpacing(px(12))
        self.setMinimumHeight(px(30))
