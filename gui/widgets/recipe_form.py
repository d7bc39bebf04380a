"""The recipe as a form: presets as cards, every field below them in plain words and in groups, checked as it is typed."""

from __future__ import annotations

from typing import Any

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from engine.training.presets import PRESETS
from engine.training.recipe import Recipe, check, field_of, with_field
from gui.theme import px
from gui.widgets.basics import label
from gui.widgets.network_card import ChoiceCard


class Field(msgspec.Struct, frozen=True):
    """A field of the form.

    Attributes
    ----------
    name : str
        In Recipe; "augmentation.shift" is one within its augmentation.
    words, tip : str
        Its title; what it does.
    choices : tuple of (str, str)
        Values and their words, where it is no number and no box.
    group : str
        Title of the group that it stands in.
    classic : bool
        Whether it is for classifiers without layers, and for them alone.
    """

    name: str
    words: str
    tip: str
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""
    classic: bool = False


STEPS, CLASSES, CHANGES, COMPUTING, NEAREST = "Steps", "Rare and common classes", "Random changes", "Computing", ""
UNEQUAL = ("class_weights", "balanced_sampling")
WHY_UNEQUAL = "Where some classes have far fewer pictures than others, they are otherwise passed over. One of the two is enough."
UNEQUAL_IGNORED = "Nearest neighbours take no notice of these two."
FIELDS = (
    Field("epochs", "Epochs", "How often each training picture is seen", group=STEPS),
    Field("batch", "Batch at most", "Pictures a step; with few pictures the engine takes a sixteenth of them", group=STEPS),
    Field("learning_rate", "Learning rate", "How far a step goes at most; too high diverges, too low creeps", group=STEPS),
    Field(
        "schedule",
        "Schedule",
        "How the learning rate changes: one cycle goes up, then down",
        (("one-cycle", "One cycle"), ("constant", "Constant")),
        group=STEPS,
    ),
    Field("optimiser", "Optimiser", "How a step follows from the gradient", (("adamw", "AdamW"), ("sgd", "SGD")), group=STEPS),
    Field("momentum", "Momentum", "Share of the last step that goes into the next; SGD only", group=STEPS),
    Field("weight_decay", "Weight decay", "How strongly weights are pulled to zero, against overfitting", group=STEPS),
    Field("label_smoothing", "Label smoothing", "Share of certainty spread over all classes, from 0 to below 1", group=STEPS),
    Field("neighbours", "Neighbours", "How many of the nearest pictures vote", group=NEAREST, classic=True),
    Field("distance", "Distance", "What near means", (("l2", "L2: Euclidean"), ("l1", "L1: sum of differences")), NEAREST, classic=True),
    Field("class_weights", "Class weights", "A picture counts the more in the loss, the fewer its class has", group=CLASSES),
    Field("balanced_sampling", "Balanced sampling", "Every class is shown equally often, rare pictures again and again", group=CLASSES),
    Field("suit_augmentation", "As suits the pictures", "Where the fields below change nothing, take what suits the data", group=CHANGES),
    Field("augmentation.flip", "Mirror left and right", "Every other picture; not for digits and letters", group=CHANGES),
    Field("augmentation.flip_vertical", "Mirror up and down", "Every other picture; for what has no up and down", group=CHANGES),
    Field("augmentation.shift", "Shift", "Largest shift as a share of the side, up to 0.5", group=CHANGES),
    Field("augmentation.crop", "Crop", "Smallest crop as a share of the side; 1 means none", group=CHANGES),
    Field("augmentation.rotate", "Rotate", "Largest rotation in degrees, up to 180", group=CHANGES),
    Field("augmentation.scale", "Scale", "Largest relative change of size, up to 0.9", group=CHANGES),
    Field("augmentation.colour", "Colour", "Largest change of brightness, contrast and saturation, up to 1", group=CHANGES),
    Field("augmentation.blur", "Blur", "Largest deviation of a Gaussian as a share of the side, up to 0.1", group=CHANGES),
    Field("augmentation.noise", "Noise", "Largest deviation of noise as a share of the full range, up to 1", group=CHANGES),
    Field("augmentation.erase", "Erase", "Largest share of a picture that a grey rectangle covers, up to 0.9", group=CHANGES),
    Field("augmentation.rand_augment", "RandAugment", "Strength of two changes out of fourteen, up to 30; 0 is off", group=CHANGES),
    Field("augmentation.mixup", "MixUp", "How evenly two pictures shine through each other, up to 10; 0 is off", group=CHANGES),
    Field("augmentation.cutmix", "CutMix", "How much of another picture is laid over, up to 10; 0 is off", group=CHANGES),
    Field(
        "mixed_precision",
        "Mixed precision",
        "16-bit numbers where the device gains",
        (("auto", "Where it gains"), ("off", "Off")),
        group=COMPUTING,
    ),
    Field("seed", "Seed", "The same seed on the same device gives the same weights", group=COMPUTING),
    Field("tensorboard", "TensorBoard files", "Also write the curves as event files, into the run's folder", group=COMPUTING),
)
TITLES = {"quick-look": "Quick look", "solid": "Solid", "best": "Best"}


def number_of(text: str, whole: bool) -> float | int:
    """What was typed as a number; a comma may stand for the point.

    Raises
    ------
    ValueError
        One sentence.
    """
    cleaned = text.strip().replace(" ", "").replace("\u202f", "").replace(",", ".")
    try:
        return int(cleaned) if whole else float(cleaned)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f'"{text.strip()}" is not {kind}.') from None


