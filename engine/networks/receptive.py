"""The receptive field of one unit: which pixels of the picture may influence it. From the architecture alone; no torch."""

from __future__ import annotations

from typing import TypeAlias

from engine.networks.arithmetic import PICTURE, Analysis, LayerRow, NetworkError

Places: TypeAlias = range | tuple[int, ...]
"""Along one axis, rising: a range where they follow each other, else each by itself."""
Seen: TypeAlias = tuple[Places, Places]
"""Rows and columns of a map; never empty."""


def unit_box(analysis: Analysis, layer_name: str, row: int, column: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Theoretical receptive field of a unit: the input pixels that may influence it.

    The field is followed back along all paths and cut to each layer's input, so pixels that no window reaches
    (a stride that does not divide, gaps of a dilated kernel) are left out; for a flat layer it is that of all units together.

    Parameters
    ----------
    analysis : Analysis
        Of the network that the unit belongs to.
    layer_name : str
        Dotted name.
    row, column : int
        Place of the unit in its map; 0, 0 in a flat layer. Of tokens: number of the token, 0.
    height, width : int
        Size of the input picture in pixels, to which the box is cut.

    Returns
    -------
    (top, left, bottom, right) : int
        bottom and right are exclusive; all 0 where the unit sees nothing (a class token before the first attention).

    Raises
    ------
    NetworkError
        If there is no such layer or no such unit in it.
    """
    last = analysis.row(layer_name)
    _, rows, columns = last.output
    if not (0 <= row < rows and 0 <= column < columns):
        raise NetworkError(f"Layer {layer_name} has no unit at row {row}, column {column}.", f"Its maps are {rows}×{columns}.")
    number = analysis.layers.index(last)
    seen: dict[int, Seen | None] = {number: _cell(last, row, column)}
    for current in range(number, PICTURE, -1):
        if current not in seen:
            continue
        before = _before(analysis.layers[current], seen.pop(current))
        for source in analysis.layers[current].sources:
            seen[source] = _together(seen.get(source), before)
    box = seen.get(PICTURE)
    if box is None:
        return 0, 0, 0, 0
    rows_seen, columns_seen = box
    return min(rows_seen[0], height), min(columns_seen[0], width), min(rows_seen[-1] + 1, height), min(columns_seen[-1] + 1, width)


def _cell(layer: LayerRow, row: int, column: int) -> Seen | None:
    """The unit's own place; None for a class token, which comes from no place."""
    if layer.form == "tokens":
        if row < layer.extra:
            return None
        row, column = divmod(row - layer.extra, layer.places[1])
    return range(row, row + 1), range(column, column + 1)


def _before(layer: LayerRow, seen: Seen | None) -> Seen | None:
    """The places of a layer's input that places of its output see."""
    rows, columns = layer.input_places
    if layer.whole:
        return range(rows), range(columns)
    if seen is None or (layer.form == "flat" and layer.input_form == "tokens"):  # the class token alone
        return None
    rise, run = _touched(seen[0], rows, 0, layer), _touched(seen[1], columns, 1, layer)
    return (rise, run) if rise and run else None


def _touched(units: Places, size: int, axis: int, layer: LayerRow) -> Places:
    """The places along one axis that the windows of these units touch, without those in the padding."""
    kernel, stride, padding, dilation = layer.kernel[axis], layer.stride[axis], layer.padding[axis], layer.dilation[axis]
    if isinstance(units, range) and dilation == 1 and stride <= kernel:  # the windows leave no gap
        return range(max(0, units[0] * stride - padding), min(size, units[-1] * stride - padding + kernel))
    taps = {unit * stride - padding + step * dilation for unit in units for step in range(kernel)}
    return _as_range(tuple(sorted(tap for tap in taps if 0 <= tap < size)))


def _together(one: Seen | None, other: Seen | None) -> Seen | None:
    if one is None or other is None:
        return one or other
    return _joined(one[0], other[0]), _joined(one[1], other[1])


def _joined(one: Places, other: Places) -> Places:
    for wide, narrow in ((one, other), (other, one)):
        if isinstance(wide, range) and wide[0] <= narrow[0] and narrow[-1] <= wide[-1]:
            return wide
    return _as_range(tuple(sorted({*one, *other})))


def _as_range(places: tuple[int, ...]) -> Places:
    if places and places[-1] - places[0] + 1 == len(places):
        return range(places[0], places[-1] + 1)
    return places
