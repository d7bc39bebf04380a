"""A small batch-normed convolutional network for one's own photographs on a laptop."""

from __future__ import annotations

from engine.networks.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Norm,
    Pool,
    Sequence,
    Shape,
)
from engine.networks.zoo.card import Card, Entry

WIDTHS = (24, 48, 96, 128)

CARD = Card(
    name="small-cnn",
    title="Small CNN",
    family="convolutional",
    year=2015,
    summary="For your own photographs: four batch-normed blocks, strong with few pictures, a minute on a laptop.",
    source="Blocks after S. Ioffe, C. Szegedy, Batch Normalization, ICML 2015; head after M. Lin et al., Network In Network, ICLR 2014",
    kind="network",
    smallest=8,
    default_input=(3, 64, 64),
)


def _block(number: int, filters: int, side: int) -> Sequence:
    # no bias: the shift of the batch norm takes its place
    layers: tuple[Layer, ...] = (
        Conv("conv", filters, (side, side), padding=(side // 2, side // 2), bias=False),
        Norm("norm"),
        Activation("relu"),
    )
    if number < len(WIDTHS):
        layers = (*layers, Pool("pool", "max", (2, 2), (2, 2)))
    return Sequence(f"block{number}", layers)


def make(shape: Shape, classes: int) -> Network:
    """Convolution, batch norm, ReLU, pooling, four times; mean over places; dropout; linear.

    The first kernels are 5×5, large enough to be looked at.
    """
    blocks = tuple(_block(number, filters, 5 if number == 1 else 3) for number, filters in enumerate(WIDTHS, start=1))
    head = (GlobalPool("mean"), Flatten("flatten"), Dropout("dropout", 0.2), Linear("linear", classes))
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, Sequence("body", (*blocks, *head)))


def suggest_size(height: int, width: int) -> tuple[int, int]:
    """The pictures' own size between 28 and 64 pixels a side; 32×32 for smaller and 64×64 for larger ones."""
    if max(height, width) > 64:
        return 64, 64
    if min(height, width) < 28:
        return 32, 32
    return height, width


ENTRIES = (Entry(CARD, make, suggest_size),)
