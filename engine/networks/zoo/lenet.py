"""LeNet-5 in its modern form: maximum pooling, ReLU, softmax, every map of C3 joined to all maps of S2."""

from __future__ import annotations

from engine.networks.layers import Activation, Conv, Flatten, Linear, Network, Pool, Sequence, Shape
from engine.networks.zoo.card import Card, Entry

CARD = Card(
    name="lenet-5",
    title="LeNet-5",
    family="convolutional",
    year=1998,
    summary="The classic for handwriting: three convolutions, 62 thousand weights, trained in seconds.",
    source="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998",
    kind="network",
    smallest=32,
    default_input=(1, 32, 32),
)


def make(shape: Shape, classes: int) -> Network:
    """C1 S2 C3 S4 C5 F6 of the paper, figure 2; the layers are named by kind and by the paper's number."""
    body = Sequence(
        "body",
        (
            Conv("conv1", 6, (5, 5)),
            Activation("relu1"),
            Pool("pool2", "max", (2, 2), (2, 2)),
            Conv("conv3", 16, (5, 5)),
            Activation("relu3"),
            Pool("pool4", "max", (2, 2), (2, 2)),
            Conv("conv5", 120, (5, 5)),
            Activation("relu5"),
            Flatten("flatten"),
            Linear("linear6", 84),
            Activation("relu6"),
            Linear("linear7", classes),
        ),
    )
    return Network(CARD.name, CARD.title, CARD.year, CARD.family, shape, classes, body)


def suggest_size(height: int, width: int) -> tuple[int, int]:
    """Always 32×32: there C5 sees the whole picture at once, as published."""
    return 32, 32


ENTRIES = (Entry(CARD, make, suggest_size),)
