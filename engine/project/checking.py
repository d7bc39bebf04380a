"""Seeing which files of a project are there, and measuring what was never measured or has changed since; in the background."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine import messages
from engine.control import CancelToken
from engine.data.decoding import UnreadablePicture
from engine.data.locators import parted, path_of, read_located
from engine.data.looks import Look, look_at, look_of_pixels, short_digest
from engine.progress import Progress
from engine.project.ahead import in_order
from engine.project.records import Flag
from engine.project.taking import threads_here
from engine.project.thumbnails import thumbnails_of

if TYPE_CHECKING:
    from engine.project.opened import OpenedProject
    from engine.project.snapshot import Snapshot
    from engine.session import Emit, Session

PARCEL = 256
PARCEL_SECONDS = 0.5
STATED = 256  # files between two looks at the token
MISSING, UNREADABLE = int(Flag.MISSING), int(Flag.UNREADABLE)
FACTS = MISSING | UNREADABLE


class _Seen(NamedTuple):
    """What a look at a picture gave; no look where it cannot be read."""

    image: int
    locator: str
    look: Look | None
    thumbnail: bytes = b""


def check_files(session: Session, command: messages.CheckFiles, token: CancelToken, emit: Emit) -> None:
    """See which files are there, and look at pictures of which nothing is known or whose file is another.

    A project that can only be read shows what is missing, keeps nothing, and is not measured.
    """
    project = session.opened()
    snapshot = project.snapshot
    there, sizes = _stated(snapshot, token)
    flags = snapshot.table.flags
    facts = (flags & UNREADABLE) | np.where(there, 0, MISSING).astype(np.uint8)
    rows = np.flatnonzero(facts != flags & FACTS)
    parcel = _Parcel(session, project, emit)
    if len(rows):
        parcel.tell_facts(dict(zip(snapshot.table.ids[rows].tolist(), facts[rows].tolist(), strict=True)))
    if project.record.read_only:
        return
    known = snapshot.digests != 0
    changed = (sizes > 0) & (snapshot.table.sizes > 0) & (sizes != snapshot.table.sizes)
    wanted = np.flatnonzero(there & (~known | changed))
    progress = Progress(emit)
    jobs = ((int(snapshot.table.ids[row]), snapshot.locators[row]) for row in wanted.tolist())
    try:
        looks = in_order(lambda job: _look(job[0], job[1], snapshot.root, token), jobs, threads_here(), token)
        for number, (_, seen) in enumerate(looks):
            parcel.add(seen)
            progress.tell(number + 1, len(wanted), "Looking at pictures")
    finally:
        parcel.flush()


def _stated(snapshot: Snapshot, token: CancelToken) -> tuple[np.ndarray, np.ndarray]:
    """Whether the file of each picture is there, bool [N], and the bytes of those that are one picture each, int64 [N] (else 0)."""
    there = np.ones(len(snapshot.locators), np.bool_)
    sizes = np.zeros(len(snapshot.locators), np.int64)
    shared: dict[Path, bool] = {}
    for row, locator in enumerate(snapshot.locators):
        if row % STATED == 0:
            token.check()
        kind, place, _ = parted(locator)
        if kind == "file":
            sizes[row] = _size(os.path.join(snapshot.root, place))
            there[row] = sizes[row] >= 0
        elif (path := path_of(locator, snapshot.root)) is not None:
            if path not in shared:
                shared[path] = _size(str(path)) >= 0
            there[row] = shared[path]
    return there, np.maximum(sizes, 0)


def _size(path: str) -> int:
    """Bytes of a file; -1 where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def _look(image: int, locator: str, root: str, token: CancelToken) -> _Seen:
    token.check()
    kind, place, _ = parted(locator)
    try:
        if kind == "file":
            look, thumbnail = look_at(Path(root, place))
            return _Seen(image, locator, look, thumbnail)
        look, thumbnail = look_of_pixels(read_located(locator, root))
        return _Seen(image, locator, look, thumbnail if kind == "crop" else b"")
    except UnreadablePicture:
        return _Seen(image, locator, None)


class _Parcel:
    """Takes what was seen to the store lane, a few hundred pictures at once."""

    def __init__(self, session: Session, project: OpenedProject, emit: Emit) -> None:
        self._session, self._project, self._emit = session, project, emit
        self._waiting: list[_Seen] = []
        self._flushed = time.monotonic()

    def add(self, seen: _Seen) -> None:
        self._waiting.append(seen)
        if len(self._waiting) >= PARCEL or time.monotonic() - self._flushed > PARCEL_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            thumbnails_of(self._project.folder).put(
                {short_digest(seen.look.digest): seen.thumbnail for seen in self._waiting if seen.look is not None and seen.thumbnail}
            )
            self._session.in_store(self._store)
        self._waiting = []
        self._flushed = time.monotonic()

    def tell_facts(self, facts: dict[int, int]) -> None:
        def told() -> None:
            if self._session.project is self._project:
                for event in self._project.set_facts(facts):
                    self._emit(event)

        self._session.in_store(told)

    def _store(self) -> None:
        """Only for pictures that still lie where they were looked at, in the project that is still open."""
        if self._session.project is not self._project:
            return
        valid = [(seen, row) for seen in self._waiting for row in self._rows(seen)]
        looks = {seen.image: seen.look for seen, _ in valid if seen.look is not None}
        if looks:
            for event in self._project.set_looks(looks):
                self._emit(event)
        flags = self._project.snapshot.table.flags
        facts = {seen.image: (int(flags[row]) & MISSING) | (UNREADABLE if seen.look is None else 0) for seen, row in valid}
        facts = {seen.image: facts[seen.image] for seen, row in valid if facts[seen.image] != int(flags[row]) & FACTS}
        if facts:
            for event in self._project.set_facts(facts):
                self._emit(event)

    def _rows(self, seen: _Seen) -> Iterator[int]:
        snapshot = self._project.snapshot
        row = snapshot.row(seen.image)
        if row is not None and snapshot.locators[row] == seen.locator:
            yield row
