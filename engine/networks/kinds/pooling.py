"""Layers that gather places: pooling, global pooling, trainable subsampling, bilinear pooling."""

from __future__ import annotations

import math

from engine.networks.kinds.base import (
    Call,
    Effect,
    Refusal,
    Signal,
    call_of,
    check_window,
    effect_of,
    need_maps,
    one_or_two,
    pair_text,
    size_formula_up,
    slide,
    window_text,
)
from engine.networks.layers import BilinearPool, GlobalPool, Pair, Pool, Subsampling


@effect_of.register
def _pool(layer: Pool, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, layer.padding)
    if any(2 * padding > kernel for padding, kernel in zip(layer.padding, layer.kernel, strict=True)):
        raise Refusal(f"has padding {one_or_two(layer.padding)}, more than half of its {pair_text(layer.kernel)} window")
    detail = window_text(layer.kernel, layer.stride, layer.padding)
    output = _slide_up(signal, layer) if layer.ceil else slide(signal, signal.shape[0], layer.kernel, layer.stride, layer.padding)
    windows = zip(signal.shape[1:], layer.kernel, layer.stride, layer.padding, output.shape[1:], strict=True)
    return Effect(
        kind=f"{layer.kind.capitalize()} pooling",
        output=output,
        detail=f"{detail}, rounded up" if layer.ceil else detail,
        size_formula="; ".join(dict.fromkeys(size_formula_up(*window) for window in windows)) if layer.ceil else "",
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        windowed=True,
    )


def _slide_up(signal: Signal, layer: Pool) -> Signal:
    """As torch's ceil_mode: a last window beyond the edge counts if it begins inside the picture or its left padding."""
    sides = []
    for size, kernel, stride, padding in zip(signal.shape[1:], layer.kernel, layer.stride, layer.padding, strict=True):
        number = 1 + -(-(size - kernel + 2 * padding) // stride)
        sides.append(number - ((number - 1) * stride >= size + padding))
    return Signal((signal.shape[0], sides[0], sides[1]))


@call_of.register
def _pool_call(layer: Pool, signal: Signal) -> Call:
    options: dict[str, object] = {"stride": layer.stride}
    if any(layer.padding):
        options["padding"] = layer.padding
    if layer.ceil:
        options["ceil_mode"] = True
    if layer.kind == "mean" and not layer.count_padding:
        options["count_include_pad"] = False
    name = {"max": "MaxPool2d", "mean": "AvgPool2d", "min": "MinPool2d"}[layer.kind]
    return Call(name, (layer.kernel,), options, own=layer.kind == "min")


@effect_of.register
def _global_pool(layer: GlobalPool, signal: Signal) -> Effect:
    need_maps(signal)
    return Effect(
        kind=f"Global {layer.kind} pooling",
        output=Signal((signal.shape[0], 1, 1)),
        detail=f"over {pair_text(signal.shape[1:])}",
        kernel=signal.shape[1:],
        whole=True,
    )


@call_of.register
def _global_pool_call(layer: GlobalPool, signal: Signal) -> Call:
    name = {"max": "AdaptiveMaxPool2d", "mean": "AdaptiveAvgPool2d", "min": "GlobalMinPool2d"}[layer.kind]
    return Call(name, () if layer.kind == "min" else (1,), own=layer.kind == "min")


@effect_of.register
def _subsampling(layer: Subsampling, signal: Signal) -> Effect:
    nothing: Pair = (0, 0)
    check_window(signal, layer.kernel, nothing)
    channels = signal.shape[0]
    output = slide(signal, channels, layer.kernel, layer.stride, nothing)
    return Effect(
        kind="Trainable subsampling",
        output=output,
        detail=f"{window_text(layer.kernel, layer.stride, nothing)}, a weight and a bias a channel",
        parameters=2 * channels,
        formula=f"2·{channels:,} = {2 * channels:,}",
        multiply_adds=math.prod(output.shape),
        kernel=layer.kernel,
        stride=layer.stride,
        windowed=True,
    )


@call_of.register
def _subsampling_call(layer: Subsampling, signal: Signal) -> Call:
    return Call("Subsampling", (signal.shape[0], layer.kernel, layer.stride), own=True)


@effect_of.register
def _bilinear(layer: BilinearPool, signal: Signal) -> Effect:
    need_maps(signal)
    channels, places = signal.shape[0], math.prod(signal.shape[1:])
    normalised = ", signed root, unit length" if layer.normalise else ""
    return Effect(
        kind="Bilinear pooling",
        output=Signal((channels * channels, 1, 1), "flat"),
        detail=f"{channels:,}·{channels:,} products over {pair_text(signal.shape[1:])}{normalised}",
        multiply_adds=channels * channels * places,
        kernel=signal.shape[1:],
        whole=True,
    )


@call_of.register
def _bilinear_call(layer: BilinearPool, signal: Signal) -> Call:
    return Call("BilinearPool", (), {} if layer.normalise else {"normalise": False}, own=True)
