"""The database's layout, version by version; a project of an earlier version is brought up to date, and kept as it was beside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from engine.failure import UserError

APPLICATION = 0x464F5645  # "FOVE"
BACKUPS = "backups"

# Each step leads from the version before to its own. A step that has been released is never changed: what is wrong in it is mended by a
# later one. A new database goes through all of them, so that it cannot differ from one that was brought up to date.
STEPS: dict[int, str] = {
    1: """
CREATE TABLE classes (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, colour TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX class_names ON classes (name) WHERE removed = 0;
CREATE TABLE images (id INTEGER PRIMARY KEY AUTOINCREMENT, locator TEXT NOT NULL, name TEXT NOT NULL,
    class_id INTEGER REFERENCES classes (id), split INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, forward BLOB NOT NULL, backward BLOB NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
""",
    2: """
ALTER TABLE classes ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE classes SET place = id;
ALTER TABLE classes ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN own_split INTEGER NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE images ADD COLUMN width INTEGER;
ALTER TABLE images ADD COLUMN height INTEGER;
ALTER TABLE images ADD COLUMN bytes INTEGER;
ALTER TABLE images ADD COLUMN time REAL;
ALTER TABLE images ADD COLUMN digest BLOB;
ALTER TABLE images ADD COLUMN hash INTEGER;
ALTER TABLE images ADD COLUMN brightness REAL;
ALTER TABLE images ADD COLUMN contrast REAL;
ALTER TABLE images ADD COLUMN sharpness REAL;
ALTER TABLE journal ADD COLUMN files INTEGER NOT NULL DEFAULT 0;
CREATE INDEX journal_undone ON journal (id) WHERE undone = 1;
CREATE INDEX journal_files ON journal (id) WHERE files = 1;
""",
}
VERSION = max(STEPS)


def create(database: sqlite3.Connection) -> None:
    """Lay out an empty database."""
    database.execute(f"PRAGMA application_id = {APPLICATION}")
    _carry_out(database, 0)


def migrate(database: sqlite3.Connection, path: Path, version: int) -> None:
    """Bring a database of an earlier version up to date, all or nothing; first a copy of it goes into the project's folder of backups.

    Raises
    ------
    UserError
        If that fails; the database is then as it was.
    """
    name = path.parent.name
    try:
        back_up(database, path.parent / BACKUPS, f"project-version-{version}")
    except (OSError, sqlite3.Error) as error:
        raise UserError(
            f"The project {name} is of an earlier version of Fovea, and no backup of it could be written ({error}).",
            "Free some space, or let its folder be written; then open it again.",
        ) from None
    try:
        _carry_out(database, version)
    except sqlite3.Error as error:
        raise UserError(
            f"The project {name} could not be brought from version {version} to version {VERSION} ({error}); it is as it was.",
            f"Open it with the earlier version of Fovea; a copy lies in its folder {BACKUPS}.",
        ) from None


def back_up(database: sqlite3.Connection, folder: Path, stem: str) -> Path:
    """Copy a database into a folder, under a name with this moment; it is there whole or not at all."""
    folder.mkdir(exist_ok=True)
    moment = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S-%f")
    path = folder / f"{stem}-{moment}.sqlite"
    partial = path.with_suffix(".part")
    try:
        with closing(sqlite3.connect(partial)) as copy:
            database.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def _carry_out(database: sqlite3.Connection, version: int) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version + 1, VERSION + 1):
            for statement in STEPS[number].split(";\n"):
                if statement.strip():
                    database.execute(statement)
            database.execute(f"PRAGMA user_version = {number}")
    except BaseException:
        database.rollback()
        raise
    database.commit()
