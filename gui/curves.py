"""Curves that grow while a training runs: append-only buffers shared between frozen states."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FIRST_CAPACITY = 4096


class _Buffer:
    """Room for a curve. `used` is the length of the longest curve that looks into it; what lies below never changes."""

    __slots__ = ("array", "used")

    def __init__(self, array: np.ndarray, used: int) -> None:
        self.array = array
        self.used = used


class Curve:
    """A sequence of float32 values that is never changed; `extended` gives a longer one that shares its memory.

    Appending costs the length of what is added (amortised), however long the curve is.

    Examples
    --------
    >>> short = Curve().extended(0, [1.0, 2.0])
    >>> long = short.extended(2, [3.0])
    >>> short.values.tolist(), long.values.tolist()
    ([1.0, 2.0], [1.0, 2.0, 3.0])
    """

    __slots__ = ("_buffer", "length")

    def __init__(self) -> None:
        self._buffer: _Buffer | None = None
        self.length = 0

    def __len__(self) -> int:
        return self.length

    @property
    def values(self) -> np.ndarray:
        """The values, float32 [length]; read-only."""
        import numpy as np

        view = self._buffer.array[: self.length] if self._buffer is not None else np.empty(0, np.float32)
        view.flags.writeable = False
        return view

    def extended(self, at: int, values: np.ndarray | list[float]) -> Curve:
        """Give the curve with `values` from position `at` on; a gap before `at` is NaN, what lay from `at` on is replaced."""
        import numpy as np

        added = np.asarray(values, np.float32)
        length = at + len(added)
        buffer = self._buffer
        shared = buffer is not None and buffer.used == self.length and at >= self.length
        if buffer is None or not shared or length > len(buffer.array):
            array = np.empty(max(FIRST_CAPACITY, 2 * length), np.float32)
            kept = min(at, self.length)
            if buffer is not None:
                array[:kept] = buffer.array[:kept]
            array[kept:at] = np.nan
            buffer = _Buffer(array, kept)
        else:
            buffer.array[self.length : at] = np.nan
        buffer.array[at:length] = added
        buffer.used = length
        longer = Curve()
        longer._buffer = buffer
        longer.length = length
        return longer
