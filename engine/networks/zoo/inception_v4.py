"""Inception v4: the Inception modules made uniform, still without shortcuts."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import Branches, Dropout, Flatten, GlobalPool, Layer, Linear, Network, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, square_up_to
from engine.networks.zoo.inception_parts import SAME, chain, conv, max_pool, side_by_side
from engine.networks.zoo.inception_parts import mean_pool as mean_pool_that_may_count

CARD = Card(
    name="inception-v4",
    title="Inception v4",
    family="inception",
    year=2016,
    summary="Inception carried on without shortcuts, to be compared with Inception-ResNet v2, which has them.",
    source=(
        "C. Szegedy, S. Ioffe, V. Vanhoucke, A. A. Alemi, Inception-v4, Inception-ResNet and the impact of residual connections on "
        "learning, AAAI 2017 (arXiv 2016)"
    ),
    kind="network",
    smallest=75,
    default_input=(3, 299, 299),
    default_classes=1000,
    twins=("timm:inception_v4",),
)

mean_pool = partial(mean_pool_that_may_count, count_padding=False)


def _stem() -> tuple[Layer, ...]:
    """Figure 3 of the paper: 384 maps."""
    return (
        conv("conv1", 32, 3, stride=2),
        conv("conv2", 32, 3),
        conv("conv3", 64, 3, padding=SAME),
        side_by_side("halved1", chain("branch_pool", max_pool("pool")), conv("branch3x3", 96, 3, stride=2)),
        side_by_side(
            "deepened",
            chain("branch3x3", conv("conv1", 64, 1), conv("conv2", 96, 3)),
            chain(
                "branch7x7",
                conv("conv1", 64, 1),
                conv("conv2", 64, (1, 7), padding=SAME),
                conv("conv3", 64, (7, 1), padding=SAME),
                conv("conv4", 96, 3),
            ),
        ),
        side_by_side("halved2", conv("branch3x3", 192, 3, stride=2), chain("branch_pool", max_pool("pool"))),
    )


def _fine(number: int) -> Branches:
    """Inception-A, figure 4."""
    return side_by_side(
        f"fine{number}",
        conv("branch1x1", 96, 1),
        chain("branch3x3", conv("conv1", 64, 1), conv("conv2", 96, 3, padding=SAME)),
        chain("branch3x3_twice", conv("conv1", 64, 1), conv("conv2", 96, 3, padding=SAME), conv("conv3", 96, 3, padding=SAME)),
        chain("branch_pool", mean_pool("pool"), conv("conv", 96, 1)),
    )


def _fine_to_middle() -> Branches:
    """Reduction-A, figure 7."""
    return side_by_side(
        "fine_to_middle",
        conv("branch3x3", 384, 3, stride=2),
        chain("branch3x3_twice", conv("conv1", 192, 1), conv("conv2", 224, 3, padding=SAME), conv("conv3", 256, 3, stride=2)),
        chain("branch_pool", max_pool("pool")),
    )


def _middle(number: int) -> Branches:
    """Inception-B, figure 5."""
    return side_by_side(
        f"middle{number}",
        conv("branch1x1", 384, 1),
        chain(
            "branch7x7",
            conv("conv1", 192, 1),
            conv("conv2", 224, (1, 7), padding=SAME),
            conv("conv3", 256, (7, 1), padding=SAME),
        ),
        chain(
            "branch7x7_twice",
            conv("conv1", 192, 1),
            conv("conv2", 192, (7, 1), padding=SAME),
            conv("conv3", 224, (1, 7), padding=SAME),
            conv("conv4", 224, (7, 1), padding=SAME),
            conv("conv5", 256, (1, 7), padding=SAME),
        ),
        chain("branch_pool", mean_pool("pool"), conv("conv", 128, 1)),
    )


def _middle_to_coarse() -> Branches:
    """Reduction-B, figure 8."""
    return side_by_side(
        "middle_to_coarse",
        chain("branch3x3", conv("conv1", 192, 1), conv("conv2", 192, 3, stride=2)),
        chain(
            "branch7x7",
            conv("conv1", 256, 1),
            conv("conv2", 256, (1, 7), padding=SAME),
            conv("conv3", 320, (7, 1), padding=SAME),
            conv("conv4", 320, 3, stride=2),
        ),
        chain("branch_pool", max_pool("pool")),
    )


def _wide_and_tall() -> Branches:
    return side_by_side("parts", conv("wide", 256, (1, 3), padding=SAME), conv("tall", 256, (3, 1), padding=SAME))


def _coarse(number: int) -> Branches:
    """Inception-C, figure 6."""
    return side_by_side(
        f"coarse{number}",
        conv("branch1x1", 256, 1),
        chain("branch3x3", conv("conv1", 384, 1), _wide_and_tall()),
        chain(
            "branch3x3_twice",
            conv("conv1", 384, 1),
            conv("conv2", 448, (3, 1), padding=SAME),
            conv("conv3", 512, (1, 3), padding=SAME),
            _wide_and_tall(),
        ),
        chain("branch_pool", mean_pool("pool"), conv("conv", 256, 1)),
    )


def make(shape: Shape, classes: int) -> Network:
    """Figure 9 of the paper: the stem, 4, 7 and 3 modules of three kinds, two reductions between them."""
    layers: tuple[Layer, ...] = (
        *_stem(),
        *(_fine(number) for number in range(1, 5)),
        _fine_to_middle(),
        *(_middle(number) for number in range(1, 8)),
        _middle_to_coarse(),
        *(_coarse(number) for number in range(1, 4)),
        GlobalPool("pool"),
        Flatten("flatten"),
        Dropout("dropout", 0.2),
        Linear("linear", classes),
    )
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, Sequence("body", layers))


ENTRIES = (Entry(CARD, make, square_up_to(299, 75)),)
