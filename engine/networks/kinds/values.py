"""Layers that work on values where they are: linear, activations, normalisation, dropout, gates, shortcuts, outputs."""

from __future__ import annotations

import math

from engine.networks.kinds.base import Call, Effect, Refusal, Signal, call_of, effect_of, need_maps, one_or_two, signal_text
from engine.networks.layers import (
    Activation,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    Norm,
    PadChannels,
    RbfOutput,
    Scale,
    SqueezeExcite,
)

ACTIVATIONS = {
    "relu": ("ReLU", Call("ReLU")),
    "tanh": ("Tanh", Call("Tanh")),
    "sigmoid": ("Sigmoid", Call("Sigmoid")),
    "leaky-relu": ("Leaky ReLU", Call("LeakyReLU")),
    "gelu": ("GELU", Call("GELU")),
    "relu6": ("ReLU6", Call("ReLU6")),
    "silu": ("SiLU", Call("SiLU")),
    "hard-swish": ("Hard swish", Call("Hardswish")),
    "hard-sigmoid": ("Hard sigmoid", Call("Hardsigmoid")),
    "scaled-tanh": ("Scaled tanh", Call("ScaledTanh", own=True)),
    "softmax": ("Softmax", Call("Softmax")),
}
"""Name as shown, and module."""


@effect_of.register
def _linear(layer: Linear, signal: Signal) -> Effect:
    if signal.form == "maps":
        raise Refusal(f"needs a row of values, but gets {signal_text(signal)}", "Put a flatten layer before it.")
    width, places = signal.shape[0], signal.shape[1]
    total = (width + layer.bias) * layer.units
    formula = f"({width:,} + 1)·{layer.units:,}" if layer.bias else f"{width:,}·{layer.units:,}"
    output = Signal((layer.units, *signal.shape[1:]), signal.form, signal.grid, signal.extra)
    each = "" if signal.form == "flat" else ", of each token"
    return Effect(
        kind="Linear",
        output=output,
        detail=f"{layer.units:,} units{each}{'' if layer.bias else ', no bias'}",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=width * layer.units * places,
    )


@call_of.register
def _linear_call(layer: Linear, signal: Signal) -> Call:
    return Call("Linear", (signal.shape[0], layer.units), {} if layer.bias else {"bias": False})


@effect_of.register
def _activation(layer: Activation, signal: Signal) -> Effect:
    detail = f"slope {layer.slope:g}" if layer.kind == "leaky-relu" else ""
    if layer.kind == "softmax" and signal.form == "maps":
        detail = "over the channels of each place"
    return Effect(kind=ACTIVATIONS[layer.kind][0], output=signal, detail=detail)


@call_of.register
def _activation_call(layer: Activation, signal: Signal) -> Call:
    if layer.kind == "leaky-relu":
        return Call("LeakyReLU", (layer.slope,))
    if layer.kind == "softmax":
        return Call("Softmax", (), {"dim": -1 if signal.form == "tokens" else 1})
    return ACTIVATIONS[layer.kind][1]


@effect_of.register
def _norm(layer: Norm, signal: Signal) -> Effect:
    if layer.kind == "batch" and signal.form == "tokens":
        raise Refusal("is a batch norm, but gets tokens", "Let it be a layer norm.")
    channels = signal.shape[0]
    word = "channels" if signal.form == "maps" else "values"
    return Effect(
        kind=f"{layer.kind.capitalize()} norm",
        output=signal,
        detail=f"scale and shift of {channels:,} {word}",
        parameters=2 * channels,
        formula=f"2·{channels:,} = {2 * channels:,}",
    )


@call_of.register
def _norm_call(layer: Norm, signal: Signal) -> Call:
    options: dict[str, object] = {} if layer.epsilon == 1e-5 else {"eps": layer.epsilon}
    if layer.kind == "batch":
        return Call("BatchNorm1d" if signal.form == "flat" else "BatchNorm2d", (signal.shape[0],), options)
    if signal.form == "maps":
        return Call("ChannelLayerNorm", (signal.shape[0],), options, own=True)
    return Call("LayerNorm", (signal.shape[0],), options)


@effect_of.register
def _scale(layer: Scale, signal: Signal) -> Effect:
    return Effect(kind="Scale", output=signal, detail=f"times {layer.factor:.4g}")


