"""Convolutions: plain, depthwise, separable, and with a table of connections."""

from __future__ import annotations

import math

from engine.networks.kinds.base import Call, Effect, Refusal, Signal, call_of, check_window, effect_of, slide, window_text
from engine.networks.layers import Conv, DepthwiseConv, PartialConv, SeparableConv, Whitening


@effect_of.register
def _conv(layer: Conv, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, layer.padding, layer.dilation)
    channels = signal.shape[0]
    if channels % layer.groups or layer.filters % layer.groups:
        raise Refusal(f"has {layer.groups} groups, which do not divide {channels} channels and {layer.filters} filters")
    groups = f", {layer.groups} groups" if layer.groups > 1 else ""
    return _convolved("Convolution", layer, signal, layer.filters, channels // layer.groups, f"{layer.filters:,} filters{groups}")


def _convolved(kind: str, layer: Conv | DepthwiseConv, signal: Signal, filters: int, depth: int, words: str) -> Effect:
    """What `filters` kernels do of which each sees `depth` channels; 0 for one channel of its own, which formulas do not name."""
    output = slide(signal, filters, layer.kernel, layer.stride, layer.padding, layer.dilation)
    weights = layer.kernel[0] * layer.kernel[1] * max(1, depth)
    product = f"{layer.kernel[0]}·{layer.kernel[1]}" + (f"·{depth:,}" if depth else "")
    total = (weights + layer.bias) * filters
    formula = f"({product} + 1)·{filters:,}" if layer.bias else f"{product}·{filters:,}"
    window = window_text(layer.kernel, layer.stride, layer.padding, layer.dilation)
    return Effect(
        kind=kind,
        output=output,
        detail=f"{window}, {words}{'' if layer.bias else ', no bias'}",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=math.prod(output.shape) * weights,
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        windowed=True,
    )


@call_of.register
def _conv_call(layer: Conv, signal: Signal) -> Call:
    return Call("Conv2d", (signal.shape[0], layer.filters, layer.kernel), _options(layer, groups=layer.groups))


@effect_of.register
def _depthwise(layer: DepthwiseConv, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, layer.padding, layer.dilation)
    each = "one kernel a channel" if layer.multiplier == 1 else f"{layer.multiplier} kernels a channel"
    return _convolved("Depthwise convolution", layer, signal, signal.shape[0] * layer.multiplier, 0, each)


@call_of.register
def _depthwise_call(layer: DepthwiseConv, signal: Signal) -> Call:
    channels = signal.shape[0]
    return Call("Conv2d", (channels, channels * layer.multiplier, layer.kernel), _options(layer, groups=channels))


@effect_of.register
def _separable(layer: SeparableConv, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, layer.padding)
    channels = signal.shape[0]
    output = slide(signal, layer.filters, layer.kernel, layer.stride, layer.padding)
    places = math.prod(output.shape[1:])
    window = layer.kernel[0] * layer.kernel[1]
    total = (window + layer.bias) * channels + (channels + layer.bias) * layer.filters
    sides = f"{layer.kernel[0]}·{layer.kernel[1]}"
    if layer.bias:
        formula = f"({sides} + 1)·{channels:,} + ({channels:,} + 1)·{layer.filters:,}"
    else:
        formula = f"{sides}·{channels:,} + {channels:,}·{layer.filters:,}"
    no_bias = "" if layer.bias else ", no bias"
    return Effect(
        kind="Separable convolution",
        output=output,
        detail=f"{window_text(layer.kernel, layer.stride, layer.padding)}, {layer.filters:,} filters{no_bias}",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=places * channels * (window + layer.filters),
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        windowed=True,
        activations=places * channels,
    )


@call_of.register
def _separable_call(layer: SeparableConv, signal: Signal) -> Call:
    options = {"stride": layer.stride, "padding": layer.padding, "bias": layer.bias}
    return Call("SeparableConv", (signal.shape[0], layer.filters, layer.kernel), options, own=True)


@effect_of.register
def _partial(layer: PartialConv, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, layer.padding)
    channels, filters = signal.shape[0], len(layer.table)
    for number, seen in enumerate(layer.table):
        if not seen or list(seen) != sorted(set(seen)) or seen[-1] >= channels:
            shown = str(list(seen)) if len(seen) <= 8 else f"{len(seen):,} channels"
            raise Refusal(f"has a filter {number} that sees {shown}: that must be rising numbers from 0 to {channels - 1}")
    output = slide(signal, filters, layer.kernel, layer.stride, layer.padding)
    window = layer.kernel[0] * layer.kernel[1]
    joined = sum(len(seen) for seen in layer.table)
    moved = window_text(layer.kernel, layer.stride, layer.padding)
    total = window * joined + layer.bias * filters
    formula = f"{layer.kernel[0]}·{layer.kernel[1]}·{joined:,}" + (f" + {filters:,}" if layer.bias else "")
    return Effect(
        kind="Partly connected convolution",
        output=output,
        detail=f"{moved}, {filters:,} filters, {joined} of {channels * filters} connections",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=math.prod(output.shape[1:]) * window * joined,
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        windowed=True,
    )


@call_of.register
def _partial_call(layer: PartialConv, signal: Signal) -> Call:
    options = {"stride": layer.stride, "padding": layer.padding, "bias": layer.bias}
    return Call("PartialConv", (signal.shape[0], layer.table, layer.kernel), options, own=True)


@effect_of.register
def _whitening(layer: Whitening, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, (0, 0))
    height, width = layer.kernel
    values = height * width * signal.shape[0]
    output = slide(signal, 2 * values, layer.kernel, (1, 1), (0, 0))
    return Effect(
        kind="Whitening",
        output=output,
        detail=f"{window_text(layer.kernel, (1, 1), (0, 0))}, {2 * values:,} fixed filters from {values:,} directions",
        parameters=2 * values,
        formula=f"2·{height}·{width}·{signal.shape[0]:,} = {2 * values:,}",
        multiply_adds=math.prod(output.shape) * values,
        kernel=layer.kernel,
        windowed=True,
    )


@call_of.register
def _whitening_call(layer: Whitening, signal: Signal) -> Call:
    return Call("Whitening", (signal.shape[0], layer.kernel), own=True)


def _options(layer: Conv | DepthwiseConv, groups: int) -> dict[str, object]:
    """Options of nn.Conv2d, without those that are torch's defaults."""
    usual = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "bias": True}
    options = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": groups, "bias": layer.bias}
    return {word: value for word, value in options.items() if value != usual[word]}
