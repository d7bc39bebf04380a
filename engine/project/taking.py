"""One picture on its way in: read once, looked at, and its file copied, moved or referred to."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from engine.control import Cancelled, CancelToken
from engine.data.decoding import UnreadablePicture, content, shrunk
from engine.data.locators import file_locator, parted, read_located
from engine.data.looks import THUMBNAIL_SIDE, Look, digest_of, encoded, look_into_content, measured, modified, short_digest
from engine.project.incoming import IMAGES, INCOMING, Incoming
from engine.project.records import Split

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot

IN_PROJECT = "is in the project already"
MOST_THREADS = 8
BATCH = 128  # pictures of one file of many
FEW = 4  # files handed to a thread at once: handing over costs as much as a tenth of a picture


class Found(msgspec.Struct, frozen=True):
    """A picture to take: where it lies now, and as what. `temporary`: its file may be moved away."""

    locator: str
    root: str
    name: str
    class_name: str | None = None
    split: Split = Split.NONE
    temporary: bool = False

    @property
    def shown(self) -> str:
        """How a report names it."""
        kind, place, _ = parted(self.locator)
        return place if kind == "file" and not os.path.isabs(place) else self.name


class Taken(msgspec.Struct, frozen=True):
    """A picture that can go into the project: its locator there, and the file in incoming/ that was written for it ("": none)."""

    locator: str
    look: Look
    thumbnail: bytes = b""
    file: str = ""


class Known:
    """The pictures that a project has, by content and name."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._names = snapshot.table.names
        digests = snapshot.digests if len(snapshot.digests) == len(self._names) else np.zeros(0, np.uint64)
        self._order = np.argsort(digests, kind="stable")
        self._digests = digests[self._order]

    def has(self, digest: bytes, name: str) -> bool:
        """Whether a picture of this content is there under this name."""
        short = np.uint64(short_digest(digest))
        first, last = np.searchsorted(self._digests, short, "left"), np.searchsorted(self._digests, short, "right")
        return any(self._names[row] == name for row in self._order[first:last].tolist())


class Taker:
    """Looks at pictures and puts their files into the project's folder, or refers to them where they lie.

    `take` may be called from several threads.
    """

    def __init__(self, project: Path, known: Known, incoming: Incoming, copy: bool) -> None:
        self._project, self._known, self._incoming, self._copy = project, known, incoming, copy
        self._images, self._arriving = os.path.join(project, IMAGES, ""), os.path.join(project, INCOMING, "")
        self._reserved: dict[tuple[str, str], str] = {}
        self._names: dict[Path, str] = {}
        self._lock = threading.Lock()

    def reserve(self, found: Found) -> str:
        """The name that the picture's file will have in images/; empty where it stays where it is. Asked in the order of the pictures."""
        kind, place, _ = parted(found.locator)
        key = (found.root, place)
        if key in self._reserved:
            return self._reserved[key]
        path = os.path.join(*key)
        name = "" if kind == "digits" or not self._copies(path, found.temporary) else self._incoming.reserve(os.path.basename(path))
        if kind != "file":
            self._reserved[key] = name
        return name

    def take(self, found: Found, name: str, token: CancelToken) -> Taken:
        """Take one picture.

        Parameters
        ----------
        found : Found
            Where it lies.
        name : str
            As `reserve` gave it.
        token : CancelToken
            Of the import.

        Raises
        ------
        UnreadablePicture
            If it gives no picture, or is in the project already.
        OSError
            If the project's folder cannot be written.
        Cancelled
        """
        token.check()
        kind, place, number = parted(found.locator)
        if kind == "file":
            return self._take_file(found, Path(found.root, place), name, token)
        pixels = read_located(found.locator, found.root)
        look = measured(pixels)
        if self._known.has(look.digest, found.name):
            raise UnreadablePicture(found.name, IN_PROJECT)
        if kind == "digits":
            return Taken(found.locator, look)
        token.check()
        at, file = self._kept_once(Path(found.root, place), name, found.temporary)
        # pictures of arrays are as quick to read as a thumbnail
        return Taken(f"{kind}:{at}#{number}", look, encoded(shrunk(pixels, THUMBNAIL_SIDE)) if kind == "crop" else b"", file)

    def _take_file(self, found: Found, path: Path, name: str, token: CancelToken) -> Taken:
        data, label = content(path, found.name)
        digest = digest_of(data)
        if self._known.has(digest, found.name):
            raise UnreadablePicture(found.name, IN_PROJECT)
        look, thumbnail = look_into_content(data, label, digest, modified(path))
        token.check()
        if not self._copies(os.fspath(path), found.temporary):
            return Taken(file_locator(path, self._project), look, thumbnail)
        file = self._incoming.write(name, data, path if found.temporary else None)
        if file is None:
            raise Cancelled
        return Taken(f"file:{IMAGES}/{file}", look, thumbnail, file)

    def _kept_once(self, path: Path, name: str, temporary: bool) -> tuple[str, str]:
        """Where the file of several pictures is kept, as locators write it, and the name of what was written for it."""
        if not self._copies(os.fspath(path), temporary):
            return file_locator(path, self._project).removeprefix("file:"), ""
        with self._lock:
            if path not in self._names:
                if not path.is_file():
                    raise UnreadablePicture(path.name, "is not there")
                file = self._incoming.write(name, path)
                if file is None:
                    raise Cancelled
                self._names[path] = file
            file = self._names[path]
        return f"{IMAGES}/{file}", file

    def _copies(self, path: str, temporary: bool) -> bool:
        if path.startswith(self._images):
            return False
        return self._copy or temporary or path.startswith(self._arriving)


def batches(pictures: Iterable[Found]) -> Iterator[list[Found]]:
    """Pictures in groups for one thread each: files a few at a time, those that lie in one file together."""
    group: list[Found] = []
    key: tuple[str, str, str] | None = None
    for found in pictures:
        kind, place, _ = parted(found.locator)
        mine = (kind, "" if kind == "file" else place, found.root)
        if group and (mine != key or len(group) >= (FEW if kind == "file" else BATCH)):
            yield group
            group = []
        group.append(found)
        key = mine
    if group:
        yield group


def threads_here() -> int:
    """Threads that look at pictures at once."""
    return max(1, min(MOST_THREADS, os.cpu_count() or 1))
