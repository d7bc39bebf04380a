"""The recipe form: presets, fields, and sentences for what cannot be."""

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from engine.training.presets import PRESETS
from engine.training.recipe import Augmentation, Recipe
from gui.widgets.recipe_fields import CHANGES, FIELDS, UNEQUAL, Known, idle
from gui.widgets.recipe_form import RecipeForm
from gui.widgets.typed_numbers import number_of


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


FITS = {"lenet-1998": "lenet-5-1998", "alexnet-2012": "alexnet", "resnet-2015": "resnet-50", "resnet-cifar-2015": "resnet-20"}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_taken_whole_but_for_seed_and_device(qtbot, form, preset):
    form.set_known(Known(FITS.get(preset, "lenet-5"), learned=True))
    form.set_recipe(Recipe(preset="own", epochs=99, seed=4, device="cpu", tensorboard=True), classic=False)
    with qtbot.waitSignal(form.changed) as caught:
        QTest.mouseClick(form.cards[preset], Qt.MouseButton.LeftButton)
    taken = caught.args[0]
    assert taken == msgspec.structs.replace(PRESETS[preset].recipe, seed=4, device="cpu", tensorboard=True)
    assert form.cards[preset].isChecked()


def test_presets_stand_where_they_fit(form):
    def shown() -> list[str]:
        return [name for name, card in form.cards.items() if card.isVisible()]

    form.set_known(Known("lenet-5"))
    assert shown() == ["quick-look", "solid", "best"]
    form.set_known(Known("torchvision:resnet18", learned=True))
    assert shown() == ["quick-look", "solid", "best", "fine-tune", "linear-probe", "resnet-2015"]
    form.set_recipe(Recipe(), classic=True)
    assert shown() == []


def test_the_loss_by_distances_is_for_networks_that_have_them(form):
    losses = form.editors["loss"]
    form.set_known(Known("lenet-5", distances=False))
    assert losses.findData("rbf") < 0
    form.set_known(Known("lenet-5-1998"))
    assert losses.findData("rbf") >= 0
    form.set_recipe(Recipe(loss="rbf"), classic=False)
    form.set_known(Known("lenet-5", distances=False))  # a recipe that has it shows it, so that it can be changed
    assert losses.currentData() == "rbf"
    losses.setCurrentIndex(losses.findData("squared"))
    assert form.recipe.loss == "squared"


def test_what_has_no_effect_says_why(form):
    cases = {
        "momentum": Recipe(optimiser="adamw"),
        "nesterov": Recipe(optimiser="sgd", momentum=0.0),
        "focal": Recipe(),
        "label_smoothing": Recipe(loss="hinge"),
        "augmentation.mixup": Recipe(loss="focal"),
        "class_weights": Recipe(balanced_sampling=True),
        "suit_augmentation": Recipe(augmentation=Augmentation(flip=True)),
        "frozen": Recipe(probe=True),
        "augmentation.shift": Recipe(probe=True),
    }
    for name, recipe in cases.items():
        form.set_recipe(recipe, classic=False)
        assert not form.editors[name].isEnabled() and form.editors[name].toolTip() == idle(recipe, Known())[name]
    form.set_recipe(Recipe(optimiser="sgd", loss="focal"), classic=False)
    assert all(form.editors[name].isEnabled() for name in ("momentum", "nesterov", "focal", "class_weights", "frozen"))
    form.set_known(Known("lenet-5", dropout=False, residual=False))
    assert "no dropout" in form.editors["dropout"].toolTip() and not form.editors["zero_residual"].isEnabled()


