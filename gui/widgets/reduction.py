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
    low, high = np.array((left, right), x.dtype if x.dtype.kind == "f" else np.float64)  # of another kind, all of x would be converted
    first, last = int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right"))
    if last - first <= 2 * columns:
        first, last = max(0, first - 1), min(len(x), last + 1)
        return x[first:last].astype(np.float64), y[first:last].astype(np.float64)
    edges = np.linspace(left, right, columns + 1)
    starts = np.searchsorted(x[first:last], edges[:-1].astype(low.dtype), "left")
    ends = np.append(starts[1:], last - first)
    filled = starts < ends
    starts = starts[filled]
    visible = y[first:last]
    finite = np.isfinite(visible)
    if finite.all():  # which numpy goes through several times as fast
        lows, highs = np.minimum.reduceat(visible, starts), np.maximum.reduceat(visible, starts)
    else:
        visible = np.where(finite, visible, np.nan)
        lows, highs = np.fmin.reduceat(visible, starts), np.fmax.reduceat(visible, starts)
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
    if finite.all() and window <= len(values):
        return _mean_of_all(np.asarray(values), window)
    sums = np.concatenate(([0.0], np.cumsum(np.where(finite, values, 0.0), dtype=np.float64)))
    counts = np.concatenate(([0], np.cumsum(finite)))
    places = np.arange(len(values))
    starts = np.maximum(0, places - window // 2)
    ends = np.minimum(len(values), places + (window - 1) // 2 + 1)
    number = counts[ends] - counts[starts]
    means = np.divide(sums[ends] - sums[starts], number, out=np.full(len(values), np.nan), where=number > 0)
    return means.astype(np.float32)


def _mean_of_all(values: np.ndarray, window: int) -> np.ndarray:
    """As moving_mean, of values that are all finite, at least as many as the window: a million take some milliseconds."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, dtype=np.float64, out=sums[1:])
    before, after = window // 2, (window - 1) // 2 + 1
    means = np.empty(len(values), np.float32)
    inner = slice(before, len(values) - after + 1)
    np.divide(sums[window:] - sums[:-window], window, out=means[inner], casting="same_kind")
    for place in (*range(before), *range(len(values) - after + 1, len(values))):
        start, end = max(0, place - before), min(len(values), place + after)
        means[place] = (sums[end] - sums[start]) / (end - start)
    return means
