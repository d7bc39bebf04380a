"""Small wide networks that learn 32-pixel pictures in as little arithmetic as possible (Jordan 2024)."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import (
    Activation,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Norm,
    Pool,
    Scale,
    Sequence,
    Shape,
    Whitening,
)
from engine.networks.zoo.card import Card, Entry, native_from_28_to_32

WIDTHS = (64, 256, 256)
NARROW_WIDTHS = (32, 128, 128)
LOGIT_SCALE = 1 / 9
SOURCE = "K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, arXiv:2404.00498"

CARD = Card(
    name="cifar-speed",
    title="CIFAR speed",
    family="convolutional",
    year=2024,
    summary="Made to learn CIFAR-10 in the shortest time: whitened patches, then three blocks of two convolutions.",
    source=SOURCE,
    kind="network",
    smallest=9,
    default_input=(3, 32, 32),
)
NARROW_CARD = Card(
    name="cifar-speed-narrow",
    title="CIFAR speed, narrow",
    family="convolutional",
    year=2024,
    summary="The same with half as many filters: a quarter of the arithmetic, for minutes on a processor.",
    source=f"{SOURCE}, at half its width",
    kind="network",
    smallest=9,
    default_input=(3, 32, 32),
)


def _block(number: int, filters: int) -> Sequence:
    # no biases: the shifts of the batch norms take their place
    return Sequence(
        f"block{number}",
        (
            Conv("conv1", filters, (3, 3), padding=(1, 1), bias=False),
            Pool("pool", "max", (2, 2), (2, 2)),
            Norm("norm1"),
            Activation("gelu1", "gelu"),
            Conv("conv2", filters, (3, 3), padding=(1, 1), bias=False),
            Norm("norm2"),
            Activation("gelu2", "gelu"),
        ),
    )


def make(card: Card, widths: tuple[int, ...], shape: Shape, classes: int) -> Network:
    """Whitened patches of 2×2 pixels, three blocks with a pooling each, the largest value of each channel, a small linear layer.

    Of 32 pixels 31, 15, 7 and 3 are left, all of which the last pooling sees. Batch norms have a learned scale here, whose published
    ones are fixed at 1.
    """
    layers: tuple[Layer, ...] = (
        Whitening("whitening", (2, 2)),
        Activation("gelu", "gelu"),
        *(_block(number, filters) for number, filters in enumerate(widths, start=1)),
        GlobalPool("pool", "max"),
        Flatten("flatten"),
        Linear("linear", classes, bias=False),
        Scale("scale", LOGIT_SCALE),
    )
    return Network(card.name, card.title, card.year, card.family, shape, classes, Sequence("body", layers))


ENTRIES = (
    Entry(NARROW_CARD, partial(make, NARROW_CARD, NARROW_WIDTHS), native_from_28_to_32),
    Entry(CARD, partial(make, CARD, WIDTHS), native_from_28_to_32),
)
