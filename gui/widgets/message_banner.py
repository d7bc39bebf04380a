"""A sentence in a frame across a page, with buttons as the ways on; gone when there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout

from gui.theme import px
from gui.widgets.basics import button, label, set_look

MOST_BUTTONS = 2
LINES = 2


class MessageBanner(QFrame):
    """What a page has to say.

    Signals
    -------
    pressed(int)
        Place of the button that was pressed, from 0.
    """

    pressed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "banner")
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(px(12), px(8), px(12), px(8))
        self._row.setSpacing(px(8))
        self.words = label("", wrap=True)
        self._row.addWidget(self.words, 1)
        self.buttons = [button("") for _ in range(MOST_BUTTONS)]
        beside = QHBoxLayout()
        beside.setSpacing(px(8))
        for place, made in enumerate(self.buttons):
            made.clicked.connect(lambda _=False, place=place: self.pressed.emit(place))
            beside.addWidget(made)
        beside.addStretch(1)
        self._row.addLayout(beside)
        self._number = 0
        self.hide()

    def say(self, text: str, wrong: bool = False, ways: Sequence[tuple[str, str]] = ()) -> None:
        """Show a sentence, in the look of errors where something is wrong, and buttons with these words and tooltips; "" hides all."""
        self.words.setText(text)
        set_look(self.words, "error" if wrong else "")
        for place, made in enumerate(self.buttons):
            words, tip = ways[place] if place < len(ways) else ("", "")
            made.setText(words)
            made.setToolTip(tip)
            made.setVisible(bool(words))
        self._number = len(ways)
        self._arrange()
        self.setVisible(bool(text))

    def _arrange(self) -> None:
        """Buttons stand beside words that have room for a line or two there, else below: a narrow column is hard to read."""
        taken = sum(made.sizeHint().width() + px(8) for made in self.buttons[: self._number])
        room = self.width() - taken - px(24)
        long = self.words.fontMetrics().horizontalAdvance(self.words.text()) > LINES * max(0, room)
        below = self._number > 1 or (self._number == 1 and long)
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
