"""GoogLeNet as published, and its Inception module alone, with and without the 1×1 reductions."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import (
    Activation,
    Auxiliary,
    Branches,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    LocalResponseNorm,
    Network,
    Pair,
    Pool,
    Sequence,
    Shape,
)
from engine.networks.zoo.card import Card, Entry, square_up_to
from engine.networks.zoo.inception_parts import chain, spread_pool

SOURCE = (
    "C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich, Going deeper with convolutions"
)
SHARE = 0.3
"""Of an auxiliary head in the loss (section 5)."""

GOOGLENET = Card(
    name="googlenet",
    title="GoogLeNet",
    family="inception",
    year=2014,
    summary="Nine Inception modules, 22 layers with weights, a ninth of AlexNet's parameters: the winner of ILSVRC 2014's classification.",
    source=f"{SOURCE}, CVPR 2015 (arXiv 2014)",
    kind="network",
    smallest=47,
    default_input=(3, 224, 224),
    default_classes=1000,
)
NAIVE = Card(
    name="inception-naive",
    title="Inception module, naive",
    family="inception",
    year=2014,
    summary="One module at the sizes of GoogLeNet's 3a without its 1×1 reductions: 3×3 and 5×5 see all 192 maps, pooling passes all on.",
    source=f"{SOURCE}, figure 2(a), CVPR 2015 (arXiv 2014)",
    kind="network",
    smallest=11,
    default_input=(3, 224, 224),
)
REDUCED = Card(
    name="inception-reduced",
    title="Inception module, reduced",
    family="inception",
    year=2014,
    summary="GoogLeNet's module 3a: 1×1 convolutions first reduce the maps, for less than half of the naive module's work.",
    source=f"{SOURCE}, figure 2(b), CVPR 2015 (arXiv 2014)",
    kind="network",
    smallest=11,
    default_input=(3, 224, 224),
)

# columns of table 1: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pooling's projection
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def _conv(name: str, filters: int, side: int) -> tuple[Layer, ...]:
    return Conv(name, filters, (side, side), padding=(side // 2, side // 2)), Activation(f"{name}_relu")


def _pool(name: str) -> Pool:
    return Pool(name, "max", (3, 3), (2, 2), ceil=True)


def _stem() -> tuple[Layer, ...]:
    """What comes before module 3a: 192 maps of an eighth of the picture's sides."""
    return (
        Conv("conv1", 64, (7, 7), (2, 2), (3, 3)),
        Activation("relu1"),
        _pool("pool1"),
        LocalResponseNorm("norm1"),
        *_conv("conv2_reduce", 64, 1),
        *_conv("conv2", 192, 3),
        LocalResponseNorm("norm2"),
        _pool("pool2"),
    )


def _module(key: str, reduced: bool = True) -> Branches:
    """An Inception module, figure 2(b) of the paper; without the 1×1 reductions figure 2(a)."""
    ones, reduce3, threes, reduce5, fives, projected = MODULES[key]

    def reduction(filters: int) -> tuple[Layer, ...]:
        return _conv("reduce", filters, 1) if reduced else ()

    branches = (
        chain("branch1x1", *_conv("conv", ones, 1)),
        chain("branch3x3", *reduction(reduce3), *_conv("conv", threes, 3)),
        chain("branch5x5", *reduction(reduce5), *_conv("conv", fives, 5)),
        chain("branch_pool", Pool("pool", "max", (3, 3), (1, 1), (1, 1)), *reduction(projected)),
    )
    return Branches(f"inception{key}", branches)


def _head(number: int, places: Pair, classes: int) -> tuple[Auxiliary, ...]:
    """An auxiliary head (section 5); none where fewer than its 4×4 places are left of the picture."""
    pool = spread_pool("pool", places, 4)
    if pool is None:
        return ()
    layers = (
        pool,
        *_conv("conv", 128, 1),
        Flatten("flatten"),
        Linear("linear1", 1024),
        Activation("relu"),
        Dropout("dropout", 0.7),
        Linear("linear2", classes),
    )
    return (Auxiliary(f"auxiliary{number}", layers, SHARE),)


def make(shape: Shape, classes: int) -> Network:
    """Table 1 of the paper: a stem, nine modules, the mean over all places, one linear layer; two heads for the training.

    The paper does not give the constants of the normalisation: they are AlexNet's. Below 63×63 pixels the heads have no room and are
    left out.
    """
    # of the maps in stage 4: halved rounding up by conv1, then rounding down by each pooling
    height, width = ((side + 1) // 16 for side in shape[1:])
    places = (height, width)
    layers: tuple[Layer, ...] = (
        *_stem(),
        _module("3a"),
        _module("3b"),
        _pool("pool3"),
        _module("4a"),
        *_head(1, places, classes),
        _module("4b"),
        _module("4c"),
        _module("4d"),
        *_head(2, places, classes),
        _module("4e"),
        _pool("pool4"),
        _module("5a"),
        _module("5b"),
        GlobalPool("pool5"),
        Flatten("flatten"),
        Dropout("dropout", 0.4),
        Linear("linear", classes),
    )
    return _network(GOOGLENET, layers, shape, classes)


def make_one_module(card: Card, reduced: bool, shape: Shape, classes: int) -> Network:
    """GoogLeNet up to its first module, the mean over all places, one linear layer."""
    layers = (*_stem(), _module("3a", reduced), GlobalPool("pool5"), Flatten("flatten"), Linear("linear", classes))
    return _network(card, layers, shape, classes)


def _network(card: Card, layers: tuple[Layer, ...], shape: Shape, classes: int) -> Network:
    return Network(card.name, card.title, card.year, card.family, shape, classes, Sequence("body", layers))


ENTRIES = (
    Entry(NAIVE, partial(make_one_module, NAIVE, False), square_up_to(224, 32)),
    Entry(REDUCED, partial(make_one_module, REDUCED, True), square_up_to(224, 32)),
    Entry(GOOGLENET, make, square_up_to(224, 64)),
)
