"""MobileNets v1 and v2: networks for telephones, of depthwise and 1×1 convolutions. Version 3 stands in mobilenet_v3.py."""

from __future__ import annotations

from engine.networks.layers import (
    Activation,
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
)
from engine.networks.zoo.card import Card, Entry, square_up_to

V1 = Card(
    name="mobilenet-v1",
    title="MobileNet v1",
    family="mobile",
    year=2017,
    summary="Depthwise separable throughout: near VGG-16 in accuracy with a thirtieth of its weights.",
    source="A. G. Howard et al., MobileNets: efficient convolutional neural networks for mobile vision, arXiv 1704.04861, 2017",
    kind="network",
    smallest=1,
    default_input=(3, 224, 224),
    default_classes=1000,
    twins=("timm:mobilenetv1_100",),
)
V2 = Card(
    name="mobilenet-v2",
    title="MobileNet v2",
    family="mobile",
    year=2018,
    summary="Residuals between narrow ends, wide in between: for live pictures on a laptop or telephone.",
    source="M. Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks, CVPR 2018 (arXiv 1801.04381)",
    kind="network",
    smallest=1,
    default_input=(3, 224, 224),
    default_classes=1000,
    twins=("torchvision:mobilenet_v2", "timm:mobilenetv2_100"),
)

V1_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *(((512, 1),) * 5), (1024, 2), (1024, 1))
"""Filters and stride of each (the paper's table 1; in the last one its stride of 2 is a misprint, the maps keep their size)."""

V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, filters, blocks, stride of the first block of each stage (the paper's table 2)."""


def _conv(name: str, filters: int, side: int = 1, stride: int = 1) -> tuple[Layer, ...]:
    """Convolution without bias, batch norm, ReLU6."""
    conv = Conv(name, filters, (side, side), (stride, stride), (side // 2, side // 2), bias=False)
    return conv, Norm(f"{name}-norm"), Activation(f"{name}-relu", "relu6")


def _depthwise(stride: int) -> tuple[Layer, ...]:
    conv = DepthwiseConv("depthwise", (3, 3), (stride, stride), (1, 1), bias=False)
    return conv, Norm("depthwise-norm"), Activation("depthwise-relu", "relu6")


def make_v1(shape: Shape, classes: int) -> Network:
    """A 3×3 stem and thirteen blocks of a depthwise and a 1×1 convolution."""
    blocks = tuple(
        Sequence(f"block{number}", (*_depthwise(stride), *_conv("pointwise", filters)))
        for number, (filters, stride) in enumerate(V1_BLOCKS, start=1)
    )
    return _network(V1, shape, classes, (Sequence("stem", _conv("conv", 32, 3, 2)), *blocks), GlobalPool("mean"), Flatten("flatten"))


def _inverted_block(number: int, before: int, expansion: int, filters: int, stride: int) -> Layer:
    """1×1 to many channels, depthwise, 1×1 to few without activation; a shortcut where the shape stays (the paper's figure 4)."""
    widen = _conv("expand", before * expansion) if expansion > 1 else ()
    narrow = (Conv("project", filters, (1, 1), bias=False), Norm("project-norm"))
    layers = (*widen, *_depthwise(stride), *narrow)
    name = f"block{number}"
    return Residual(name, layers) if stride == 1 and before == filters else Sequence(name, layers)


def make_v2(shape: Shape, classes: int) -> Network:
    """A 3×3 stem, seventeen inverted residual blocks, a 1×1 convolution to 1,280 channels."""
    before, number = 32, 0
    blocks: list[Layer] = []
    for expansion, filters, count, first_stride in V2_STAGES:
        for place in range(count):
            number += 1
            blocks.append(_inverted_block(number, before, expansion, filters, first_stride if place == 0 else 1))
            before = filters
    front = (Sequence("stem", _conv("conv", 32, 3, 2)), *blocks, Sequence("last", _conv("conv", 1280)))
    return _network(V2, shape, classes, front, GlobalPool("mean"), Flatten("flatten"), Dropout("dropout", 0.2))


def _network(card: Card, shape: Shape, classes: int, front: tuple[Layer, ...], *head: Layer) -> Network:
    body = Sequence("body", (*front, *head, Linear("linear", classes)))
    return Network(card.name, card.title, card.year, card.family, shape, classes, body)


ENTRIES = (Entry(V1, make_v1, square_up_to(224, 64)), Entry(V2, make_v2, square_up_to(224, 64)))
