"""A sentence within a page, with one button as the way on; gone when there is nothing to say."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.theme import px
from gui.widgets.basics import button, label, set_look


class MessageRow(QWidget):
    """What the page has to say.

    Attributes
    ----------
    pressed : Signal
        The button was pressed.
    """

    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self._label = label("", "", wrap=True)
        self.button = button("")
        self.button.clicked.connect(self.pressed)
        row.addWidget(self._label, 1)
        row.addWidget(self.button)
        self.hide()

    def say(self, text: str, act: str = "", look: str = "") -> None:
        """Show a sentence in a look of the style sheet, and a button with these words; "" shows none."""
        self._label.setText(text)
        set_look(self._label, look)
        self.button.setText(act)
        self.button.setVisible(bool(act))
        self.setVisible(bool(text))

    def text(self) -> str:
        """The sentence."""
        return self._label.text()
