"""What each kind of layer does to a signal: output, parameters with their formula, multiply-adds, window. No torch."""

from __future__ import annotations

import math
from functools import singledispatch

import msgspec

from engine.networks.layers import (
    Activation,
    Conv,
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


class Effect(msgspec.Struct, frozen=True):
    """What a layer does to a signal, before receptive fields are worked out."""

    kind: str
    output: Shape
    detail: str = ""
    flat: bool = False
    parameters: int = 0
    formula: str = ""
    multiply_adds: int = 0
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    windowed: bool = False


class Refusal(Exception):
    """Why a layer cannot take its input; `analyse` adds the layer's name and the network's input."""


class TooSmall(Refusal):
    """The input is smaller than the kernel."""


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Number of places of a window along one side: 1 + ⌊(N − F + 2P)/S⌋; 0 or less where it has no room."""
    return 1 + (size - kernel + 2 * padding) // stride


def fits(size: int, kernel: int, stride: int = 1, padding: int = 0) -> bool:
    """Whether the stride divides N − F + 2P, so that the last window ends at the edge."""
    return (size - kernel + 2 * padding) % stride == 0


def size_formula(size: int, kernel: int, stride: int = 1, padding: int = 0) -> str:
    """The output size with the numbers put in.

    Examples
    --------
    >>> size_formula(7, 3, 3)
    '1 + ⌊(7 − 3 + 2·0)/3⌋ = 1 + ⌊1.33⌋ = 2, does not divide'
    """
    answer = output_size(size, kernel, stride, padding)
    if fits(size, kernel, stride, padding):
        return f"1 + ({size} − {kernel} + 2·{padding})/{stride} = {answer}"
    quotient = (size - kernel + 2 * padding) / stride
    return f"1 + ⌊({size} − {kernel} + 2·{padding})/{stride}⌋ = 1 + ⌊{quotient:.2f}⌋ = {answer}, does not divide"


@singledispatch
def effect_of(layer: Layer, shape: Shape, flat: bool) -> Effect:
    """What a layer makes of a signal of this shape; `flat` tells whether the signal is one row of values.

    Raises
    ------
    Refusal
        If the layer cannot take it.
    """
    raise TypeError(f"no arithmetic for {type(layer).__name__}")


@effect_of.register
def _conv(layer: Conv, shape: Shape, flat: bool) -> Effect:
    _check_window(layer, shape, flat)
    if shape[0] % layer.groups or layer.filters % layer.groups:
        raise Refusal(f"has {layer.groups} groups, which do not divide {shape[0]} channels and {layer.filters} filters")
    output = _slide(shape, layer.filters, layer)
    depth = shape[0] // layer.groups
    weights = layer.kernel[0] * layer.kernel[1] * depth
    product = f"{layer.kernel[0]}·{layer.kernel[1]}·{depth:,}"
    total = (weights + layer.bias) * layer.filters
    formula = f"({product} + 1)·{layer.filters:,}" if layer.bias else f"{product}·{layer.filters:,}"
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return Effect(
        kind="Convolution",
        output=output,
        detail=f"{_window(layer)}, {layer.filters:,} filters{groups}{'' if layer.bias else ', no bias'}",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=math.prod(output) * weights,
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        windowed=True,
    )


@effect_of.register
def _pool(layer: Pool, shape: Shape, flat: bool) -> Effect:
    _check_window(layer, shape, flat)
    if any(2 * padding > kernel for padding, kernel in zip(layer.padding, layer.kernel, strict=True)):
        raise Refusal(f"has padding {_pair(layer.padding)}, more than half of its {_size((0, *layer.kernel))} window")
    return Effect(
        kind=f"{layer.kind.capitalize()} pooling",
        output=_slide(shape, shape[0], layer),
        detail=_window(layer),
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        windowed=True,
    )


@effect_of.register
def _global_pool(layer: GlobalPool, shape: Shape, flat: bool) -> Effect:
    if flat:
        raise Refusal(f"needs maps, but gets a row of {shape[0]} values")
    return Effect(kind=f"Global {layer.kind} pooling", output=(shape[0], 1, 1), detail=f"over {_size(shape)}", kernel=shape[1:])


@effect_of.register
def _linear(layer: Linear, shape: Shape, flat: bool) -> Effect:
    if not flat:
        raise Refusal(f"needs a row of values, but gets maps of {shape_text(shape)}: put a flatten layer before it")
    total = (shape[0] + layer.bias) * layer.units
    formula = f"({shape[0]:,} + 1)·{layer.units:,}" if layer.bias else f"{shape[0]:,}·{layer.units:,}"
    return Effect(
        kind="Linear",
        output=(layer.units, 1, 1),
        detail=f"{layer.units:,} units{'' if layer.bias else ', no bias'}",
        flat=True,
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=shape[0] * layer.units,
    )


@effect_of.register
def _activation(layer: Activation, shape: Shape, flat: bool) -> Effect:
    kind = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "leaky-relu": "Leaky ReLU"}[layer.kind]
    return Effect(kind=kind, output=shape, detail=f"slope {layer.slope:g}" if layer.kind == "leaky-relu" else "", flat=flat)


@effect_of.register
def _norm(layer: Norm, shape: Shape, flat: bool) -> Effect:
    total = 2 * shape[0]
    detail = f"scale and shift of {shape[0]:,} {'values' if flat else 'channels'}"
    return Effect(kind="Batch norm", output=shape, detail=detail, flat=flat, parameters=total, formula=f"2·{shape[0]:,} = {total:,}")


@effect_of.register
def _dropout(layer: Dropout, shape: Shape, flat: bool) -> Effect:
    return Effect(kind="Dropout", output=shape, detail=f"{100 * layer.rate:g} % in training", flat=flat)


@effect_of.register
def _flatten(layer: Flatten, shape: Shape, flat: bool) -> Effect:
    detail = "" if flat else f"{shape[0]:,}·{shape[1]}·{shape[2]} = {math.prod(shape):,} values"
    return Effect(kind="Flatten", output=(math.prod(shape), 1, 1), detail=detail, flat=True, kernel=shape[1:])


def _check_window(layer: Conv | Pool, shape: Shape, flat: bool) -> None:
    if flat:
        raise Refusal(f"needs maps, but gets a row of {shape[0]} values")
    for size, kernel, padding in zip(shape[1:], layer.kernel, layer.padding, strict=True):
        if size + 2 * padding < kernel:
            padded = f"{_size(shape)} with padding {_pair(layer.padding)}" if any(layer.padding) else _size(shape)
            raise TooSmall(f"{padded} is smaller than its {_size((0, *layer.kernel))} kernel")
        if padding >= kernel:
            raise Refusal(f"has padding {padding}, which must be smaller than its {_size((0, *layer.kernel))} kernel")


def _slide(shape: Shape, channels: int, layer: Conv | Pool) -> Shape:
    height, width = (output_size(*side) for side in zip(shape[1:], layer.kernel, layer.stride, layer.padding, strict=True))
    return channels, height, width


def size_formulas(shape: Shape, effect: Effect) -> str:
    """`size_formula` of the height, and of the width where it differs."""
    sides = [size_formula(*side) for side in zip(shape[1:], effect.kernel, effect.stride, effect.padding, strict=True)]
    return "; ".join(dict.fromkeys(sides))


def _window(layer: Conv | Pool) -> str:
    padding = f", padding {_pair(layer.padding)}" if any(layer.padding) else ""
    return f"{_size((0, *layer.kernel))}, stride {_pair(layer.stride)}{padding}"


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"


def _size(shape: Shape) -> str:
    return f"{shape[1]}×{shape[2]}"


def shape_text(shape: Shape) -> str:
    """A shape as "6×28×28"."""
    return f"{shape[0]}×{shape[1]}×{shape[2]}"
