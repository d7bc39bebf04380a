"""Three whole per cents that always add up to 100: shares of training, validation and test."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from gui.theme import px
from gui.widgets.basics import label
from gui.widgets.number_box import NumberBox

Shares = tuple[int, int, int]


def balanced(shares: Shares, changed: int, value: int) -> Shares:
    """The shares after one was set, each at least 0, together 100.

    What validation or test gains or loses training gives or takes, as far as it can; what training gains or loses the other two give or
    take in their proportion.

    Examples
    --------
    >>> balanced((60, 20, 20), 1, 30)
    (50, 30, 20)
    >>> balanced((60, 20, 20), 0, 80)
    (80, 10, 10)
    >>> balanced((10, 40, 50), 2, 70)
    (0, 30, 70)
    """
    value = min(max(value, 0), 100)
    rest = 100 - value
    _, validation, test = shares
    if changed == 0:
        both = validation + test
        validation = round(rest * validation / both) if both else rest // 2
        return value, validation, rest - validation
    other = min(test if changed == 1 else validation, rest)
    return (rest - other, value, other) if changed == 1 else (rest - other, other, value)


def whole(fractions: tuple[float, float, float]) -> Shares:
    """Fractions as whole per cents that add up to 100."""
    validation, test = round(100 * fractions[1]), round(100 * fractions[2])
    return 100 - validation - test, validation, test


class ShareBoxes(QWidget):
    """Three number boxes, each with its word above.

    Attributes
    ----------
    changed : Signal
        The user has set other shares.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shares: Shares = (60, 20, 20)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(2))
        self.boxes: list[NumberBox] = []
        for column, words in enumerate((self.tr("Training"), self.tr("Validation"), self.tr("Test"))):
            box = NumberBox(0, 100)
            box.setSuffix("\u202f%")
            box.setAccessibleName(self.tr("Share of {0} in per cent").format(words.lower()))
            box.valueChanged.connect(lambda value, column=column: self._set(column, value))
            grid.addWidget(label(words, "caption"), 0, column)
            grid.addWidget(box, 1, column)
            grid.setColumnStretch(column, 1)
            self.boxes.append(box)
        self.show_shares(self._shares)

    @property
    def shares(self) -> Shares:
        return self._shares

    def show_shares(self, shares: Shares) -> None:
        self._shares = shares
        for box, share in zip(self.boxes, shares, strict=True):
            box.blockSignals(True)
            box.setValue(share)
            box.blockSignals(False)

    def _set(self, column: int, value: int) -> None:
        self.show_shares(balanced(self._shares, column, value))
        self.changed.emit()
