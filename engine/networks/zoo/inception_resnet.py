"""Inception-ResNet v2: Inception modules with shortcuts."""

from __future__ import annotations

from engine.networks.layers import (
    Activation,
    Branches,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Residual,
    Sequence,
    Shape,
)
from engine.networks.zoo.card import Card, Entry, square_up_to
from engine.networks.zoo.inception_parts import SAME, chain, conv, max_pool, mean_pool, side_by_side

FINE_SCALE, MIDDLE_SCALE, COARSE_SCALE = 0.17, 0.1, 0.2
"""What the modules' outputs are multiplied by before they are added; without it so wide a network dies in training (section 3.3)."""

CARD = Card(
    name="inception-resnet-v2",
    title="Inception-ResNet v2",
    family="inception",
    year=2016,
    summary="Inception modules as corrections to what passes by on a shortcut: it trains faster than Inception v4 at like work.",
    source=(
        "C. Szegedy, S. Ioffe, V. Vanhoucke, A. A. Alemi, Inception-v4, Inception-ResNet and the impact of residual connections on "
        "learning, AAAI 2017 (arXiv 2016)"
    ),
    kind="network",
    smallest=75,
    default_input=(3, 299, 299),
    default_classes=1000,
    twins=("timm:inception_resnet_v2",),
)


def _entrance() -> Branches:
    return side_by_side(
        "entrance",
        conv("branch1x1", 96, 1),
        chain("branch5x5", conv("conv1", 48, 1), conv("conv2", 64, 5, padding=SAME)),
        chain("branch3x3_twice", conv("conv1", 64, 1), conv("conv2", 96, 3, padding=SAME), conv("conv3", 96, 3, padding=SAME)),
        chain("branch_pool", mean_pool("pool", count_padding=False), conv("conv", 64, 1)),
    )


def _corrected(name: str, channels: int, scale: float, *branches: Sequence) -> Residual:
    """Branches, a linear 1×1 convolution that widens them to the channels of the shortcut, the scaled sum."""
    return Residual(name, (side_by_side("inception", *branches), Conv("widen", channels, (1, 1))), scale=scale)


def _fine(number: int) -> tuple[Layer, ...]:
    """Inception-ResNet-A, figure 16."""
    block = _corrected(
        f"fine{number}",
        320,
        FINE_SCALE,
        conv("branch1x1", 32, 1),
        chain("branch3x3", conv("conv1", 32, 1), conv("conv2", 32, 3, padding=SAME)),
        chain("branch3x3_twice", conv("conv1", 32, 1), conv("conv2", 48, 3, padding=SAME), conv("conv3", 64, 3, padding=SAME)),
    )
    return block, Activation(f"fine{number}_relu")


def _fine_to_middle() -> Branches:
    return side_by_side(
        "fine_to_middle",
        conv("branch3x3", 384, 3, stride=2),
        chain("branch3x3_twice", conv("conv1", 256, 1), conv("conv2", 256, 3, padding=SAME), conv("conv3", 384, 3, stride=2)),
        chain("branch_pool", max_pool("pool")),
    )


def _middle(number: int) -> tuple[Layer, ...]:
    """Inception-ResNet-B, figure 17, with the published weights' 1,088 channels."""
    block = _corrected(
        f"middle{number}",
        1088,
        MIDDLE_SCALE,
        conv("branch1x1", 192, 1),
        chain(
            "branch7x7",
            conv("conv1", 128, 1),
            conv("conv2", 160, (1, 7), padding=SAME),
            conv("conv3", 192, (7, 1), padding=SAME),
        ),
    )
    return block, Activation(f"middle{number}_relu")


def _middle_to_coarse() -> Branches:
    """Figure 18."""
    return side_by_side(
        "middle_to_coarse",
        chain("branch3x3_a", conv("conv1", 256, 1), conv("conv2", 384, 3, stride=2)),
        chain("branch3x3_b", conv("conv1", 256, 1), conv("conv2", 288, 3, stride=2)),
        chain("branch3x3_twice", conv("conv1", 256, 1), conv("conv2", 288, 3, padding=SAME), conv("conv3", 320, 3, stride=2)),
        chain("branch_pool", max_pool("pool")),
    )


def _coarse(number: int, scale: float) -> Residual:
    """Inception-ResNet-C, figure 19, with the published weights' 2,080 channels."""
    return _corrected(
        f"coarse{number}",
        2080,
        scale,
        conv("branch1x1", 192, 1),
        chain(
            "branch3x3",
            conv("conv1", 192, 1),
            conv("conv2", 224, (1, 3), padding=SAME),
            conv("conv3", 256, (3, 1), padding=SAME),
        ),
    )


def make(shape: Shape, classes: int) -> Network:
    """The network of the published weights: Inception v3's stem, then 10, 20 and 10 residual modules of three kinds.

    ReLU follows each sum but the last, whose module is not scaled either.
    """
    layers: tuple[Layer, ...] = (
        conv("conv1", 32, 3, stride=2),
        conv("conv2", 32, 3),
        conv("conv3", 64, 3, padding=SAME),
        max_pool("pool1"),
        conv("conv4", 80, 1),
        conv("conv5", 192, 3),
        max_pool("pool2"),
        _entrance(),
        *(layer for number in range(1, 11) for layer in _fine(number)),
        _fine_to_middle(),
        *(layer for number in range(1, 21) for layer in _middle(number)),
        _middle_to_coarse(),
        *(layer for number in range(1, 10) for layer in (_coarse(number, COARSE_SCALE), Activation(f"coarse{number}_relu"))),
        _coarse(10, 1.0),
        conv("conv6", 1536, 1),
        GlobalPool("pool3"),
        Flatten("flatten"),
        Dropout("dropout", 0.2),
        Linear("linear", classes),
    )
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, Sequence("body", layers))


ENTRIES = (Entry(CARD, make, square_up_to(299, 75)),)
