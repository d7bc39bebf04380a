"""What a kind of layer must tell of itself: its effect on a signal, and the torch module that computes it. No torch."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Literal, TypeAlias

import msgspec

from engine.networks.layers import Layer, Pair, Shape

Form: TypeAlias = Literal["maps", "flat", "tokens"]


class Signal(msgspec.Struct, frozen=True):
    """What passes between two layers.

    Attributes
    ----------
    shape : (channels, height, width)
        A row of n values is (n, 1, 1); L tokens of n values each are (n, L, 1).
    form : {"maps", "flat", "tokens"}
        In torch [N, C, H, W], [N, n] and [N, L, n].
    grid : (rows, columns)
        Of tokens: the places they come from, row after row; (0, 0) for maps and rows.
    extra : int
        Tokens before those of the grid (class tokens).
    """

    shape: Shape
    form: Form = "maps"
    grid: Pair = (0, 0)
    extra: int = 0

    @property
    def places(self) -> Pair:
        """Rows and columns that a window moves over; (1, 1) for a row of values."""
        return self.shape[1:] if self.form == "maps" else self.grid if self.form == "tokens" else (1, 1)


class Effect(msgspec.Struct, frozen=True):
    """What a layer does to a signal, before receptive fields are worked out.

    Attributes
    ----------
    whole : bool
        Whether every unit sees all places of the input.
    size_formula : str
        Where it is not 1 + ⌊(N − F + 2P)/S⌋.
    activations : int
        Values kept for one picture in training beside the output.
    """

    kind: str
    output: Signal
    detail: str = ""
    parameters: int = 0
    formula: str = ""
    multiply_adds: int = 0
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    windowed: bool = False
    size_formula: str = ""
    whole: bool = False
    activations: int = 0


class Call(msgspec.Struct, frozen=True):
    """The making of a torch module: a class of torch.nn or, where `own`, of engine.networks.modules, and what it is called with."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = {}
    own: bool = False

    def text(self) -> str:
        """The call as Python source, "nn.Conv2d(3, 8, (5, 5))"."""
        parts = [repr(value) for value in self.arguments] + [f"{word}={value!r}" for word, value in self.options.items()]
        return f"{'' if self.own else 'nn.'}{self.name}({', '.join(parts)})"


class Refusal(Exception):
    """Why a layer cannot take its input; `analyse` adds the layer's name and the network's input. `remedy` says what to do."""

    def __init__(self, reason: str, remedy: str = "Correct that layer or the one before it.") -> None:
        super().__init__(reason)
        self.remedy = remedy


class TooSmall(Refusal):
    """The input is smaller than the kernel."""


@singledispatch
def effect_of(layer: Layer, signal: Signal) -> Effect:
    """What a layer makes of a signal.

    Raises
    ------
    Refusal
        If the layer cannot take it.
    """
    raise TypeError(f"no arithmetic for {type(layer).__name__}")


@singledispatch
def call_of(layer: Layer, signal: Signal) -> Call:
    """The torch module of a layer that gets this signal, which `effect_of` did not refuse."""
    raise TypeError(f"no module for {type(layer).__name__}")


