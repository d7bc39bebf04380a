"""Pictures that are decoded when they are first wanted, and read from their store from then on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from engine.data import pixels
from engine.data.colour import Picture
from engine.data.locators import located_at_working_size
from engine.data.pixel_store import PixelStore, Rows
from engine.data.preprocessing import Preprocessing
from engine.data.unreadable import UnreadablePicture
from engine.failure import UserError
from engine.project.records import Skipped

StandIns = Callable[[int], Iterator[int]]


class Filling:
    """Pictures at working size from files; several threads may fetch at once.

    Parameters
    ----------
    names : sequence of str
        Locators, relative to `root`.
    root : str
    preprocessing : Preprocessing
    stand_ins : callable
        Which pictures take the place of one that cannot be read, in order; depends on nothing but its number.

    Attributes
    ----------
    store : PixelStore
        What was decoded so far, by this and by earlier programs.
    """

    def __init__(self, names: Sequence[str], root: str, preprocessing: Preprocessing, stand_ins: StandIns) -> None:
        self._names, self._root, self._preprocessing, self._stand_ins = names, root, preprocessing, stand_ins
        self._place = pixels.place_for(names, root, preprocessing)
        self.shape = preprocessing.height, preprocessing.width, preprocessing.channels
        self.store = PixelStore(self._place, (len(names), *self.shape))
        self._lock = threading.Lock()
        self._failed: dict[int, Skipped] = {}
        self._instead: dict[int, int] = {}
        self._closed = False

    @property
    def failure(self) -> str:
        """Why nothing more is kept, as a clause; empty as long as all is well."""
        return self.store.failure

    def failed(self) -> tuple[Skipped, ...]:
        """The pictures that could not be read so far, in the order in which that was found."""
        with self._lock:
            return tuple(self._failed.values())

    def ready(self, rows: Rows) -> bool:
        """Whether all of these can be read without decoding."""
        return bool(self.store.there(rows).all())

    def fetch(self, rows: Rows, into: Picture, check: Callable[[], None]) -> Rows:
        """Pixels of some pictures.

        Parameters
        ----------
        rows : int64 [n]
            Their numbers.
        into : uint8 [n, H, W, C]
            Where they go.
        check : callable
            Called before each picture that is decoded; raises to stop.

        Returns
        -------
        int64 [n]
            The pictures that are there now: others than `rows` where those cannot be read.

        Raises
        ------
        UserError
            If no picture can be read.
        """
        there = self.store.there(rows)
        if there.all():
            self.store.read(rows, into)
            return rows
        shown = rows.copy()
        if there.any():
            into[there] = self.store.taken(rows[there])
        for place in np.flatnonzero(~there).tolist():
            check()
            shown[place] = self._one(int(rows[place]), into[place], check)
        new = ~there & (shown == rows)
        order = np.argsort(rows[new])
        self.store.put(rows[new][order], into[new][order])
        return shown

    def close(self) -> None:
        """Leave what was decoded for the next time; as a whole where all is there that can be read."""
        if self._closed:
            return
        self._closed = True
        missing = self.store.missing()
        with self._lock:
            failed = dict(self._failed)
        if set(missing.tolist()) <= failed.keys() and pixels.place_for(self._names, self._root, self._preprocessing) == self._place:
            ok = np.ones(len(self._names), np.bool_)
            ok[missing] = False
            pixels.keep(self.store, self._place, tuple(failed[row] for row in missing.tolist()), ok)
        self.store.close()

    def _one(self, row: int, into: Picture, check: Callable[[], None]) -> int:
        """Decode a picture, or else the first of its stand-ins that can be read; gives the number of that one."""
        instead = self._instead.get(row)
        if self._decoded(row if instead is None else instead, into):
            return row if instead is None else instead
        for other in self._stand_ins(row):
            check()
            if self._decoded(other, into):
                self._instead[row] = other
                return other
        raise UserError("None of the training pictures can be read.", "Check that the files are still where they were.")

    def _decoded(self, row: int, into: Picture) -> bool:
        if row in self._failed:
            return False
        one: npt.NDArray[np.int64] = np.array([row], np.int64)
        if self.store.there(one)[0]:
            self.store.read(one, into[None])
            return True
        try:
            into[...] = located_at_working_size(self._names[row], self._root, self._preprocessing)
        except UnreadablePicture as error:
            with self._lock:
                self._failed[row] = Skipped(self._names[row].removeprefix("file:"), error.reason)
            return False
        return True
