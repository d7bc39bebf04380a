"""The recipe form: presets, fields, and sentences for what cannot be."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from engine.training.presets import PRESETS
from engine.training.recipe import Augmentation, Recipe
from gui.widgets.recipe_form import CHANGES, FIELDS, UNEQUAL, RecipeForm, number_of


@pytest.fixture
def form(qtbot) -> RecipeForm:
    made = RecipeForm()
    qtbot.addWidget(made)
    made.resize(280, 800)
    made.show()
    return made


def type_into(form: RecipeForm, field: str, text: str) -> None:
    editor = form.editors[field]
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, text)


def test_every_field_of_the_recipe_is_there():
    names = {field.name for field in FIELDS}
    wanted = set(Recipe.__struct_fields__) - {"preset", "device", "augmentation"}
    assert names == wanted | {f"augmentation.{name}" for name in Augmentation.__struct_fields__}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_taken_whole_but_for_seed_and_device(qtbot, form, preset):
    form.set_recipe(Recipe(preset="own", epochs=99, seed=4, device="cpu"), classic=False)
    with qtbot.waitSignal(form.changed) as caught:
        QTest.mouseClick(form.cards[preset], Qt.MouseButton.LeftButton)
    taken = caught.args[0]
    assert (taken.preset, taken.epochs, taken.seed, taken.device) == (preset, PRESETS[preset].recipe.epochs, 4, "cpu")
    assert form.cards[preset].isChecked()


def test_a_changed_field_makes_the_recipe_ones_own(qtbot, form):
    type_into(form, "learning_rate", "0,02")
    assert form.recipe.learning_rate == 0.02 and form.recipe.preset == "own"
    assert not any(card.isChecked() for card in form.cards.values())
    type_into(form, "augmentation.shift", "0.25")
    assert form.recipe.augmentation == Augmentation(shift=0.25)


def test_what_cannot_be_is_told_and_not_taken(qtbot, form):
    before = form.recipe
    type_into(form, "momentum", "2")
    form.editors["momentum"].setEnabled(True)
    type_into(form, "momentum", "2")
    assert "momentum is 2" in form.fault and form.message.isVisible()
    assert form.recipe == before
    form.set_recipe(before, classic=False)
    type_into(form, "epochs", "many")
    assert form.fault == 'Epochs: "many" is not a whole number.'
    type_into(form, "epochs", "12")
    assert form.fault == "" and form.recipe.epochs == 12 and not form.message.isVisible()


def test_momentum_is_for_sgd(form):
    assert not form.editors["momentum"].isEnabled()
    form.editors["optimiser"].setCurrentIndex(1)
    assert form.recipe.optimiser == "sgd" and form.editors["momentum"].isEnabled()


def test_classic_classifiers_have_neighbours_alone(form):
    form.set_recipe(Recipe(neighbours=3), classic=True)
    assert form.editors["neighbours"].isVisible() and not form.editors["epochs"].isVisible()
    assert not any(card.isVisible() for card in form.cards.values())


def test_rare_classes_are_weighed_or_shown_more_often_but_not_by_classic_classifiers(qtbot, form):
    for name in UNEQUAL:
        with qtbot.waitSignal(form.changed) as caught:
            form.editors[name].setChecked(True)
        assert getattr(caught.args[0], name) and caught.args[0].preset == "own"
    assert "fewer pictures" in form.why_unequal.text()
    form.set_recipe(form.recipe, classic=True)
    for name in UNEQUAL:
        assert form.editors[name].isVisible() and not form.editors[name].isEnabled() and form.editors[name].isChecked()
    assert "take no notice" in form.why_unequal.text()
    form.set_recipe(form.recipe, classic=False)
    assert all(form.editors[name].isEnabled() for name in UNEQUAL)


def test_every_field_stands_under_a_heading(form):
    heads = {field.group for field in FIELDS if not field.classic}
    assert heads == set(form._heads) and all(form._heads[head].isVisible() for head in heads)
    for inner in (field.name for field in FIELDS if field.name.startswith("augmentation.")):
        assert next(field.group for field in FIELDS if field.name == inner) == CHANGES


def test_numbers_as_people_write_them():
    assert number_of("1 000", True) == 1000 and number_of("3e-3", False) == 0.003 and number_of("0,5", False) == 0.5
    with pytest.raises(ValueError, match="not a whole number"):
        number_of("1.5", True)