# ---------------------------------------------------------------- words and figures that several kinds need


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of places of a window along one side: 1 + ⌊(N − F + 2P)/S⌋; 0 or less where it has no room."""
    return 1 + (size - extent(kernel, dilation) + 2 * padding) // stride


def extent(kernel: int, dilation: int) -> int:
    """Pixels from the first to the last that a kernel touches along one side."""
    return (kernel - 1) * dilation + 1


def fits(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> bool:
    """Whether the stride divides N − F + 2P, so that the last window ends at the edge."""
    return (size - extent(kernel, dilation) + 2 * padding) % stride == 0


def size_formula(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> str:
    """The output size with the numbers put in.

    Examples
    --------
    >>> size_formula(7, 3, 3)
    '1 + ⌊(7 − 3 + 2·0)/3⌋ = 1 + ⌊1.33⌋ = 2, does not divide'
    """
    answer = output_size(size, kernel, stride, padding, dilation)
    side = str(kernel) if dilation == 1 else f"({dilation}·{kernel - 1} + 1)"
    if fits(size, kernel, stride, padding, dilation):
        return f"1 + ({size} − {side} + 2·{padding})/{stride} = {answer}"
    quotient = (size - extent(kernel, dilation) + 2 * padding) / stride
    return f"1 + ⌊({size} − {side} + 2·{padding})/{stride}⌋ = 1 + ⌊{quotient:.2f}⌋ = {answer}, does not divide"


def size_formula_up(size: int, kernel: int, stride: int, padding: int, answer: int) -> str:
    """The output size of a window that may reach beyond the edge, with the numbers put in."""
    quotient = (size - kernel + 2 * padding) / stride
    return f"1 + ⌈({size} − {kernel} + 2·{padding})/{stride}⌉ = 1 + ⌈{quotient:.2f}⌉ = {answer}"


def size_formulas(places: Pair, effect: Effect) -> str:
    """`size_formula` of the height, and of the width where it differs."""
    windows = zip(places, effect.kernel, effect.stride, effect.padding, effect.dilation, strict=True)
    return "; ".join(dict.fromkeys(size_formula(*window) for window in windows))


def need_maps(signal: Signal) -> None:
    """Refuse what is not maps."""
    if signal.form == "flat":
        raise Refusal(f"needs maps, but gets a row of {signal.shape[0]:,} values", "Move it before the layer that flattens.")
    if signal.form == "tokens":
        raise Refusal(f"needs maps, but gets {signal.shape[1]:,} tokens", "Move it before the patch embedding.")


def need_tokens(signal: Signal) -> None:
    """Refuse what is not tokens."""
    if signal.form != "tokens":
        raise Refusal(f"needs tokens, but gets {signal_text(signal)}", "Put a patch embedding before it.")


def check_window(signal: Signal, kernel: Pair, padding: Pair, dilation: Pair = (1, 1)) -> None:
    """Refuse maps that a window has no room in, and padding that a window could lie in.

    Raises
    ------
    Refusal
    """
    need_maps(signal)
    words = pair_text(kernel)
    for size, side, margin, step in zip(signal.shape[1:], kernel, padding, dilation, strict=True):
        if size + 2 * margin < extent(side, step):
            padded = f" with padding {one_or_two(padding)}" if any(padding) else ""
            wide = f", dilated by {one_or_two(dilation)}" if dilation != (1, 1) else ""
            raise TooSmall(f"{pair_text(signal.shape[1:])}{padded} is smaller than its {words} kernel{wide}")
        if margin >= extent(side, step):
            raise Refusal(f"has padding {margin}, which must be smaller than its {words} kernel")


def slide(signal: Signal, channels: int, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Signal:
    """The maps that a window leaves."""
    windows = zip(signal.shape[1:], kernel, stride, padding, dilation, strict=True)
    height, width = (output_size(*window) for window in windows)
    return Signal((channels, height, width))


def window_text(kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> str:
    """A window as "5×5, stride 1, padding 2"."""
    margin = f", padding {one_or_two(padding)}" if any(padding) else ""
    wide = f", dilation {one_or_two(dilation)}" if dilation != (1, 1) else ""
    return f"{pair_text(kernel)}, stride {one_or_two(stride)}{margin}{wide}"


def one_or_two(pair: Pair) -> str:
    """One number where both agree, else "3×5"."""
    return str(pair[0]) if pair[0] == pair[1] else pair_text(pair)


def pair_text(pair: Pair) -> str:
    """A pair as "3×5"."""
    return f"{pair[0]}×{pair[1]}"


def shape_text(shape: Shape) -> str:
    """A shape as "6×28×28"."""
    return f"{shape[0]}×{shape[1]}×{shape[2]}"


def signal_text(signal: Signal) -> str:
    """A signal in words: "maps of 6×28×28", "a row of 84 values", "197 tokens of 768 values"."""
    if signal.form == "flat":
        return f"a row of {signal.shape[0]:,} values"
    if signal.form == "tokens":
        return f"{signal.shape[1]:,} tokens of {signal.shape[0]:,} values"
    return f"maps of {shape_text(signal.shape)}"
