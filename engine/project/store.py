"""The project's database: classes, pictures, labels, the journal of changes. Written in one lane, on disk before a call returns.

Every change is an entry of the journal with its way forward and back, so that undo survives a restart.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.failure import UserError
from engine.project import changes, journal
from engine.project.changes import Change, ClassChange, Ranges
from engine.project.database import FILE, open_database
from engine.project.locking import ProjectLock
from engine.project.reading import Pictures, read_pictures
from engine.project.records import ClassRecord, Flag

if TYPE_CHECKING:
    from engine.data.looks import Look

__all__ = ["FILE", "NewImage", "Store"]

READ_ONLY_REMEDY = "Close the other window, or copy the project to a folder that can be written; then open it again."
UNDIVIDED = "undivided"
FACTS = int(Flag.MISSING | Flag.UNREADABLE)
LOOK_COLUMNS = ("width", "height", "bytes", "time", "digest", "hash", "brightness", "contrast", "sharpness")


class NewImage(msgspec.Struct, frozen=True):
    """A picture to be added. `own_split`: its source brought the split."""

    locator: str
    name: str
    class_id: int | None
    split: int
    own_split: bool = False
    look: Look | None = None


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
        if not self.read_only and path.exists() and not os.access(path, os.W_OK):
            self._lock.release()
            self.read_only = "The project's database is a file that cannot be written."
        try:
            self._db = open_database(path, bool(self.read_only))
        except BaseException:
            self._lock.release()
            raise

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
        """All classes, in the order of their places."""
        there = {row[1] for row in self._db.execute("PRAGMA table_info(classes)")}
        key, place = ("key", "place, id") if "place" in there else ("''", "id")  # an earlier version, opened for reading
        rows = self._db.execute(f"SELECT id, name, colour, {key} FROM classes WHERE removed = 0 ORDER BY {place}")
        return tuple(ClassRecord(*row) for row in rows)

    def class_places(self) -> dict[int, int]:
        """The places of all classes that are in the project, by id; they ascend in the order of the classes."""
        return dict(self._db.execute("SELECT id, place FROM classes WHERE removed = 0 ORDER BY place, id"))

    def pictures(self, ranges: Ranges | None = None) -> Pictures:
        """All pictures by ascending id; only those in `ranges`, if given."""
        return read_pictures(self._db, ranges)

    def all_locators(self) -> set[str]:
        """The locators of all pictures that are, were or by undo and redo can be in the project again."""
        return {row[0] for row in self._db.execute("SELECT locator FROM images")} | journal.locators(self._db)

    def own_splits(self) -> list[tuple[int, int]]:
        """Id and split of the pictures in the project whose source brought the split, by ascending id."""
        return self._db.execute("SELECT id, split FROM images WHERE own_split = 1 AND removed = 0 ORDER BY id").fetchall()

    def colours_used(self) -> int:
        """Number of classes ever made; the next colour follows from it."""
        return int(self._db.execute("SELECT count(*) FROM classes").fetchone()[0])

    def next_class(self) -> int:
        """The id that the next class will have."""
        return self._next_id("classes")

    def memory(self) -> dict[str, str]:
        """What `remember` kept."""
        return dict(self._db.execute("SELECT key, value FROM memory"))

    def meta(self, key: str) -> str:
        """A fact about the project; empty where it is not known."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def undivided(self) -> int:
        """The first picture of an import that ended before its pictures had splits; 0 where there is none."""
        return int(self.meta(UNDIVIDED) or 0)

    def next_steps(self) -> tuple[str, str]:
        """Titles of what undo and redo would do; empty where nothing."""
        return journal.next_steps(self._db)

    # ------------------------------------------------------------ writing

    def remember(self, key: str, value: str) -> None:
        """Keep a word of the window's."""
        with self.transaction() as database:
            database.execute("INSERT INTO memory VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))

    def set_meta(self, key: str, value: str) -> None:
        """Keep a fact about the project."""
        with self.transaction() as database:
            journal.set_meta(database, key, value)

    def set_facts(self, facts: Mapping[int, int]) -> None:
        """Set the marks MISSING and UNREADABLE of pictures, by id; other marks stay. No step of undo: files go and come by themselves."""
        with self.transaction() as database:
            pairs = [(flags & FACTS, number) for number, flags in facts.items()]
            database.executemany(f"UPDATE images SET flags = (flags & ~{FACTS}) | ? WHERE id = ?", pairs)

    def set_splits(self, splits: Mapping[int, int]) -> None:
        """Set the splits of pictures that were added undivided, by id. No step of undo: they belong to the step that added the pictures."""
        with self.transaction() as database:
            database.executemany("UPDATE images SET split = ? WHERE id = ?", [(split, number) for number, split in splits.items()])
            journal.set_meta(database, UNDIVIDED, "")
            if splits:
                journal.touch(database)

    def set_looks(self, looks: Mapping[int, Look]) -> None:
        """Keep what a look at pictures gave, by id. No step of undo."""
        columns = ", ".join(f"{name} = ?" for name in LOOK_COLUMNS)
        with self.transaction() as database:
            database.executemany(f"UPDATE images SET {columns} WHERE id = ?", [(*_figures(look), number) for number, look in looks.items()])

    def change(self, title: str, forward: Sequence[Change], backward: Sequence[Change]) -> int:
        """Carry a change out and write it into the journal; what was undone before can no longer be done again.

        Returns
        -------
        int
            Number of the journal's entry.
        """
        with self.transaction() as database:
            journal.apply(database, forward)
            return journal.write(database, title, forward, backward)

    def add_class(self, name: str, colour: str) -> int:
        """Make a class, as an entry of its own in the journal; gives its id."""
        with self.transaction() as database:
            number = _insert_class(database, name, colour)
            forward, backward = [ClassChange(number, name, True)], [ClassChange(number, name, False)]
            journal.write(database, f'Add class "{name}"', forward, backward)
        return number

    def add_images(
        self, title: str, images: Sequence[NewImage], classes: Sequence[tuple[str, str]], entry: int | None, divided: bool = True
    ) -> tuple[Ranges, int]:
        """Add pictures, and first the classes (name, colour) that they need.

        Parameters
        ----------
        title : str
            Title of the journal's entry.
        images : sequence of NewImage
            The classes that are made here have the ids from `next_class` on.
        classes : sequence of (str, str)
            Classes to be made.
        entry : int or None
            An entry to extend, if it is still the last, so that a large import is one step.
        divided : bool
            Splits that are missing stay so. Otherwise `set_splits` is to follow, and `undivided` tells until then.

        Returns
        -------
        tuple of (Ranges, int)
            Ids of the pictures, which follow each other in the order of `images`; the journal's entry.
        """
        now = time.time()
        columns = ", ".join(("id", "locator", "name", "class_id", "split", "own_split", "added", *LOOK_COLUMNS))
        marks = ", ".join("?" * (7 + len(LOOK_COLUMNS)))
        with self.transaction() as database:
            new = [ClassChange(_insert_class(database, name, colour), name, True) for name, colour in classes]
            first = self._next_id("images")
            rows = (
                (first + number, item.locator, item.name, item.class_id, item.split, int(item.own_split), now, *_figures(item.look))
                for number, item in enumerate(images)
            )
            database.executemany(f"INSERT INTO images ({columns}) VALUES ({marks})", rows)
            if any(image.class_id is not None for image in images):
                journal.touch(database)
            if not divided and not self.undivided():
                journal.set_meta(database, UNDIVIDED, str(first))
            ids = changes.to_ranges(range(first, first + len(images)))
            return ids, journal.extend(database, title, new, ids, entry)

    def forget_history(self) -> None:
        """Empty the journal: what is there now is the beginning."""
        with self.transaction() as database:
            database.execute("DELETE FROM journal")

    def undo(self) -> tuple[Change, ...]:
        """Take the last change back; gives what was carried out, nothing where there is no change."""
        with self.transaction() as database:
            return journal.take_back(database)

    def redo(self) -> tuple[Change, ...]:
        """Do the change again that was taken back last; gives what was carried out."""
        with self.transaction() as database:
            return journal.do_again(database)

    def _next_id(self, table: str) -> int:
        """AUTOINCREMENT never gives an id twice, not even that of a row that was deleted."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(row[0]) + 1 if row else 1


def _insert_class(database: sqlite3.Connection, name: str, colour: str) -> int:
    """Make a class, behind all others."""
    insert = "INSERT INTO classes (name, colour, place) SELECT ?, ?, coalesce(max(place), 0) + 1 FROM classes"
    return int(database.execute(insert, (name, colour)).lastrowid or 0)


def _figures(look: Look | None) -> tuple[object, ...]:
    """The columns LOOK_COLUMNS; NULL where nothing is known. SQLite's integers are signed, the hash is kept by its bits."""
    if look is None:
        return (None,) * len(LOOK_COLUMNS)
    signed = look.hash - (1 << 64) if look.hash >= 1 << 63 else look.hash
    time_taken = None if look.time != look.time else look.time
    return (look.width, look.height, look.size, time_taken, look.digest, signed, look.brightness, look.contrast, look.sharpness)
