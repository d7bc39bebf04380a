"""Looks at many pictures at once: in threads, and kept in the cache folder, so that a file is decoded again only after it has changed."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine import places
from engine.control import CancelToken
from engine.data import hashes, looks
from engine.data.colour import Picture
from engine.data.locators import array_of, parted, path_of, read_located
from engine.data.unreadable import UnreadablePicture
from engine.project.records import Skipped
from engine.project.runs import write_whole

log = logging.getLogger("fovea.looked")

VERSION = 1  # raise when looks change
THREADS = 8
CHUNK = 32
KINDS: dict[str, type[np.generic]] = {
    "digests": np.uint64,
    "hashes": np.uint64,
    "widths": np.int32,
    "heights": np.int32,
    "brightness": np.float32,
    "contrast": np.float32,
    "sharpness": np.float32,
}

Progress = Callable[[int, int], None]
Values = tuple[int, int, int, int, float, float, float]  # in the order of KINDS


class Looked(NamedTuple):
    """What looks at N pictures gave; row i of each column is one picture. All 0 for those that cannot be read.

    Attributes
    ----------
    digests : uint64 [N]
        See `engine.data.looks.short_digest`.
    hashes : uint64 [N]
        Perceptual; 0 where unknown.
    widths, heights : int32 [N]
        Upright size in pixels.
    brightness, contrast, sharpness : float32 [N]
        As in `engine.data.looks.Look`.
    failed : dict of int to Skipped
        Rows that cannot be read.
    """

    digests: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint64]
    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    brightness: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    failed: dict[int, Skipped]


def look_through(locators: Sequence[str], root: str, token: CancelToken | None = None, progress: Progress | None = None) -> Looked:
    """Look at pictures that belong to no project.

    Parameters
    ----------
    locators : sequence of str, length N
        Relative to `root`.
    root : str
        Folder.
    token : CancelToken, optional
        Checked before every picture.
    progress : callable, optional
        Called with pictures done and pictures in all.

    Raises
    ------
    Cancelled
        If the token was cancelled; what was looked at is kept in the cache.
    """
    token = token or CancelToken()
    columns = {name: np.zeros(len(locators), kind) for name, kind in KINDS.items()}
    whole = array_of(locators, root)
    if whole is not None:
        for row, picture in enumerate(whole):
            if row % CHUNK == 0:
                _tell(row, len(locators), token, progress)
            _put(columns, row, _values(_measured(picture)))
        return Looked(**columns, failed={})
    failed: dict[int, Skipped] = {}
    keys = [_state(locator, root) for locator in locators]
    cache = _Cache(root)
    waiting = [row for row, key in enumerate(keys) if not cache.fill(columns, row, key)]
    try:
        for done, (row, found) in enumerate(_looks(waiting, locators, root, token)):
            _tell(len(locators) - len(waiting) + done, len(locators), token, progress)
            if isinstance(found, Skipped):
                failed[row] = found
                continue
            _put(columns, row, found)
            cache.add(keys[row], found)
    finally:
        cache.save()
    return Looked(**columns, failed=failed)


def marks_of(locators: Sequence[str], root: str, token: CancelToken | None = None) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Digests and perceptual hashes, uint64 [N] each, as `look_through` gives them; quicker where the pictures lie in arrays."""
    whole = array_of(locators, root)
    if whole is None:
        looked = look_through(locators, root, token)
        return looked.digests, looked.hashes
    token = token or CancelToken()
    digests = np.zeros(len(whole), np.uint64)
    for row, picture in enumerate(whole):
        if row % 1024 == 0:
            token.check()
        digests[row] = looks.short_digest(looks.digest_of_pixels(_rgb(picture)))
    if max(whole.shape[1:3]) < hashes.SIDE:
        return digests, np.zeros(len(whole), np.uint64)
    return digests, look_through(locators, root, token).hashes