def test_choices_that_exclude_each_other_are_told_below_the_field_to_change_back(qtbot, form):
    type_into(form, "label_smoothing", "0.1")
    before = form.recipe
    form.editors["loss"].setCurrentIndex(form.editors["loss"].findData("hinge"))
    assert "Label smoothing needs" in form.fault and form.recipe == before
    assert form.editors["label_smoothing"].isEnabled() and form.editors["label_smoothing"].property("look") == "wrong"
    qtbot.waitUntil(lambda: form.message.y() > form.editors["label_smoothing"].y())
    assert form.message.y() < form.editors["minutes"].y() and form.message.isVisible()
    form.set_advanced(False)
    assert form.message.isVisible()
    form.set_advanced(True)
    type_into(form, "label_smoothing", "0")
    assert form.fault == "" and form.recipe.loss == "hinge" and not form.message.isVisible()
    assert not form.editors["label_smoothing"].property("look") and not form.editors["label_smoothing"].isEnabled()


def test_empty_fields_leave_things_as_they_are_and_names_are_listed(form):
    type_into(form, "dropout", "0,3")
    type_into(form, "frozen", "conv1,  block2.conv ,")
    assert (form.recipe.dropout, form.recipe.frozen, form.recipe.warm_up) == (0.3, ("conv1", "block2.conv"), None)
    form.editors["dropout"].clear()
    form.editors["dropout"].textEdited.emit("")
    assert form.recipe.dropout is None and form.editors["dropout"].placeholderText() == "as it is"
    form.set_recipe(Recipe(frozen=("a.b", "c"), warm_up=0.1), classic=False)
    assert form.editors["frozen"].text() == "a.b, c" and form.editors["warm_up"].text() == "0.1"


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
    assert not form.editors["class_weights"].isEnabled() and form.editors["balanced_sampling"].isEnabled()


def test_every_field_stands_under_a_heading(form):
    heads = {field.group for field in FIELDS if not field.classic}
    assert heads == set(form._heads) and all(form._heads[head].isVisible() for head in heads)
    for inner in (field.name for field in FIELDS if field.name.startswith("augmentation.")):
        assert next(field.group for field in FIELDS if field.name == inner) == CHANGES


def test_numbers_as_people_write_them():
    assert (
        number_of("1 000", True) == number_of("1,000", True) == 1000
        and number_of("3e-3", False) == 0.003
        and number_of("0,5", False) == 0.5
    )
    with pytest.raises(ValueError, match="not a whole number"):
        number_of("1.5", True)


@pytest.mark.parametrize(("typed", "share"), [("95", 0.95), ("95 %", 0.95), ("0.95", 0.95), ("0,5%", 0.005), ("1", 1.0), ("0", 0.0)])
def test_an_accuracy_is_typed_in_per_cent_or_as_a_share(form, typed, share):
    form.set_advanced(True)
    form.set_recipe(Recipe(target=0.5), classic=False)
    assert form.editors["target"].text() == "50\u202f%"
    type_into(form, "target", typed)
    assert form.recipe.target == pytest.approx(share) and not form.fault
    QTest.keyClick(form.editors["target"], Qt.Key.Key_Return)
    assert form.editors["target"].text() == (f"{100 * share:g}\u202f%" if share else "0")
    type_into(form, "target", "130")
    assert "not between 0 and 100 %" in form.fault


def test_what_suits_the_pictures_is_said(form):
    form.set_advanced(True)
    form.set_taken(Augmentation(shift=0.08, crop=0.9, flip=True))
    assert form.suited.isVisible() and form.suited.text() == "Used now: Mirror left and right, Shift 0.08, Crop 0.9"
    form.editors["suit_augmentation"].click()
    assert not form.suited.isVisible()
    form.editors["suit_augmentation"].click()
    type_into(form, "augmentation.rotate", "5")
    assert not form.suited.isVisible()


def test_a_layer_that_is_not_there_cannot_be_frozen(form):
    form.set_advanced(True)
    form.set_known(Known("lenet-5", layers=("conv1", "conv2")))
    type_into(form, "frozen", "conv1, conv9")
    assert 'no layer "conv9"' in form.fault and form.editors["frozen"].property("look") == "wrong"
    type_into(form, "frozen", "conv1, conv2")
    assert not form.fault and form.recipe.frozen == ("conv1", "conv2")
