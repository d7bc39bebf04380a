"""Opening a project's database: to write or only to read, checked, brought up to date, or refused with the reason."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.failure import UserError
from engine.project import migrations
from engine.project.migrations import APPLICATION, BACKUPS, VERSION

log = logging.getLogger("fovea.store")

FILE = "project.sqlite"


def open_database(path: Path, read_only: bool) -> sqlite3.Connection:
    """Open a project's database; made where there is none and it is not opened for reading.

    Raises
    ------
    UserError
        If it is damaged, another program's, or of a later version.
    """
    try:
        database = open_to_read(path) if read_only else _connect(path, "mode=rwc")
        try:
            _prepare(database, path, read_only)
        except BaseException:
            database.close()
            raise
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from None
    return database


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a database for reading, also in a folder that cannot be written."""
    database = _connect(path, "mode=ro")
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # the log cannot be made
        database.close()
        return _connect(path, "mode=ro&immutable=1")
    except BaseException:
        database.close()
        raise
    return database


def class_names(folder: Path) -> dict[int, str]:
    """The names of a project's classes by id, whoever has it open; none where there is no project, or none that can be read."""
    if not (folder / FILE).is_file():
        return {}
    try:
        with closing(open_to_read(folder / FILE)) as database:
            return dict(database.execute("SELECT id, name FROM classes WHERE removed = 0"))
    except sqlite3.Error as error:
        log.info("the classes of %s are not known: %s", folder, error)
        return {}


def damaged(path: Path, error: sqlite3.DatabaseError) -> UserError:
    """What to say of a database that cannot be read."""
    if isinstance(error, sqlite3.OperationalError):
        return UserError(f"The project's database {path} cannot be opened ({error}).", "Free some space, and see that it can be read.")
    return UserError(
        f"The project's database {path} is damaged ({error}).",
        f"Restore it from a copy; copies from before updates of Fovea lie in the project's folder {BACKUPS}.",
    )


def _prepare(database: sqlite3.Connection, path: Path, read_only: bool) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION:
        raise UserError(f"{path} is a database of another program.", "Choose the folder of a Fovea project.")
    if version > VERSION:
        message = f"The project {path.parent.name} was made by a later version of Fovea."
        raise UserError(message, "Install the newest version and open it again.")
    verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]  # 0.2 s for a million pictures
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    if read_only:
        if not tables:
            raise UserError(f"The project {path.parent.name} is empty.", "Open it in the window that makes it.")
        return
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")  # a label outlives a power cut
    database.execute("PRAGMA foreign_keys = ON")
    if not tables:
        migrations.create(database)
    elif version < VERSION:
        migrations.migrate(database, path, version)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?{mode}"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None, timeout=10.0)
