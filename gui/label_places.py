"""Where the words of points in a plot go, so that none lies on another or on a point. Numbers only."""

from __future__ import annotations

from collections.abc import Sequence

Rect = tuple[float, float, float, float]
"""left, top, right, bottom."""
DISTANCES = (1.0, 2.2, 3.6)
"""Gaps between a point and its words, in the radius of points, tried one after the other."""


def overlap(one: Rect, other: Rect) -> bool:
    """Whether two rectangles have more than an edge in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    bounds: Rect,
    radius: float,
    others: Sequence[Rect] = (),
) -> list[Rect | None]:
    """Find a place beside each point for its words.

    Parameters
    ----------
    points : sequence of (x, y)
        In pixels; the first ones choose first.
    sizes : sequence of (width, height)
        Of the words of each point.
    bounds : (left, top, right, bottom)
        Within which all words stay.
    radius : float
        Of the points' marks, in pixels.
    others : sequence of (left, top, right, bottom)
        What is written there already.

    Returns
    -------
    list of (left, top, right, bottom) or None
        None where there is no room.
    """
    taken: list[Rect] = [*others, *((x - radius, y - radius, x + radius, y + radius) for x, y in points)]
    found: list[Rect | None] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        place = next((rect for rect in _around(x, y, width, height, radius) if _free(rect, taken, bounds)), None)
        if place is not None:
            taken.append(place)
        found.append(place)
    return found


def _around(x: float, y: float, width: float, height: float, radius: float) -> list[Rect]:
    """Right, left, above, below and the corners, near ones first."""
    made: list[Rect] = []
    for distance in DISTANCES:
        gap = radius * (1 + distance)
        lefts = {"right": x + gap, "left": x - gap - width, "middle": x - width / 2}
        tops = {"below": y + gap * 0.7, "above": y - gap * 0.7 - height, "middle": y - height / 2}
        for across, up in (
            ("right", "middle"),
            ("left", "middle"),
            ("middle", "above"),
            ("middle", "below"),
            ("right", "above"),
            ("right", "below"),
            ("left", "above"),
            ("left", "below"),
        ):
            left, top = lefts[across], tops[up]
            made.append((left, top, left + width, top + height))
    return made


def _free(rect: Rect, taken: list[Rect], bounds: Rect) -> bool:
    inside = bounds[0] <= rect[0] and bounds[1] <= rect[1] and rect[2] <= bounds[2] and rect[3] <= bounds[3]
    return inside and not any(overlap(rect, other) for other in taken)
