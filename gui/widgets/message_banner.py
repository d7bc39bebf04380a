"""A sentence in a frame across a page, with buttons as the ways on; gone when there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout

from gui.theme import px
from gui.widgets.basics import button, label, set_look

MOST_BUTTONS = 2


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
        several = len(ways) > 1  # beside the words they would leave them a narrow column
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if several else QBoxLayout.Direction.LeftToRight)
        self.setVisible(bool(text))
