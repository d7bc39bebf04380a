"""Decoded pixels kept on disk between trainings, and mapped into memory instead of read.

Best effort: a full or read-only disk costs time, never a training.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine import places
from engine.data.decoding import Picture
from engine.data.locators import path_of
from engine.data.preprocessing import Preprocessing
from engine.project.records import Skipped

log = logging.getLogger("fovea.pixels")

VERSION = 1  # raise when decoding changes
KEEP_BYTES = 8_000_000_000
SPARE_BYTES = 2_000_000_000

Decoded = tuple[Picture, tuple[Skipped, ...], npt.NDArray[np.bool_]]
Blocks = Iterator[tuple[int, Picture, list[tuple[int, Skipped]]]]


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
    """Takes decoded parcels in order; into a file where there is room for one, else into memory."""

    def __init__(self, place: Path, shape: tuple[int, int, int, int]) -> None:
        self._place, self._shape = place, shape
        self._partial = place.with_suffix(f".{uuid.uuid4().hex}.part")
        self._stream: Any = None
        self._memory: Picture | None = None
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(place.parent).free > int(np.prod(shape)) + SPARE_BYTES:
                self._stream = self._partial.open("w+b")
                np.lib.format.write_array_header_1_0(self._stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
                self._start = self._stream.tell()
        except OSError as error:
            self._give_up(error)
        if self._stream is None:
            self._memory = np.zeros(shape, np.uint8)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._give_up(error)

    def write(self, start: int, block: Picture) -> None:
        """Take the pictures from row `start` on."""
        if self._stream is not None:
            try:
                self._stream.write(block.data)
                return
            except OSError as error:  # the disk is full: go on in memory with what the file has
                self._memory = np.zeros(self._shape, np.uint8)
                self._stream.seek(self._start)
                done = np.frombuffer(self._stream.read(start * block[0].size), np.uint8)
                self._memory.reshape(-1)[: done.size] = done
                self._give_up(error)
        if self._memory is not None:
            self._memory[start : start + len(block)] = block

    def finish(self, failed: tuple[Skipped, ...], ok: npt.NDArray[np.bool_]) -> Decoded:
        """All pixels."""
        if self._stream is not None:
            try:
                self._stream.flush()
                kept = _Kept(failed, tuple(np.flatnonzero(~ok).tolist()))
                self._stream.close()
                self._stream = None
                self._place.with_suffix(".json").write_bytes(msgspec.json.encode(kept))
                os.replace(self._partial, self._place)
                tidy(self._place)
                loaded = load(self._place)
                if loaded is not None:
                    return loaded
            except OSError as error:
                log.info("pixels are not kept: %s", error)
            whole = self._place if self._place.exists() else self._partial
            return np.load(whole, allow_pickle=False), failed, ok
        assert self._memory is not None
        return self._memory, failed, ok

    def _give_up(self, error: object) -> None:
        if self._stream is not None:
            log.info("pixels are not kept: %s", error)
            try:
                self._stream.close()
            except OSError:  # closing flushes, which fails again on a full disk
                log.info("%s could not be closed", self._partial)
            self._stream = None
        self._partial.unlink(missing_ok=True)


def tidy(newest: Path) -> None:
    """Delete what was not used for longest, until KEEP_BYTES are left."""
    entries = []
    for file in newest.parent.glob("*.npy"):
        try:
            status = file.stat()
        except OSError:
            continue
        entries.append((status.st_mtime_ns, status.st_size, file))
    total = sum(size for _, size, _ in entries)
    for _, size, file in sorted(entries):
        if total <= KEEP_BYTES or file == newest:
            continue
        try:
            file.unlink()
            file.with_suffix(".json").unlink(missing_ok=True)
            total -= size
        except OSError:  # in use elsewhere, as Windows insists
            continue
