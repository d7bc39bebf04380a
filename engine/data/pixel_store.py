"""Pixels at working size on disk, picture by picture in any order: what was decoded once is there after a cancelled or killed decoding.

While it is filled, NAME.part holds the pixels, an array of NumPy's format with holes, and NAME.done a byte for each picture. When all is
there it becomes NAME.npy, which `engine.data.pixels` maps. A picture is marked only after its pixels have reached the disk, so that not
even a power cut leaves a mark without pixels. Pixels are written, never mapped for writing: on a full disk that gives an error to answer
instead of a signal that ends the process. Two programs that fill the same store write the same bytes to the same places.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data.colour import Picture

log = logging.getLogger("fovea.pixels")

SPARE_BYTES = 2_000_000_000  # of the disk, left to others
PARCEL = 16  # pictures that a thread decodes at a time
BETWEEN_MARKS = 1.0  # seconds of decoding that a killed program loses at most

Rows = npt.NDArray[np.int64]


def missing(place: Path, count: int) -> int:
    """How many of so many pictures are still to be decoded."""
    if place.exists():
        return 0
    try:
        marks = np.fromfile(place.with_suffix(".done"), np.uint8)
    except OSError:
        return count
    return count - int(np.count_nonzero(marks == 1)) if len(marks) == count else count


def has_room(place: Path, size: int) -> bool:
    """Whether the disk has so many bytes to spare; the folder is made."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(place.parent).free >= size + SPARE_BYTES
    except OSError:
        return False


class PixelStore:
    """Pictures uint8 [N, H, W, C], some of which are there; several threads may put and read.

    Parameters
    ----------
    place : Path
        NAME.npy, the file that it becomes.
    shape : tuple of int
        (N, H, W, C).

    Attributes
    ----------
    failure : str
        Why nothing more is kept, as a clause; empty as long as all is well.
    """

    def __init__(self, place: Path, shape: tuple[int, int, int, int]) -> None:
        self._place, self._shape = place, shape
        self._part, self._done = place.with_suffix(".part"), place.with_suffix(".done")
        self._lock, self._marking = threading.Lock(), threading.Lock()
        self._there = np.zeros(shape[0], np.bool_)
        self._picture = int(np.prod(shape[1:], dtype=np.int64))
        self._stream: Any = None
        self._mapped: Picture | None = None
        self._marked = time.monotonic()
        self.failure = ""
        try:
            self._open()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def there(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which of these pictures can be read, bool [n]."""
        return self._there[rows]

    def missing(self) -> Rows:
        """The pictures that are not there, ascending."""
        return np.flatnonzero(~self._there).astype(np.int64)

    def read(self, rows: Rows, into: Picture) -> None:
        """Pixels uint8 [n, H, W, C] of pictures that are there."""
        assert self._mapped is not None
        np.take(self._mapped, rows, axis=0, out=into, mode="clip")  # any other mode copies twice

    def taken(self, rows: Rows) -> Picture:
        """As `read`, into memory of its own."""
        pictures = np.empty((len(rows), *self._shape[1:]), np.uint8)
        self.read(rows, pictures)
        return pictures

    def mapped(self) -> Picture | None:
        """All of it, mapped copy-on-write, while it is filled; None where there is no such file."""
        try:
            return np.asarray(np.load(self._part, mmap_mode="c", allow_pickle=False))
        except (OSError, ValueError, EOFError):
            return None

    def put(self, rows: Rows, pictures: Picture) -> None:
        """Keep pictures; nothing happens where there is no room any more."""
        if self._stream is None or not len(rows):
            return
        starts = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        try:
            with self._lock:
                for first, last in pairwise(starts):
                    if self._stream is None:
                        return
                    self._stream.seek(self._start + int(rows[first]) * self._picture)
                    _write(self._stream, np.ascontiguousarray(pictures[first:last]))
                self._there[rows] = True
            if time.monotonic() - self._marked > BETWEEN_MARKS:
                self.mark()
        except OSError as error:
            self._give_up(error)

    def mark(self) -> None:
        """Bring what was put to the disk and note it there; if another thread is at it, leave that to it."""
        if self._stream is None or not self._marking.acquire(blocking=False):
            return
        try:
            self._marked = time.monotonic()
            there = self._there.tobytes()  # before the pixels are brought to the disk: later ones may not be on it
            with self._lock:
                stream = os.dup(self._stream.fileno()) if self._stream is not None else -1
            if stream >= 0:
                try:
                    os.fsync(stream)
                finally:
                    os.close(stream)
                with self._done.open("r+b") as marks:
                    marks.write(there)
        except OSError as error:
            self._give_up(error)
        finally:
            self._marking.release()

    def close(self) -> None:
        """Note what is there and let go of the files; they stay for the next time."""
        self.mark()
        with self._lock:
            self._release()

    def finish(self) -> bool:
        """Close it, and turn it into NAME.npy; tells whether that was possible. What is missing stays black."""
        self.close()
        if self.failure:
            return False
        try:
            os.replace(self._part, self._place)
            self._done.unlink(missing_ok=True)
        except OSError as error:  # in use elsewhere, as Windows insists; or another program was quicker
            log.info("%s stays as it is: %s", self._part, error)
            return self._place.exists()
        return True

    def remove(self) -> None:
        """Let go of the files and delete them."""
        with self._lock:
            self._release()
        for file in (self._part, self._done):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:  # in use elsewhere
                log.info("%s stays: %s", file, error)

    def _open(self) -> None:
        count = self._shape[0]
        kept = self._kept()
        wanted = self._picture * (count if kept is None else int(count - np.count_nonzero(kept)))
        if wanted and not has_room(self._place, wanted):
            self.failure = f"no room for {wanted / 1e9:,.1f} GB on the disk"
            if kept is None:
                return
        if kept is None:
            self._part.unlink(missing_ok=True)  # never cut short: another program may have mapped it
        self._stream = self._part.open("r+b" if kept is not None else "w+b", buffering=0)
        if kept is None:
            np.lib.format.write_array_header_1_0(self._stream, {"descr": "|u1", "fortran_order": False, "shape": self._shape})
            self._start = self._stream.tell()
            self._stream.truncate(self._start + self._picture * count)
            self._done.write_bytes(bytes(count))
        else:
            self._there = kept
            self._start = self._part.stat().st_size - self._picture * count
        self._mapped = np.load(self._part, mmap_mode="r", allow_pickle=False)
        if self.failure:
            self._stop_writing()

    def _kept(self) -> npt.NDArray[np.bool_] | None:
        """What an earlier decoding noted; None where there was none, or its files are damaged."""
        try:
            marks = np.fromfile(self._done, np.uint8)
            pixels = np.load(self._part, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if len(marks) != self._shape[0] or pixels.shape != self._shape or pixels.dtype != np.uint8:
            return None
        return np.asarray(marks == 1)

    def _give_up(self, error: BaseException) -> None:
        """What is there stays readable until it is closed."""
        with self._lock:
            log.info("%s: no more is kept: %s", self._place, error)
            self.failure = getattr(error, "strerror", None) or str(error)
            self._stop_writing()

    def _stop_writing(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except OSError as error:
                log.info("%s could not be closed: %s", self._part, error)

    def _release(self) -> None:
        self._stop_writing()
        self._mapped = None


def _write(stream: Any, pictures: Picture) -> None:
    """All of it: a disk that fills up takes a part first, and refuses at the next attempt."""
    left = pictures.data.cast("B")
    while left:
        left = left[stream.write(left) :]
