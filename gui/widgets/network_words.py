"""What the drawing of a network writes and says: operations, sizes, notes, tooltips; and the kind of layer that gives the colour."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from engine.networks.arithmetic import LayerRow
from engine.networks.kinds.values import ACTIVATIONS
from engine.networks.layers import (
    Activation,
    Attention,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    LocalResponseNorm,
    Norm,
    Pool,
    Position,
    Scale,
)
from gui.widgets.basics import count

TONES = ("convolution", "pooling", "linear", "tokens", "gate", "meet", "quiet", "group", "input")
"""Kinds of layers that have a colour each, in the order of the legend."""

QUIET_LAYERS = (Activation, Norm, Scale, LocalResponseNorm, Dropout, Flatten, Position)
"""Records that leave the shape as it is, or only turn it into a row: they are notes on the box before them."""
MEETINGS = ("Sum", "Join")

_SHORT = {
    "Convolution": "conv",
    "Depthwise convolution": "depthwise",
    "Separable convolution": "separable",
    "Partly connected convolution": "partial conv",
    "Max pooling": "max",
    "Mean pooling": "mean",
    "Min pooling": "min",
    "Global mean pooling": "global mean",
    "Global max pooling": "global max",
    "Global min pooling": "global min",
    "Trainable subsampling": "subsampling",
    "Bilinear pooling": "bilinear",
    "RBF output": "RBF",
    "Patch embedding": "patches",
    "Class token": "class token",
    "Class token alone": "class token",
    "Mean of tokens": "mean",
    "Zero-padded shortcut": "zero-padded",
    "Squeeze and excite": "squeeze, excite",
}
_SHORT_NOTES = {"Local response norm": "LRN", "Position": "+ position"}


def is_quiet(row: LayerRow | None, layer: Layer | None) -> bool:
    """Whether a layer is a note on the box before it."""
    if layer is not None:
        return isinstance(layer, QUIET_LAYERS)
    if row is None or row.kind in MEETINGS:
        return False
    if row.kind == "Flatten":
        return True
    same = row.input == row.output and row.input_form == row.form
    return same and row.kernel == (1, 1) and not row.multiply_adds and "pooling" not in row.kind


def tone_of(row: LayerRow | None, layer: Layer | None) -> str:
    """The kind of layer that gives the colour, one of `TONES`."""
    words = (row.kind if row is not None else type(layer).__name__).lower()
    if is_quiet(row, layer):
        return "quiet"
    for tone, marks in (
        ("meet", ("sum", "join")),
        ("tokens", ("attention", "patch", "class token", "classtoken", "position", "embedding")),
        ("pooling", ("pool", "subsampling", "c cells", "complexcells", "mean of")),
        ("convolution", ("conv", "whitening", "s cells", "simplecells", "padchannels", "zero-padded")),
        ("linear", ("linear", "rbf")),
    ):
        if any(mark in words for mark in marks):
            return tone
    return "gate"


def operation(row: LayerRow | None, layer: Layer | None) -> tuple[str, str]:
    """What makes a box of the one before: the operation, and its window with the stride, "3×3 / 2"."""
    kind = row.kind if row is not None else _kind_of(layer)
    name = _SHORT.get(kind) or shortened(kind.lower() if kind[1:] == kind[1:].lower() else kind)
    kernel, stride = _window(row, layer)
    window = ""
    if isinstance(layer, Attention):
        window = tr("1 head") if layer.heads == 1 else tr("{number} heads").format(number=layer.heads)
    elif kernel is not None and not name.startswith("global"):
        window = f"{kernel[0]}×{kernel[1]}"
        if stride is not None and stride != (1, 1):
            window += f" / {stride[0]}" if stride[0] == stride[1] else f" / {stride[0]}×{stride[1]}"
    return name, window


def _window(row: LayerRow | None, layer: Layer | None) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    if row is not None:
        if row.whole or (row.kernel == (1, 1) and "onvolution" not in row.kind):
            return None, None
        return row.kernel, row.stride
    return getattr(layer, "kernel", None), getattr(layer, "stride", None)


def _kind_of(layer: Layer | None) -> str:
    """A kind in words where there is no arithmetic to tell it."""
    if isinstance(layer, Activation):
        return ACTIVATIONS[layer.kind][0]
    if isinstance(layer, Pool | GlobalPool | Norm):
        words = {Pool: "{} pooling", GlobalPool: "Global {} pooling", Norm: "{} norm"}[type(layer)]
        return words.format(layer.kind).capitalize()
    name = type(layer).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() and at else letter for at, letter in enumerate(name))


def note(row: LayerRow | None, layer: Layer | None) -> str:
    """A quiet layer in a word or two."""
    kind = row.kind if row is not None else _kind_of(layer)
    return _SHORT_NOTES.get(kind) or shortened(kind)


def shortened(text: str, most: int = 20) -> str:
    """A name that other libraries or people gave, no longer than there is room for."""
    return text if len(text) <= most else text[: most - 1] + "…"


def size_text(shape: tuple[int, int, int], form: str) -> str:
    """A signal's size: "64 × 56 × 56", tokens "197 × 768", a row of values "4096"."""
    if form == "flat":
        return str(shape[0])
    if form == "tokens":
        return f"{shape[1]} × {shape[0]}"
    return " × ".join(str(side) for side in shape)


