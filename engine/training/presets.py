"""Recipes that stand ready. No torch."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.training.recipe import Augmentation, Recipe


class Preset(NamedTuple):
    """A recipe and what a person is told of it.

    Attributes
    ----------
    words : str
        One plain line.
    recipe : Recipe
    title : str
    networks : str
        Regular expression of the networks that it was published for; "" for any.
    learned : bool
        Whether it is for networks that begin with learned weights.
    """

    words: str
    recipe: Recipe
    title: str
    networks: str = ""
    learned: bool = False


PRESETS: dict[str, Preset] = {
    "quick-look": Preset(
        "A first answer in seconds",
        Recipe(
            preset="quick-look",
            epochs=1,
            least_steps=64,
            batch=96,
            optimiser="muon",
            learning_rate=1.5e-2,
            weight_decay=0.1,
            label_smoothing=0.1,
            suit_augmentation=False,
        ),
        "Quick look",
    ),
    "solid": Preset("A good result without waiting long", Recipe(preset="solid", epochs=10), "Solid"),
    "best": Preset(
        "More passes, small shifts and smoothed labels against overfitting",
        Recipe(preset="best", epochs=30, label_smoothing=0.05, augmentation=Augmentation(shift=0.08)),
        "Best",
    ),
    "fine-tune": Preset(
        "Learned weights are adapted with care, early layers least",
        Recipe(preset="fine-tune", epochs=6, batch=32, learning_rate=1e-3, warm_up=0.1, layer_decay=0.8, keep_norms=True),
        "Fine-tune",
        learned=True,
    ),
    "linear-probe": Preset(
        "The last layer only, in seconds: the features of all others are computed once",
        Recipe(preset="linear-probe", epochs=20, learning_rate=1e-2, probe=True, suit_augmentation=False),
        "Linear probe",
        learned=True,
    ),
    "fastest-cifar-10": Preset(
        "As accurate as 32-pixel pictures allow in the least arithmetic",
        Recipe(
            preset="fastest-cifar-10",
            epochs=20,
            batch=512,
            optimiser="muon",
            learning_rate=0.015,
            momentum=0.9,
            weight_decay=0.4,
            schedule="linear",
            warm_up=0.23,
            label_smoothing=0.2,
            initialisation="identity",
            augmentation=Augmentation(shift=0.0625, flip=True, erase=0.25),
        ),
        "Fastest CIFAR-10",
        r"cifar-speed(-narrow)?",
    ),
    "lenet-1998": Preset(
        "SGD on few pictures a step, twenty passes, equation 9",
        Recipe(
            preset="lenet-1998",
            epochs=20,
            batch=16,
            optimiser="sgd",
            learning_rate=1e-3,
            momentum=0.0,
            nesterov=False,
            weight_decay=0.0,
            schedule="step",
            loss="rbf",
            suit_augmentation=False,
        ),
        "As published",
        r"lenet-5-1998",
    ),
    "alexnet-2012": Preset(
        "SGD, ninety passes, crops, mirrored pictures and changed colours",
        Recipe(
            preset="alexnet-2012",
            epochs=90,
            optimiser="sgd",
            learning_rate=0.01,
            nesterov=False,
            weight_decay=5e-4,
            schedule="step",
            augmentation=Augmentation(flip=True, crop=0.875, colour=0.1),
        ),
        "As published",
        r"alexnet(-one-tower)?|torchvision:alexnet",
    ),
    "resnet-2015": Preset(
        "SGD, 120 passes in batches of 256, the rate falls to a tenth twice",
        Recipe(
            preset="resnet-2015",
            epochs=120,
            batch=256,
            optimiser="sgd",
            learning_rate=0.1,
            nesterov=False,
            weight_decay=1e-4,
            schedule="step",
            augmentation=Augmentation(flip=True, crop=0.875, colour=0.1),
        ),
        "As published",
        r"resnet-(18|34|50|101|152)|torchvision:resnet(18|34|50|101|152)",
    ),
    "resnet-cifar-2015": Preset(
        "SGD, 182 passes in batches of 128, the rate falls to a tenth twice",
        Recipe(
            preset="resnet-cifar-2015",
            epochs=182,  # 64,000 steps of 128 out of 45,000 pictures
            optimiser="sgd",
            learning_rate=0.1,
            nesterov=False,
            weight_decay=1e-4,
            schedule="step",
            augmentation=Augmentation(flip=True, shift=0.125),
        ),
        "As published",
        r"(resnet|plain)-(20|32|44|56|110|164|1001|1202)",
    ),
}
"""Fastest CIFAR-10 is after K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (arXiv:2404.00498), and the Muon of the same
author: its warm-up, label smoothing and shift of two pixels; batch, rate, momentum, decay and erasing are of our own. Left out are its
test-time augmentation, which camera and exported networks would not have, the order in which pictures are mirrored, and the rates of its
biases.

Sources of those as published: LeCun et al. 1998, section III; Krizhevsky et al. 2012, sections 4 and 5; He et al. 2015, sections 3.4
and 4.2. AlexNet's rate fell whenever the validation error stood still, here at half and three quarters; LeNet's steps were one
picture long and divided by each weight's second derivative, which is left out."""


def offered(network: str, learned: bool) -> tuple[str, ...]:
    """Names of the presets that suit a network.

    Parameters
    ----------
    network : str
        As commands name it.
    learned : bool
        Whether it begins with learned weights.
    """
    return tuple(
        name
        for name, preset in PRESETS.items()
        if (learned or not preset.learned) and (not preset.networks or re.fullmatch(preset.networks, network) is not None)
    )


LOWER = 10
"""By this much a learning rate is divided that was too high."""


def lower_rate(recipe: Recipe, rate: float) -> float:
    """The learning rate to try after one that was too high: a tenth of it or of the recipe's, whichever is lower, but not above what is
    usual: of what was raised on the way a tenth may be far too high as well.

    Usual is the rate of the recipe's preset or, where it has none, the highest that a preset has for its optimiser; so a rate that was
    far beyond sense is not followed by others that are.

    Examples
    --------
    >>> lower_rate(Recipe(learning_rate=6e-3), 1e3), lower_rate(Recipe(preset="own", learning_rate=1e6), 1e6)
    (0.0006, 0.006)
    """
    preset = PRESETS.get(recipe.preset)
    kind = "adamw" if recipe.optimiser == "adam" else recipe.optimiser
    usual = (found.recipe.learning_rate for found in PRESETS.values() if found.recipe.optimiser == kind and not found.learned)
    highest = preset.recipe.learning_rate if preset is not None else max(usual)
    return float(f"{min(min(rate, recipe.learning_rate) / LOWER, highest):.3g}")
