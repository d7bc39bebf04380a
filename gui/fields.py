"""Receptive fields in words and numbers: units and their windows, how a field comes about, small networks to see it on. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec
import numpy as np
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from engine.networks.arithmetic import PICTURE, Analysis, LayerRow, analyse
from engine.networks.layers import Activation, Conv, Flatten, GlobalPool, Layer, Linear, Network, Pair, Pool, Sequence
from engine.networks.receptive import unit_box

SMALL = 15
"""Side in pixels of the picture that the small networks get."""


class Seen(msgspec.Struct, frozen=True):
    """What a unit sees of a picture.

    Attributes
    ----------
    box : (top, left, bottom, right)
        Pixels of the picture; bottom and right exclusive; all 0 where it sees nothing.
    window : (top, left, bottom, right)
        Its whole field, padding included; parts of it may lie outside the picture.
    centre : (y, x)
        Of the window, in pixels; pixel 0 reaches from 0 to 1.
    """

    box: tuple[int, int, int, int]
    window: tuple[int, int, int, int]
    centre: tuple[float, float]

    def outside(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Pixels of the window above, left of, below and right of a picture."""
        top, left, bottom, right = self.window
        return max(0, -top), max(0, -left), max(0, bottom - height), max(0, right - width)


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("fields", text)


# ---------------------------------------------------------------- units


def rows_of(analysis: Analysis) -> tuple[LayerRow, ...]:
    """The layers whose units can be chosen: all but those of auxiliary heads, as far as their fields are known."""
    return tuple(row for row in analysis.layers if not row.auxiliary and row.receptive_field is not None)


def grid(row: LayerRow) -> Pair:
    """Rows and columns of the units that lie at different places."""
    return (1, 1) if row.form == "flat" else row.places


def unit_index(row: LayerRow, at: Pair) -> Pair:
    """Row and column of a unit as the engine counts them, from its place in the grid: of tokens the token's number, and 0."""
    return (row.extra + at[0] * row.places[1] + at[1], 0) if row.form == "tokens" else at


def unit_near(row: LayerRow, focus: tuple[float, float], height: int, width: int) -> Pair:
    """The place in the grid whose field has its centre nearest to a point (y, x) of a picture of height × width pixels."""
    rows, columns = grid(row)
    assert row.centre is not None and row.jump is not None
    places = []
    for wanted, centre, jump, most, side in zip(focus, row.centre, row.jump, (rows, columns), (height, width), strict=True):
        place = round((wanted - centre) / jump) if jump else int(wanted / side * most)
        places.append(min(max(place, 0), most - 1))
    return places[0], places[1]


def seen(analysis: Analysis, row: LayerRow, at: Pair) -> Seen:
    """What the unit at a place of the grid sees.

    Raises
    ------
    NetworkError
        If there is no such unit.
    """
    _, height, width = analysis.input
    box = unit_box(analysis, row.name, *unit_index(row, at), height, width)
    assert row.offset is not None and row.jump is not None and row.receptive_field is not None
    top, left = (offset + place * jump for offset, place, jump in zip(row.offset, at, row.jump, strict=True))
    tall, wide = row.receptive_field
    return Seen(box, (top, left, top + tall, left + wide), (top + tall / 2, left + wide / 2))


# ---------------------------------------------------------------- words


def recurrence(analysis: Analysis, row: LayerRow) -> tuple[str, str]:
    """How field and jump of a layer come about, with its numbers put in; no jump ("") where there is one unit only."""
    assert row.receptive_field is not None and row.jump is not None
    before = [_before(analysis, source) for source in row.sources] or [((1, 1), (1, 1))]
    (field, jump), after = before[0], row.receptive_field
    stays = tr("jump = {jump} px").format(jump=_pair(row.jump)) if grid(row) != (1, 1) else ""
    if len(row.sources) > 1:
        fields = ", ".join(_pair(seen_before) for seen_before, _ in before)
        text = tr("what its paths see together, {fields} px: field = {field} px")
        return text.format(fields=fields, field=_pair(after)), stays
    if row.whole and row.input_places != (1, 1):
        text = tr("every unit sees all {window} places before it: field = {sum} px")
        window = row.input_places
        sums = _axes(lambda axis: _sum(field[axis], window[axis], 1, jump[axis], after[axis]), field, window, jump)
        alike = tr("jump = 0: all units see the same") if grid(row) != (1, 1) else ""
        return text.format(window=_size(window), sum=_pair(after) if jump == (0, 0) else sums), alike
    if jump == (0, 0):
        return tr("all units see the same already: field = {field} px").format(field=_pair(after)), ""
    if not row.size_formula:
        return tr("each unit sees what the one before it sees: field = {field} px").format(field=_pair(after)), stays
    kernel, dilation, stride, reached = row.kernel, row.dilation, row.stride, row.jump
    sums = _axes(lambda axis: _sum(field[axis], kernel[axis], dilation[axis], jump[axis], after[axis]), field, kernel, dilation, jump)
    steps = _axes(lambda axis: f"{jump[axis]}·{stride[axis]} = {reached[axis]}", jump, stride)
    return tr("field = {sum} px").format(sum=sums), tr("jump = {steps} px").format(steps=steps)


