"""The recipe of a training run: every choice that is not the network or the data, as one frozen record."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Random changes of the training pictures, made in batches on the device.

    Attributes
    ----------
    shift : float
        Largest shift in each direction as a fraction of the side, in [0, 0.5].
    flip, flip_vertical : bool
        Mirror left and right, or up and down, with probability one half.
    crop : float
        Smallest side of a random crop as a fraction of the side, in (0, 1]; 1 means no crop.
    colour : float
        Largest relative change of brightness, contrast and saturation, in [0, 1].
    rotate : float
        Largest rotation in degrees, in [0, 180].
    scale : float
        Largest relative change of size, in [0, 0.9]: 0.2 makes pictures 0.8 to 1.2 times as large.
    blur : float
        Largest standard deviation of a Gaussian blur, as a fraction of the side, in [0, 0.1].
    noise : float
        Largest standard deviation of Gaussian noise, as a fraction of the full range, in [0, 1].
    erase : float
        Largest area of a grey rectangle as a fraction of the picture, in [0, 0.9]; each picture has one with probability one half
        (Zhong et al., Random Erasing Data Augmentation, 2017).
    rand_augment : float
        Magnitude of RandAugment with two operations a picture, in [0, 30]; 0 is off (Cubuk et al., 2019).
    mixup, cutmix : float
        Parameter of the Beta distribution that mixing shares are drawn from, in [0, 10]; 0 is off. Where both are on, each batch takes
        one of them (Zhang et al., mixup, 2017; Yun et al., CutMix, 2019).
    """

    shift: float = 0.0
    flip: bool = False
    crop: float = 1.0
    colour: float = 0.0
    flip_vertical: bool = False
    rotate: float = 0.0
    scale: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    rand_augment: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a network is trained.

    Attributes
    ----------
    preset : str
        Name of the preset it came from; "own" once a field was changed.
    epochs : int
        Passes over the training pictures.
    batch : int
        Pictures a step; with few training pictures a sixteenth of them, so that an epoch has at least some 16 steps.
    learning_rate, momentum, weight_decay : float
        Peak learning rate; momentum in [0, 1) (SGD alone); decoupled decay for AdamW, L2 for SGD.
    label_smoothing : float
        Probability mass spread over all classes, in [0, 1).
    class_weights : bool
        Weigh each class's loss by the inverse of its number of training pictures, mean 1 over these pictures: so the loss keeps its
        size and the learning rate its meaning. Beside balanced sampling all weights are 1, for rare classes would count twice.
    balanced_sampling : bool
        Draw training pictures so that each class comes equally often in the mean. Ignored, as class weights are, by classic classifiers.
    augmentation : Augmentation
    suit_augmentation : bool
        Where `augmentation` changes nothing, take what suits the data instead: for convolutional networks `FEW_GREY`, `MANY_GREY`
        or `PHOTOGRAPHS`. A run's record holds what was taken.
    mixed_precision : {"auto", "off"}
        "auto" uses bfloat16 or float16 where a measurement on the device shows a gain.
    seed : int
        Seeds initial weights, order of pictures, dropout and augmentation.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps", "xpu".
    neighbours : int
        k of the nearest-neighbour classifier; ignored by networks.
    distance : {"l1", "l2"}
        Its distance; ignored by networks.
    """

    preset: str = "solid"
    epochs: int = 8
    batch: int = 128
    optimiser: Literal["sgd", "adamw"] = "adamw"
    learning_rate: float = 6e-3
    momentum: float = 0.9
    weight_decay: float = 0.01
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    label_smoothing: float = 0.0
    class_weights: bool = False
    balanced_sampling: bool = False
    augmentation: Augmentation = Augmentation()
    suit_augmentation: bool = True
    mixed_precision: Literal["auto", "off"] = "auto"
    seed: int = 0
    device: str = "auto"
    neighbours: int = 1
    distance: Literal["l1", "l2"] = "l2"


MANY = 10_000  # training pictures; the fewer there are, the more they should vary
FEW_GREY = Augmentation(shift=0.08, crop=0.9)
MANY_GREY = Augmentation(shift=0.03)
PHOTOGRAPHS = Augmentation(shift=0.05, flip=True, crop=0.8, colour=0.2)

# Two strengths for any kind of pictures; whether they may be mirrored depends on what they show, and is left as it is.
GENTLE = Augmentation(shift=0.05, crop=0.9, colour=0.1, rotate=5.0, scale=0.1, noise=0.01)
STRONG = Augmentation(shift=0.1, crop=0.7, colour=0.4, rotate=15.0, scale=0.2, blur=0.015, noise=0.04, erase=0.2)

PRESETS: dict[str, tuple[str, Recipe]] = {
    "quick-look": ("A first answer in seconds", Recipe(preset="quick-look", epochs=3)),
    "solid": ("A good result without waiting long", Recipe(preset="solid", epochs=10)),
    "best": (
        "More passes, small shifts and smoothed labels against overfitting",
        Recipe(preset="best", epochs=30, label_smoothing=0.05, augmentation=Augmentation(shift=0.08)),
    ),
}


def suited_augmentation(recipe: Recipe, convolutional: bool, channels: int, pictures: int) -> Augmentation:
    """The augmentation that a training takes, see Recipe.suit_augmentation.

    Parameters
    ----------
    recipe : Recipe
        Its own augmentation counts where it changes anything.
    convolutional : bool
        Whether the network has convolutions; others learn places, not shapes, and are shown pictures as they are.
    channels : int
        1 for grey pictures, 3 for colour.
    pictures : int
        For training.
    """
    if not recipe.suit_augmentation or recipe.augmentation != Augmentation() or not convolutional:
        return recipe.augmentation
    return PHOTOGRAPHS if channels == 3 else FEW_GREY if pictures < MANY else MANY_GREY


def field_of(recipe: Recipe, name: str) -> Any:
    """The value of a field; "augmentation.shift" is one within the augmentation."""
    outer, _, inner = name.partition(".")
    value = getattr(recipe, outer)
    return getattr(value, inner) if inner else value


def with_field(recipe: Recipe, name: str, value: Any) -> Recipe:
    """The recipe with another value of a field; named as in `field_of`."""
    outer, _, inner = name.partition(".")
    if inner:
        value = msgspec.structs.replace(getattr(recipe, outer), **{inner: value})
    return msgspec.structs.replace(recipe, **{outer: value})


def check(recipe: Recipe) -> None:
    """Refuse a recipe that cannot be trained.

    Raises
    ------
    ValueError
        One sentence that names the field, its value and the range that it must lie in.
    """
    augmentation = recipe.augmentation
    ranges: tuple[tuple[str, float, float, float], ...] = (
        ("epochs", recipe.epochs, 1, 100_000),
        ("batch", recipe.batch, 1, 65_536),
        ("learning rate", recipe.learning_rate, 1e-9, 1e6),
        ("momentum", recipe.momentum, 0, 0.9999),
        ("weight decay", recipe.weight_decay, 0, 10),
        ("label smoothing", recipe.label_smoothing, 0, 0.9999),
        ("seed", recipe.seed, 0, 2**63 - 1),
        ("neighbours", recipe.neighbours, 1, 1_000),
        ("shift", augmentation.shift, 0, 0.5),
        ("crop", augmentation.crop, 0.05, 1),
        ("colour", augmentation.colour, 0, 1),
        ("rotation", augmentation.rotate, 0, 180),
        ("scale", augmentation.scale, 0, 0.9),
        ("blur", augmentation.blur, 0, 0.1),
        ("noise", augmentation.noise, 0, 1),
        ("erasing", augmentation.erase, 0, 0.9),
        ("RandAugment", augmentation.rand_augment, 0, 30),
        ("MixUp", augmentation.mixup, 0, 10),
        ("CutMix", augmentation.cutmix, 0, 10),
    )
    for name, value, low, high in ranges:
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"The {name} is {value:g}: choose a number from {low:g} to {high:g}.")
