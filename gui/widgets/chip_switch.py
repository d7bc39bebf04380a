"""A few chips of which one is pressed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QFont, QFontMetricsF
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from gui.theme import font, px, theme
from gui.widgets.basics import button


class ChipSwitch(QWidget):
    """One choice out of few.

    Signals
    -------
    chosen(str)
        Name of the chip that was pressed.
    """

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]], accessible_name: str, parent: QWidget | None = None) -> None:
        """Each choice has a name, words and a tooltip; the first is pressed."""
        super().__init__(parent)
        self.setAccessibleName(accessible_name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(4))
        self._group = QButtonGroup(self)
        self.chips: dict[str, QPushButton] = {}
        for name, words, tip in choices:
            chip = button(words, "chip", tip)
            chip.setCheckable(True)
            chip.setChecked(not self.chips)
            chip.clicked.connect(lambda _=False, pressed=name: self.chosen.emit(pressed))
            self._group.addButton(chip)
            self.chips[name] = chip
            row.addWidget(chip)
        theme().changed.connect(self.dress)
        self.dress()

    @property
    def value(self) -> str:
        """Name of the chip that is pressed."""
        return next(name for name, chip in self.chips.items() if chip.isChecked())

    def set_value(self, name: str) -> None:
        """Press a chip without telling."""
        self.chips[name].setChecked(True)

    def dress(self) -> None:
        """Leave room for the bold words of a chip that is pressed."""
        metrics = QFontMetricsF(font(13, QFont.Weight.DemiBold))
        for chip in self.chips.values():
            chip.setMinimumWidth(round(metrics.horizontalAdvance(chip.text())) + px(28))
