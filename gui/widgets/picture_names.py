"""Names of many pictures, made to be searched and sorted without a loop over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PADDED = 10
"""Numbers of up to so many digits sort as numbers."""
CHUNK = 50_000
"""Names whose numbers are padded at once; it bounds the memory that this takes."""
ZERO, NINE = 48, 57


class NameIndex:
    """Search and natural order of names; both are prepared when they are first asked for.

    Attributes
    ----------
    names : tuple of str
        As given, not copied.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._bytes: np.ndarray | None = None
        self._ends: np.ndarray | None = None
        self._ranks: np.ndarray | None = None

    def holding(self, text: str) -> np.ndarray:
        """Which names hold the text, in any case, bool [N].

        All names stand behind each other in one array of bytes, each with a zero after it, and a place where the first byte fits is
        kept as long as the next ones fit too.
        """
        import numpy as np

        wanted = _encoded(text.casefold())
        held = np.zeros(len(self.names), bool)
        if not wanted or b"\0" in wanted:
            return ~held if not wanted else held
        data, ends = self._prepared()
        places = np.flatnonzero(data[: max(0, len(data) - len(wanted))] == wanted[0])
        for step, byte in enumerate(wanted[1:], 1):
            places = places[data[places + step] == byte]
        held[np.searchsorted(ends, places)] = True
        return held

    def ranks(self) -> np.ndarray:
        """The place of each name in natural order ("2" before "10"), in any case, int32 [N]; equal names in the order given."""
        import numpy as np

        if self._ranks is None:
            keys: list[bytes] = []
            for first in range(0, len(self.names), CHUNK):
                keys.extend(_padded(self.names[first : first + CHUNK]))
            order = sorted(range(len(keys)), key=keys.__getitem__)
            self._ranks = np.empty(len(keys), np.int32)
            self._ranks[order] = np.arange(len(keys), dtype=np.int32)
        return self._ranks

    def _prepared(self) -> tuple[np.ndarray, np.ndarray]:
        """All names as bytes, and where each one ends."""
        import numpy as np

        if self._bytes is None or self._ends is None:
            self._bytes = np.frombuffer(_joined(self.names), np.uint8)
            self._ends = np.flatnonzero(self._bytes == 0)
        return self._bytes, self._ends


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # names of files that are no Unicode hold lone surrogates


def _joined(names: tuple[str, ...]) -> bytes:
    """Names behind each other, in lower case, a zero after each."""
    whole = "\0".join(names)
    if whole.count("\0") != max(0, len(names) - 1):  # no file name holds one, but a table of names may
        whole = "\0".join(name.replace("\0", " ") for name in names)
    return _encoded(whole.casefold()) + (b"\0" if names else b"")


def _padded(names: tuple[str, ...]) -> list[bytes]:
    """Names whose numbers have leading zeros, so that they sort by their bytes."""
    import numpy as np

    data = np.frombuffer(_joined(names), np.uint8)
    digit = (data >= ZERO) & (data <= NINE)
    starts = np.flatnonzero(digit & ~np.append(False, digit[:-1]))
    if len(starts):
        ends = np.flatnonzero(digit & ~np.append(digit[1:], False))
        lengths = ends - starts + 1
        zeros = np.zeros(len(data), np.int32)
        zeros[starts] = np.maximum(PADDED - lengths, 0)
        places = np.arange(len(data)) + np.cumsum(zeros)
        made = np.full(int(places[-1]) + 1, ZERO, np.uint8)
        made[places] = data
        data = made
    return data.tobytes().split(b"\0")[:-1]
