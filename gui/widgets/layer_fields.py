"""Form fields that follow from the types of a record's fields: ranges, pairs, choices, tables."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QPlainTextEdit, QSpinBox, QToolButton, QWidget

from gui.icons import icon, icon_size
from gui.theme import colours, px
from gui.widgets.layer_words import choice_words, field_tip, field_words
from gui.widgets.number_box import NumberBox
from gui.widgets.typed_numbers import number_of

HOLDING = ("layers", "body", "shortcut", "branches")
"""Fields that hold layers."""


class Fault(ValueError):
    """What was typed is no value; one sentence."""


class FieldBox(QWidget):
    """A field of a record.

    Attributes
    ----------
    edited : Signal
        The person has changed it; `value` gives what it holds.
    """

    edited = Signal()

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(px(4))

    def _add(self, editor: QWidget, words: str = "") -> None:
        editor.setAccessibleName(words or field_words(self.field))
        editor.setToolTip(field_tip(self.field))
        self._row.addWidget(editor, 1)

    def value(self) -> Any:
        """What it holds.

        Raises
        ------
        Fault
            If that is no value.
        """
        raise TypeError(f"{type(self).__name__} holds nothing")

    def set_value(self, value: Any) -> None:
        """Show a value, without telling; one that it holds already stays as it was typed."""
        raise TypeError(f"{type(self).__name__} holds nothing")

    def holds(self, value: Any) -> bool:
        """Whether it holds this value."""
        try:
            return bool(self.value() == value)
        except Fault:
            return False


class CountSpin(NumberBox):
    """A whole number that is told as it is typed; the wheel turns it only where the keyboard is."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(low, high)
        self.setKeyboardTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccelerated(True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _wide(self, hint: QSize) -> QSize:
        """Wide enough for five figures, however large the range is."""
        hint.setWidth(min(hint.width(), QFontMetrics(self.font()).horizontalAdvance("00000") + px(32)))
        return hint

    def sizeHint(self) -> QSize:
        return self._wide(super().sizeHint())

    def minimumSizeHint(self) -> QSize:
        return self._wide(super().minimumSizeHint())

    def show_number(self, number: int) -> None:
        """Show a number without telling; the same one is left as it was typed."""
        if self.value() != number:
            self.blockSignals(True)
            self.setValue(number)
            self.blockSignals(False)


class NumberField(FieldBox):
    """A whole number in its range."""

    def __init__(self, field: str, kind: inspect.IntType) -> None:
        super().__init__(field)
        self.spin = CountSpin(*_limits(kind))
        self.spin.valueChanged.connect(lambda _: self.edited.emit())
        self._add(self.spin)

    def value(self) -> int:
        return self.spin.value()

    def set_value(self, value: int) -> None:
        self.spin.show_number(value)


class PairField(FieldBox):
    """Height and width; locked together while they are the same."""

    def __init__(self, field: str, kind: inspect.TupleType) -> None:
        super().__init__(field)
        self.spins: list[QSpinBox] = []
        self.lock = QToolButton()
        self.lock.setCheckable(True)
        self.lock.setIconSize(icon_size(14))
        self.lock.setFixedWidth(px(26))
        self.lock.setAccessibleName(self.tr("{field}: both alike").format(field=field_words(field)))
        for number, (item, words) in enumerate(zip(kind.item_types, (self.tr("height"), self.tr("width")), strict=True)):
            assert isinstance(item, inspect.IntType)
            spin = CountSpin(*_limits(item))
            spin.valueChanged.connect(lambda value, number=number: self._changed(number, value))
            self.spins.append(spin)
            self._add(spin, f"{field_words(field)}, {words}")
            spin.setToolTip(f"{field_tip(field)} ({words})")
            if not number:
                self._row.addWidget(self.lock)
        self.lock.toggled.connect(self._locked)
        self.lock.setChecked(True)

    def _show_lock(self, on: bool) -> None:
        self.lock.setIcon(icon("ph.link" if on else "ph.link-break", colours().muted))
        self.lock.setToolTip(self.tr("Height and width change together") if on else self.tr("Height and width each by itself"))

    def _locked(self, on: bool) -> None:
        self._show_lock(on)
        if on and self.spins[1].value() != self.spins[0].value():
            self.spins[1].setValue(self.spins[0].value())

    def _changed(self, number: int, value: int) -> None:
        if self.lock.isChecked():
            other = self.spins[1 - number]
            assert isinstance(other, CountSpin)
            other.show_number(value)
        self.edited.emit()

    def value(self) -> tuple[int, int]:
        return self.spins[0].value(), self.spins[1].value()

    def set_value(self, value: tuple[int, int]) -> None:
        if value[0] != value[1]:
            self.lock.setChecked(False)
        for spin, number in zip(self.spins, value, strict=True):
            assert isinstance(spin, CountSpin)
            spin.show_number(number)

    def show_lock(self, on: bool) -> None:
        """Lock or unlock, without telling."""
        self.lock.blockSignals(True)
        self.lock.setChecked(on)
        self.lock.blockSignals(False)
        self._show_lock(on)


class FractionField(FieldBox):
    """A number that is typed: an exponent or many digits may be needed."""

    def __init__(self, field: str, kind: inspect.FloatType) -> None:
        super().__init__(field)
        self._kind = kind
        self.line = QLineEdit()
        self.line.textEdited.connect(lambda _: self.edited.emit())
        self._add(self.line)

    def value(self) -> float:
        try:
            number = float(number_of(self.line.text(), False))
        except ValueError as error:
            raise Fault(f"{field_words(self.field)}: {error}") from None
        kind = self._kind
        limits = (
            (kind.ge is not None and number < kind.ge, self.tr("at least {limit}"), kind.ge),
            (kind.gt is not None and not number > kind.gt, self.tr("more than {limit}"), kind.gt),
            (kind.lt is not None and not number < kind.lt, self.tr("less than {limit}"), kind.lt),
            (kind.le is not None and not number <= kind.le, self.tr("at most {limit}"), kind.le),
        )
        for broken, words, limit in limits:
            if broken:
                raise Fault(
                    self.tr("{field} must be {limit}.").format(field=field_words(self.field), limit=words.format(limit=f"{limit:g}"))
                )
        return number

    def set_value(self, value: float) -> None:
        if not self.holds(value):
            self.line.setText(f"{value:.12g}")


class SwitchField(FieldBox):
    """Yes or no."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.box = QCheckBox(field_words(field))
        self.box.toggled.connect(lambda _: self.edited.emit())
        self._add(self.box)

    def value(self) -> bool:
        return self.box.isChecked()

    def set_value(self, value: bool) -> None:
        self.box.blockSignals(True)
        self.box.setChecked(value)
        self.box.blockSignals(False)


class ChoiceField(FieldBox):
    """One of a few words."""

    def __init__(self, field: str, kind: inspect.LiteralType) -> None:
        super().__init__(field)
        self.combo = QComboBox()
        self.combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(6)
        for value in kind.values:
            self.combo.addItem(choice_words(str(value)), value)
        self.combo.currentIndexChanged.connect(lambda _: self.edited.emit())
        self._add(self.combo)

    def value(self) -> str:
        return str(self.combo.currentData())

    def set_value(self, value: str) -> None:
        self.combo.blockSignals(True)
        self.combo.setCurrentIndex(self.combo.findData(value))
        self.combo.blockSignals(False)


class TableField(FieldBox):
    """Rows of numbers, a line each."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.text = QPlainTextEdit()
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(px(120))
        self.text.textChanged.connect(self.edited)
        self._add(self.text)

    def value(self) -> tuple[tuple[int, ...], ...]:
        lines = [line.replace(",", " ").split() for line in self.text.toPlainText().strip().splitlines()]
        for number, words in enumerate(lines):
            wrong = next((word for word in words if not word.isdecimal() or len(word) > 5), None)
            if wrong is not None or not words:
                said = f'"{wrong[:20]}"' if wrong is not None else self.tr("an empty line")
                raise Fault(self.tr("Line {number} of the connections has {what}.").format(number=number + 1, what=said))
        if not lines:
            raise Fault(self.tr("The connections need a line for each filter."))
        return tuple(tuple(int(word) for word in words) for words in lines)

    def set_value(self, value: tuple[tuple[int, ...], ...]) -> None:
        if not self.holds(value):
            self.text.blockSignals(True)
            self.text.setPlainText("\n".join(" ".join(map(str, row)) for row in value))
            self.text.blockSignals(False)


def make_field(field: inspect.Field) -> FieldBox:
    """The editor of a field, by its type."""
    kind = field.type
    if isinstance(kind, inspect.IntType):
        return NumberField(field.name, kind)
    if isinstance(kind, inspect.FloatType):
        return FractionField(field.name, kind)
    if isinstance(kind, inspect.BoolType):
        return SwitchField(field.name)
    if isinstance(kind, inspect.LiteralType):
        return ChoiceField(field.name, kind)
    if isinstance(kind, inspect.TupleType):
        return PairField(field.name, kind)
    return TableField(field.name)


def fields_of(record: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    """The fields of a record that a form shows: all but its name and what holds layers."""
    kind = inspect.type_info(record)
    assert isinstance(kind, inspect.StructType)
    return tuple(field for field in kind.fields if field.name not in ("name", *HOLDING))


def _limits(kind: inspect.IntType) -> tuple[int, int]:
    return kind.ge if kind.ge is not None else 0, kind.le if kind.le is not None else 2**31 - 1
