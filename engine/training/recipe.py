"""The recipe of a training run: every choice that is not the network or the data, as one frozen record."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Random changes of the training pictures, made in batches on the device.

    Attributes
    ----------
    shift : float
        Largest shift in each direction as a fraction of the side, in [0, 0.5]; by whole pixels where nothing else moves the picture.
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


Loss: TypeAlias = Literal["cross-entropy", "squared", "hinge", "focal", "rbf"]
Optimiser: TypeAlias = Literal["sgd", "adamw", "adam", "muon"]
Schedule: TypeAlias = Literal["one-cycle", "cosine", "linear", "step", "constant"]
Initialisation: TypeAlias = Literal["suited", "identity", "kaiming", "xavier", "fan-in", "normal"]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a network is trained.

    Attributes
    ----------
    preset : str
        Name of the preset it came from; "own" once a field was changed.
    epochs : int
        Passes over the training pictures, at most.
    least_steps : int
        With few pictures there are more epochs, so that there are at least so many steps; a run's record holds the number taken.
    minutes : float
        Training ends after so many minutes, and the schedule is shortened to fit; 0 for no limit. With it, the same seed need not
        give the same weights.
    target : float
        Training ends after the epoch whose validation accuracy reaches this share, in [0, 1]; 0 for none.
    patience : int
        Training ends when the validation loss has not fallen below its least for so many epochs; 0 for never.
    batch : int
        Pictures that are shown at once; with few training pictures a sixteenth of them, so that an epoch has at least some 16 steps.
    accumulate : int
        Batches whose gradients make one step, for steps of more pictures than memory holds.
    learning_rate, momentum : float
        Peak learning rate; momentum in [0, 1) (SGD and Muon).
    nesterov : bool
        Look ahead along the momentum (Nesterov 1983; SGD and Muon).
    weight_decay : float
        L2: for SGD and Adam the gradient of half its product with the sum of squared weights is added; for AdamW and Muon weights
        shrink by its product with the learning rate at each step (Loshchilov and Hutter 2019). Biases and norms are left out.
    l1 : float
        Weight of the sum of absolute weights in what is minimised; biases and norms are left out.
    optimiser : str
        "muon" (Jordan 2024) makes steps of hidden weight matrices orthogonal; all else, and the largest of them, goes by AdamW.
    schedule : str
        "one-cycle" up and down again, "cosine" falls along half a cosine to 0, "linear" along a line to 0, "step" to a tenth at half
        and again at three quarters.
    warm_up : float or None
        Share of the steps over which the rate rises at the beginning, in [0, 0.9]; None takes a fifth for one cycle, 0 for others.
    loss : str
        "squared": half the squared distance of the logits to the one-hot label; "hinge": Weston and Watkins 1999; "focal": Lin et al.
        2017; "rbf": LeCun et al. 1998, equation 9, for networks that end in distances.
    focal : float
        The focal loss's exponent, in [0, 10]; 0 is cross-entropy.
    label_smoothing : float
        Probability mass spread over all classes, in [0, 1); of cross-entropy and the squared loss.
    class_weights : bool
        Weigh each class's loss by the inverse of its number of training pictures, mean 1 over these pictures: so the loss keeps its
        size and the learning rate its meaning. Beside balanced sampling all weights are 1, for rare classes would count twice.
    balanced_sampling : bool
        Draw training pictures so that each class comes equally often in the mean. Ignored, as class weights are, by classic classifiers.
    clip : float
        Largest norm of the gradient of all weights together; 0 for none (Pascanu et al. 2013).
    ema : float
        Decay a step of a running mean of the weights, which then is what is measured and kept, in [0, 1); 0 for none.
    dropout : float or None
        Takes the place of every dropout rate of the network, in [0, 0.95]; None leaves them.
    initialisation : str
        "suited": N(0, gain²/n) by the activation that follows; "identity": the same, but the first filters of a convolution pass its
        channels on (Zagoruyko and Komodakis 2017); "kaiming": N(0, 2/n) everywhere (He et al. 2015); "xavier":
        N(0, 2/(n + m)) (Glorot and Bengio 2010); "fan-in": N(0, 1/n); "normal": N(0, 1), which saturates. A unit has n inputs, and
        its inputs go to m units.
    zero_residual : bool
        The last layer with weights of each residual body begins at 0, so that blocks begin as the identity (Goyal et al. 2017).
    frozen : tuple of str
        Dotted names of layers or containers whose weights stay as they are.
    layer_decay : float
        The learning rate of each part of the network is this times that of the next one, in (0, 1] (Howard and Ruder 2018); parts as
        in `freezing.parts_of`.
    unfreeze : int
        Epochs after which one more part, from the last to the first, begins to learn (Howard and Ruder 2018); 0: all learn at once.
    keep_norms : bool
        Batch norms stay as they came with learned weights, means and deviations among them: those of few pictures are poor ones.
    probe : bool
        Only the last layer learns; what the others make of each picture is computed once, without random changes.
    augmentation : Augmentation
    suit_augmentation : bool
        Where `augmentation` changes nothing, take what suits the data instead: for convolutional networks `FEW_GREY`, `MANY_GREY`
        or `PHOTOGRAPHS`. A run's record holds what was taken.
    mixed_precision : {"auto", "off"}
        "auto" uses bfloat16 or float16 where a measurement on the device shows a gain.
    compiling : {"auto", "off"}
        "auto" records a step's passes as CUDA graphs or compiles them where a measurement on the device shows a gain.
    seed : int
        Seeds initial weights, order of pictures, dropout and augmentation.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps", "xpu".
    neighbours : int
        k of the nearest-neighbour classifier; ignored by networks.
    distance : {"l1", "l2"}
        Its distance; ignored by networks.
    tensorboard : bool
        Also write the curves as TensorBoard event files, into the run's folder.
    """

    preset: str = "solid"
    epochs: int = 8
    batch: int = 128
    optimiser: Optimiser = "adamw"
    learning_rate: float = 6e-3
    momentum: float = 0.9
    weight_decay: float = 0.01
    schedule: Schedule = "one-cycle"
    label_smoothing: float = 0.0
    class_weights: bool = False
    balanced_sampling: bool = False
    augmentation: Augmentation = Augmentation()
    suit_augmentation: bool = True
    mixed_precision: Literal["auto", "off"] = "auto"
    compiling: Literal["auto", "off"] = "auto"
    seed: int = 0
    device: str = "auto"
    neighbours: int = 1
    distance: Literal["l1", "l2"] = "l2"
    minutes: float = 0.0
    target: float = 0.0
    patience: int = 0
    accumulate: int = 1
    nesterov: bool = True
    warm_up: float | None = None
    loss: Loss = "cross-entropy"
    focal: float = 2.0
    l1: float = 0.0
    clip: float = 0.0
    ema: float = 0.0
    dropout: float | None = None
    initialisation: Initialisation = "suited"
    zero_residual: bool = False
    frozen: tuple[str, ...] = ()
    layer_decay: float = 1.0
    unfreeze: int = 0
    keep_norms: bool = False
    probe: bool = False
    least_steps: int = 0
    tensorboard: bool = False


