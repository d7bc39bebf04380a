"""MobileNet v3: blocks of version 2 with gates and hard swish, their sizes found by a search for telephones."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import (
    Activation,
    ActivationKind,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Norm,
    Residual,
    Sequence,
    Shape,
    SqueezeExcite,
)
from engine.networks.zoo.card import Card, Entry, square_up_to

SOURCE = "A. Howard et al., Searching for MobileNetV3, ICCV 2019 (arXiv 1905.02244)"
EPSILON = 1e-3  # of the batch norm
STEM = 16

LARGE = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hard-swish", 2),
    (3, 200, 80, False, "hard-swish", 1),
    (3, 184, 80, False, "hard-swish", 1),
    (3, 184, 80, False, "hard-swish", 1),
    (3, 480, 112, True, "hard-swish", 1),
    (3, 672, 112, True, "hard-swish", 1),
    (5, 672, 160, True, "hard-swish", 2),
    (5, 960, 160, True, "hard-swish", 1),
    (5, 960, 160, True, "hard-swish", 1),
)
SMALL = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hard-swish", 2),
    (5, 240, 40, True, "hard-swish", 1),
    (5, 240, 40, True, "hard-swish", 1),
    (5, 120, 48, True, "hard-swish", 1),
    (5, 144, 48, True, "hard-swish", 1),
    (5, 288, 96, True, "hard-swish", 2),
    (5, 576, 96, True, "hard-swish", 1),
    (5, 576, 96, True, "hard-swish", 1),
)
"""Kernel, channels between, filters, gate, activation, stride of each block (the paper's tables 1 and 2)."""


def _round_to_eight(value: float) -> int:
    """The nearest multiple of 8, at least 8; the one above where that would take away more than a tenth."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def _conv(name: str, filters: int, side: int, stride: int, kind: ActivationKind) -> tuple[Layer, ...]:
    conv = Conv(name, filters, (side, side), (stride, stride), (side // 2, side // 2), bias=False)
    return conv, Norm(f"{name}-norm", epsilon=EPSILON), Activation(f"{name}-activation", kind)


def _block(number: int, before: int, side: int, wide: int, filters: int, gated: bool, kind: ActivationKind, stride: int) -> Layer:
    """1×1 to many channels, depthwise, gates, 1×1 to few without activation; a shortcut where the shape stays."""
    expand = _conv("expand", wide, 1, 1, kind) if wide != before else ()
    depthwise = (
        DepthwiseConv("depthwise", (side, side), (stride, stride), (side // 2, side // 2), bias=False),
        Norm("depthwise-norm", epsilon=EPSILON),
        Activation("depthwise-activation", kind),
    )
    gates = (SqueezeExcite("gate", _round_to_eight(wide / 4), "relu", "hard-sigmoid"),) if gated else ()
    project = (Conv("project", filters, (1, 1), bias=False), Norm("project-norm", epsilon=EPSILON))
    layers: tuple[Layer, ...] = (*expand, *depthwise, *gates, *project)
    name = f"block{number}"
    return Residual(name, layers) if stride == 1 and before == filters else Sequence(name, layers)


def _make(card: Card, shape: Shape, classes: int) -> Network:
    """A 3×3 stem, the blocks of the table, a 1×1 convolution, and a hidden layer after the mean over places."""
    table, hidden = (LARGE, 1280) if card is LARGE_CARD else (SMALL, 1024)
    before = STEM
    blocks: list[Layer] = []
    for number, (side, wide, filters, gated, kind, stride) in enumerate(table, start=1):
        blocks.append(_block(number, before, side, wide, filters, gated, kind, stride))  # type: ignore[arg-type]
        before = filters
    head = (
        GlobalPool("mean"),
        Flatten("flatten"),
        Linear("hidden", hidden),
        Activation("activation", "hard-swish"),
        Dropout("dropout", 0.2),
        Linear("linear", classes),
    )
    stem = Sequence("stem", _conv("conv", STEM, 3, 2, "hard-swish"))
    last = Sequence("last", _conv("conv", 6 * before, 1, 1, "hard-swish"))
    body = Sequence("body", (stem, *blocks, last, *head))
    return Network(card.name, card.title, card.year, card.family, shape, classes, body)


def _card(size: str, summary: str) -> Card:
    return Card(
        name=f"mobilenet-v3-{size}",
        title=f"MobileNet v3 {size}",
        family="mobile",
        year=2019,
        summary=summary,
        source=SOURCE,
        kind="network",
        smallest=1,
        default_input=(3, 224, 224),
        default_classes=1000,
        twins=(f"torchvision:mobilenet_v3_{size}",),
    )


SMALL_CARD = _card("small", "The fastest for photographs: a camera's pictures on a processor without a graphics card.")
LARGE_CARD = _card("large", "More accurate than version 2 with less work: gates, hard swish, sizes found by search.")

ENTRIES = tuple(Entry(card, partial(_make, card), square_up_to(224, 64)) for card in (SMALL_CARD, LARGE_CARD))
