"""The colours that classes get when they are made."""

from __future__ import annotations

import colorsys

# Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind people. Their black is left to the text.
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999")
GOLDEN = 0.618033988749895


def colour(number: int) -> str:
    """The colour of the class made as the number-th (from 0): the palette first, then hues spread by the golden ratio."""
    if number < len(PALETTE):
        return PALETTE[number]
    red, green, blue = colorsys.hls_to_rgb((number * GOLDEN) % 1.0, 0.55, 0.65)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
