"""What a curve plot shows, as frozen records. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np


class Series(msgspec.Struct, frozen=True, eq=False):
    """A curve. x ascending; y as long, NaN where nothing was measured.

    Bold ones are drawn wide with a mark at each point; those with `smooth` may be replaced by their mean. `legend` is what the legend
    calls it, where that is not its name; "" keeps it out.
    """

    name: str
    colour: str
    x: np.ndarray
    y: np.ndarray
    bold: bool = False
    smooth: bool = False
    legend: str | None = None


class Panel(msgspec.Struct, frozen=True, eq=False):
    """One plot of a stack.

    Attributes
    ----------
    title : str
        Of its axis, with the unit.
    series : tuple of Series
    unit, decimals
        How values are read out.
    floor, ceiling : float or None
        Bounds that the values cannot cross; a panel with a ceiling is never logarithmic.
    factor : float
        What values are multiplied by when they are shown: 100 for per cent.
    outliers : float
        Values above this multiple of what the curves begin with lie above the panel, which says so; 0 shows all.
    """

    title: str
    series: tuple[Series, ...] = ()
    unit: str = ""
    decimals: int = 3
    floor: float | None = None
    ceiling: float | None = None
    factor: float = 1.0
    outliers: float = 0.0


class Mark(msgspec.Struct, frozen=True):
    """Something that happened at x; in the colour of a curve where it happened to that one."""

    x: float
    text: str = ""
    colour: str = ""
