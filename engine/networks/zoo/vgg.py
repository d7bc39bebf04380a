"""VGG-16 and VGG-19: depth from 3×3 convolutions alone."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import Activation, Conv, Dropout, Flatten, Layer, Linear, Network, Pool, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, square_up_to

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions a block: columns D and E of the paper's table 1."""


def _card(depth: int, summary: str) -> Card:
    return Card(
        name=f"vgg-{depth}",
        title=f"VGG-{depth}",
        family="convolutional",
        year=2014,
        summary=summary,
        source="K. Simonyan, A. Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015 (arXiv 2014)",
        kind="network",
        smallest=32,
        default_input=(3, 224, 224),
        default_classes=1000,
        twins=(f"torchvision:vgg{depth}", f"timm:vgg{depth}"),
    )


CARDS = {
    16: _card(16, "Small kernels in great number: two 3×3 convolutions see as far as one 5×5, three as far as one 7×7."),
    19: _card(19, "VGG-16 with three convolutions more; most of its 144 million weights still sit in the first linear layer."),
}


def _block(number: int, convolutions: int, filters: int) -> Sequence:
    layers: list[Layer] = []
    for place in range(1, convolutions + 1):
        layers += [Conv(f"conv{place}", filters, (3, 3), padding=(1, 1)), Activation(f"relu{place}")]
    return Sequence(f"block{number}", (*layers, Pool("pool", "max", (2, 2), (2, 2))))


def make(depth: int, shape: Shape, classes: int) -> Network:
    """Five blocks of convolutions, each halving the maps at its end, then three linear layers: `depth` layers with weights."""
    card = CARDS[depth]
    blocks = tuple(_block(number + 1, DEPTHS[depth][number], filters) for number, filters in enumerate(WIDTHS))
    head = (
        Flatten("flatten"),
        Linear("linear1", 4096),
        Activation("relu1"),
        Dropout("dropout1"),
        Linear("linear2", 4096),
        Activation("relu2"),
        Dropout("dropout2"),
        Linear("linear3", classes),
    )
    return Network(card.name, card.title, card.year, card.family, shape, classes, Sequence("body", (*blocks, *head)))


ENTRIES = tuple(Entry(card, partial(make, depth), square_up_to(224, 32)) for depth, card in CARDS.items())
