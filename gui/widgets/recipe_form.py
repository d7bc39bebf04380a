"""The recipe as a form: presets as cards, every field below them in plain words and in groups, checked as it is typed."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from engine.training.presets import PRESETS, Preset, offered
from engine.training.recipe import Augmentation, Recipe, RecipeError, check, contradictions, field_of, with_field
from gui.theme import px
from gui.widgets.basics import label, set_look
from gui.widgets.calm_wheel import calm_wheel
from gui.widgets.network_card import ChoiceCard
from gui.widgets.recipe_fields import CLASSES, DISTANCES, FIELDS, UNEQUAL, UNEQUAL_IGNORED, WHY_UNEQUAL, Field, Known, idle
from gui.widgets.typed_numbers import number_of, share_of, share_words, words_for

BY_NAME = {field.name: field for field in FIELDS}
KEPT = ("seed", "device", "neighbours", "distance", "tensorboard")
"""Fields that no preset decides."""
SHARES = ("target",)
"""Fields that are said in per cent."""


class PresetCard(ChoiceCard):
    """A recipe that stands ready."""

    def __init__(self, name: str, preset: Preset) -> None:
        super().__init__()
        self.name = name
        self.column.addWidget(label(self.tr(preset.title), "section"))
        self.column.addWidget(label(self.tr(preset.words), "muted", wrap=True))
        number = preset.recipe.epochs
        words = self.tr("1 epoch; more where pictures are few") if number == 1 else self.tr("{number} epochs").format(number=number)
        self.column.addWidget(label(words, "caption"))
        self.setAccessibleName(f"{self.tr(preset.title)}. {self.tr(preset.words)}")
        self.silence()


class Sentence(QLabel):
    """Words that wrap and are never cut off: forms give wrapped labels the height that they had at another width."""

    def __init__(self, text: str, look: str) -> None:
        super().__init__(text)
        self.setProperty("look", look)
        self.setWordWrap(True)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setMinimumHeight(max(0, self.heightForWidth(self.width())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(max(0, self.heightForWidth(event.size().width())))


class RecipeForm(QWidget):
    """Presets and fields.

    Signals
    -------
    changed(object)
        A valid Recipe that the user has made.
    fault_changed
        `fault`, why what stands in the fields cannot be trained, is another now; "" where it can.
    """

    changed = Signal(object)
    fault_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe = PRESETS["solid"].recipe
        self._known = Known()
        self._taken = Augmentation()
        self._classic = False
        self._filling = False
        self.fault = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        self.cards: dict[str, PresetCard] = {}
        self._group = QButtonGroup(self)
        for name, preset in PRESETS.items():
            card = PresetCard(name, preset)
            card.clicked.connect(lambda _=False, chosen=name: self._take_preset(chosen))
            self.cards[name] = card
            self._group.addButton(card)
            self._column.addWidget(card)
        self.inside = QWidget()
        self._form = QFormLayout(self.inside)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(px(12))
        self._form.setVerticalSpacing(px(6))
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self.editors: dict[str, QWidget] = {}
        self._heads: dict[str, QWidget] = {}
        for field in FIELDS:
            if field.group and field.group not in self._heads:
                self._heads[field.group] = self._add_head(field.group)
            self._add(field)
            if field.name == UNEQUAL[-1]:
                self.why_unequal = Sentence(self.tr(WHY_UNEQUAL), "caption")
                self._form.addRow(self.why_unequal)
            if field.name == "suit_augmentation":
                self.suited = Sentence("", "caption")
                self._form.addRow(self.suited)
        self._wrong = ""
        self.message = Sentence("", "error")
        self.message.hide()
        self._column.addWidget(self.inside)
        self._column.addWidget(self.message)
        calm_wheel(self)
        self.set_recipe(self._recipe, classic=False)

    # ------------------------------------------------------------ setters

    def set_recipe(self, recipe: Recipe, classic: bool) -> None:
        """Show a recipe; classic classifiers have fields of their own and no presets."""
        self._filling = True
        self._recipe, self._classic = recipe, classic
        for group, head in self._heads.items():
            self._form.setRowVisible(head, not classic or group == CLASSES)
        self.why_unequal.setText(self.tr(UNEQUAL_IGNORED if classic else WHY_UNEQUAL))
        self._offer_losses()
        for field in FIELDS:
            self._form.setRowVisible(self.editors[field.name], field.classic == classic or field.name in UNEQUAL)
            if self._holds(field.name) != field_of(recipe, field.name):
                self._fill(field.name, field_of(recipe, field.name))
        self._enable(recipe)
        self._show_cards()
        self._mark_preset()
        self._filling = False
        self._tell("")

    def set_known(self, known: Known) -> None:
        """What the network is like: presets and fields that have nothing to do with it are not offered."""
        if known == self._known:
            return
        self._known = known
        self._filling = True
        self._offer_losses()
        self._filling = False
        self._enable(self._recipe)
        self._show_cards()

    def set_taken(self, taken: Augmentation) -> None:
        """The random changes that a training would make, which the fields do not say where the choice is left to the engine."""
        self._taken = taken
        self._say_suited(self._recipe)

    def _say_suited(self, recipe: Recipe) -> None:
        left = recipe.suit_augmentation and recipe.augmentation == Augmentation() and self._taken != Augmentation()
        fields = [field for field in FIELDS if field.name.startswith("augmentation.")]
        used = [(field, getattr(self._taken, field.name.partition(".")[2])) for field in fields]
        words = [
            self.tr(field.words) if value is True else f"{self.tr(field.words).partition(' (')[0]} {value:g}"
            for field, value in used
            if value != getattr(Augmentation(), field.name.partition(".")[2])
        ]
        self.suited.setText(self.tr("Used now: {changes}").format(changes=", ".join(words)))
        self._form.setRowVisible(self.suited, bool(left) and not self._classic)

    def _show_cards(self) -> None:
        fitting = () if self._classic else offered(self._known.name, self._known.learned)
        for name, card in self.cards.items():
            card.setVisible(name in fitting)

    def _offer_losses(self) -> None:
        """The loss by distances stands among the others where the network has distances, or the recipe has it already."""
        editor = self.editors["loss"]
        assert isinstance(editor, QComboBox)
        place = editor.findData(DISTANCES)
        if place < 0 and (self._known.distances or self._recipe.loss == DISTANCES):
            words = dict(BY_NAME["loss"].choices)[DISTANCES]
            editor.addItem(self.tr(words), DISTANCES)
        elif place >= 0 and not self._known.distances and self._recipe.loss != DISTANCES:
            editor.removeItem(place)

    def _enable(self, recipe: Recipe) -> None:
        """What has no effect cannot be changed and says why, but for what must be changed back."""
        self._say_suited(recipe)
        reasons = idle(recipe, self._known)
        wrong = {found.field for found in contradictions(recipe)}
        for field in FIELDS:
            reason = "" if field.name in wrong else reasons.get(field.name, "")
            if self._classic and field.name in UNEQUAL:
                reason = self.tr(UNEQUAL_IGNORED)
            widgets = (self.editors[field.name], self._form.labelForField(self.editors[field.name]))
            for widget in widgets:
                if widget is not None:
                    widget.setEnabled(not reason)
                    widget.setToolTip(reason or self.tr(field.tip))

    def _mark_preset(self) -> None:
        self._group.setExclusive(False)
        for name, card in self.cards.items():
            card.setChecked(name == self._recipe.preset)
        self._group.setExclusive(True)

    def set_advanced(self, on: bool) -> None:
        self.inside.setVisible(on)
        self._place_message()

    @property
    def recipe(self) -> Recipe:
        """The last valid recipe."""
        return self._recipe

    # ------------------------------------------------------------ fields

    def _add_head(self, words: str) -> QWidget:
        head = label(self.tr(words), "section")
        head.setContentsMargins(0, px(8) if self.editors else 0, 0, 0)
        self._form.addRow(head)
        return head

    def _add(self, field: Field) -> None:
        editor: QCheckBox | QComboBox | QLineEdit
        if isinstance(field_of(self._recipe, field.name), bool):
            editor = QCheckBox(self.tr(field.words))
            editor.toggled.connect(self._edited)
            self._form.addRow(editor)
        elif field.choices:
            editor = QComboBox()
            for value, words in field.choices:
                editor.addItem(self.tr(words), value)
            editor.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            editor.setMinimumContentsLength(8)
            editor.currentIndexChanged.connect(self._edited)
            self._form.addRow(self.tr(field.words), editor)
        else:
            editor = QLineEdit()
            editor.setAlignment(Qt.AlignmentFlag.AlignRight)
            editor.setPlaceholderText(self.tr(field.empty))
            editor.textEdited.connect(self._edited)
            if field.name in SHARES:
                editor.editingFinished.connect(lambda name=field.name: self._say_share(name))
            self._form.addRow(self.tr(field.words), editor)
        editor.setAccessibleName(self.tr(field.words))
        self.editors[field.name] = editor

    def _say_share(self, name: str) -> None:
        """However it was typed, a share is shown in per cent."""
        with contextlib.suppress(ValueError):
            self._fill(name, self._value(name))

    def _value(self, name: str) -> Any:
        """What an editor holds.

        Raises
        ------
        ValueError
            If that is no number, in one sentence.
        """
        editor = self.editors[name]
        if isinstance(editor, QCheckBox):
            return editor.isChecked()
        if isinstance(editor, QComboBox):
            return editor.currentData()
        assert isinstance(editor, QLineEdit)
        text = editor.text()
        if name == "frozen":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if BY_NAME[name].empty and not text.strip():
            return None
        if name in SHARES:
            return share_of(text)
        return number_of(text, isinstance(field_of(self._recipe, name), int))

    def _holds(self, name: str) -> Any:
        """As `_value`, but not a number where there is none."""
        try:
            return self._value(name)
        except ValueError:
            return float("nan")

    def _fill(self, name: str, value: Any) -> None:
        editor = self.editors[name]
        if isinstance(editor, QCheckBox):
            editor.setChecked(value)
        elif isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(value))
        elif isinstance(editor, QLineEdit):
            editor.setText(share_words(value) if name in SHARES else words_for(value))

    def _edited(self) -> None:
        if self._filling:
            return
        made = self._recipe
        try:
            for field in FIELDS:
                try:
                    made = with_field(made, field.name, self._value(field.name))
                except ValueError as error:
                    raise RecipeError(field.name, f"{self.tr(field.words)}: {error}") from None
            made = msgspec.structs.replace(made, preset="own" if made != self._recipe else made.preset)
            self._enable(made)
            check(made)
            inside = tuple(f"{path}." for path in self._known.layers)  # a container is named by the beginning of what it holds
            missing = next((name for name in made.frozen if inside and not any(path.startswith(f"{name}.") for path in inside)), "")
            if missing:
                raise RecipeError("frozen", self.tr('The network has no layer "{name}" to freeze.').format(name=missing))
        except RecipeError as error:
            self._tell(str(error), error.field)
            return
        self._tell("")
        if made != self._recipe:
            self._recipe = made
            self._mark_preset()
            self.changed.emit(made)

    def _tell(self, fault: str, field: str = "") -> None:
        """Say what cannot be, below the field that had better be changed."""
        told, self.fault = self.fault, fault
        self.message.setText(fault)
        for name in {self._wrong, field} & self.editors.keys():
            set_look(self.editors[name], "wrong" if name == field else "")
        self._wrong = field
        self._place_message()
        if fault != told:
            self.fault_changed.emit()

    def _place_message(self) -> None:
        inside = self._form.getWidgetPosition(self.message)[0] >= 0
        if inside:
            self._form.takeRow(self.message)
        else:
            self._column.removeWidget(self.message)
        editor = self.editors.get(self._wrong)
        if editor is not None and self.inside.isVisibleTo(self):
            row = self._form.getWidgetPosition(editor)[0]
            self._form.insertRow(row + 1, self.message)
        else:
            self._column.addWidget(self.message)
        self.message.setVisible(bool(self.fault))

    def _take_preset(self, name: str) -> None:
        kept = {key: getattr(self._recipe, key) for key in KEPT}
        recipe = msgspec.structs.replace(PRESETS[name].recipe, **kept)
        self.set_recipe(recipe, classic=False)
        self.changed.emit(recipe)
