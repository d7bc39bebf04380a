"""Thumbnails kept in the project, by content: a file of its own that can be deleted at any time and never stands in the way.

A full disk, a folder that can only be read, a damaged file: all of that only costs the time of decoding originals again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

FILE = "thumbnails.sqlite"
VERSION = 1  # another size or way of encoding needs another
PARAMETERS = 500  # SQLite of old systems takes no more than 999 in a statement
OPEN_FILES = 4
SUFFIXES = ("", "-wal", "-shm", "-journal")

SCHEMA = f"""
BEGIN;
CREATE TABLE IF NOT EXISTS thumbnails (id INTEGER PRIMARY KEY, digest INTEGER NOT NULL UNIQUE, content BLOB NOT NULL);
PRAGMA user_version = {VERSION};
COMMIT;
"""


class ThumbnailFile:
    """The thumbnails of one project. Its methods may be called from any thread, and raise nothing that has to do with the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._refused = False  # no file can be made here

    def get(self, digests: Iterable[int]) -> dict[int, bytes]:
        """Thumbnails as files by the first eight bytes of the original's digest; those that are not kept are left out."""
        wanted = [digest for digest in dict.fromkeys(digests) if digest]
        found: dict[int, bytes] = {}
        with self._lock:
            try:
                if self._reader is None:
                    if not self._path.is_file():
                        return found
                    self._reader = self._read_only()
                for start in range(0, len(wanted), PARAMETERS):
                    part = [_signed(digest) for digest in wanted[start : start + PARAMETERS]]
                    query = f"SELECT digest, content FROM thumbnails WHERE digest IN ({','.join('?' * len(part))})"
                    found.update((_unsigned(digest), content) for digest, content in self._reader.execute(query, part))
            except (sqlite3.Error, OSError):
                self._drop_reader()
        return found

    def put(self, thumbnails: Mapping[int, bytes]) -> None:
        """Keep thumbnails, all in one go; those without a digest are passed over."""
        rows = [(_signed(digest), content) for digest, content in thumbnails.items() if digest]
        if not rows or self._refused:
            return
        with self._writing:
            for attempt in range(2):
                try:
                    if self._writer is None:
                        self._writer = self._made()
                    with self._writer:
                        self._writer.execute("BEGIN IMMEDIATE")
                        self._writer.executemany("INSERT OR IGNORE INTO thumbnails (digest, content) VALUES (?, ?)", rows)
                    return
                except sqlite3.OperationalError:  # full, read-only, or busy: the next ones may have more luck
                    self._drop_writer()
                    self._refused = not self._path.is_file()
                    return
                except sqlite3.DatabaseError:
                    self._drop_writer()
                    self._refused = attempt > 0 or not self._removed()
                except OSError:
                    self._refused = True
                    return

    def close(self) -> None:
        """Let go of the file."""
        with self._writing:
            self._drop_writer()
        with self._lock:
            self._drop_reader()

    def _drop_reader(self) -> None:
        if self._reader is not None:
            with suppress(sqlite3.Error):
                self._reader.close()
        self._reader = None

    def _drop_writer(self) -> None:
        if self._writer is not None:
            with suppress(sqlite3.Error):
                self._writer.close()
        self._writer = None

    def _read_only(self) -> sqlite3.Connection:
        address = self._path.resolve().as_uri()
        for options in ("mode=ro", "mode=ro&immutable=1"):  # the latter where the log cannot be made
            connection = sqlite3.connect(f"{address}?{options}", uri=True, check_same_thread=False, isolation_level=None, timeout=1.0)
            try:
                if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                    return connection
            except sqlite3.OperationalError:
                connection.close()
                continue
            except sqlite3.Error:
                connection.close()
                raise
            connection.close()
        raise sqlite3.DatabaseError("not readable")

    def _made(self) -> sqlite3.Connection:
        address = self._path.resolve().as_uri()
        connection = sqlite3.connect(f"{address}?mode=rwc", uri=True, check_same_thread=False, isolation_level=None, timeout=1.0)
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, VERSION):
                raise sqlite3.DatabaseError("of another version")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # what a power cut takes can be made again
            connection.executescript(SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _removed(self) -> bool:
        """Take a damaged file away; whether a new one can be begun."""
        with self._lock:
            self._drop_reader()
            try:
                for suffix in SUFFIXES:
                    self._path.with_name(FILE + suffix).unlink(missing_ok=True)
            except OSError:
                return False
        return True


_open: OrderedDict[Path, ThumbnailFile] = OrderedDict()
_guard = threading.Lock()


def thumbnails_of(folder: str | Path) -> ThumbnailFile:
    """The thumbnails of the project in a folder; one object a project, the ones used last stay open."""
    path = Path(folder)
    with _guard:
        if path not in _open:
            _open[path] = ThumbnailFile(path)
        _open.move_to_end(path)
        old = [_open.popitem(last=False)[1] for _ in range(len(_open) - OPEN_FILES)]
    for file in old:
        file.close()
    return _open[path]


def close_thumbnails(folder: str | Path) -> None:
    """Let go of a project's thumbnails, so that its folder can be moved or deleted."""
    with _guard:
        file = _open.pop(Path(folder), None)
    if file is not None:
        file.close()


def _signed(digest: int) -> int:
    return digest - (1 << 64) if digest >= 1 << 63 else digest


def _unsigned(digest: int) -> int:
    return digest + (1 << 64) if digest < 0 else digest
