"""Decoded pixels kept on disk between trainings, and mapped into memory instead of read.

Best effort: a full or read-only disk costs time, never a training.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
import numpy.typing as npt

from engine import places
from engine.data.decoding import Picture
from engine.data.locators import path_of
from engine.data.pixel_store import PixelStore, Rows
from engine.data.preprocessing import Preprocessing
from engine.project.records import Skipped

log = logging.getLogger("fovea.pixels")

VERSION = 1  # raise when decoding changes
KEEP_BYTES = 8_000_000_000

Decoded = tuple[Picture, tuple[Skipped, ...], npt.NDArray[np.bool_]]
Blocks = Iterator[tuple[Rows, Picture, list[tuple[int, Skipped]]]]


class _Kept(msgspec.Struct, frozen=True):
    failed: tuple[Skipped, ...]
    rows: tuple[int, ...]


def place_for(names: Sequence[str], root: str, preprocessing: Preprocessing) -> Path:
    """Where the pixels of these files would be kept: depends on names, sizes and times of the files, and on the working size."""
    geometry = (
        VERSION,
        preprocessing.height,
        preprocessing.width,
        preprocessing.channels,
        preprocessing.resize,
        preprocessing.ground,
        root,
        *(("reduced",) if preprocessing.reduced else ()),
    )
    digest = hashlib.blake2b(repr(geometry).encode("utf-8", "surrogateescape"), digest_size=16)
    for name in names:
        path = path_of(name, root)
        state = "-"
        if path is not None:
            try:
                status = path.stat()
                state = f"{status.st_size} {status.st_mtime_ns}"
            except OSError:
                state = "missing"
        digest.update(f"{name}\0{state}\n".encode("utf-8", "surrogateescape"))
    return places.cache() / "pixels" / f"{digest.hexdigest()}.npy"


def load(place: Path) -> Decoded | None:
    """Pixels kept earlier, mapped copy-on-write; None where there are none."""
    try:
        mapped = np.load(place, mmap_mode="c", allow_pickle=False)
        kept = msgspec.json.decode(place.with_suffix(".json").read_bytes(), type=_Kept)
        os.utime(place)
    except (OSError, ValueError, EOFError, msgspec.MsgspecError):
        return None
    ok = np.ones(len(mapped), np.bool_)
    ok[list(kept.rows)] = False
    return np.asarray(mapped), kept.failed, ok


class Sink:
    """Takes decoded parcels in any order; into a file where there is room for one, else into memory.

    What an earlier, unfinished decoding left is there from the start.
    """

    def __init__(self, place: Path, shape: tuple[int, int, int, int]) -> None:
        self._place, self._shape = place, shape
        self._store = PixelStore(place, shape)
        self._memory: Picture | None = None

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._store.close()

    def missing(self) -> Rows:
        """The pictures that are wanted, int64, ascending."""
        return self._store.missing()

    def write(self, rows: Rows, block: Picture) -> None:
        """Take the pictures of these rows."""
        self._store.put(rows, block)
        if self._store.failure:
            if self._memory is None:  # the disk is full: go on in memory with what the file has
                self._memory = np.zeros(self._shape, np.uint8)
                there = np.flatnonzero(self._store.there(np.arange(self._shape[0]))).astype(np.int64)
                if len(there):
                    self._memory[there] = self._store.taken(there)
                self._store.remove()
            self._memory[rows] = block

    def finish(self, failed: tuple[Skipped, ...], ok: npt.NDArray[np.bool_], unchanged: bool = True) -> Decoded:
        """All pixels. Where files changed while they were decoded, nothing is kept, for it would pass for the old ones later."""
        if self._memory is not None:
            return self._memory, failed, ok
        if unchanged and keep(self._store, self._place, failed, ok):
            loaded = load(self._place)
            if loaded is not None:
                return loaded
        whole = self._store.mapped()
        if whole is None:
            whole = np.load(self._place, mmap_mode="c", allow_pickle=False)
        if not unchanged:
            self._store.remove()
        return np.asarray(whole), failed, ok


def keep(store: PixelStore, place: Path, failed: tuple[Skipped, ...], ok: npt.NDArray[np.bool_]) -> bool:
    """Turn a store with all that can be read into what `load` maps; tells whether that was possible."""
    if store.failure:
        return False
    try:
        place.with_suffix(".json").write_bytes(msgspec.json.encode(_Kept(failed, tuple(np.flatnonzero(~ok).tolist()))))
    except OSError as error:
        log.info("pixels are not kept: %s", error)
        return False
    if store.finish():
        tidy(place)
        return True
    return False


def tidy(newest: Path) -> None:
    """Delete what was not used for longest, finished or not, until KEEP_BYTES are left."""
    entries = []
    for file in (*newest.parent.glob("*.npy"), *newest.parent.glob("*.part")):
        try:
            status = file.stat()
        except OSError:
            continue
        entries.append((status.st_mtime_ns, status.st_size, file))
    total = sum(size for _, size, _ in entries)
    for _, size, file in sorted(entries):
        if total <= KEEP_BYTES or file.stem == newest.stem:
            continue
        try:
            file.unlink()
            for beside in (".json", ".done"):
                file.with_suffix(beside).unlink(missing_ok=True)
            total -= size
        except OSError:  # in use elsewhere, as Windows insists
            continue
