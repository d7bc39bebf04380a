"""Inception v3: kernels factorised into smaller and one-sided ones, batch norm everywhere."""

from __future__ import annotations

from engine.networks.layers import Auxiliary, Branches, Dropout, Flatten, GlobalPool, Layer, Linear, Network, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, square_up_to
from engine.networks.zoo.inception_parts import SAME, chain, conv, max_pool, mean_pool, places_after, side_by_side, spread_pool

SHARE = 0.3
"""Of the auxiliary head in the loss, as GoogLeNet's."""

CARD = Card(
    name="inception-v3",
    title="Inception v3",
    family="inception",
    year=2015,
    summary="5×5 as two 3×3, 7×7 as 1×7 and 7×1, batch norm in the auxiliary head too: more accuracy for little more work.",
    source=(
        "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, Rethinking the Inception architecture for computer vision, "
        "CVPR 2016 (arXiv 2015)"
    ),
    kind="network",
    smallest=75,
    default_input=(3, 299, 299),
    default_classes=1000,
    twins=("torchvision:inception_v3", "timm:inception_v3"),
)


def _fine(name: str, projected: int) -> Branches:
    """Figure 5 of the paper: the 5×5 as two 3×3; one branch keeps a 5×5, as in the published weights."""
    return side_by_side(
        name,
        conv("branch1x1", 64, 1),
        chain("branch5x5", conv("conv1", 48, 1), conv("conv2", 64, 5, padding=SAME)),
        chain("branch3x3", conv("conv1", 64, 1), conv("conv2", 96, 3, padding=SAME), conv("conv3", 96, 3, padding=SAME)),
        chain("branch_pool", mean_pool("pool"), conv("conv", projected, 1)),
    )


def _fine_to_middle(name: str) -> Branches:
    """Figure 10: convolutions and pooling of stride 2 side by side."""
    return side_by_side(
        name,
        conv("branch3x3", 384, 3, stride=2),
        chain("branch3x3_twice", conv("conv1", 64, 1), conv("conv2", 96, 3, padding=SAME), conv("conv3", 96, 3, stride=2)),
        chain("branch_pool", max_pool("pool")),
    )


def _middle(name: str, width: int) -> Branches:
    """Figure 6: n×n as 1×n and n×1, with n = 7."""
    return side_by_side(
        name,
        conv("branch1x1", 192, 1),
        chain(
            "branch7x7",
            conv("conv1", width, 1),
            conv("conv2", width, (1, 7), padding=SAME),
            conv("conv3", 192, (7, 1), padding=SAME),
        ),
        chain(
            "branch7x7_twice",
            conv("conv1", width, 1),
            conv("conv2", width, (7, 1), padding=SAME),
            conv("conv3", width, (1, 7), padding=SAME),
            conv("conv4", width, (7, 1), padding=SAME),
            conv("conv5", 192, (1, 7), padding=SAME),
        ),
        chain("branch_pool", mean_pool("pool"), conv("conv", 192, 1)),
    )


def _middle_to_coarse(name: str) -> Branches:
    return side_by_side(
        name,
        chain("branch3x3", conv("conv1", 192, 1), conv("conv2", 320, 3, stride=2)),
        chain(
            "branch7x7",
            conv("conv1", 192, 1),
            conv("conv2", 192, (1, 7), padding=SAME),
            conv("conv3", 192, (7, 1), padding=SAME),
            conv("conv4", 192, 3, stride=2),
        ),
        chain("branch_pool", max_pool("pool")),
    )


def _wide_and_tall() -> Branches:
    """A 3×3 as a 1×3 and a 3×1 beside each other, not after each other: more filters on the coarsest maps."""
    return side_by_side("parts", conv("wide", 384, (1, 3), padding=SAME), conv("tall", 384, (3, 1), padding=SAME))


def _coarse(name: str) -> Branches:
    """Figure 7: outputs widened by branches within branches."""
    return side_by_side(
        name,
        conv("branch1x1", 320, 1),
        chain("branch3x3", conv("conv1", 384, 1), _wide_and_tall()),
        chain("branch3x3_twice", conv("conv1", 448, 1), conv("conv2", 384, 3, padding=SAME), _wide_and_tall()),
        chain("branch_pool", mean_pool("pool"), conv("conv", 192, 1)),
    )


def _head(shape: Shape, classes: int) -> tuple[Auxiliary, ...]:
    """The auxiliary head at the end of the middle stage; none where fewer than its 5×5 places are left of the picture."""
    pool = spread_pool("pool", places_after(shape, (3, 2), (3, 1), (3, 2), (3, 1), (3, 2), (3, 2)), 5)
    if pool is None:
        return ()
    layers = (
        pool,
        conv("conv1", 128, 1),
        conv("conv2", 768, 5),
        GlobalPool("pool2"),  # of one place here, of several where a saved network gets larger pictures
        Flatten("flatten"),
        Linear("linear", classes),
    )
    return (Auxiliary("auxiliary", layers, SHARE),)


def make(shape: Shape, classes: int) -> Network:
    """The network of the published weights, whose first layers differ a little from the paper's table 1.

    Below 107×107 pixels the auxiliary head has no room and is left out.
    """
    layers: tuple[Layer, ...] = (
        conv("conv1", 32, 3, stride=2),
        conv("conv2", 32, 3),
        conv("conv3", 64, 3, padding=SAME),
        max_pool("pool1"),
        conv("conv4", 80, 1),
        conv("conv5", 192, 3),
        max_pool("pool2"),
        _fine("fine1", 32),
        _fine("fine2", 64),
        _fine("fine3", 64),
        _fine_to_middle("fine_to_middle"),
        _middle("middle1", 128),
        _middle("middle2", 160),
        _middle("middle3", 160),
        _middle("middle4", 192),
        *_head(shape, classes),
        _middle_to_coarse("middle_to_coarse"),
        _coarse("coarse1"),
        _coarse("coarse2"),
        GlobalPool("pool3"),
        Dropout("dropout"),
        Flatten("flatten"),
        Linear("linear", classes),
    )
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, Sequence("body", layers))


ENTRIES = (Entry(CARD, make, square_up_to(299, 75)),)
