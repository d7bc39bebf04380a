"""How large the box of a signal is drawn: sides of maps and numbers of channels on compressed scales."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from engine.networks.arithmetic import LayerRow
from engine.networks.layers import Shape

TALLEST, NARROW = 84.0, 0.34
"""Height of the largest map, and the share of its height that is drawn as its width, for maps are seen from the side."""
SLIMMEST = 7.0
THINNEST, DEEPEST = 3.0, 40.0
FEW = 32
"""Channels that are not drawn as the deepest, even where there are no more."""
BAR = 7.0
"""Width of a row of values."""


class Scale(msgspec.Struct, frozen=True):
    """The largest of each kind in a network, by which the others are drawn."""

    side: int = 1
    channels: int = 1
    values: int = 1
    tokens: int = 1

    def box(self, shape: Shape, form: str) -> tuple[str, float, float, float]:
        """Kind of box, and its width, height and depth.

        Sides go by their root and channels by their power of 0.45, so that 224 and 7 pixels, 3 and 2,048 channels have room in one
        drawing. Maps of one pixel are drawn as rows of values.
        """
        channels, rows, columns = shape
        if form == "tokens":
            return "tokens", 14 + 22 * math.sqrt(channels / self.values), max(16.0, 78 * math.sqrt(rows / self.tokens)), 0.0
        if form == "flat" or rows * columns == 1:
            return "flat", BAR, max(12.0, TALLEST * (channels / self.values) ** 0.45), 4.0
        height = max(SLIMMEST, TALLEST * math.sqrt(rows / self.side))
        width = max(4.0, NARROW * TALLEST * math.sqrt(columns / self.side))
        return "maps", width, height, max(THINNEST, DEEPEST * (channels / self.channels) ** 0.45)


def scale_of(rows: Iterable[LayerRow], entering: Shape) -> Scale:
    """The scale of a network's drawing."""
    side, channels, values, tokens = max(entering[1:]), max(FEW, entering[0]), 1, 1
    for row in rows:
        first, height, width = row.output
        if row.form == "maps" and height * width > 1:
            side, channels = max(side, height, width), max(channels, first)
        else:
            values = max(values, first)
            if row.form == "tokens":
                tokens = max(tokens, height)
    return Scale(max(side, 1), channels, values, tokens)