def _looks(rows: Sequence[int], locators: Sequence[str], root: str, token: CancelToken) -> Iterator[tuple[int, Values | Skipped]]:
    """Each row with what a look gives, in order; a few chunks ahead of the reader."""

    def look(row: int) -> tuple[int, Values | Skipped]:
        token.check()
        kind, place, _ = parted(locators[row])
        try:
            found = looks.look_at(Path(root, place))[0] if kind == "file" else looks.measured(read_located(locators[row], root))
        except UnreadablePicture as error:
            return row, Skipped(locators[row].removeprefix("file:"), error.reason)
        return row, _values(found)

    workers = min(THREADS, os.cpu_count() or 1)
    left = iter(rows)
    with ThreadPoolExecutor(workers, thread_name_prefix="fovea-look") as pool:
        ahead = [pool.submit(look, row) for row in islice(left, 4 * workers)]
        try:
            while ahead:
                yield ahead.pop(0).result()
                ahead.extend(pool.submit(look, row) for row in islice(left, 1))
        finally:
            for future in ahead:
                future.cancel()


def _measured(picture: Picture) -> looks.Look:
    return looks.measured(_rgb(picture))


def _rgb(picture: Picture) -> Picture:
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


def _values(look: looks.Look) -> Values:
    return looks.short_digest(look.digest), look.hash, look.width, look.height, look.brightness, look.contrast, look.sharpness


def _put(columns: dict[str, npt.NDArray[np.generic]], row: int, values: Values) -> None:
    for column, value in zip(columns.values(), values, strict=True):
        column[row] = value


def _tell(done: int, total: int, token: CancelToken, progress: Progress | None) -> None:
    token.check()
    if progress is not None:
        progress(done, total)


def _state(locator: str, root: str) -> int:
    """A number for a picture's place, size and time of change: the same number, the same look. 0 where the file is not there."""
    path = path_of(locator, root)
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return 0
    state = f"{locator}\0{status.st_size} {status.st_mtime_ns}" if status is not None else locator
    return int.from_bytes(hashlib.blake2b(state.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")


class _Cache:
    """Looks kept for one root folder. Best effort: where nothing can be kept, files are decoded again."""

    def __init__(self, root: str) -> None:
        name = hashlib.blake2b(f"{VERSION}\0{root}".encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        self._place = places.cache() / "looks" / f"{name}.npz"
        self._keys = np.zeros(0, np.uint64)
        self._columns = {name: np.zeros(0, kind) for name, kind in KINDS.items()}
        self._new: dict[int, Values] = {}
        try:
            with np.load(io.BytesIO(self._place.read_bytes()), allow_pickle=False) as kept:
                columns = {name: kept[name].astype(kind, casting="same_kind") for name, kind in KINDS.items()}
                keys = kept["keys"]
            if all(column.shape == keys.shape == (len(keys),) for column in columns.values()) and (keys[1:] > keys[:-1]).all():
                self._keys, self._columns = keys.astype(np.uint64), columns
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            log.info("kept looks cannot be read: %s", error)

    def fill(self, columns: dict[str, npt.NDArray[np.generic]], row: int, key: int) -> bool:
        """Copy a kept look; False where there is none."""
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        if key == 0 or at == len(self._keys) or int(self._keys[at]) != key:
            return False
        for name, column in columns.items():
            column[row] = self._columns[name][at]
        return True

    def add(self, key: int, values: Values) -> None:
        if key:
            self._new[key] = values

    def save(self) -> None:
        """Write what is new beside what was there."""
        if not self._new:
            return
        keys = np.concatenate([self._keys, np.fromiter(self._new, np.uint64, len(self._new))])
        keys, order = np.unique(keys, return_index=True)
        columns = {}
        for at, (name, kept) in enumerate(self._columns.items()):
            new = np.array([values[at] for values in self._new.values()], KINDS[name])
            columns[name] = np.concatenate([kept, new])[order]
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, keys=keys, **columns)
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._place, buffer.getvalue())
        except OSError as error:
            log.info("looks are not kept: %s", error)
