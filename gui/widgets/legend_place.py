"""Where a legend covers least of the curves."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from PySide6.QtCore import QPointF, QRectF

COLUMNS = 24
"""Places across a legend at which lines beneath it are looked for."""
POINT, LINE, THIN = 10.0, 3.0, 0.25
"""What a marked point weighs, a piece of a bold line, and a point of a thin curve; a piece of that weighs 1."""
PATIENCE = 1.5
"""How much worse a place may be than the best one before a legend leaves it."""


class Drawn(msgspec.Struct, frozen=True, eq=False):
    """A curve in pixels, float64 [N] each, and whether it is bold."""

    x: np.ndarray
    y: np.ndarray
    bold: bool = False


def covered(place: QRectF, curves: Sequence[Drawn]) -> float:
    """How much of curves a place would cover."""
    across = np.linspace(place.left(), place.right(), COLUMNS)
    total = 0.0
    for curve in curves:
        if not len(curve.x):
            continue
        height = np.interp(across, curve.x, curve.y, left=np.nan, right=np.nan)
        pieces = int(((height >= place.top()) & (height <= place.bottom())).sum())
        inside = (curve.x >= place.left()) & (curve.x <= place.right()) & (curve.y >= place.top()) & (curve.y <= place.bottom())
        points = int(inside.sum())
        total += POINT * points + LINE * pieces if curve.bold else THIN * points + pieces
    return total


def corners(wanted: QRectF, box: QRectF, margin: float) -> list[QRectF]:
    """The wanted place, and the other corners of the box: below or above it first."""
    left, right = box.left() + margin, box.right() - margin - wanted.width()
    top, bottom = box.top() + margin, box.bottom() - margin - wanted.height()
    near, far = (left, right) if abs(wanted.left() - left) < abs(wanted.left() - right) else (right, left)
    high, low = (top, bottom) if abs(wanted.top() - top) < abs(wanted.top() - bottom) else (bottom, top)
    return [wanted, *(QRectF(QPointF(x, y), wanted.size()) for x, y in ((near, low), (far, high), (far, low)))]


def chosen(places: Sequence[QRectF], curves: Sequence[Drawn], last: int, taken: QRectF | None = None) -> int:
    """Which of some places to take: that with least beneath it, but the last one as long as it is hardly worse.

    Parameters
    ----------
    places : sequence of QRectF
        To choose from.
    curves : sequence of Drawn
        What would lie beneath.
    last : int
        The one that was taken before.
    taken : QRectF or None
        Where words stand that must not be covered.
    """
    weights = [covered(place, curves) + (POINT if taken is not None and place.intersects(taken) else 0.0) for place in places]
    best = min(range(len(places)), key=weights.__getitem__)
    return last if weights[last] <= PATIENCE * weights[best] else best
