"""ResNets for small pictures, 20 to 1,202 layers deep, and their plain twins: how depth helps, and where it harms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from engine.networks.layers import (
    Activation,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Norm,
    PadChannels,
    Residual,
    Sequence,
    Shape,
)
from engine.networks.zoo.card import Card, Entry, native_from_28_to_32

SOURCE_2015 = "K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, CVPR 2016 (arXiv 1512.03385, 2015)"
SOURCE_2016 = "K. He, X. Zhang, S. Ren, J. Sun, Identity mappings in deep residual networks, ECCV 2016 (arXiv 1603.05027)"
WIDTHS = (16, 32, 64)
WIDENING = 4  # of a bottleneck: its last convolution has four times the filters of the others

RESIDUAL = {
    20: "The small ResNet for 32×32 pictures: 0.27 million weights, nine blocks.",
    32: "Fifteen blocks for 32×32 pictures: still quick to train.",
    44: "21 blocks for 32×32 pictures: one step of the ladder of depth.",
    56: "27 blocks for 32×32 pictures: here the plain twin is far behind.",
    110: "54 blocks for 32×32 pictures: a plain network of this depth hardly learns.",
    1202: "600 blocks: it trains, but 19 million weights are too many for small pictures.",
}
PLAIN = {
    20: "ResNet-20 without shortcuts: at this depth they make little difference.",
    32: "ResNet-32 without shortcuts: deeper than plain-20, and no better.",
    44: "ResNet-44 without shortcuts: its error grows in training too.",
    56: "ResNet-56 without shortcuts: deeper, and worse than plain-20 on its own training pictures.",
    110: "ResNet-110 without shortcuts: depth alone makes it hardly trainable.",
}
PREACTIVATED = {
    164: "Bottlenecks with norm and ReLU before each convolution: the clean path of He 2016 at 1.7 million weights.",
    1001: "333 bottlenecks on one clean path: a thousand layers that train as easily as a hundred.",
}


def _conv(name: str, filters: int, side: int = 3, stride: int = 1) -> Conv:
    # no bias: the shift of a batch norm takes its place
    return Conv(name, filters, (side, side), (stride, stride), (side // 2, side // 2), bias=False)


def _two_convs(width: int, stride: int) -> tuple[Layer, ...]:
    return (_conv("conv1", width, 3, stride), Norm("norm1"), Activation("relu1"), _conv("conv2", width), Norm("norm2"))


def _residual_block(number: int, before: int, width: int, stride: int) -> Sequence:
    """Two 3×3 convolutions beside a shortcut without parameters: the identity, or zero-padded (option A)."""
    shortcut = () if before == width else (PadChannels("pad", width, (stride, stride)),)
    return Sequence(f"block{number}", (Residual("residual", _two_convs(width, stride), shortcut), Activation("relu")))


def _plain_block(number: int, before: int, width: int, stride: int) -> Sequence:
    return Sequence(f"block{number}", (*_two_convs(width, stride), Activation("relu2")))


def _preactivated_block(number: int, before: int, width: int, stride: int) -> Sequence:
    """A bottleneck with norm and ReLU before each convolution; `width` is that of the narrow ones.

    Where the shape changes, the first norm and ReLU stand before both paths, and the shortcut is a projection.
    """
    out = WIDENING * width
    opening = (Norm("norm1"), Activation("relu1"))
    convs = (
        _conv("conv1", width, 1, stride),
        Norm("norm2"),
        Activation("relu2"),
        _conv("conv2", width),
        Norm("norm3"),
        Activation("relu3"),
        _conv("conv3", out, 1),
    )
    if before == out:
        return Sequence(f"block{number}", (Residual("residual", (*opening, *convs)),))
    return Sequence(f"block{number}", (*opening, Residual("residual", convs, (_conv("conv", out, 1, stride),))))


def _stages(blocks: int, make_block: Callable[[int, int, int, int], Sequence], widening: int) -> Iterator[Sequence]:
    """Three stages; the second and the third begin by halving the maps."""
    before = WIDTHS[0]
    for number, width in enumerate(WIDTHS, start=1):
        made = []
        for place in range(1, blocks + 1):
            made.append(make_block(place, before, width, 2 if place == 1 and number > 1 else 1))
            before = widening * width
        yield Sequence(f"stage{number}", tuple(made))


def _make(card: Card, shape: Shape, classes: int) -> Network:
    """One 3×3 convolution, three stages of 16, 32 and 64 filters, the mean over places, one linear layer."""
    kind, word = card.name.split("-")
    depth = int(word)
    head: tuple[Layer, ...] = (GlobalPool("mean"), Flatten("flatten"), Linear("linear", classes))
    stem: tuple[Layer, ...] = (_conv("conv", WIDTHS[0]),)
    if depth in PREACTIVATED:  # 9n + 2 layers
        stages = _stages((depth - 2) // 9, _preactivated_block, WIDENING)
        head = (Norm("norm"), Activation("relu"), *head)
    else:  # 6n + 2 layers
        stages = _stages((depth - 2) // 6, _plain_block if kind == "plain" else _residual_block, 1)
        stem = (*stem, Norm("norm"), Activation("relu"))
    body = Sequence("body", (Sequence("stem", stem), *stages, Sequence("head", head)))
    return Network(card.name, card.title, card.year, card.family, shape, classes, body)


def _entries(kind: str, title: str, family: str, year: int, source: str, summaries: dict[int, str]) -> Iterator[Entry]:
    for depth, summary in summaries.items():
        name = f"{kind}-{depth}"
        card = Card(name, f"{title}-{depth}", family, year, summary, source, "network", 1, (3, 32, 32), 10)
        yield Entry(card, partial(_make, card), native_from_28_to_32)


ENTRIES = (
    *_entries("plain", "Plain", "plain", 2015, SOURCE_2015, PLAIN),
    *_entries("resnet", "ResNet", "residual", 2015, SOURCE_2015, RESIDUAL),
    *_entries("resnet", "ResNet", "residual", 2016, SOURCE_2016, PREACTIVATED),
)
