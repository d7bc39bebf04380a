"""LeNet-5 as published in 1998: partial connections, trainable subsampling, scaled tanh, distances to fixed codes."""

from __future__ import annotations

from engine.networks.layers import Activation, Conv, Flatten, Layer, Linear, Network, PartialConv, RbfOutput, Sequence, Shape, Subsampling
from engine.networks.zoo.card import Card, Entry

TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
"""The maps of S2 that each map of C3 sees (table I): threes in a row, fours in a row, fours with gaps, all six."""

CARD = Card(
    name="lenet-5-1998",
    title="LeNet-5 as published",
    family="convolutional",
    year=1998,
    summary="LeNet-5 to the letter: C3 sees some maps of S2 only, subsampling learns, the nearest of ten drawn codes wins.",
    source="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998",
    kind="network",
    smallest=32,
    default_input=(1, 32, 32),
)


def _squashed(number: int, layer: Layer) -> tuple[Layer, Layer]:
    """A layer and the squashing function that follows it: all units up to F6 have it (section II-B)."""
    return layer, Activation(f"tanh{number}", "scaled-tanh")


def make(shape: Shape, classes: int) -> Network:
    """C1 S2 C3 S4 C5 F6 and output of figure 2; the layers are named by kind and by the paper's number."""
    body = Sequence(
        "body",
        (
            *_squashed(1, Conv("conv1", 6, (5, 5))),
            *_squashed(2, Subsampling("subsampling2", (2, 2), (2, 2))),
            *_squashed(3, PartialConv("conv3", TABLE, (5, 5))),
            *_squashed(4, Subsampling("subsampling4", (2, 2), (2, 2))),
            *_squashed(5, Conv("conv5", 120, (5, 5))),
            Flatten("flatten"),
            *_squashed(6, Linear("linear6", 84)),
            RbfOutput("output", classes),
        ),
    )
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, body)


def suggest_size(height: int, width: int) -> tuple[int, int]:
    """Always 32×32: there C5 sees the whole picture at once, as published."""
    return 32, 32


ENTRIES = (Entry(CARD, make, suggest_size),)
