"""What shall be varied, in which values and how often: the choices of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from engine.training.sweeping import MOST_REPEATS, Sweepable, order
from gui.theme import px
from gui.widgets.basics import button, label, scrolling, set_look
from gui.widgets.flow import FlowLayout
from gui.widgets.number_box import NumberBox
from gui.widgets.sweep_words import value_words
from gui.widgets.value_chip import ValueChip


class SweepPanel(QFrame):
    """A field, its values as chips, and a button.

    Parameters
    ----------
    why_not : callable
        Why a field cannot have a value, in words; "" where it can.

    Signals
    -------
    changed
        Another field, value or number of repeats was chosen.
    wanted
        The sweep as chosen shall be trained.
    left
        The panel is to go.
    """

    changed = Signal()
    wanted = Signal()
    left = Signal()

    def __init__(self, why_not: Callable[[str, str], str] = lambda field, value: "") -> None:
        super().__init__()
        self.setProperty("look", "panel")
        self.why_not = why_not
        self._choices: dict[str, Sweepable] = {}
        self._ticked: dict[str, list[str]] = {}
        self._added: dict[str, list[str]] = {}
        self.chips: dict[str, ValueChip] = {}
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(10))
        column.addLayout(self._build_head())
        self.why = label("", "muted", wrap=True)
        column.addWidget(self.why)
        self._place = QWidget()
        self._flow = FlowLayout(self._place)
        self._flow.setSpacing(px(6))
        column.addWidget(self._place)
        column.addLayout(self._build_more())
        self.cost = label("", wrap=True)
        column.addWidget(self.cost)
        column.addLayout(self._build_foot())
        column.addStretch(1)
        area = scrolling(inside)
        area.setProperty("look", "clear")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    # ------------------------------------------------------------ building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(label(self.tr("Vary one thing, keep all else"), "section"))
        self.field_box = QComboBox()
        self.field_box.setAccessibleName(self.tr("What is varied"))
        self.field_box.activated.connect(self._take_field)
        row.addWidget(self.field_box)
        row.addStretch(1)
        return row

    def _build_more(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.value_field = QLineEdit()
        self.value_field.setPlaceholderText(self.tr("another value"))
        self.value_field.setAccessibleName(self.tr("Another value"))
        self.value_field.setMaximumWidth(px(150))
        self.value_field.returnPressed.connect(self._add_value)
        self.add_button = button(self.tr("Add"), tooltip=self.tr("Take this value as well (Return)"))
        self.add_button.clicked.connect(self._add_value)
        self.repeats_words = label(self.tr("training of each value"), "muted")
        self.repeats_box = NumberBox(1, MOST_REPEATS)
        self.repeats_box.setAccessibleName(self.tr("Trainings a value"))
        self.repeats_box.setToolTip(self.tr("Each with another seed: their spread shows how much of a difference is chance"))
        self.repeats_box.valueChanged.connect(self._say_repeats)
        self.repeats_box.valueChanged.connect(self.changed)
        for widget in (self.value_field, self.add_button, self.repeats_box, self.repeats_words):
            row.addWidget(widget)
        row.addStretch(1)
        return row

    def _build_foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.train_button = button("", "primary", self.tr("They are trained one after the other"))
        self.train_button.clicked.connect(self.wanted)
        self.close_button = button(self.tr("Close"))
        self.close_button.clicked.connect(self.left)
        row.addWidget(self.train_button)
        row.addWidget(self.close_button)
        row.addStretch(1)
        return row

    # ------------------------------------------------------------ showing

    def show_choices(self, choices: Sequence[Sweepable]) -> None:
        """Offer what can be varied now; what was ticked stays so where it is still offered."""
        fresh = {choice.field: choice for choice in choices}
        if fresh == self._choices:
            return
        field = self.field
        self._ticked = {name: ticked for name, ticked in self._ticked.items() if fresh.get(name) == self._choices.get(name)}
        self._choices = fresh
        self.field_box.clear()
        for choice in choices:
            self.field_box.addItem(choice.words, choice.field)
        self.field_box.setCurrentIndex(max(0, self.field_box.findData(field)))
        self._show_values()

    def show_cost(self, number: int, words: str, fault: str = "") -> None:
        """How many trainings the choice makes and what they take, or why it cannot be trained."""
        self.train_button.setText(self.tr("Train it") if number == 1 else self.tr("Train these {number}").format(number=number))
        self.train_button.setVisible(not fault)
        self.cost.setText(fault or words)
        set_look(self.cost, "error" if fault else "")
        self.cost.setVisible(bool(fault or words))

    @property
    def field(self) -> str:
        """What is varied, "" where nothing is offered."""
        return self.field_box.currentData() or ""

    @property
    def values(self) -> tuple[str, ...]:
        """The values that are ticked, in order."""
        return tuple(self._ticked.get(self.field, ()))

    @property
    def repeats(self) -> int:
        """Trainings a value."""
        return 1 if self.field == "seed" else self.repeats_box.value()

    def set_field(self, field: str) -> None:
        """Choose what is varied, as by hand."""
        self.field_box.setCurrentIndex(self.field_box.findData(field))
        self._take_field()

    # ------------------------------------------------------------ deeds

    def _take_field(self) -> None:
        self.value_field.clear()
        self._show_values()
        self.changed.emit()

    def _show_values(self) -> None:
        """Chips for the field's values, those ticked that were, or are suggested."""
        for chip in self.chips.values():
            chip.setParent(None)
            chip.deleteLater()
        self.chips = {}
        choice = self._choices.get(self.field)
        if choice is None:
            return
        ticked = self._ticked.setdefault(choice.field, list(choice.suggested))
        offered = (*choice.suggested, *choice.others)
        values = dict.fromkeys((*offered, *self._added.get(choice.field, ())))
        for value in sorted(values, key=lambda value: order(choice.field, value)):
            tip = self.tr("as the recipe has it") if value == choice.now else ""
            chip = ValueChip(value_words(choice.field, value), value not in offered, tip)
            chip.setChecked(value in ticked)
            chip.clicked.connect(lambda on, value=value: self._tick(value, on))
            chip.taken_out.connect(lambda value=value: self._take_out(value))
            self.chips[value] = chip
            self._flow.addWidget(chip)
        self._flow.invalidate()
        self._place.updateGeometry()
        self.why.setText(choice.why)
        self.value_field.setVisible(choice.free)
        self.add_button.setVisible(choice.free)
        self.repeats_box.setVisible(choice.field != "seed")
        self.repeats_words.setVisible(choice.field != "seed")

    def _say_repeats(self, number: int) -> None:
        self.repeats_words.setText(self.tr("training of each value") if number == 1 else self.tr("trainings of each value"))

    def _tick(self, value: str, on: bool) -> None:
        ticked = [kept for kept in self.values if kept != value]
        self._ticked[self.field] = [*ticked, value] if on else ticked
        self.changed.emit()

    def _take_out(self, value: str) -> None:
        """A typed value goes, to be typed again where it is wanted; one that is offered is no longer ticked."""
        added = self._added.get(self.field, [])
        self._tick(value, False)
        if value in added:
            added.remove(value)
            self._show_values()
            self.value_field.setFocus()
        else:
            self.chips[value].setChecked(False)

    def _add_value(self) -> None:
        """Take what was typed: one value, or several with blanks or semicolons between."""
        typed = self.value_field.text().replace(";", " ").split()
        if not typed:
            return
        fault = next(filter(None, (self.why_not(self.field, value) for value in typed)), "")
        if fault:  # it stays in the field, to be mended
            self.cost.setText(fault)
            set_look(self.cost, "error")
            self.cost.show()
            return
        added = self._added.setdefault(self.field, [])
        added.extend(value for value in typed if value not in added)
        ticked = self._ticked.setdefault(self.field, [])
        ticked.extend(value for value in typed if value not in ticked)
        self.value_field.clear()
        self._show_values()
        self.changed.emit()
