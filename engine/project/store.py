"""The project's database: classes, pictures, labels, the journal of changes. Written in one lane, on disk before a call returns.

Every change is an entry of the journal with its way forward and back, so that undo survives a restart.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.failure import UserError
from engine.project import changes
from engine.project.changes import Change, ClassChange, LabelChange, PresenceChange
from engine.project.locking import ProjectLock
from engine.project.records import ClassRecord

FILE = "project.sqlite"
APPLICATION = 0x464F5645  # "FOVE"
VERSION = 1
JOURNAL_LIMIT = 10_000
READ_ONLY_REMEDY = "Close the other window, or copy the project to a folder that can be written; then open it again."

SCHEMA = """
CREATE TABLE classes (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, colour TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX class_names ON classes (name) WHERE removed = 0;
CREATE TABLE images (id INTEGER PRIMARY KEY AUTOINCREMENT, locator TEXT NOT NULL, name TEXT NOT NULL,
    class_id INTEGER REFERENCES classes (id), split INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, forward BLOB NOT NULL, backward BLOB NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

ImageRow = tuple[int, str, str, int | None, int]  # id, locator, name, class, split


class NewImage(msgspec.Struct, frozen=True):
    """A picture to be added."""

    locator: str
    name: str
    class_id: int | None
    split: int


class Store:
    """An open database.

    Attributes
    ----------
    read_only : str
        Empty, or a sentence that says why nothing can be changed.
    """

    def __init__(self, folder: Path, create: bool = False, write: bool = True) -> None:
        """Open, or make where `create`.

        Raises
        ------
        UserError
            If there is no project, it is damaged, or it is of a later version of the program.
        """
        path = folder / FILE
        if not create and not path.is_file():
            raise UserError(f"The folder {folder} holds no project.", "Choose a folder with a project.sqlite, or make a new project.")
        self._lock = ProjectLock(folder)
        self.read_only = self._lock.take() if write else "It was opened for reading."
        try:
            self._db = self._connect(path)
        except sqlite3.DatabaseError as error:
            self._lock.release()
            raise UserError(f"The project's database {path} is damaged ({error}).", "Restore it from a backup copy.") from None
        except UserError:
            self._lock.release()
            raise

    def _connect(self, path: Path) -> sqlite3.Connection:
        address = path.resolve().as_uri()
        if not self.read_only:
            database = _opened(f"{address}?mode=rwc")
        else:
            database = _opened(f"{address}?mode=ro")
            try:
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError:  # the log cannot be made in a folder that cannot be written
                database.close()
                database = _opened(f"{address}?mode=ro&immutable=1")
        try:
            self._prepare(database, path)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection, path: Path) -> None:
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application != APPLICATION:
            raise UserError(f"{path} is a database of another program.", "Choose the folder of a Fovea project.")
        if version > VERSION:
            raise UserError(
                f"The project {path.parent.name} was made by a later version of Fovea.", "Install the newest version and open it again."
            )
        verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        if self.read_only:
            if not tables:
                raise UserError(f"The project {path.parent.name} is empty.", "Open it in the window that makes it.")
            return
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")  # a label outlives a power cut
        database.execute("PRAGMA foreign_keys = ON")
        if not tables:
            database.executescript(f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;")

    def close(self) -> None:
        """Close the database and let others write."""
        self._db.close()
        self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; on disk when it ends.

        Raises
        ------
        UserError
            If the project can only be read.
        """
        if self.read_only:
            raise UserError(self.read_only, READ_ONLY_REMEDY)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.rollback()
            raise
        try:
            self._db.commit()
        except sqlite3.Error:
            self._db.rollback()
            raise

    # ------------------------------------------------------------ reading

    def classes(self) -> tuple[ClassRecord, ...]:
        """All classes, in the order in which they were made."""
        rows = self._db.execute("SELECT id, name, colour FROM classes WHERE removed = 0 ORDER BY id")
        return tuple(ClassRecord(*row) for row in rows)

    def images(self) -> list[ImageRow]:
        """All pictures by ascending id."""
        return self._db.execute("SELECT id, locator, name, class_id, split FROM images WHERE removed = 0 ORDER BY id").fetchall()

    def colours_used(self) -> int:
        """Number of classes ever made; the next colour follows from it."""
        return int(self._db.execute("SELECT count(*) FROM classes").fetchone()[0])

    def memory(self) -> dict[str, str]:
        """What `remember` kept."""
        return dict(self._db.execute("SELECT key, value FROM memory"))

    def meta(self, key: str) -> str:
        """A fact about the project; empty where it is not known."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def next_steps(self) -> tuple[str, str]:
        """Titles of what undo and redo would do; empty where nothing."""
        undo = self._db.execute("SELECT title FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1").fetchone()
        redo = self._db.execute("SELECT title FROM journal WHERE undone = 1 ORDER BY id LIMIT 1").fetchone()
        return (undo[0] if undo else "", redo[0] if redo else "")

    # ------------------------------------------------------------ writing

    def remember(self, key: str, value: str) -> None:
        """Keep a word of the window's."""
        with self.transaction() as database:
            database.execute("INSERT INTO memory VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))

    def set_meta(self, key: str, value: str) -> None:
        """Keep a fact about the project."""
        with self.transaction() as database:
            _set_meta(database, key, value)

    def change(self, title: str, forward: Sequence[Change], backward: Sequence[Change]) -> int:
        """Carry a change out and write it into the journal; what was undone before can no longer be done again.

        Returns
        -------
        int
            Number of the journal's entry.
        """
        with self.transaction() as database:
            _apply(database, forward)
            return _journal(database, title, forward, backward)

    def add_class(self, name: str, colour: str) -> int:
        """Make a class, as an entry of its own in the journal; gives its id."""
        with self.transaction() as database:
            number = _insert_class(database, name, colour)
            _journal(database, f'Add class "{name}"', [ClassChange(number, name, True)], [ClassChange(number, name, False)])
        return number

    def add_images(
        self, title: str, images: Sequence[NewImage], classes: Sequence[tuple[str, str]], entry: int | None
    ) -> tuple[list[int], int]:
        """Add pictures, and first the classes (name, colour) that they need.

        Parameters
        ----------
        title : str
            Title of the journal's entry.
        images : sequence of NewImage
            A negative class_id -i means the i-th of `classes`, counted from 1.
        classes : sequence of (str, str)
            Classes to be made.
        entry : int or None
            An entry to extend, if it is still the last, so that a large import is one step.

        Returns
        -------
        tuple of (list of int, int)
            Ids of the pictures, ascending; the journal's entry.
        """
        now = time.time()
        with self.transaction() as database:
            made = [_insert_class(database, name, colour) for name, colour in classes]
            ids = []
            for image in images:
                class_id = made[-image.class_id - 1] if image.class_id is not None and image.class_id < 0 else image.class_id
                cursor = database.execute(
                    "INSERT INTO images (locator, name, class_id, split, added) VALUES (?, ?, ?, ?, ?)",
                    (image.locator, image.name, class_id, image.split, now),
                )
                ids.append(int(cursor.lastrowid or 0))
            if any(image.class_id is not None for image in images):
                _touch(database)
            new = [ClassChange(number, name, True) for number, (name, _) in zip(made, classes, strict=True)]
            return ids, _extend(database, title, new, ids, entry)

    def forget_history(self) -> None:
        """Empty the journal: what is there now is the beginning."""
        with self.transaction() as database:
            database.execute("DELETE FROM journal")

    def undo(self) -> tuple[Change, ...]:
        """Take the last change back; gives what was carried out, nothing where there is no change."""
        return self._step("SELECT id, backward FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1", 1)

    def redo(self) -> tuple[Change, ...]:
        """Do the change again that was taken back last; gives what was carried out."""
        return self._step("SELECT id, forward FROM journal WHERE undone = 1 ORDER BY id LIMIT 1", 0)

    def _step(self, query: str, undone: int) -> tuple[Change, ...]:
        with self.transaction() as database:
            row = database.execute(query).fetchone()
            if row is None:
                return ()
            steps = changes.decode(row[1])
            _apply(database, steps)
            database.execute("UPDATE journal SET undone = ? WHERE id = ?", (undone, row[0]))
            return steps


def _opened(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None, timeout=10.0)


def _set_meta(database: sqlite3.Connection, key: str, value: str) -> None:
    database.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def _touch(database: sqlite3.Connection) -> None:
    """Runs made before this moment were trained on other data."""
    _set_meta(database, "changed", repr(time.time()))


def _insert_class(database: sqlite3.Connection, name: str, colour: str) -> int:
    return int(database.execute("INSERT INTO classes (name, colour) VALUES (?, ?)", (name, colour)).lastrowid or 0)


def _apply(database: sqlite3.Connection, steps: Sequence[Change]) -> None:
    for step in steps:
        if isinstance(step, LabelChange):
            rows = zip(step.class_ids, step.splits, step.ids, strict=True)
            database.executemany("UPDATE images SET class_id = ?, split = ? WHERE id = ?", rows)
            _touch(database)
        elif isinstance(step, PresenceChange):
            removed = int(not step.present)
            database.executemany("UPDATE images SET removed = ? WHERE id BETWEEN ? AND ?", [(removed, *pair) for pair in step.ids])
            _touch(database)
        else:
            database.execute("UPDATE classes SET name = ?, removed = ? WHERE id = ?", (step.name, int(not step.present), step.id))


def _journal(database: sqlite3.Connection, title: str, forward: Sequence[Change], backward: Sequence[Change]) -> int:
    database.execute("DELETE FROM journal WHERE undone = 1")
    cursor = database.execute(
        "INSERT INTO journal (title, forward, backward) VALUES (?, ?, ?)", (title, changes.encode(forward), changes.encode(backward))
    )
    number = int(cursor.lastrowid or 0)
    database.execute("DELETE FROM journal WHERE id <= ?", (number - JOURNAL_LIMIT,))
    return number


def _extend(database: sqlite3.Connection, title: str, new: Sequence[ClassChange], ids: Sequence[int], entry: int | None) -> int:
    """Write added pictures and classes into the journal, as part of an entry that is still the last.

    Where another change came between, a new entry keeps the order in which changes can be taken back.
    """
    newest = "SELECT forward FROM journal WHERE id = ? AND undone = 0 AND id = (SELECT max(id) FROM journal WHERE undone = 0)"
    row = database.execute(newest, (entry,)).fetchone()
    before = changes.decode(row[0]) if row else ()
    classes = [step for step in before if isinstance(step, ClassChange)] + list(new)
    known = [number for step in before if isinstance(step, PresenceChange) for number in changes.from_ranges(step.ids)]
    ranges = changes.to_ranges([*known, *ids])
    forward: list[Change] = [*classes, PresenceChange(ranges, True)]
    backward: list[Change] = [PresenceChange(ranges, False), *(ClassChange(step.id, step.name, False) for step in reversed(classes))]
    if not row:
        return _journal(database, title, forward, backward)
    database.execute("DELETE FROM journal WHERE undone = 1")
    database.execute(
        "UPDATE journal SET title = ?, forward = ?, backward = ? WHERE id = ?",
        (title, changes.encode(forward), changes.encode(backward), entry),
    )
    return int(entry or 0)
