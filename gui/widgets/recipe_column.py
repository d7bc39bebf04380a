"""The recipe at the left of the Train page: presets, every field where wanted, and what may be tried beforehand."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from engine.training.recipe import Recipe, field_of
from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.recipe_fields import Known
from gui.widgets.recipe_form import RecipeForm

WIDTH = 288


class RecipeColumn(QScrollArea):
    """A form, a button that unfolds it, and buttons for the searches of a learning rate and of a batch.

    Signals
    -------
    changed(object)
        A valid Recipe that the user has made.
    advanced_chosen(bool)
        The user has unfolded or folded the form.
    rates_wanted, batches_wanted
        Learning rates, or sizes of batches, shall be tried.
    sweep_wanted
        One thing shall be varied over several trainings.
    """

    changed = Signal(object)
    advanced_chosen = Signal(bool)
    rates_wanted = Signal()
    batches_wanted = Signal()
    sweep_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        inside = QWidget()
        inside.setObjectName("surface")
        column = QVBoxLayout(inside)
        column.setContentsMargins(px(16), px(16), px(8), px(16))
        column.setSpacing(px(8))
        column.addWidget(label(self.tr("Recipe"), "section"))
        self.form = RecipeForm()
        self.form.changed.connect(self.changed)
        self.form.changed.connect(lambda: self.say_taken("", 0.0))
        self.advanced_button = button(self.tr("Advanced"), "chip", self.tr("Show every field of the recipe"))
        self.advanced_button.setCheckable(True)
        self.advanced_button.setMinimumWidth(px(104))
        self.advanced_button.toggled.connect(self.form.set_advanced)
        self.advanced_button.clicked.connect(self.advanced_chosen)
        self.form.set_advanced(False)
        self.form.layout().insertWidget(len(self.form.cards), self.advanced_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.form)
        self.rates_button = button(self.tr("Try learning rates"), "chip", self.tr("A hundred steps at rising rates show which one suits"))
        self.rates_button.clicked.connect(self.rates_wanted)
        self.batches_button = button(self.tr("Try batch sizes"), "chip", self.tr("Some steps of each size show how fast it learns"))
        self.batches_button.clicked.connect(self.batches_wanted)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.rates_button)
        row.addWidget(self.batches_button)
        row.addStretch(1)
        column.addLayout(row)
        self.taken = label("", "good", wrap=True)
        self.taken.hide()
        self._taken: tuple[str, float] | None = None
        column.addWidget(self.taken)
        self.sweep_button = button(self.tr("Vary one thing"), "chip", self.tr("Train several times with one choice varied, side by side"))
        self.sweep_button.clicked.connect(self.sweep_wanted)
        column.addWidget(self.sweep_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        self.dress()

    def show_recipe(self, recipe: Recipe, classic: bool, known: Known, advanced: bool) -> None:
        """Show a recipe for a network that is known so far; `classic` ones have other fields, and no rates to try."""
        form = self.form
        if recipe != form.recipe or classic != bool(form.cards and not form.cards["solid"].isVisibleTo(form)):
            form.set_recipe(recipe, classic)
        form.set_known(known)
        self.advanced_button.setVisible(not classic)
        self.rates_button.setVisible(not classic)
        self.batches_button.setVisible(not classic)
        self.sweep_button.setVisible(not classic)
        self._show_taken()
        self.advanced_button.setChecked(classic or advanced)

    def say_taken(self, field: str, value: float) -> None:
        """Say that a value which was tried is the recipe's, as long as it is; the fields may be folded."""
        self._taken = (field, value) if field else None
        self._show_taken()

    def _show_taken(self) -> None:
        shown = self._taken is not None and field_of(self.form.recipe, self._taken[0]) == self._taken[1]
        if self._taken is not None:
            rate = self._taken[0] == "learning_rate"
            words = self.tr("Learning rate {value:g} is set.") if rate else self.tr("Batches of {value:g} are set.")
            self.taken.setText(words.format(value=self._taken[1]))
        self.taken.setVisible(shown)

    def show_trying(self, possible: bool, rates: bool, batches: bool) -> None:
        """Whether something may be tried now, and what is being tried; nothing is varied while the form has a fault."""
        possible = possible and not self.form.fault
        self.sweep_button.setEnabled(not self.form.fault)
        self.rates_button.setEnabled(possible)
        self.rates_button.setText(self.tr("Trying…") if rates else self.tr("Try learning rates"))
        self.batches_button.setEnabled(possible)
        self.batches_button.setText(self.tr("Trying…") if batches else self.tr("Try batch sizes"))

    def dress(self) -> None:
        """Set the width for the scale in use."""
        self.setMinimumWidth(px(WIDTH))
