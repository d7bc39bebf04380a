"""Files on their way into a project: written under incoming/, moved to images/ once the rows that name them are on disk.

So a file in images/ always has a row, and whatever a killed import leaves lies in incoming/, where the next opening either finds its row
or takes it away. Nothing outside incoming/ is ever deleted.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path

IMAGES = "images"
INCOMING = "incoming"
NAME_BYTES = 150  # systems allow 255; room is left for a number and for names that other systems spell longer
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # Windows opens devices under these names
COPY_BYTES = 1 << 20
ATTEMPTS = 5
PATIENCE = (0.02, 0.1, 0.5)  # seconds; on Windows a virus scanner holds new files open for a moment


class Incoming:
    """Writes files for rows that are yet to come. May be used from several threads.

    Files are written under names that are free in images/ and incoming/ alike, in any spelling of large and small letters, so that a
    project can be moved to another system.
    """

    def __init__(self, folder: Path) -> None:
        """For the project in `folder`; nothing is made before the first file."""
        self.images, self.incoming = folder / IMAGES, folder / INCOMING
        self._place, self._taken_place = os.path.join(self.incoming, ""), os.path.join(self.images, "")
        self._lock = threading.Lock()
        self._next: dict[str, int] = {}
        self._used: set[str] | None = None
        self._loose: set[str] = set()
        self._closed = False

    def reserve(self, name: str) -> str:
        """A free name as near to this one as can be; nobody else gets it from this object."""
        plain = plain_name(name)
        with self._lock:
            if self._used is None:
                self._used = {_folded(taken) for place in (self.images, self.incoming) for taken in _names(place)}
            key = _folded(plain)
            if key not in self._used:
                self._used.add(key)
                return plain
            stem, suffix = os.path.splitext(plain)
            number = self._next.get(key, 1)
            while key in self._used:
                number += 1
                free = f"{stem} ({number}){suffix}"
                key = _folded(free)
            self._next[_folded(plain)] = number
            self._used.add(key)
        return free

    def write(self, name: str, data: bytes | Path, movable: Path | None = None) -> str | None:
        """Write a file, or copy one, under a reserved name, or the next free one where another lane was quicker; gives the name.

        None where `close` came first; nothing is left then. A file `movable`, which has that content, is moved instead where that goes.

        Raises
        ------
        OSError
            If the project's folder cannot be written; nothing of the file is left then.
        """
        wanted = name
        while True:
            path = self._place + name
            with self._lock:
                if self._closed:
                    return None
                self._loose.add(name)
            try:
                if self._written(path, name, data, movable):
                    return name if self._stays(path) else None
            except BaseException:
                with self._lock:
                    self._loose.discard(name)
                raise
            with self._lock:
                self._loose.discard(name)
            name = self.reserve(wanted)

    def _stays(self, path: str) -> bool:
        """Whether a file that was just written may stay; it goes where `close` came meanwhile."""
        with self._lock:
            if self._closed:
                _unlink(path)
            return not self._closed

    def _written(self, path: str, name: str, data: bytes | Path, movable: Path | None) -> bool:
        """Whether the name was free."""
        stream = self._made(path)
        if stream is None:
            return False
        try:
            with stream:
                # Asked after the file was made: what has moved to images/ by now shows there, what has not stood in the way.
                free = not os.path.lexists(self._taken_place + name)
                if free and movable is None:
                    _fill(stream, data)
            if free and movable is not None:
                _replace(path, movable, data)
        except BaseException:
            _unlink(path)
            raise
        if not free:
            _unlink(path)
        return free

    def _made(self, path: str) -> FileIO | None:
        """A new file, open for writing; None where there is one of that name."""
        for attempt in range(ATTEMPTS + 1):
            try:
                return open(path, "xb", buffering=0)
            except FileExistsError:
                return None
            except FileNotFoundError:  # the first file, or another lane was done and took the empty folder away
                if attempt == ATTEMPTS:
                    raise
                self.images.mkdir(parents=True, exist_ok=True)
                self.incoming.mkdir(exist_ok=True)
        return None

    def hand_over(self, name: str) -> None:
        """Leave a file alone from now on: its row is about to be written."""
        with self._lock:
            self._loose.discard(name)

    def close(self, keep: Iterable[str] = ()) -> None:
        """Delete what was written and not handed over, but for the names in `keep`; files being written now delete themselves."""
        with self._lock:
            self._closed = True
            loose = self._loose.difference(keep)
            self._loose -= loose
        for name in loose:
            with suppress(OSError):
                (self.incoming / name).unlink(missing_ok=True)
        with suppress(OSError):  # others may be writing
            self.incoming.rmdir()


def settle(folder: Path, locators: Iterable[str]) -> None:
    """Move files to images/ whose rows are on disk now.

    Parameters
    ----------
    folder : Path
        The project's.
    locators : iterable of str
        Of those rows; several may name one file, and those of files elsewhere are passed over.
    """
    source, target = os.path.join(folder, INCOMING, ""), os.path.join(folder, IMAGES, "")
    moved = ""
    for locator in locators:
        name = kept_name(locator)
        if name and name != moved:
            moved = name
            _move(source + name, target + name)


def recover(folder: Path, locators: Iterable[str]) -> int:
    """Bring incoming/ in order after the program was killed.

    Parameters
    ----------
    folder : Path
        The project's.
    locators : iterable of str
        Of all rows, those that undo can bring back included.

    Returns
    -------
    int
        Number of files (and folders of unpacked archives) without a row, which were deleted.
    """
    left = set(_names(folder / INCOMING))
    if left:
        settle(folder, [locator for locator in locators if kept_name(locator) in left])
    deleted = 0
    for name in _names(folder / INCOMING):
        path = folder / INCOMING / name
        with suppress(OSError):  # a folder that can only be read
            if path.is_dir() and not path.is_symlink():  # an archive was being unpacked
                shutil.rmtree(path)
            else:
                path.unlink()
            deleted += 1
    with suppress(OSError):
        (folder / INCOMING).rmdir()
    return deleted


def kept_name(locator: str) -> str:
    """The name in images/ of the file that a locator needs; empty for what lies elsewhere or in no file."""
    kind, _, rest = locator.partition(":")
    if not rest.startswith(f"{IMAGES}/"):
        return ""
    place = rest if kind == "file" else rest.rpartition("#")[0]
    name = place[len(IMAGES) + 1 :]
    return "" if "/" in name else name


def plain_name(name: str) -> str:
    """A file name that every system allows, with its ending kept."""
    spaced = re.sub(r"\s", " ", unicodedata.normalize("NFC", name))
    plain = re.sub(r'[<>:"/\\|?*#\x00-\x1f\x7f-\x9f]', "_", spaced).strip(" .")
    stem, suffix = os.path.splitext(plain)
    if len(suffix.encode()) > 16:
        stem, suffix = plain, ""
    room = NAME_BYTES - len(suffix.encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .")
    if RESERVED.fullmatch(stem):
        stem = f"_{stem}"
    return f"{stem or 'picture'}{suffix}"


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _fill(stream: FileIO, data: bytes | Path) -> None:
    if isinstance(data, bytes):
        rest = memoryview(data)
        while rest:  # a disk that is nearly full takes a part
            rest = rest[stream.write(rest) :]
        return
    with data.open("rb") as source:
        while part := source.read(COPY_BYTES):
            _fill(stream, part)


def _replace(path: str, movable: Path, data: bytes | Path) -> None:
    try:
        os.replace(movable, path)
    except OSError:  # it lies on another disk
        with open(path, "wb", buffering=0) as stream:
            _fill(stream, data)


def _move(source: str, target: str) -> None:
    for seconds in (*PATIENCE, None):
        try:
            if not os.path.lexists(target):
                os.rename(source, target)
            return
        except FileNotFoundError:
            if os.path.isdir(os.path.dirname(target)) or not os.path.lexists(source):
                return  # it lies in images/ already
            os.makedirs(os.path.dirname(target), exist_ok=True)  # somebody else made incoming/, to unpack or to fetch
            _move(source, target)
            return
        except PermissionError:
            if seconds is None:
                return  # the next opening moves it
            time.sleep(seconds)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _names(place: Path) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:
        return []
