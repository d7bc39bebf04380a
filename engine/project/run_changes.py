"""What a person does to runs: name, star, note; delete, and have back what was deleted. All on disk before it is told.

A deleted run moves to runs/.deleted/ID. There it stays for `KEPT_DAYS`, or until the disk is short; the time of its deletion is the
time of change of its folder.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine import messages
from engine.control import CancelToken
from engine.failure import UserError, describe
from engine.messages import Notice, RunsChanged
from engine.project import runs
from engine.project.runs import ADDING, DELETED, RECORD
from engine.project.store import READ_ONLY_REMEDY

if TYPE_CHECKING:
    from engine.project.opened import OpenedProject
    from engine.project.records import RunRecord
    from engine.session import Emit, Session

log = logging.getLogger("fovea.runs")

KEPT_DAYS = 30
SHORT = 1 << 30  # bytes free, below which what was deleted earlier makes room
LONGEST_TITLE = 200  # characters
LONGEST_NOTE = 20_000
DAY = 86_400.0  # seconds


# ---------------------------------------------------------------- commands


def edit_run(session: Session, command: messages.EditRun, token: CancelToken, emit: Emit) -> None:
    """Answer EditRun.

    Raises
    ------
    UserError
        If there is no such run, the project can only be read, or the title is empty or too long.
    OSError
        If it cannot be written; then all is as before.
    """
    project = _writable(session)
    record = run_of(project, command.run)
    title = None if command.title is None else tidy_title(command.title)
    note = None if command.note is None else _note(command.note)
    runs.save_said(record.folder, runs.load_said(record.folder).changed(title, command.starred, note))
    emit(RunsChanged(runs=project.runs()))


def delete_run(session: Session, command: messages.DeleteRun, token: CancelToken, emit: Emit) -> None:
    """Answer DeleteRun: the folder moves aside, from where RestoreRun brings it back.

    Raises
    ------
    UserError
        If there is no such run, it is being trained, an ensemble needs it, or the project can only be read.
    OSError
        If the folder cannot be moved; then it stays as it is.
    """
    project = _writable(session)
    record = run_of(project, command.run)
    needing = [run.title for run in project.runs() if command.run in run.members]
    if needing:
        which = f'the ensemble "{needing[0]}" needs it' if len(needing) == 1 else f"{len(needing)} ensembles need it"
        raise UserError(f'"{record.title}" ({record.id}) was not deleted: {which}.', "Delete the ensemble first.")
    if runs.under_way(record.folder):
        raise UserError(f'"{record.title}" ({record.id}) was not deleted: it is being trained.', "Stop its training first.")
    place = project.runs_folder / DELETED
    place.mkdir(exist_ok=True)
    earlier = sorted(child.name for child in place.iterdir())
    source = Path(record.folder)
    _make_way(place / command.run)
    os.utime(source)  # before the move: a program killed between the two must not leave it looking old
    os.replace(source, place / command.run)
    emit(RunsChanged(runs=project.runs()))
    if shutil.disk_usage(place).free < SHORT:
        _tell_gone(_removed(place / name for name in earlier), "because the disk is short of room", emit)


def restore_run(session: Session, command: messages.RestoreRun, token: CancelToken, emit: Emit) -> None:
    """Answer RestoreRun.

    Raises
    ------
    UserError
        If it is no longer kept, the project can only be read, or another run has its place.
    """
    project = _writable(session)
    kept = project.runs_folder / DELETED / _plain(command.run)
    target = project.runs_folder / kept.name
    if not (kept / RECORD).is_file():
        raise UserError(f'The deleted run "{command.run}" is no longer kept.', "Train it again.")
    if target.exists():
        raise UserError(f'Another run is called "{command.run}" now.', "Delete that one first.")
    os.replace(kept, target)
    emit(RunsChanged(runs=project.runs()))


# ---------------------------------------------------------------- for others


def run_of(project: OpenedProject, name: str) -> RunRecord:
    """A run by its id; only ids of this project's own folders count, so no path leads elsewhere.

    Raises
    ------
    UserError
        If the project has none of this id.
    """
    for run in project.runs():
        if Path(run.folder).name == name:
            return run
    raise UserError(f'The project has no run "{name}".', "Choose one from the list.")


def tidy_title(text: str) -> str:
    """A run's name as it is kept: one line, single blanks.

    Raises
    ------
    UserError
        If nothing is left of it, or it is too long.
    """
    title = " ".join("".join(" " if unicodedata.category(sign)[0] == "C" and sign not in "\u200c\u200d" else sign for sign in text).split())
    if not title:
        raise UserError("A run needs a name.", "Type one.")
    if len(title) > LONGEST_TITLE:
        raise UserError(f"The name has {len(title):,} characters.", f"Choose one of at most {LONGEST_TITLE}.")
    return title


def empty_deleted(project: OpenedProject, emit: Emit, now: float | None = None) -> None:
    """Take away for good what was deleted more than `KEPT_DAYS` ago, and tell of it; all of it where the disk is short.

    Called as a project is opened. Whatever goes wrong is logged and stops nothing.
    """
    place = project.runs_folder / DELETED
    if not project.record.read_only:
        shutil.rmtree(project.runs_folder / ADDING, ignore_errors=True)  # what a killed program left on its way in
    if project.record.read_only or not place.is_dir():
        return
    try:
        short = shutil.disk_usage(place).free < SHORT
        limit = (time.time() if now is None else now) - KEPT_DAYS * DAY
        gone = [child for child in sorted(place.iterdir()) if short or child.stat().st_mtime < limit]
        why = "because the disk is short of room" if short else f"{KEPT_DAYS} days after they were deleted"
        _tell_gone(_removed(gone), why, emit)
    except OSError as error:
        log.warning("deleted runs could not be looked through: %s", error)


# ---------------------------------------------------------------- within


def _writable(session: Session) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    return project


def _plain(name: str) -> str:
    """A name that is one folder's and leads nowhere else."""
    if not name or name.startswith(".") or Path(name).name != name or "\\" in name or "/" in name:
        raise UserError(f'The project has no run "{name}".', "Choose one from the list.")
    return name


def _note(text: str) -> str:
    if len(text) > LONGEST_NOTE:
        raise UserError(f"The note has {len(text):,} characters.", f"Shorten it to at most {LONGEST_NOTE:,}.")
    return text.strip()


def _make_way(place: Path) -> None:
    """What was deleted earlier under this name gets a number; restoring brings back the newest."""
    number = 1
    if not place.exists():
        return
    while (aside := place.with_name(f"{place.name}~{number}")).exists():
        number += 1
    os.replace(place, aside)


def _removed(places: Iterable[Path]) -> list[tuple[str, int]]:
    """Remove folders; names and bytes of those that are gone."""
    gone: list[tuple[str, int]] = []
    for place in places:
        try:
            size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) if place.is_dir() else 0
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink()
        except OSError as error:
            log.warning("the deleted run %s stays: %s", place.name, describe(error).message)
            continue
        gone.append((place.name, size))
    return gone


def _tell_gone(gone: list[tuple[str, int]], why: str, emit: Emit) -> None:
    if not gone:
        return
    size = sum(size for _, size in gone) / 1e6
    which = f"The deleted run {gone[0][0]} is" if len(gone) == 1 else f"{len(gone):,} deleted runs are"
    emit(Notice(level="info", text=f"{which} gone for good ({size:,.1f} MB), {why}."))