def _before(analysis: Analysis, source: int) -> tuple[Pair, Pair]:
    """Field and jump of a unit before a layer; those of a pixel are 1."""
    if source == PICTURE:
        return (1, 1), (1, 1)
    row = analysis.layers[source]
    return row.receptive_field or (1, 1), row.jump or (1, 1)


def _sum(field: int, kernel: int, dilation: int, jump: int, after: int) -> str:
    spread = f"·{dilation}" if dilation > 1 else ""
    return f"{field} + ({kernel} − 1){spread}·{jump} = {after}"


def _axes(words: Callable[[int], str], *pairs: Pair) -> str:
    """One text for both axes where they are alike, else one for each."""
    return words(0) if all(pair[0] == pair[1] for pair in pairs) else f"{words(0)} {tr('high')}, {words(1)} {tr('wide')}"


def _size(pair: Pair) -> str:
    return f"{pair[0]} × {pair[1]}"


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else _size(pair)


def unit_words(row: LayerRow, at: Pair, what: Seen, height: int, width: int) -> tuple[str, str]:
    """What a unit sees, and what of its window lies in the padding ("" where nothing does)."""
    top, left, bottom, right = what.box
    if bottom <= top or right <= left:
        return tr("It sees nothing of the picture yet: it comes from no place of it."), ""
    whole = (top, left, bottom, right) == (0, 0, height, width)
    if grid(row) == (1, 1) or row.jump == (0, 0):
        name = tr("Every unit")
    else:
        name = tr("Unit in row {row}, column {column}").format(row=at[0], column=at[1])
    if whole:
        text = tr("{unit} sees the whole picture, {height} × {width} pixels").format(unit=name, height=height, width=width)
    else:
        text = tr("{unit} sees rows {top} to {bottom}, columns {left} to {right}: {height} × {width} pixels").format(
            unit=name, top=top, bottom=bottom - 1, left=left, right=right - 1, height=bottom - top, width=right - left
        )
    if not (whole and row.form == "flat"):
        text += tr(", centre ({y:g}, {x:g})").format(y=what.centre[0], x=what.centre[1])
    return text, _outside_words(what.outside(height, width))


def _outside_words(outside: tuple[int, int, int, int]) -> str:
    sides = (tr("above"), tr("left"), tr("below"), tr("right"))
    parts = [f"{number} {side}" for number, side in zip(outside, sides, strict=True) if number]
    return tr("Padding in its window (hatched, px): {parts}").format(parts=", ".join(parts)) if parts else ""


# ---------------------------------------------------------------- pictures and small networks


def made_picture(height: int, width: int) -> np.ndarray:
    """A picture to look at where there is none: a disc and a bar on a slope of light. uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    down, across = (y + 0.5) / height, (x + 0.5) / width
    picture = np.stack([90 + 90 * across, 110 + 70 * down, 150 - 60 * across], axis=2)
    disc = (down - 0.42) ** 2 + (across - 0.4) ** 2 < 0.06
    bar = (abs(down - 0.75) < 0.06) & (abs(across - 0.55) < 0.33)
    picture[disc] = (230, 159, 0)
    picture[bar] = (240, 240, 235)
    return picture.round().astype(np.uint8)


def _small(title: str, *layers: Layer) -> tuple[str, Network]:
    end = (GlobalPool("mean"), Flatten("flatten"), Linear("linear", 2))
    return title, Network("example", title, 0, "example", (3, SMALL, SMALL), 2, Sequence("body", (*layers, *end)))


def _conv(name: str, side: int, stride: int = 1, dilation: int = 1) -> Conv:
    margin = dilation * (side - 1) // 2
    return Conv(name, 4, (side, side), (stride, stride), (margin, margin), dilation=(dilation, dilation))


EXAMPLES: tuple[tuple[str, Network], ...] = (
    _small(QT_TRANSLATE_NOOP("fields", "Two 3×3 see 5×5"), _conv("conv1", 3), Activation("relu1"), _conv("conv2", 3)),
    _small(QT_TRANSLATE_NOOP("fields", "Three 3×3 see 7×7"), _conv("conv1", 3), _conv("conv2", 3), _conv("conv3", 3)),
    _small(QT_TRANSLATE_NOOP("fields", "One 5×5"), _conv("conv1", 5)),
    _small(QT_TRANSLATE_NOOP("fields", "Stride 2: the next layer sees twice as far"), _conv("conv1", 3, 2), _conv("conv2", 3)),
    _small(
        QT_TRANSLATE_NOOP("fields", "Pooling between convolutions"),
        _conv("conv1", 3),
        Pool("pool1", "max", (2, 2), (2, 2)),
        _conv("conv2", 3),
    ),
    _small(QT_TRANSLATE_NOOP("fields", "Dilation: wide with few weights"), _conv("conv1", 3), _conv("conv2", 3, dilation=2)),
)
"""Titles and networks small enough to count the pixels."""


@lru_cache
def example(place: int) -> Analysis:
    """The arithmetic of a small network."""
    return analyse(EXAMPLES[place][1])
