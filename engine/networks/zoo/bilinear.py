"""Bilinear pooling before the last layer, for classes that differ in details: birds, cars, aircraft."""

from __future__ import annotations

from msgspec.structs import replace

from engine.networks.layers import BilinearPool, Dropout, Layer, Linear, Network, Sequence, Shape
from engine.networks.zoo import small_cnn, vgg
from engine.networks.zoo.card import Card, Entry, square_up_to

SOURCE = "T.-Y. Lin, A. RoyChowdhury, S. Maji, Bilinear CNN models for fine-grained visual recognition, ICCV 2015"

SMALL = Card(
    name="small-cnn-bilinear",
    title="Small CNN, bilinear",
    family="convolutional",
    year=2015,
    summary="The small CNN with products of all pairs of channels before its last layer: beside the plain one, for classes alike.",
    source=f"{SOURCE}; blocks as of the small CNN",
    kind="network",
    smallest=8,
    default_input=(3, 64, 64),
)

VGG = Card(
    name="vgg-16-bilinear",
    title="VGG-16, bilinear",
    family="convolutional",
    year=2015,
    summary="For birds, cars and aircraft: products of all pairs of VGG-16's last maps tell apart what differs in details.",
    source=SOURCE,
    kind="network",
    smallest=16,
    default_input=(3, 448, 448),
    default_classes=200,
)


def make_small(shape: Shape, classes: int) -> Network:
    """The blocks of the small CNN; products of its channels in the place of their means."""
    blocks = small_cnn.make(shape, classes).body.layers[: len(small_cnn.WIDTHS)]
    return _network(SMALL, shape, classes, (*blocks, BilinearPool("bilinear"), Dropout("dropout", 0.2), Linear("linear", classes)))


def make_vgg(shape: Shape, classes: int) -> Network:
    """VGG-16 up to the ReLU of its last convolution, seen by both sides of the product (B-CNN [D, D] of the paper)."""
    *blocks, last = vgg.make(16, shape, classes).body.layers[: len(vgg.WIDTHS)]
    if not isinstance(last, Sequence):
        raise TypeError("VGG's blocks are sequences")
    unpooled = replace(last, layers=last.layers[:-1])
    return _network(VGG, shape, classes, (*blocks, unpooled, BilinearPool("bilinear"), Linear("linear", classes)))


def _network(card: Card, shape: Shape, classes: int, layers: tuple[Layer, ...]) -> Network:
    return Network(card.name, card.title, card.year, card.family, shape, classes, Sequence("body", layers))


ENTRIES = (Entry(SMALL, make_small, small_cnn.suggest_size), Entry(VGG, make_vgg, square_up_to(448, 16)))