@call_of.register
def _scale_call(layer: Scale, signal: Signal) -> Call:
    return Call("Scale", (layer.factor,), own=True)


@effect_of.register
def _response(layer: LocalResponseNorm, signal: Signal) -> Effect:
    need_maps(signal)
    detail = f"over {layer.size} channels, k {layer.k:g}, alpha {layer.alpha:g}, beta {layer.beta:g}"
    return Effect(kind="Local response norm", output=signal, detail=detail)


@call_of.register
def _response_call(layer: LocalResponseNorm, signal: Signal) -> Call:
    # torch divides alpha by the size, the paper does not
    return Call("LocalResponseNorm", (layer.size,), {"alpha": layer.alpha * layer.size, "beta": layer.beta, "k": layer.k})


@effect_of.register
def _dropout(layer: Dropout, signal: Signal) -> Effect:
    return Effect(kind="Dropout", output=signal, detail=f"{100 * layer.rate:g} % in training")


@call_of.register
def _dropout_call(layer: Dropout, signal: Signal) -> Call:
    return Call("Dropout", (layer.rate,))


@effect_of.register
def _flatten(layer: Flatten, signal: Signal) -> Effect:
    total = math.prod(signal.shape)
    detail = ""
    if signal.form == "maps":
        detail = f"{signal.shape[0]:,}·{signal.shape[1]}·{signal.shape[2]} = {total:,} values"
    elif signal.form == "tokens":
        detail = f"{signal.shape[1]:,}·{signal.shape[0]:,} = {total:,} values"
    return Effect(kind="Flatten", output=Signal((total, 1, 1), "flat"), detail=detail, kernel=signal.places, whole=True)


@call_of.register
def _flatten_call(layer: Flatten, signal: Signal) -> Call:
    return Call("Flatten")


@effect_of.register
def _squeeze(layer: SqueezeExcite, signal: Signal) -> Effect:
    need_maps(signal)
    channels = signal.shape[0]
    total = (channels + 1) * layer.reduced + (layer.reduced + 1) * channels
    formula = f"({channels:,} + 1)·{layer.reduced:,} + ({layer.reduced:,} + 1)·{channels:,}"
    return Effect(
        kind="Squeeze and excite",
        output=signal,
        detail=f"{channels:,} → {layer.reduced:,} → {channels:,} gates",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=2 * channels * layer.reduced,
        kernel=signal.shape[1:],
        whole=True,
        activations=2 * channels + layer.reduced,
    )


@call_of.register
def _squeeze_call(layer: SqueezeExcite, signal: Signal) -> Call:
    return Call("SqueezeExcite", (signal.shape[0], layer.reduced, layer.activation, layer.gate), own=True)


@effect_of.register
def _pad_channels(layer: PadChannels, signal: Signal) -> Effect:
    need_maps(signal)
    channels, height, width = signal.shape
    if layer.channels < channels:
        raise Refusal(f"pads to {layer.channels:,} channels, but gets {channels:,}", f"Let it have at least {channels:,} channels.")
    places = (-(-height // layer.stride[0]), -(-width // layer.stride[1]))
    return Effect(
        kind="Zero-padded shortcut",
        output=Signal((layer.channels, *places)),
        detail=f"stride {one_or_two(layer.stride)}, {channels:,} channels and {layer.channels - channels:,} of zeros",
        stride=layer.stride,
    )


@call_of.register
def _pad_channels_call(layer: PadChannels, signal: Signal) -> Call:
    return Call("PadChannels", (signal.shape[0], layer.channels, layer.stride), own=True)


@effect_of.register
def _rbf(layer: RbfOutput, signal: Signal) -> Effect:
    if signal.form != "flat":
        raise Refusal(f"needs a row of values, but gets {signal_text(signal)}", "Put a flatten layer before it.")
    values = signal.shape[0]
    return Effect(
        kind="RBF output",
        output=Signal((layer.units, 1, 1), "flat"),
        detail=f"distance to {layer.units:,} fixed codes of {values:,} values",
        multiply_adds=values * layer.units,
    )


@call_of.register
def _rbf_call(layer: RbfOutput, signal: Signal) -> Call:
    return Call("RbfOutput", (signal.shape[0], layer.units), own=True)
