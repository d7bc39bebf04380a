"""AlexNet: as published for two graphics cards, and in one tower."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import Activation, Conv, Dropout, Flatten, Layer, Linear, LocalResponseNorm, Network, Pool, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, square_up_to

SOURCE = (
    "A. Krizhevsky, I. Sutskever, G. E. Hinton, ImageNet classification with deep convolutional neural networks, "
    "Advances in Neural Information Processing Systems 25, 2012"
)

PUBLISHED = Card(
    name="alexnet",
    title="AlexNet",
    family="convolutional",
    year=2012,
    summary="The network that won ILSVRC 2012: eight layers with weights, three of them split over two graphics cards.",
    source=SOURCE,
    kind="network",
    smallest=67,
    default_input=(3, 227, 227),
    default_classes=1000,
)
ONE_TOWER = Card(
    name="alexnet-one-tower",
    title="AlexNet, one tower",
    family="convolutional",
    year=2012,
    summary="AlexNet at its published widths, but every filter sees all maps: what the split in two saved.",
    source=SOURCE,
    kind="network",
    smallest=67,
    default_input=(3, 227, 227),
    default_classes=1000,
)


def make(card: Card, groups: int, shape: Shape, classes: int) -> Network:
    """Five convolutions and three linear layers, figure 2 of the paper.

    ReLU comes before the normalisation (section 3.3), pooling windows of 3 overlap by 1 (section 3.4), half of the values of the
    first two linear layers are dropped (section 4.2). The paper says 224×224; its strides fit 227×227 only. Convolutions 2, 4 and 5
    are split into `groups` parts that do not see each other: 2 as published, 1 for one tower.
    """
    layers: tuple[Layer, ...] = (
        Conv("conv1", 96, (11, 11), stride=(4, 4)),
        Activation("relu1"),
        LocalResponseNorm("norm1"),
        Pool("pool1", "max", (3, 3), (2, 2)),
        Conv("conv2", 256, (5, 5), padding=(2, 2), groups=groups),
        Activation("relu2"),
        LocalResponseNorm("norm2"),
        Pool("pool2", "max", (3, 3), (2, 2)),
        Conv("conv3", 384, (3, 3), padding=(1, 1)),
        Activation("relu3"),
        Conv("conv4", 384, (3, 3), padding=(1, 1), groups=groups),
        Activation("relu4"),
        Conv("conv5", 256, (3, 3), padding=(1, 1), groups=groups),
        Activation("relu5"),
        Pool("pool5", "max", (3, 3), (2, 2)),
        Flatten("flatten"),
        Linear("linear6", 4096),
        Activation("relu6"),
        Dropout("dropout6"),
        Linear("linear7", 4096),
        Activation("relu7"),
        Dropout("dropout7"),
        Linear("linear8", classes),
    )
    return Network(card.name, card.title, card.year, card.family, shape, classes, Sequence("body", layers))


suggest_size = square_up_to(227, 67)

ENTRIES = (
    Entry(PUBLISHED, partial(make, PUBLISHED, 2), suggest_size),
    Entry(ONE_TOWER, partial(make, ONE_TOWER, 1), suggest_size),
)
