"""Xception: Inception taken to its end, so that channels and places are handled apart throughout."""

from __future__ import annotations

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
    Residual,
    SeparableConv,
    Sequence,
    Shape,
)
from engine.networks.zoo.card import Card, Entry, square_up_to

MIDDLE = 728  # channels of the middle flow
MIDDLE_BLOCKS = 8

CARD = Card(
    name="xception",
    title="Xception",
    family="separable",
    year=2016,
    summary="36 convolutions, nearly all depthwise separable, with shortcuts: as large as Inception v3, and better.",
    source="F. Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017 (arXiv 1610.02357, 2016)",
    kind="network",
    smallest=7,
    default_input=(3, 299, 299),
    default_classes=1000,
)


def _separable(number: int, filters: int) -> tuple[Layer, ...]:
    return SeparableConv(f"conv{number}", filters, (3, 3), padding=(1, 1), bias=False), Norm(f"norm{number}")


def _units(*widths: int) -> tuple[Layer, ...]:
    """ReLU, separable convolution, batch norm, once for each width."""
    units = ((Activation(f"relu{number}"), *_separable(number, filters)) for number, filters in enumerate(widths, start=1))
    return tuple(layer for unit in units for layer in unit)


def _halving(name: str, units: tuple[Layer, ...], out: int) -> Residual:
    """A block that ends in pooling, beside a strided projection."""
    shortcut = (Conv("conv", out, (1, 1), (2, 2), bias=False), Norm("norm"))
    return Residual(name, (*units, Pool("pool", "max", (3, 3), (2, 2), (1, 1))), shortcut)


def make(shape: Shape, classes: int) -> Network:
    """Entry, middle and exit flow of the paper's figure 5."""
    entry = (
        Conv("conv1", 32, (3, 3), (2, 2), bias=False),
        Norm("norm1"),
        Activation("relu1"),
        Conv("conv2", 64, (3, 3), bias=False),
        Norm("norm2"),
        Activation("relu2"),
        _halving("block1", _units(128, 128)[1:], 128),  # a ReLU stands before it already
        _halving("block2", _units(256, 256), 256),
        _halving("block3", _units(MIDDLE, MIDDLE), MIDDLE),
    )
    middle = tuple(Residual(f"block{number}", _units(MIDDLE, MIDDLE, MIDDLE)) for number in range(1, MIDDLE_BLOCKS + 1))
    exit_flow = (
        _halving("block", _units(MIDDLE, 1024), 1024),
        *_separable(1, 1536),
        Activation("relu1"),
        *_separable(2, 2048),
        Activation("relu2"),
    )
    head = (GlobalPool("mean"), Flatten("flatten"), Linear("linear", classes))
    body = Sequence("body", (Sequence("entry", entry), Sequence("middle", middle), Sequence("exit", exit_flow), *head))
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, body)


ENTRIES = (Entry(CARD, make, square_up_to(299, 96)),)
