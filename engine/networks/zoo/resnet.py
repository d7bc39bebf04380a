"""ResNet-18 to ResNet-152 for photographs: blocks add to what enters, so that 152 layers train as easily as 18."""

from __future__ import annotations

from functools import partial

from engine.networks.layers import Activation, Conv, Flatten, GlobalPool, Layer, Linear, Network, Norm, Pool, Residual, Sequence, Shape
from engine.networks.zoo.card import Card, Entry, square_up_to

SOURCE = "K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, CVPR 2016 (arXiv 1512.03385, 2015)"
WIDTHS = (64, 128, 256, 512)
WIDENING = 4  # of a bottleneck: its last convolution has four times the filters of the others

BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage, by depth (the paper's table 1)."""

SUMMARIES = {
    18: "The smallest of its family: the first choice for one's own photographs.",
    34: "As ResNet-18, with twice the layers: where its plain twin already trains worse, it trains better.",
    50: "The standard by which others are measured: bottleneck blocks, 26 million weights.",
    101: "A hundred layers of bottlenecks, for many pictures and a fast device.",
    152: "The network that won ILSVRC 2015: eight times as deep as VGG-19, with less work.",
}


def _conv(name: str, filters: int, side: int, stride: int = 1) -> Conv:
    # no bias: the shift of the batch norm takes its place
    return Conv(name, filters, (side, side), (stride, stride), (side // 2, side // 2), bias=False)


def _block(number: int, width: int, stride: int, bottleneck: bool, projection: bool) -> Sequence:
    """A basic block (3×3, 3×3) or a bottleneck (1×1, 3×3, 1×1), whose 3×3 takes the stride; ReLU after the sum."""
    body: tuple[Layer, ...]
    if bottleneck:
        out = WIDENING * width
        body = (
            _conv("conv1", width, 1),
            Norm("norm1"),
            Activation("relu1"),
            _conv("conv2", width, 3, stride),
            Norm("norm2"),
            Activation("relu2"),
            _conv("conv3", out, 1),
            Norm("norm3"),
        )
    else:
        out = width
        body = (_conv("conv1", out, 3, stride), Norm("norm1"), Activation("relu1"), _conv("conv2", out, 3), Norm("norm2"))
    shortcut = (_conv("conv", out, 1, stride), Norm("norm")) if projection else ()
    return Sequence(f"block{number}", (Residual("residual", body, shortcut), Activation("relu")))


def _stage(number: int, width: int, blocks: int, bottleneck: bool) -> Sequence:
    """Blocks of one width; the first halves the maps (but in stage 1) and projects its shortcut where the shape changes."""
    first = _block(1, width, 1 if number == 1 else 2, bottleneck, projection=bottleneck or number > 1)
    rest = tuple(_block(place, width, 1, bottleneck, projection=False) for place in range(2, blocks + 1))
    return Sequence(f"stage{number}", (first, *rest))


def _make(depth: int, shape: Shape, classes: int) -> Network:
    """A 7×7 stem, four stages, the mean over places, one linear layer."""
    bottleneck = depth in BOTTLENECK
    blocks = BOTTLENECK[depth] if bottleneck else BASIC[depth]
    stem = (_conv("conv", 64, 7, 2), Norm("norm"), Activation("relu"), Pool("pool", "max", (3, 3), (2, 2), (1, 1)))
    stages = tuple(_stage(number, *figures, bottleneck) for number, figures in enumerate(zip(WIDTHS, blocks, strict=True), start=1))
    head = (GlobalPool("mean"), Flatten("flatten"), Linear("linear", classes))
    body = Sequence("body", (Sequence("stem", stem), *stages, *head))
    card = CARDS[depth]
    return Network(card.name, card.title, card.year, card.family, shape, classes, body)


CARDS = {
    depth: Card(
        name=f"resnet-{depth}",
        title=f"ResNet-{depth}",
        family="residual",
        year=2015,
        summary=SUMMARIES[depth],
        source=SOURCE,
        kind="network",
        smallest=1,
        default_input=(3, 224, 224),
        default_classes=1000,
        twins=(f"torchvision:resnet{depth}", f"timm:resnet{depth}"),
    )
    for depth in (*BASIC, *BOTTLENECK)
}

ENTRIES = tuple(Entry(card, partial(_make, depth), square_up_to(224, 64)) for depth, card in CARDS.items())
