"""Long curves made short: what one pixel column can show of the points in it, and means over the last steps."""

from __future__ import annotations

import numpy as np


class Growing:
    """A float32 array that grows at its end in amortised constant time."""

    def __init__(self) -> None:
        self._room = np.empty(1024, dtype=np.float32)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, values: np.ndarray) -> None:
        needed = self._length + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)), dtype=np.float32)
            room[: self._length] = self._room[: self._length]
            self._room = room
        self._room[self._length : needed] = values
        self._length = needed

    def shorten(self, length: int) -> None:
        """Forget what lies beyond `length`."""
        self._length = min(self._length, length)

    def values(self) -> np.ndarray:
        """The values so far; a view that is not to be changed."""
        return self._room[: self._length]


def envelope(x: np.ndarray, y: np.ndarray, left: float, right: float, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Points to draw so that a curve looks as if all its points were drawn.

    Where more than two points share a pixel column, the column's minimum and maximum stand for them; not finite values are left out
    there. Otherwise the points themselves come back, with one more on either side so that lines run on to the edge.

    Parameters
    ----------
    x, y : array [N]
        x ascending.
    left, right : float
        Visible range of x, left < right.
    columns : int
        Width in pixels, at least 1.

    Returns
    -------
    x, y : float64 arrays [M]
        M at most 2 * columns + 2.
    """
    first, last = int(np.searchsorted(x, left, "left")), int(np.searchsorted(x, right, "right"))
    if last - first <= 2 * columns:
        first, last = max(0, first - 1), min(len(x), last + 1)
        return x[first:last].astype(np.float64), y[first:last].astype(np.float64)
    edges = np.linspace(left, right, columns + 1)
    starts = np.searchsorted(x[first:last], edges[:-1], "left")
    ends = np.append(starts[1:], last - first)
    filled = starts < ends
    starts = starts[filled]
    visible = y[first:last]
    lows = np.fmin.reduceat(np.where(np.isfinite(visible), visible, np.nan), starts)
    highs = np.fmax.reduceat(np.where(np.isfinite(visible), visible, np.nan), starts)
    middles = ((edges[:-1] + edges[1:]) / 2)[filled]
    points = np.empty(2 * len(starts), dtype=np.float64)
    points[0::2], points[1::2] = lows, highs
    return np.repeat(middles, 2), points


def moving_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of the `window` values around each one, of fewer at the ends; not finite values are left out.

    Centred, so that the mean does not lag behind the curve.

    Returns
    -------
    float32 array, as long as `values`; NaN where the window holds nothing finite
    """
    if window <= 1 or len(values) == 0:
        return np.asarray(values, dtype=np.float32)
    finite = np.isfinite(values)
    sums = np.concatenate(([0.0], np.cumsum(np.where(finite, values, 0.0), dtype=np.float64)))
    counts = np.concatenate(([0], np.cumsum(finite)))
    places = np.arange(len(values))
    starts = np.maximum(0, places - window // 2)
    ends = np.minimum(len(values), places + (window - 1) // 2 + 1)
    number = counts[ends] - counts[starts]
    means = np.divide(sums[ends] - sums[starts], number, out=np.full(len(values), np.nan), where=number > 0)
    return means.astype(np.float32)