MANY = 10_000  # training pictures; the fewer there are, the more they should vary
FEW_GREY = Augmentation(shift=0.08, crop=0.9)
MANY_GREY = Augmentation(shift=0.03)
PHOTOGRAPHS = Augmentation(shift=0.05, flip=True, crop=0.8, colour=0.2)

# Two strengths for any kind of pictures; whether they may be mirrored depends on what they show, and is left as it is.
GENTLE = Augmentation(shift=0.05, crop=0.9, colour=0.1, rotate=5.0, scale=0.1, noise=0.01)
STRONG = Augmentation(shift=0.1, crop=0.7, colour=0.4, rotate=15.0, scale=0.2, blur=0.015, noise=0.04, erase=0.2)


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
    if recipe.probe or not recipe.suit_augmentation or recipe.augmentation != Augmentation() or not convolutional:
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
    """Refuse a recipe that cannot be trained, or whose fields contradict each other.

    What depends on the network or on the data is checked where these are known, see `engine.training.suiting`.

    Raises
    ------
    RecipeError
        A ValueError: one sentence that names the field and the reason.
    """
    for field, (words, low, high) in RANGES.items():
        value = field_of(recipe, field)
        if value is not None and (not math.isfinite(value) or not low <= value <= high):
            raise RecipeError(field, f"The {words} is {value:g}: choose a number from {low:g} to {high:g}.")
    for found in contradictions(recipe):
        raise RecipeError(found.field, f"{found.reason}.")


