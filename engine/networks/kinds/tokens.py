"""Layers of transformers: patches become tokens, and tokens look at each other."""

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
    need_tokens,
    pair_text,
    slide,
)
from engine.networks.layers import Attention, ClassToken, PatchEmbedding, Position, TokenPool


@effect_of.register
def _patches(layer: PatchEmbedding, signal: Signal) -> Effect:
    check_window(signal, layer.patch, (0, 0))
    channels = signal.shape[0]
    maps = slide(signal, layer.width, layer.patch, layer.patch, (0, 0))
    places = math.prod(maps.shape[1:])
    weights = layer.patch[0] * layer.patch[1] * channels
    total = (weights + layer.bias) * layer.width
    product = f"{layer.patch[0]}·{layer.patch[1]}·{channels:,}"
    formula = f"({product} + 1)·{layer.width:,}" if layer.bias else f"{product}·{layer.width:,}"
    return Effect(
        kind="Patch embedding",
        output=Signal((layer.width, places, 1), "tokens", maps.shape[1:]),
        detail=f"{pair_text(layer.patch)} pixels a patch, {pair_text(maps.shape[1:])} patches",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=places * weights * layer.width,
        kernel=layer.patch,
        stride=layer.patch,
        windowed=True,
    )


@call_of.register
def _patches_call(layer: PatchEmbedding, signal: Signal) -> Call:
    return Call("PatchEmbedding", (signal.shape[0], layer.width, layer.patch), {} if layer.bias else {"bias": False}, own=True)


@effect_of.register
def _class_token(layer: ClassToken, signal: Signal) -> Effect:
    need_tokens(signal)
    width, number, _ = signal.shape
    output = Signal((width, number + 1, 1), "tokens", signal.grid, signal.extra + 1)
    return Effect(kind="Class token", output=output, detail="one learned token first", parameters=width, formula=f"{width:,}")


@call_of.register
def _class_token_call(layer: ClassToken, signal: Signal) -> Call:
    return Call("ClassToken", (signal.shape[0],), own=True)


@effect_of.register
def _position(layer: Position, signal: Signal) -> Effect:
    need_tokens(signal)
    width, number, _ = signal.shape
    total = width * number
    detail = f"a learned row for each of {number:,} tokens"
    return Effect(kind="Position", output=signal, detail=detail, parameters=total, formula=f"{number:,}·{width:,} = {total:,}")


@call_of.register
def _position_call(layer: Position, signal: Signal) -> Call:
    return Call("Position", (signal.shape[1], signal.shape[0]), own=True)


@effect_of.register
def _attention(layer: Attention, signal: Signal) -> Effect:
    need_tokens(signal)
    width, number, _ = signal.shape
    if width % layer.heads:
        raise Refusal(f"has {layer.heads} heads, which do not divide a width of {width:,}", "Choose a number of heads that divides it.")
    total = 4 * width * (width + layer.bias)
    formula = f"4·{width:,}·({width:,} + 1)" if layer.bias else f"4·{width:,}·{width:,}"
    return Effect(
        kind="Attention",
        output=signal,
        detail=f"{layer.heads} heads of {width // layer.heads} values{'' if layer.bias else ', no bias'}",
        parameters=total,
        formula=f"{formula} = {total:,}",
        multiply_adds=number * width * 4 * width + 2 * number * number * width,
        kernel=signal.grid,
        whole=True,
        activations=number * 4 * width + layer.heads * number * number,
    )


@call_of.register
def _attention_call(layer: Attention, signal: Signal) -> Call:
    return Call("Attention", (signal.shape[0], layer.heads), {} if layer.bias else {"bias": False}, own=True)


@effect_of.register
def _token_pool(layer: TokenPool, signal: Signal) -> Effect:
    need_tokens(signal)
    if layer.kind == "class":
        if not signal.extra:
            raise Refusal("takes the class token, but there is none", "Put a class token after the patch embedding, or take the mean.")
        return Effect(kind="Class token alone", output=Signal((signal.shape[0], 1, 1), "flat"), detail="the first token")
    detail = f"over {signal.shape[1]:,} tokens"
    output = Signal((signal.shape[0], 1, 1), "flat")
    return Effect(kind="Mean of tokens", output=output, detail=detail, kernel=signal.grid, whole=True)


@call_of.register
def _token_pool_call(layer: TokenPool, signal: Signal) -> Call:
    return Call("TokenPool", (layer.kind,), own=True)
