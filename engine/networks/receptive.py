"""The receptive field of one unit: which pixels of the picture may influence it. From the architecture alone; no torch."""

from __future__ import annotations

from typing import TypeAlias

from engine.networks.arithmetic import PICTURE, Analysis, LayerRow, NetworkError
from engine.networks.layers import Pair

Box: TypeAlias = tuple[int, int, int, int]
"""(top, left, bottom, right), both ends included."""


def unit_box(analysis: Analysis, layer_name: str, row: int, column: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Theoretical receptive field of a unit: the input pixels that may influence it.

    The field is followed back along all paths and cut to each layer's input, so pixels that no window reaches
    (a stride that does not divide) are left out; for a flat layer it is that of all units together.

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
    boxes: dict[int, Box | None] = {number: _cell(last, row, column)}
    for current in range(number, PICTURE, -1):
        if current not in boxes:
            continue
        before = _before(analysis.layers[current], boxes.pop(current))
        for source in analysis.layers[current].sources:
            boxes[source] = _together(boxes.get(source), before)
    box = boxes.get(PICTURE)
    if box is None:
        return 0, 0, 0, 0
    top, left, bottom, right = box
    return min(top, height), min(left, width), min(bottom + 1, height), min(right + 1, width)


def _cell(layer: LayerRow, row: int, column: int) -> Box | None:
    """The unit's own place; None for a class token, which comes from no place."""
    if layer.form != "tokens":
        return row, column, row, column
    if row < layer.extra:
        return None
    y, x = divmod(row - layer.extra, layer.places[1])
    return y, x, y, x


def _before(layer: LayerRow, box: Box | None) -> Box | None:
    """The places of a layer's input that places of its output see."""
    rows, columns = layer.input_places
    if layer.whole:
        return 0, 0, rows - 1, columns - 1
    if box is None or (layer.form == "flat" and layer.input_form == "tokens"):  # the class token alone
        return None
    top, left, bottom, right = box
    rise = _touched(range(top, bottom + 1), rows, 0, layer)
    run = _touched(range(left, right + 1), columns, 1, layer)
    return None if rise is None or run is None else (rise[0], run[0], rise[1], run[1])


def _touched(units: range, size: int, axis: int, layer: LayerRow) -> Pair | None:
    """First and last place along one axis that the windows of these units touch; None where they lie in the padding alone."""
    kernel, stride, padding, dilation = layer.kernel[axis], layer.stride[axis], layer.padding[axis], layer.dilation[axis]
    first, last = units[0] * stride - padding, units[-1] * stride - padding + (kernel - 1) * dilation
    if dilation == 1 or (first >= 0 and last < size):
        first, last = max(0, first), min(size - 1, last)
        return (first, last) if first <= last else None
    taps = (unit * stride - padding + step * dilation for unit in units for step in range(kernel))
    inside = [tap for tap in taps if 0 <= tap < size]
    return (min(inside), max(inside)) if inside else None


def _together(one: Box | None, other: Box | None) -> Box | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
