"""The recipe: what it refuses and why, old files, presets, fields by name."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.networks import zoo
from engine.training.presets import PRESETS, offered
from engine.training.recipe import Augmentation, Recipe, check, contradictions, field_of, with_field

OLD = (
    b'{"preset":"own","epochs":3,"batch":64,"optimiser":"sgd","learning_rate":0.05,"momentum":0.9,"weight_decay":0.01,'
    b'"schedule":"constant","label_smoothing":0.0,"class_weights":false,"balanced_sampling":false,"augmentation":{"shift":0.1,'
    b'"flip":false,"crop":1.0,"colour":0.0},"mixed_precision":"auto","seed":7,"device":"auto","neighbours":1,"distance":"l2"}'
)

CONTRADICTIONS: dict[str, tuple[Recipe, str]] = {
    "smoothed hinge": (Recipe(loss="hinge", label_smoothing=0.1), "label_smoothing"),
    "smoothed focal": (Recipe(loss="focal", label_smoothing=0.1), "label_smoothing"),
    "mixed distances": (Recipe(loss="rbf", augmentation=Augmentation(mixup=0.2)), "augmentation.mixup"),
    "pasted hinge": (Recipe(loss="hinge", augmentation=Augmentation(cutmix=1.0)), "augmentation.cutmix"),
    "muon at rest": (Recipe(optimiser="muon", momentum=0.0), "momentum"),
    "unfreezing too late": (Recipe(epochs=3, unfreeze=3), "unfreeze"),
    "probe that unfreezes": (Recipe(probe=True, unfreeze=1), "unfreeze"),
    "probe with rates": (Recipe(probe=True, layer_decay=0.8), "layer_decay"),
    "probe with names": (Recipe(probe=True, frozen=("conv1",)), "frozen"),
    "probe that drops": (Recipe(probe=True, dropout=0.5), "dropout"),
    "probe that changes pictures": (Recipe(probe=True, augmentation=Augmentation(flip=True)), "augmentation.flip"),
}

OUT_OF_RANGE = {
    "target": (99.0, "target accuracy is 99: choose a number from 0 to 1"),
    "warm_up": (1.0, "warm-up is 1"),
    "epochs": (0, "number of epochs is 0"),
    "minutes": (-1.0, "limit in minutes is -1"),
    "dropout": (1.0, "dropout is 1"),
    "ema": (1.0, "mean of the weights is 1"),
    "layer_decay": (0.0, "rate of earlier layers is 0"),
    "layer_decay ": (1.5, "rate of earlier layers is 1.5"),
    "accumulate": (0, "batches a step is 0"),
    "focal": (math.nan, "focal exponent is nan"),
    "l1": (math.inf, "L1 is inf"),
    "augmentation.crop": (0.0, "crop is 0"),
}


def test_recipes_of_earlier_runs_still_load_and_unknown_fields_do_not() -> None:
    old = msgspec.json.decode(OLD, type=Recipe)
    assert (old.seed, old.schedule, old.augmentation.shift, old.loss, old.ema) == (7, "constant", 0.1, "cross-entropy", 0.0)
    check(old)
    with pytest.raises(msgspec.ValidationError, match="epocs"):
        msgspec.json.decode(b'{"epocs":3}', type=Recipe)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"optimiser":"magic"}', type=Recipe)


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_are_named_by_field_and_reason(name: str) -> None:
    recipe, field = CONTRADICTIONS[name]
    assert [found.field for found in contradictions(recipe)] == [field]
    with pytest.raises(ValueError) as error:
        check(recipe)
    assert str(error.value).count(". ") == 0 and str(error.value).endswith(".")


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_numbers_out_of_range_are_named(name: str) -> None:
    value, words = OUT_OF_RANGE[name]
    with pytest.raises(ValueError, match=words):
        check(with_field(Recipe(), name.strip(), value))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_hold_and_come_back_from_a_file(name: str) -> None:
    preset = PRESETS[name]
    assert preset.recipe.preset == name and preset.words and preset.title
    check(preset.recipe)
    assert msgspec.json.decode(msgspec.json.encode(preset.recipe), type=Recipe) == preset.recipe


def test_presets_are_offered_where_they_fit() -> None:
    usual = ("quick-look", "solid", "best")
    assert offered("lenet-5", learned=False) == usual
    assert offered("lenet-5-1998", learned=False) == (*usual, "lenet-1998")
    assert offered("mobilenet-v2", learned=True) == (*usual, "fine-tune", "linear-probe")
    assert offered("resnet-56", learned=False)[-1] == offered("plain-110", learned=False)[-1] == "resnet-cifar-2015"
    assert offered("torchvision:resnet50", learned=False)[-1] == offered("resnet-18", learned=False)[-1] == "resnet-2015"
    assert offered("alexnet", learned=False)[-1] == "alexnet-2012"
    published = [name for name, preset in PRESETS.items() if preset.networks]
    for name in published:
        assert any(name in offered(network, learned=False) for network in zoo.names())


def test_published_figures() -> None:
    residual = PRESETS["resnet-cifar-2015"].recipe
    assert round(residual.epochs * 45_000 / residual.batch, -3) == 64_000
    assert (residual.optimiser, residual.learning_rate, residual.momentum, residual.weight_decay) == ("sgd", 0.1, 0.9, 1e-4)
    alexnet = PRESETS["alexnet-2012"].recipe
    assert (alexnet.epochs, alexnet.batch, alexnet.learning_rate, alexnet.weight_decay) == (90, 128, 0.01, 5e-4)


@given(st.sampled_from([*Recipe.__struct_fields__, "augmentation.shift"]))
def test_fields_are_found_by_name(name: str) -> None:
    recipe = Recipe()
    assert with_field(recipe, name, field_of(recipe, name)) == recipe
