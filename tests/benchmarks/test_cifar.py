"""The benchmark's two loops learn the same and its rows hold; no time is measured here."""

from __future__ import annotations

import torch
from msgspec.structs import replace

from engine.data.preprocessing import Preprocessing
from engine.training.feeding import Part
from engine.training.presets import PRESETS
from tests.benchmarks import cifar


def test_both_loops_run_on_any_device() -> None:
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (64, 32, 32, 3), generator=random, dtype=torch.uint8)
    part = Part(pixels, torch.randint(0, 10, (64,), generator=random))
    pre = Preprocessing(32, 32, 3, "centre", (0.5,) * 3, (0.25,) * 3)
    recipe = replace(PRESETS[cifar.PRESET].recipe, epochs=1, batch=4)
    assert cifar.ours(part, pre, recipe) > 0
    assert cifar.bare(part, pre, recipe) > 0


def test_the_recipes_are_the_preset_s() -> None:
    for network in cifar.AIMS:
        recipe = cifar.recipe_of(network, 3)
        assert recipe.seed == 3
        assert replace(recipe, seed=0, epochs=16, preset=cifar.PRESET) == replace(PRESETS[cifar.PRESET].recipe, epochs=16)
