"""Changes carried out in the database, and the journal that can take them back. All functions run inside a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from engine.project import changes
from engine.project.changes import Change, ClassChange, FlagChange, LabelChange, LocatorChange, NoteChange, PresenceChange, Ranges
from engine.project.records import USER_FLAGS, Flag

# Labels by key are some 200 bytes an entry; even so, a journal must not outgrow the pictures.
LIMIT = 1_000_000


def apply(database: sqlite3.Connection, steps: Sequence[Change]) -> None:
    """Carry changes out."""
    for step in steps:
        if isinstance(step, LabelChange):
            rows = zip(step.class_ids, step.splits, step.ids, strict=True)
            database.executemany("UPDATE images SET class_id = ?, split = ? WHERE id = ?", rows)
            touch(database)
        elif isinstance(step, PresenceChange):
            removed = int(not step.present)
            database.executemany("UPDATE images SET removed = ? WHERE id BETWEEN ? AND ?", [(removed, *pair) for pair in step.ids])
            touch(database)
        elif isinstance(step, ClassChange):
            others = "colour = coalesce(?, colour), place = coalesce(?, place), key = coalesce(?, key)"
            values = (step.name, int(not step.present), step.colour, step.place, step.key, step.id)
            database.execute(f"UPDATE classes SET name = ?, removed = ?, {others} WHERE id = ?", values)
        elif isinstance(step, FlagChange):
            marks = int(USER_FLAGS)
            pairs = zip(step.flags, step.ids, strict=True)
            database.executemany(f"UPDATE images SET flags = (flags & ~{marks}) | (? & {marks}) WHERE id = ?", pairs)
        elif isinstance(step, NoteChange):
            noted = int(Flag.NOTED)
            written = (step.text, noted if step.text else 0, step.id)
            database.execute(f"UPDATE images SET note = ?, flags = (flags & ~{noted}) | ? WHERE id = ?", written)
        elif isinstance(step, LocatorChange):
            database.executemany("UPDATE images SET locator = ? WHERE id = ?", zip(step.locators, step.ids, strict=True))
        else:
            set_meta(database, step.key, step.value)


def write(database: sqlite3.Connection, title: str, forward: Sequence[Change], backward: Sequence[Change]) -> int:
    """Write a change down; what was undone before can no longer be done again. Gives the entry's number."""
    database.execute("DELETE FROM journal WHERE undone = 1")
    files = int(any(isinstance(step, LocatorChange) for step in forward))
    cursor = database.execute(
        "INSERT INTO journal (title, forward, backward, files) VALUES (?, ?, ?, ?)",
        (title, changes.encode(forward), changes.encode(backward), files),
    )
    number = int(cursor.lastrowid or 0)
    database.execute("DELETE FROM journal WHERE id <= ?", (number - LIMIT,))
    return number


def extend(database: sqlite3.Connection, title: str, new: Sequence[ClassChange], ids: Ranges, entry: int | None) -> int:
    """Write down added pictures and classes, as part of an entry that is still the last; gives the entry's number.

    Where another change came between, a new entry keeps the order in which changes can be taken back. New pictures have ids above all
    earlier ones.
    """
    newest = "SELECT forward FROM journal WHERE id = ? AND undone = 0 AND id = (SELECT max(id) FROM journal WHERE undone = 0)"
    row = database.execute(newest, (entry,)).fetchone()
    before = changes.decode(row[0]) if row else ()
    classes = [step for step in before if isinstance(step, ClassChange)] + list(new)
    ranges: Ranges = next((step.ids for step in before if isinstance(step, PresenceChange)), ())
    ranges = changes.appended(ranges, ids)
    forward: list[Change] = [*classes, PresenceChange(ranges, True)]
    backward: list[Change] = [PresenceChange(ranges, False), *(ClassChange(step.id, step.name, False) for step in reversed(classes))]
    if not row:
        return write(database, title, forward, backward)
    database.execute("DELETE FROM journal WHERE undone = 1")
    database.execute(
        "UPDATE journal SET title = ?, forward = ?, backward = ? WHERE id = ?",
        (title, changes.encode(forward), changes.encode(backward), entry),
    )
    return int(entry or 0)


def take_back(database: sqlite3.Connection) -> tuple[Change, ...]:
    """Take the last change back; gives what was carried out, nothing where there is no change."""
    return _step(database, "SELECT id, backward FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1", 1)


def do_again(database: sqlite3.Connection) -> tuple[Change, ...]:
    """Do the change again that was taken back last; gives what was carried out."""
    return _step(database, "SELECT id, forward FROM journal WHERE undone = 1 ORDER BY id LIMIT 1", 0)


def next_steps(database: sqlite3.Connection) -> tuple[str, str]:
    """Titles of what would be taken back and done again; empty where nothing."""
    undo = database.execute("SELECT title FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1").fetchone()
    redo = database.execute("SELECT title FROM journal WHERE undone = 1 ORDER BY id LIMIT 1").fetchone()
    return (undo[0] if undo else "", redo[0] if redo else "")


def locators(database: sqlite3.Connection) -> set[str]:
    """All locators that pictures would have again if changes were taken back or done again."""
    rows = database.execute("SELECT forward, backward FROM journal WHERE files = 1")
    steps = (step for row in rows for data in row for step in changes.decode(data))
    return {locator for step in steps if isinstance(step, LocatorChange) for locator in step.locators}


def set_meta(database: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a fact about the project."""
    database.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def touch(database: sqlite3.Connection) -> None:
    """Runs made before this moment were trained on other data."""
    set_meta(database, "changed", repr(time.time()))


def _step(database: sqlite3.Connection, query: str, undone: int) -> tuple[Change, ...]:
    row = database.execute(query).fetchone()
    if row is None:
        return ()
    steps = changes.decode(row[1])
    apply(database, steps)
    database.execute("UPDATE journal SET undone = ? WHERE id = ?", (undone, row[0]))
    return steps