def tip_of_row(row: LayerRow) -> str:
    """All that is known of a layer, a line each."""
    lines = [f"{row.name}: {row.kind.lower() if row.kind[1:2].islower() else row.kind}" + (f", {row.detail}" if row.detail else "")]
    lines.append(tr("{before} → {after}").format(before=size_text(row.input, row.input_form), after=size_text(row.output, row.form)))
    if row.size_formula:
        lines.append(tr("size {formula}").format(formula=row.size_formula))
    if row.formula:
        lines.append(tr("parameters {formula}").format(formula=row.formula))
    elif row.parameters:
        lines.append(tr("parameters {number}").format(number=count(row.parameters)))
    if row.multiply_adds:
        lines.append(tr("multiply-adds {number}").format(number=count(row.multiply_adds)))
    if row.receptive_field is not None:
        height, width = row.receptive_field
        field = tr("receptive field {height} × {width}").format(height=height, width=width)
        if row.jump is not None and row.jump != (0, 0):
            jump = str(row.jump[0]) if row.jump[0] == row.jump[1] else f"{row.jump[0]} × {row.jump[1]}"
            field += ", " + tr("jump {jump}").format(jump=jump)
        lines.append(field)
    return "\n".join(lines)


def tip_of_container(name: str, word: str, rows: Iterable[LayerRow], layers: int, entering: str, leaving: str) -> str:
    """What a container holds, in sums."""
    inside = tuple(rows)
    lines = [f"{name}: {word}, {layers_text(layers)}" if word else f"{name}: {layers_text(layers)}"]
    if entering and leaving:
        lines.append(tr("{before} → {after}").format(before=entering, after=leaving))
    lines.append(tr("parameters {number}").format(number=count(sum(row.parameters for row in inside))))
    lines.append(tr("multiply-adds {number}").format(number=count(sum(row.multiply_adds for row in inside))))
    return "\n".join(lines)


def container_word(form: str) -> str:
    """A kind of container in words; empty for a plain sequence."""
    return {"sum": tr("residual"), "join": tr("branches"), "head": tr("auxiliary head")}.get(form, "")


def layers_text(number: int) -> str:
    """A number of layers in words."""
    return tr("1 layer") if number == 1 else tr("{number} layers").format(number=number)


def legend_text(tone: str) -> str:
    """The word of a colour in the legend."""
    return {
        "convolution": tr("convolution"),
        "pooling": tr("pooling"),
        "linear": tr("linear"),
        "tokens": tr("tokens"),
        "gate": tr("other"),
        "meet": tr("sum, join"),
        "quiet": tr("norm, activation"),
        "group": tr("closed block"),
        "input": tr("input"),
    }[tone]


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("network", text)
