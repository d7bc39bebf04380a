"""New layers of every kind, with choices that fit what comes before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engine.networks.arithmetic import NetworkError
from engine.networks.kinds import Refusal, Signal, effect_of
from engine.networks.kinds.base import need_tokens
from engine.networks.layers import (
    Activation,
    Attention,
    Auxiliary,
    BilinearPool,
    Branches,
    ClassToken,
    ComplexCells,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    LocalResponseNorm,
    Norm,
    PadChannels,
    Pair,
    PartialConv,
    PatchEmbedding,
    Pool,
    Position,
    RbfOutput,
    Residual,
    Scale,
    SeparableConv,
    Sequence,
    SimpleCells,
    SqueezeExcite,
    Subsampling,
    TokenPool,
    Whitening,
)

Making: TypeAlias = Callable[[Signal, int], Layer]
USUAL = Signal((16, 16, 16))
"""Taken where it is not known what comes before."""
HIDDEN, NEW_FILTERS, TOKEN_WIDTH = 128, 16, 192


def _same(kernel: int) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding with which maps keep their size."""
    return (kernel, kernel), (1, 1), (kernel // 2, kernel // 2)


def _halving(signal: Signal) -> tuple[Pair, Pair]:
    """A window of 2×2 that moves by two, no larger than the maps."""
    window = min(2, signal.shape[1]), min(2, signal.shape[2])
    return window, window


def _filters(signal: Signal) -> int:
    return max(NEW_FILTERS, signal.shape[0])


def _patch(signal: Signal) -> Pair:
    """The largest usual patch that divides both sides and leaves some of them; 1×1 where none does."""
    sides = signal.shape[1:]
    side = next((side for side in (16, 14, 8, 7, 4, 2) if all(length % side == 0 and length >= 4 * side for length in sides)), 1)
    return side, side


def _heads(width: int) -> int:
    """Heads of 64 values each where that divides the width, else the largest usual number that does."""
    if width % 64 == 0:
        return width // 64
    return next(heads for heads in (8, 6, 4, 3, 2, 1) if width % heads == 0)


def _table(channels: int) -> tuple[tuple[int, ...], ...]:
    """Each of sixteen filters sees three neighbouring channels, the last and the first being neighbours."""
    return tuple(tuple(sorted({(first + step) % channels for step in range(3)})) for first in range(NEW_FILTERS))


def _auxiliary(signal: Signal, classes: int) -> Layer:
    before: dict[str, tuple[Layer, ...]] = {
        "maps": (GlobalPool("pool"), Flatten("flatten")),
        "tokens": (TokenPool("pool", "mean"),),
        "flat": (),
    }
    return Auxiliary("head1", (*before[signal.form], Linear("linear", classes)))


def _residual(signal: Signal, _: int) -> Layer:
    width = signal.shape[0]
    if signal.form == "tokens":
        return Residual("residual1", (Norm("norm", "layer"), Attention("attention", _heads(width))))
    if signal.form == "flat":
        return Residual("residual1", (Linear("linear1", width), Activation("relu"), Linear("linear2", width)))
    first, second = (Conv(f"conv{number}", width, *_same(3), bias=False) for number in (1, 2))
    return Residual("residual1", (first, Norm("norm1"), Activation("relu"), second, Norm("norm2")))


def _branches(signal: Signal, _: int) -> Layer:
    width = _filters(signal)
    if signal.form == "flat":
        paths: list[Layer] = [Linear("linear", HIDDEN), Linear("linear", HIDDEN)]
    else:
        paths = [Conv("conv", width, (1, 1)), Conv("conv", width, *_same(3))]
    return Branches("branches1", tuple(Sequence(f"branch{number}", (path,)) for number, path in enumerate(paths, 1)))


def _block(signal: Signal, _: int) -> Layer:
    if signal.form == "maps":
        conv = Conv("conv", _filters(signal), *_same(3), bias=False)
        return Sequence("block1", (conv, Norm("norm"), Activation("relu")))
    gelu = signal.form == "tokens"
    width = signal.shape[0] if gelu else HIDDEN
    return Sequence("block1", (Linear("linear", width), Activation("gelu" if gelu else "relu", "gelu" if gelu else "relu")))


def _mlp(signal: Signal, _: int) -> Layer:
    width = signal.shape[0]
    inside = (Norm("norm", "layer"), Linear("linear1", 4 * width), Activation("gelu", "gelu"), Linear("linear2", width))
    return Residual("mlp1", inside)


def _transformer(signal: Signal, classes: int) -> Layer:
    attention = Residual("attention", (Norm("norm", "layer"), Attention("attention", _heads(signal.shape[0]))))
    mlp = _mlp(signal, classes)
    assert isinstance(mlp, Residual)
    return Sequence("block1", (attention, Residual("mlp", mlp.body)))


def _activation(kind: str) -> Making:
    def make(signal: Signal, _: int) -> Layer:
        taken = kind or ("gelu" if signal.form == "tokens" else "relu")
        return Activation(taken.replace("-", "_") + "1", taken)  # type: ignore[arg-type]

    return make


def _norm(kind: str) -> Making:
    def make(signal: Signal, _: int) -> Layer:
        return Norm("norm1", kind or ("layer" if signal.form == "tokens" else "batch"))  # type: ignore[arg-type]

    return make


def _pool(kind: str) -> Making:
    return lambda signal, _: Pool("pool1", kind, *_halving(signal))  # type: ignore[arg-type]


def _global_pool(kind: str) -> Making:
    return lambda signal, _: GlobalPool("pool1", kind)  # type: ignore[arg-type]


KINDS: dict[str, Making] = {
    "conv": lambda signal, _: Conv("conv1", _filters(signal), *_same(3)),
    "depthwise-conv": lambda signal, _: DepthwiseConv("depthwise1", *_same(3)),
    "separable-conv": lambda signal, _: SeparableConv("separable1", _filters(signal), *_same(3)),
    "partial-conv": lambda signal, _: PartialConv("conv1", _table(signal.shape[0]), *_same(5)),
    "whitening": lambda signal, _: Whitening("whitening"),
    "pool": _pool("max"),
    **{f"pool:{kind}": _pool(kind) for kind in ("max", "mean", "min")},
    "global-pool": _global_pool("mean"),
    **{f"global-pool:{kind}": _global_pool(kind) for kind in ("mean", "max", "min")},
    "subsampling": lambda signal, _: Subsampling("subsampling1", *_halving(signal)),
    "bilinear-pool": lambda signal, _: BilinearPool("bilinear"),
    "linear": lambda signal, _: Linear("linear1", signal.shape[0] if signal.form == "tokens" else HIDDEN),
    "activation": _activation(""),
    **{f"activation:{kind}": _activation(kind) for kind in ("relu", "tanh", "sigmoid", "leaky-relu", "gelu", "silu", "softmax")},
    "norm": _norm(""),
    **{f"norm:{kind}": _norm(kind) for kind in ("batch", "layer")},
    "scale": lambda signal, _: Scale("scale", 0.5),
    "local-response-norm": lambda signal, _: LocalResponseNorm("lrn1"),
    "dropout": lambda signal, _: Dropout("dropout1"),
    "flatten": lambda signal, _: Flatten("flatten"),
    "squeeze-excite": lambda signal, _: SqueezeExcite("squeeze1", max(min(4, signal.shape[0]), signal.shape[0] // 16)),
    "pad-channels": lambda signal, _: PadChannels("pad1", 2 * signal.shape[0], (2, 2)),
    "rbf-output": lambda signal, classes: RbfOutput("output", classes),
    "patch-embedding": lambda signal, _: PatchEmbedding("patches", TOKEN_WIDTH, _patch(signal)),
    "class-token": lambda signal, _: ClassToken("token"),
    "position": lambda signal, _: Position("position"),
    "attention": lambda signal, _: Attention("attention1", _heads(signal.shape[0])),
    "token-pool": lambda signal, _: TokenPool("pool1", "class" if signal.extra else "mean"),
    "simple-cells": lambda signal, _: SimpleCells("s1", _filters(signal), (5, 5)),
    "complex-cells": lambda signal, _: ComplexCells("c1", (5, 5), (2, 2), (2, 2)),
    "sequence": _block,
    "residual": _residual,
    "branches": _branches,
    "auxiliary": _auxiliary,
    "mlp-block": _mlp,
    "transformer-block": _transformer,
}
"""What can be added: the types of a file's layers, some of them with their kind behind a colon, and blocks of several layers."""


def new_layer(kind: str, signal: Signal | None, classes: int = 10) -> Layer:
    """A layer that fits what comes before.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    signal : Signal or None
        What will enter it; None where that is not known.
    classes : int
        Of the network, for heads.

    Raises
    ------
    NetworkError
        If there is no such kind, or it cannot stand there.
    """
    reason = why_not(kind, signal)
    if reason:
        raise NetworkError(*reason)
    return plain_layer(kind, signal, classes)


def plain_layer(kind: str, signal: Signal | None, classes: int = 10) -> Layer:
    """As `new_layer`, but also where it cannot stand yet.

    Raises
    ------
    NetworkError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise NetworkError(f'There is no layer of kind "{kind[:64]}".', "Choose one of the list.")
    return KINDS[kind](signal or USUAL, classes)


def why_not(kind: str, signal: Signal | None) -> tuple[str, str] | None:
    """Why a new layer of a kind cannot follow a signal, and what would help; None where it can."""
    if signal is None or kind not in KINDS:
        return None
    try:
        if kind in ("attention", "transformer-block"):
            need_tokens(signal)
        elif kind == "branches" and signal.form == "tokens":
            raise Refusal("joins maps or rows, but gets tokens", "Put it before the patch embedding.")
        elif kind == "mlp-block":
            effect_of(Linear("linear", 1), signal)
        elif kind not in ("sequence", "residual", "branches", "auxiliary"):
            effect_of(KINDS[kind](signal, 1), signal)
        if kind == "bilinear-pool" and signal.shape[0] ** 2 > 2**24:
            raise Refusal("would make more than 16 million products", "Put a 1×1 convolution with fewer filters before it.")
    except Refusal as refusal:
        return f"This layer {refusal}.", refusal.remedy
    return None
