"""A slider for each random change of the pictures, with its value in words and a button that turns it off."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from engine.training.recipe import Augmentation
from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.strengths import MIRRORS, STRENGTHS, Sides, Strength


class StrengthRow(QWidget):
    """One change: title and value above, slider and "Off" below.

    Signals
    -------
    moved(float)
        The user has chosen this value.
    """

    moved = Signal(float)

    def __init__(self, strength: Strength) -> None:
        super().__init__()
        self._strength = strength
        self._value = strength.off
        self._sides: Sides = (32, 32)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        top = QHBoxLayout()
        top.setSpacing(px(8))
        top.addWidget(label(self.tr(strength.title)))
        self.words = label("", "caption")
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        top.addWidget(self.words, 1)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(strength.values) - 1)
        self.slider.setPageStep(max(1, len(strength.values) // 8))
        self.slider.setAccessibleName(self.tr(strength.title))
        self.slider.setToolTip(self.tr(strength.tip))
        self.slider.valueChanged.connect(self._moved)
        self.off = button(self.tr("Turn off"), "quiet", self.tr("{title}: off").format(title=self.tr(strength.title)))
        self.off.clicked.connect(lambda: self.slider.setValue(0))
        below = QHBoxLayout()
        below.setSpacing(px(4))
        below.addWidget(self.slider, 1)
        below.addWidget(self.off)
        column.addLayout(top)
        column.addLayout(below)
        self._tell()

    def set_value(self, value: float, sides: Sides) -> None:
        """Show a value; one between two places of the slider stays as it is until the slider is moved."""
        self._value, self._sides = value, sides
        self.slider.blockSignals(True)
        self.slider.setValue(self._strength.place(value))
        self.slider.blockSignals(False)
        self._tell()

    def _moved(self, place: int) -> None:
        self._value = self._strength.values[place]
        self._tell()
        self.moved.emit(self._value)

    def _tell(self) -> None:
        on = self._value != self._strength.off
        words = self._strength.words(self._value, self._sides) if on else self.tr("off")
        self.words.setText(words)
        self.words.setToolTip(words)
        self.off.setEnabled(on)
        self.slider.setAccessibleDescription(words)


class AugmentationSliders(QWidget):
    """All of an Augmentation.

    Signals
    -------
    changed(object)
        The Augmentation that the user has made.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._augmentation = Augmentation()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        self.rows: dict[str, StrengthRow] = {}
        self.boxes: dict[str, QCheckBox] = {}
        for name, title, tip in MIRRORS:
            box = QCheckBox(self.tr(title))
            box.setToolTip(self.tr(tip))
            box.toggled.connect(lambda on, field=name: self._change(field, on))
            self.boxes[name] = box
            column.addWidget(box)
        for strength in STRENGTHS:
            row = StrengthRow(strength)
            row.moved.connect(lambda value, field=strength.name: self._change(field, value))
            self.rows[strength.name] = row
            column.addWidget(row)

    @property
    def augmentation(self) -> Augmentation:
        """As shown."""
        return self._augmentation

    def set_augmentation(self, augmentation: Augmentation, sides: Sides) -> None:
        """Show one, for a working size of height and width in pixels."""
        self._augmentation = augmentation
        for name, row in self.rows.items():
            row.set_value(getattr(augmentation, name), sides)
        for name, box in self.boxes.items():
            box.blockSignals(True)
            box.setChecked(getattr(augmentation, name))
            box.blockSignals(False)

    def _change(self, field: str, value: float | bool) -> None:
        self._augmentation = msgspec.structs.replace(self._augmentation, **{field: value})
        self.changed.emit(self._augmentation)