class PresetCard(ChoiceCard):
    """A recipe that stands ready."""

    def __init__(self, name: str, words: str, recipe: Recipe) -> None:
        super().__init__()
        self.name = name
        title = TITLES.get(name, name.replace("-", " ").capitalize())
        self.column.addWidget(label(title, "section"))
        self.column.addWidget(label(words, "muted", wrap=True))
        self.column.addWidget(label(f"{recipe.epochs} epochs", "caption"))
        self.setAccessibleName(f"{title}. {words}")
        self.silence()


class RecipeForm(QWidget):
    """Presets and fields.

    Signals
    -------
    changed(object)
        A valid Recipe that the user has made.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe = PRESETS["solid"].recipe
        self._filling = False
        self.fault = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.cards: dict[str, PresetCard] = {}
        self._group = QButtonGroup(self)
        for name, preset in PRESETS.items():
            card = PresetCard(name, preset.words, preset.recipe)
            card.clicked.connect(lambda _=False, chosen=name: self._take_preset(chosen))
            self.cards[name] = card
            self._group.addButton(card)
            column.addWidget(card)
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
                self.why_unequal = label(self.tr(WHY_UNEQUAL), "caption", wrap=True)
                self._form.addRow(self.why_unequal)
        self.message = label("", "error", wrap=True)
        self.message.hide()
        column.addWidget(self.inside)
        column.addWidget(self.message)
        self.set_recipe(self._recipe, classic=False)

    # ------------------------------------------------------------ setters

    def set_recipe(self, recipe: Recipe, classic: bool) -> None:
        """Show a recipe; classic classifiers have fields of their own and no presets."""
        self._filling = True
        self._recipe = recipe
        for group, head in self._heads.items():
            self._form.setRowVisible(head, not classic or group == CLASSES)
        self.why_unequal.setText(self.tr(UNEQUAL_IGNORED if classic else WHY_UNEQUAL))
        for field in FIELDS:
            ignored = field.name in UNEQUAL
            self._form.setRowVisible(self.editors[field.name], field.classic == classic or ignored)
            if ignored:
                self.editors[field.name].setEnabled(not classic)
            if self._value(field.name) != field_of(recipe, field.name):
                self._fill(field.name, field_of(recipe, field.name))
        self.editors["momentum"].setEnabled(recipe.optimiser == "sgd")
        for card in self.cards.values():
            card.setVisible(not classic)
        self._mark_preset()
        self._filling = False
        self._tell("")

    def _mark_preset(self) -> None:
        self._group.setExclusive(False)
        for name, card in self.cards.items():
            card.setChecked(name == self._recipe.preset)
        self._group.setExclusive(True)

    def set_advanced(self, on: bool) -> None:
        self.inside.setVisible(on)

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
        kind = type(field_of(self._recipe, field.name))
        editor: QCheckBox | QComboBox | QLineEdit
        if kind is bool:
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
            editor.textEdited.connect(self._edited)
            self._form.addRow(self.tr(field.words), editor)
        editor.setToolTip(self.tr(field.tip))
        editor.setAccessibleName(self.tr(field.words))
        self.editors[field.name] = editor

    def _value(self, name: str) -> Any:
        """What an editor holds; None where it is no number."""
        editor = self.editors[name]
        if isinstance(editor, QCheckBox):
            return editor.isChecked()
        if isinstance(editor, QComboBox):
            return editor.currentData()
        assert isinstance(editor, QLineEdit)
        try:
            return number_of(editor.text(), isinstance(field_of(self._recipe, name), int))
        except ValueError:
            return None

    def _fill(self, name: str, value: Any) -> None:
        editor = self.editors[name]
        if isinstance(editor, QCheckBox):
            editor.setChecked(value)
        elif isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(value))
        elif isinstance(editor, QLineEdit):
            editor.setText(f"{value:g}" if isinstance(value, float) else str(value))

    def _edited(self) -> None:
        if self._filling:
            return
        made = self._recipe
        try:
            for field in FIELDS:
                value = self._value(field.name)
                if value is None:
                    words, whole = self.tr(field.words), isinstance(field_of(made, field.name), int)
                    text = self.editors[field.name].text()  # type: ignore[attr-defined]
                    try:
                        number_of(text, whole)
                    except ValueError as error:
                        raise ValueError(f"{words}: {error}") from None
                made = with_field(made, field.name, value)
            made = msgspec.structs.replace(made, preset="own" if made != self._recipe else made.preset)
            check(made)
        except ValueError as error:
            self._tell(str(error))
            return
        self._tell("")
        if made != self._recipe:
            self._recipe = made
            self._mark_preset()
            self.editors["momentum"].setEnabled(made.optimiser == "sgd")
            self.changed.emit(made)

    def _tell(self, fault: str) -> None:
        self.fault = fault
        self.message.setText(fault)
        self.message.setVisible(bool(fault))

    def _take_preset(self, name: str) -> None:
        kept = {key: getattr(self._recipe, key) for key in ("seed", "device", "neighbours", "distance")}
        recipe = msgspec.structs.replace(PRESETS[name].recipe, **kept)
        self.set_recipe(recipe, classic=False)
        self.changed.emit(recipe)
