"""The cells of the Neocognitron (Fukushima 1980)."""

from __future__ import annotations

import math

from engine.networks.kinds.base import Call, Effect, Refusal, Signal, call_of, check_window, effect_of, pair_text, slide, window_text
from engine.networks.layers import ComplexCells, SimpleCells


@effect_of.register
def _simple(layer: SimpleCells, signal: Signal) -> Effect:
    if not (layer.kernel[0] % 2 and layer.kernel[1] % 2):
        raise Refusal(f"has a zone of {pair_text(layer.kernel)}", "Let both sides be odd, so that the zone has a middle.")
    padding = (layer.kernel[0] // 2, layer.kernel[1] // 2)
    check_window(signal, layer.kernel, padding)
    channels = signal.shape[0]
    weights = layer.kernel[0] * layer.kernel[1] * channels
    total = (weights + 1) * layer.planes
    output = slide(signal, layer.planes, layer.kernel, (1, 1), padding)
    return Effect(
        kind="S cells",
        output=output,
        detail=f"{layer.planes:,} planes, zone {pair_text(layer.kernel)}, selectivity {layer.selectivity:.3g}",
        parameters=total,
        formula=f"({layer.kernel[0]}·{layer.kernel[1]}·{channels:,} + 1)·{layer.planes:,} = {total:,}",
        multiply_adds=math.prod(output.shape) * weights + math.prod(output.shape[1:]) * layer.kernel[0] * layer.kernel[1],
        kernel=layer.kernel,
        padding=padding,
        windowed=True,
    )


@call_of.register
def _simple_call(layer: SimpleCells, signal: Signal) -> Call:
    return Call("SimpleCells", (signal.shape[0], layer.planes, layer.kernel, layer.selectivity), own=True)


@effect_of.register
def _complex(layer: ComplexCells, signal: Signal) -> Effect:
    check_window(signal, layer.kernel, layer.padding)
    output = slide(signal, signal.shape[0], layer.kernel, layer.stride, layer.padding)
    return Effect(
        kind="C cells",
        output=output,
        detail=f"zone {window_text(layer.kernel, layer.stride, layer.padding)}, fixed weights",
        multiply_adds=math.prod(output.shape) * layer.kernel[0] * layer.kernel[1],
        kernel=layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        windowed=True,
    )


@call_of.register
def _complex_call(layer: ComplexCells, signal: Signal) -> Call:
    return Call("ComplexCells", (layer.kernel, layer.stride, layer.padding), own=True)
