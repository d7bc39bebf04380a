"""A module of another library in the words of our own layers: kind, details, formula."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.networks.arithmetic import PICTURE, LayerRow
from engine.networks.kinds import Effect, Refusal, Signal, effect_of
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
    Norm,
    Pair,
    Pool,
    Shape,
)

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear, _BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.MultiheadAttention)
"""Modules that are one layer even where they hold others."""

ACTIVATIONS: dict[type[nn.Module], ActivationKind] = {
    nn.ReLU: "relu",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.GELU: "gelu",
    nn.ReLU6: "relu6",
    nn.SiLU: "silu",
    nn.Hardswish: "hard-swish",
    nn.Hardsigmoid: "hard-sigmoid",
}
OTHER_WORDS = (
    (nn.MultiheadAttention, "Attention"),
    (nn.Conv2d, "Convolution"),
    (nn.Linear, "Linear"),
    (_BatchNorm, "Batch norm"),
    (nn.GroupNorm, "Group norm"),
    (nn.LayerNorm, "Layer norm"),
    (nn.Identity, "Identity"),
    (nn.Dropout, "Dropout"),
)
WORDS = {
    "Attention": "Attention",
    "WindowAttention": "Attention",
    "ShiftedWindowAttention": "Attention",
    "DropPath": "Stochastic depth",
    "StochasticDepth": "Stochastic depth",
    "SelectAdaptivePool2d": "Global pooling",
    "LayerScale": "Layer scale",
    "LayerScale2d": "Layer scale",
    "SqueezeExcite": "Squeeze and excite",
    "SqueezeExcitation": "Squeeze and excite",
    "PatchMerging": "Patch merging",
    "RmsNorm": "RMS norm",
    "RMSNorm": "RMS norm",
}
VALUES = (("cls_token", "Class token"), ("class_token", "Class token"), ("pos_embed", "Position"))
MOST_EXTRA = 8  # class tokens and registers before those of the grid


class Passed(NamedTuple):
    """What a module did to a signal; shapes as in torch, without the number of pictures.

    `part` is None for values that belong to no single layer; `used` is False for modules that take no part in the answer; `joined`
    says how several signals became one.
    """

    name: str
    part: nn.Module | None
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    sources: tuple[int, ...]
    used: bool = True
    joined: str = ""


def row_of(passed: Passed, picture: Shape, before: list[LayerRow], auxiliary: bool) -> LayerRow:
    """The row of what a module did, after those before it."""
    sources = (before[number] for number in reversed(passed.sources) if number != PICTURE)
    source = next((row for row in sources if row.form == "maps"), None)
    last = _channels_last(passed, source)
    from_last = last if source is None else passed.input == (*source.output[1:], source.output[0])
    entering, leaving = _signal(passed.input, picture, from_last), _signal(passed.output, picture, last)
    known = _known(passed, entering, leaving)
    effect = known if known is not None else Effect(kind=_kind(passed), output=leaving, detail=_detail(passed))
    return LayerRow(
        name=passed.name,
        kind=effect.kind,
        detail=effect.detail if passed.used else "takes no part in the answer",
        input=entering.shape,
        output=leaving.shape,
        form=leaving.form,
        input_form=entering.form,
        parameters=passed.parameters,
        trainable=passed.parameters,
        formula=effect.formula if passed.parameters == effect.parameters else "",
        multiply_adds=passed.multiply_adds,
        receptive_field=None,
        jump=None,
        offset=None,
        kernel=effect.kernel,
        stride=effect.stride,
        padding=effect.padding,
        dilation=effect.dilation,
        size_formula=effect.size_formula,
        whole=effect.whole,
        sources=passed.sources or ((PICTURE,) if not before else ()),
        auxiliary=auxiliary,
        activations=math.prod(leaving.shape) if passed.used and passed.part is not None else 0,
        places=leaving.places,
        input_places=entering.places,
        extra=leaving.extra,
    )


# ---------------------------------------------------------------- signals


def _signal(shape: tuple[int, ...], picture: Shape, channels_last: bool) -> Signal:
    if len(shape) == 3:
        rows, columns, channels = shape if channels_last else (shape[1], shape[2], shape[0])
        return Signal((channels, rows, columns))
    if len(shape) == 2:
        length, width = shape
        grid, extra = _grid(length, picture)
        return Signal((width, length, 1), "tokens", grid, extra)
    return Signal((math.prod(shape), 1, 1), "flat")


def _grid(length: int, picture: Shape) -> tuple[Pair, int]:
    """The places that tokens come from, guessed: the most that have the picture's shape, behind few others."""
    _, height, width = picture
    for extra in range(min(MOST_EXTRA, length)):
        rows = math.isqrt((length - extra) * height // width)
        for candidate in (rows, rows + 1):
            if (
                candidate
                and (length - extra) % candidate == 0
                and abs(candidate * width - (length - extra) // candidate * height) < max(height, width)
            ):
                return (candidate, (length - extra) // candidate), extra
    return (length, 1), 0


def _channels_last(passed: Passed, source: LayerRow | None) -> bool:
    """Whether maps lie as [height, width, channels]: behind a linear layer or a layer norm they do, and stay so for what follows."""
    if len(passed.output) != 3:
        return False
    part = passed.part
    if isinstance(part, nn.Linear):
        return True
    if type(part) is nn.LayerNorm:
        return tuple(part.normalized_shape) == passed.output[-1:]
    if isinstance(part, nn.Conv2d | _BatchNorm | nn.GroupNorm):
        return False
    if source is None:
        return False
    channels, rows, columns = source.output
    return passed.output == (rows, columns, channels) and passed.output != source.output


# ---------------------------------------------------------------- words


def _known(passed: Passed, entering: Signal, leaving: Signal) -> Effect | None:
    """What the arithmetic of our own layer of the same kind says, where there is one and it comes to the same."""
    layer = _as_ours(passed.part, entering)
    if layer is None:
        return None
    try:
        effect = effect_of(layer, entering)
    except Refusal:
        return None
    return effect if effect.output.shape == leaving.shape else None


def _as_ours(part: nn.Module | None, entering: Signal) -> Layer | None:
    if type(part) is nn.Conv2d and not isinstance(part.padding, str):
        kernel, stride, padding, dilation = _pairs(part.kernel_size, part.stride, part.padding, part.dilation)
        bias = part.bias is not None
        if part.groups == part.in_channels > 1:
            return DepthwiseConv("a", kernel, stride, padding, part.out_channels // part.in_channels, bias, dilation)
        return Conv("a", part.out_channels, kernel, stride, padding, part.groups, bias, dilation)
    if type(part) is nn.Linear and entering.form != "maps":
        return Linear("a", part.out_features, part.bias is not None)
    if part is not None and type(part) in ACTIVATIONS:
        return Activation("a", ACTIVATIONS[type(part)])
    if type(part) in (nn.BatchNorm1d, nn.BatchNorm2d):
        return Norm("a", "batch")
    if type(part) is nn.LayerNorm:
        return Norm("a", "layer")
    if isinstance(part, nn.MaxPool2d) and part.dilation == 1:
        kernel, stride, padding = _pairs(part.kernel_size, part.stride, part.padding)
        return Pool("a", "max", kernel, stride, padding, part.ceil_mode)
    if type(part) is nn.AvgPool2d:
        kernel, stride, padding = _pairs(part.kernel_size, part.stride, part.padding)
        return Pool("a", "mean", kernel, stride, padding, part.ceil_mode, part.count_include_pad)
    if isinstance(part, nn.AdaptiveAvgPool2d) and part.output_size in (1, (1, 1)):
        return GlobalPool("a", "mean")
    if type(part) is nn.Dropout and part.p < 1:
        return Dropout("a", part.p)
    if type(part) is nn.Flatten and part.start_dim == 1:
        return Flatten("a")
    return None


def _pairs(*sides: int | tuple[int, ...]) -> list[Pair]:
    return [(side, side) if isinstance(side, int) else (side[0], side[1]) for side in sides]


def _kind(passed: Passed) -> str:
    part = passed.part
    if part is None:
        last = passed.name.rpartition(".")[2]
        return next((word for begin, word in VALUES if last.startswith(begin)), "Learned values")
    if passed.joined:
        return passed.joined
    name = type(part).__name__
    if name in WORDS:
        return WORDS[name]
    return next((word for kind, word in OTHER_WORDS if isinstance(part, kind)), name)


def _detail(passed: Passed) -> str:
    part = passed.part
    if part is None or passed.joined:
        return "" if part is not None else "×".join(map(str, passed.output))
    if isinstance(part, nn.Conv2d):
        return f"{'×'.join(map(str, part.kernel_size))}, stride {part.stride[0]}, {part.out_channels:,} filters"
    if isinstance(part, nn.Linear):
        return f"{part.out_features:,} units, of each place"
    if isinstance(part, _BatchNorm):  # with an activation, mostly
        return f"scale and shift of {part.num_features:,} channels"
    if isinstance(part, nn.LayerNorm):
        return f"scale and shift of {math.prod(part.normalized_shape):,} values"
    if isinstance(part, nn.MultiheadAttention):
        return f"{part.num_heads} heads of {part.head_dim} values"
    return ""
