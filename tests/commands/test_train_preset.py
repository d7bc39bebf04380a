"""The command `train` with a preset: its recipe, and what other options change of it."""

from __future__ import annotations

import argparse

import pytest
from msgspec.structs import replace

from engine.commands.ordered import recipe_of
from engine.commands.parser import WrongUsage, make_parser
from engine.training.presets import PRESETS


def options(*words: str) -> argparse.Namespace:
    return make_parser().parse_args(["train", "digits", "--network", "softmax", *words])


def test_without_a_preset_it_is_solid() -> None:
    assert recipe_of(options()) == PRESETS["solid"].recipe


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_taken_as_it_stands(name: str) -> None:
    assert recipe_of(options("--preset", name)) == PRESETS[name].recipe
    seeded = recipe_of(options("--preset", name, "--seed", "7", "--device", "cpu"))
    assert seeded == replace(PRESETS[name].recipe, seed=7, device="cpu")


def test_other_options_take_the_place_of_its_fields() -> None:
    changed = recipe_of(options("--preset", "quick-look", "--epochs", "4", "--lr", "0.5", "--batch", "9"))
    assert changed == replace(PRESETS["quick-look"].recipe, epochs=4, learning_rate=0.5, batch=9, preset="own")
    same = recipe_of(options("--preset", "quick-look", "--epochs", "1"))
    assert same == PRESETS["quick-look"].recipe


def test_an_unknown_preset_is_wrong_usage() -> None:
    with pytest.raises(WrongUsage, match="quickest"):
        options("--preset", "quickest")