RANGES: dict[str, tuple[str, float, float]] = {
    "epochs": ("number of epochs", 1, 100_000),
    "least_steps": ("least number of steps", 0, 1_000_000),
    "minutes": ("limit in minutes", 0, 100_000),
    "target": ("target accuracy", 0, 1),
    "patience": ("patience", 0, 100_000),
    "batch": ("batch", 1, 65_536),
    "accumulate": ("number of batches a step", 1, 1_024),
    "learning_rate": ("learning rate", 1e-9, 1e6),
    "momentum": ("momentum", 0, 0.9999),
    "weight_decay": ("weight decay", 0, 10),
    "l1": ("L1", 0, 10),
    "warm_up": ("warm-up", 0, 0.9),
    "focal": ("focal exponent", 0, 10),
    "label_smoothing": ("label smoothing", 0, 0.9999),
    "clip": ("gradient clipping", 0, 1e6),
    "ema": ("mean of the weights", 0, 0.99999),
    "dropout": ("dropout", 0, 0.95),
    "layer_decay": ("rate of earlier layers", 0.01, 1),
    "unfreeze": ("gradual unfreezing", 0, 100_000),
    "seed": ("seed", 0, 2**63 - 1),
    "neighbours": ("number of neighbours", 1, 1_000),
    "augmentation.shift": ("shift", 0, 0.5),
    "augmentation.crop": ("crop", 0.05, 1),
    "augmentation.colour": ("colour", 0, 1),
    "augmentation.rotate": ("rotation", 0, 180),
    "augmentation.scale": ("scale", 0, 0.9),
    "augmentation.blur": ("blur", 0, 0.1),
    "augmentation.noise": ("noise", 0, 1),
    "augmentation.erase": ("erasing", 0, 0.9),
    "augmentation.rand_augment": ("RandAugment", 0, 30),
    "augmentation.mixup": ("MixUp", 0, 10),
    "augmentation.cutmix": ("CutMix", 0, 10),
}
"""Fields that are numbers: what they are called, the least and the largest."""


class RecipeError(ValueError):
    """What a recipe cannot be, in one sentence; `field` is the one that had better be changed, as `field_of` names it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Contradiction(NamedTuple):
    """Two choices that exclude each other: the field (as `field_of` names it) that had better be changed, and why."""

    field: str
    reason: str


SOFT = ("cross-entropy", "squared")
"""Losses that take shares of several classes as their target."""


def contradictions(recipe: Recipe) -> tuple[Contradiction, ...]:
    """All choices of a recipe that exclude each other, whatever the network."""
    augmentation = recipe.augmentation
    words = {"hinge": "hinge loss", "focal": "focal loss", "rbf": "loss by distances"}.get(recipe.loss, "loss")
    changed = next((name for name in Augmentation.__struct_fields__ if getattr(augmentation, name) != getattr(Augmentation(), name)), "")
    probed = "the linear probe computes what the network makes of each picture once"
    found = (
        (
            recipe.label_smoothing > 0 and recipe.loss not in SOFT,
            "label_smoothing",
            f"Label smoothing needs a loss whose target may be shared among classes, which the {words} is not",
        ),
        (
            augmentation.mixup > 0 and recipe.loss not in SOFT,
            "augmentation.mixup",
            f"MixUp needs a loss whose target may be shared among classes, which the {words} is not",
        ),
        (
            augmentation.cutmix > 0 and recipe.loss not in SOFT,
            "augmentation.cutmix",
            f"CutMix needs a loss whose target may be shared among classes, which the {words} is not",
        ),
        (
            recipe.optimiser == "muon" and recipe.momentum == 0,
            "momentum",
            "Muon makes the momentum orthogonal, so the momentum cannot be 0",
        ),
        (
            recipe.unfreeze >= recipe.epochs and recipe.unfreeze > 0,
            "unfreeze",
            f"Gradual unfreezing after {recipe.unfreeze} epochs never begins in a training of {recipe.epochs}",
        ),
        (
            recipe.probe and recipe.unfreeze > 0,
            "unfreeze",
            "Gradual unfreezing has nothing to do in a linear probe, where the last layer alone learns",
        ),
        (
            recipe.probe and recipe.layer_decay < 1,
            "layer_decay",
            "Lower rates of earlier layers have no effect in a linear probe, where the last layer alone learns",
        ),
        (
            recipe.probe and bool(recipe.frozen),
            "frozen",
            "Layers to freeze need not be named in a linear probe, where the last layer alone learns",
        ),
        (
            recipe.probe and recipe.dropout is not None,
            "dropout",
            f"Dropout has no effect where {probed}",
        ),
        (
            recipe.probe and augmentation != Augmentation(),
            f"augmentation.{changed}",
            f"Random changes of the pictures have no effect where {probed}",
        ),
    )
    return tuple(Contradiction(field, reason) for excluded, field, reason in found if excluded)
