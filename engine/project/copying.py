"""A copy of a whole project: the database as it stands at one moment, then the files that it names, then the runs and networks."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from engine import messages
from engine.control import CancelToken
from engine.data.locators import path_of
from engine.failure import UserError
from engine.messages import Exported
from engine.progress import Progress
from engine.project import journal
from engine.project.database import FILE, open_to_read
from engine.project.incoming import IMAGES, INCOMING
from engine.project.networks import NETWORKS
from engine.project.records import Skipped
from engine.project.runs import RECORD, RUNS, under_way

if TYPE_CHECKING:
    from engine.session import Emit, Session

FULL = (errno.ENOSPC, errno.EDQUOT)
PAGES = 1000  # of the database, copied between two looks at the token


def save_copy(session: Session, command: messages.SaveCopy, token: CancelToken, emit: Emit) -> None:
    """Copy the open project into a new or empty folder, also one that can only be read."""
    project = session.opened()
    target = Path(command.folder).absolute()
    _check_target(project.folder, target)
    made = not target.exists()
    progress = Progress(emit)
    skipped: list[Skipped] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        copy_database(project.folder, target / FILE, token)
        files = list(belonging(project.folder, target / FILE))
        for number, relative in enumerate(files):
            token.check()
            try:
                _copy(project.folder, target, relative)
            except FileNotFoundError:
                skipped.append(Skipped(relative.as_posix(), "is not there"))
            progress.tell(number + 1, len(files), "Copying files")
        images = _count(target / FILE)
    except BaseException as error:
        _take_away(target, made)
        if not isinstance(error, OSError | sqlite3.Error) or not _is_full(error):
            raise
        raise UserError(f"The disk of {target} is full, and nothing was copied.", "Free some space, or choose another disk.") from None
    emit(Exported(kind="copy", path=str(target), images=images, skipped=tuple(skipped)))


def copy_database(folder: Path, target: Path, token: CancelToken) -> None:
    """Copy a project's database as it stands now, whoever writes to it meanwhile; one file, without a log beside it.

    Raises
    ------
    Cancelled
        If the token was cancelled; what was written is left to the caller.
    sqlite3.Error, OSError
        If it cannot be read or written.
    """
    with closing(open_to_read(folder / FILE)) as source, closing(sqlite3.connect(target)) as copy:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM meta").fetchone()  # from here on others' changes are not seen
        source.backup(copy, pages=PAGES, progress=lambda _status, _left, _total: token.check())
        copy.execute("PRAGMA journal_mode = DELETE")


def belonging(folder: Path, database: Path) -> Iterator[Path]:
    """The files that a project needs besides its database, relative to its folder.

    Pictures, also those that undo brings back; runs; networks of its own.
    """
    with closing(open_to_read(database)) as source:
        locators = {row[0] for row in source.execute("SELECT locator FROM images")}
        if source.execute("PRAGMA user_version").fetchone()[0] > 1:
            locators |= journal.locators(source)
    paths = {path for locator in locators if (path := path_of(locator, folder)) is not None}
    yield from sorted(path.relative_to(folder) for path in paths if path.is_relative_to(folder) and ".." not in path.parts)
    runs = folder / RUNS
    for run in sorted(runs.iterdir()) if runs.is_dir() else ():
        if (run / RECORD).is_file() and not under_way(run):  # files of a training come and go
            yield from (path.relative_to(folder) for path in sorted(run.rglob("*")) if path.is_file() and path.suffix != ".part")
    networks = folder / NETWORKS
    for path in sorted(networks.iterdir()) if networks.is_dir() else ():
        if path.is_file() and path.suffix != ".part":
            yield path.relative_to(folder)


def _copy(folder: Path, target: Path, relative: Path) -> None:
    place = target / relative
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(folder / relative, place)
    except FileNotFoundError:
        if relative.parts[0] != IMAGES:
            raise
        shutil.copy2(folder / INCOMING / relative.name, place)  # its row came a moment ago, and it is about to move


def _check_target(folder: Path, target: Path) -> None:
    """Raise UserError unless the copy can go there."""
    if target.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"The folder {target} lies inside the project.", "Choose a folder elsewhere.")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file.", "Choose a folder.")
    if target.is_dir() and any(target.iterdir()):
        raise UserError(f"The folder {target} is not empty.", "Choose an empty folder, or a new one.")


def _take_away(target: Path, made: bool) -> None:
    """Leave the folder as it was: empty, or not there."""
    for entry in list(os.scandir(target)) if target.is_dir() else ():
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)
    if made and target.is_dir():
        target.rmdir()


def _is_full(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def _count(database: Path) -> int:
    with closing(open_to_read(database)) as source:
        return int(source.execute("SELECT count(*) FROM images WHERE removed = 0").fetchone()[0])
