"""The files of a project: which are there, where missing ones lie now, whether they are copied, and a copy of the whole.

All of it runs in the imports lane; changes go through the store lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine import messages
from engine.control import Cancelled, CancelToken
from engine.data.locators import file_locator, parted, path_of
from engine.failure import UserError
from engine.messages import Notice
from engine.progress import Progress
from engine.project.changes import LocatorChange, MetaChange
from engine.project.checking import check_files
from engine.project.copying import FULL, save_copy
from engine.project.incoming import IMAGES, Incoming, settle
from engine.project.opened import COPY, REFER, Events, OpenedProject, words
from engine.project.records import Flag
from engine.project.relinking import Missing, find
from engine.project.store import READ_ONLY_REMEDY

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot
    from engine.session import Emit, Session

__all__ = ["check_files", "keep_files", "relink", "save_copy"]


def relink(session: Session, command: messages.Relink, token: CancelToken, emit: Emit) -> None:
    """Find missing files in a folder and below."""
    project = _writable(session)
    folder = Path(command.folder).absolute()
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.", "Choose the folder to which the files were moved.")
    snapshot, progress = project.snapshot, Progress(emit)
    missing = _missing(snapshot, token)
    if not missing:
        emit(Notice(level="info", text="No file of this project is missing."))
        return
    found = find(missing, folder, token, lambda done, total: progress.tell(done, total, "Finding files"))
    placed = {row: found[item.path] for item in missing if item.path in found for row in item.rows}
    locators = {int(snapshot.table.ids[row]): _moved(snapshot.locators[row], path, project.folder) for row, path in placed.items()}
    if locators:
        _in_store(session, project, emit, partial(_relinked, project, locators))
    left = len(missing) - len(found)
    if not left:
        emit(Notice(level="info", text=f"{_files(len(found))} found again."))
    else:
        names = _some(item.path.name for item in missing if item.path not in found)
        text = f"{len(found):,} of {len(missing):,} missing files are found again. Not in {folder}: {names}."
        emit(Notice(level="warning", text=text))


def keep_files(session: Session, command: messages.KeepFiles, token: CancelToken, emit: Emit) -> None:
    """Choose whether files are copied; choosing to copy brings in all files referred to so far, or, where that fails, none."""
    project = _writable(session)
    if not command.copy:
        if project.record.copy:
            _in_store(session, project, emit, lambda: _keep(project, {}, False))
        return
    snapshot, progress = project.snapshot, Progress(emit)
    outside = _outside(snapshot, project.folder)
    incoming = Incoming(project.folder)
    kept: dict[Path, str] = {}
    gone: list[str] = []
    try:
        for number, path in enumerate(outside):
            token.check()
            if not path.is_file():
                gone.append(path.name)
                continue
            name = incoming.write(incoming.reserve(path.name), path)
            if name is None:
                raise Cancelled
            kept[path] = name
            progress.tell(number + 1, len(outside), "Copying files")
        locators = {
            int(snapshot.table.ids[row]): _moved(snapshot.locators[row], project.folder / IMAGES / kept[path], project.folder)
            for path, rows in outside.items()
            if path in kept
            for row in rows
        }
        for name in kept.values():
            incoming.hand_over(name)
        if locators or not project.record.copy:
            _in_store(session, project, emit, lambda: _keep(project, locators, True))
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"The disk is full: {_files(len(outside))} would not all go into the project, and none was copied.",
            "Free some space, or leave the files where they are.",
        ) from None
    finally:
        incoming.close()
    if gone:
        text = f"{_files(len(gone))} not there and could not be copied: {_some(gone)}."
        emit(Notice(level="warning", text=text))


def _relinked(project: OpenedProject, locators: dict[int, str]) -> Events:
    events = project.carry_out(f"Find {words(len(locators))} again", *_locator_changes(project.snapshot, locators))
    flags = dict(zip(project.snapshot.table.ids.tolist(), project.snapshot.table.flags.tolist(), strict=True))
    facts = {number: flags[number] & ~int(Flag.MISSING) for number in locators if flags.get(number, 0) & Flag.MISSING}
    return (*events, *(project.set_facts(facts) if facts else ()))


def _keep(project: OpenedProject, locators: dict[int, str], copy: bool) -> Events:
    forward, backward = _locator_changes(project.snapshot, locators)
    was, now = "" if project.record.copy else REFER, "" if copy else REFER
    meta = ([MetaChange(COPY, now)], [MetaChange(COPY, was)]) if was != now else ([], [])
    title = "Copy files into the project" if copy else "Leave files where they are"
    events = project.carry_out(title, [*forward, *meta[0]], [*backward, *meta[1]])
    settle(project.folder, locators.values())
    return events


def _locator_changes(snapshot: Snapshot, locators: dict[int, str]) -> tuple[list[LocatorChange], list[LocatorChange]]:
    """The change, and the way back, for those pictures that are in the project still."""
    rows = snapshot.rows(list(locators)).tolist()
    if not rows:
        return [], []
    ids = tuple(int(snapshot.table.ids[row]) for row in rows)
    return (
        [LocatorChange(ids, tuple(locators[number] for number in ids))],
        [LocatorChange(ids, tuple(snapshot.locators[row] for row in rows))],
    )


def _missing(snapshot: Snapshot, token: CancelToken) -> list[Missing]:
    """The files that are not there now, whatever the marks say."""
    rows_of: dict[Path, list[int]] = {}
    for row, locator in enumerate(snapshot.locators):
        path = path_of(locator, snapshot.root)
        if path is not None:
            rows_of.setdefault(path, []).append(row)
    missing = []
    for path, rows in rows_of.items():
        token.check()
        if not path.is_file():
            whole = parted(snapshot.locators[rows[0]])[0] == "file"  # figures of others are those of their pixels
            digest, size = (int(snapshot.digests[rows[0]]), int(snapshot.table.sizes[rows[0]])) if whole else (0, 0)
            missing.append(Missing(path, tuple(rows), digest, size))
    return missing


def _outside(snapshot: Snapshot, folder: Path) -> dict[Path, list[int]]:
    """Files that do not lie in the project, with the rows of the pictures that need them."""
    found: dict[Path, list[int]] = {}
    for row, locator in enumerate(snapshot.locators):
        path = path_of(locator, snapshot.root)
        if path is not None and not path.is_relative_to(folder):
            found.setdefault(path, []).append(row)
    return found


def _moved(locator: str, path: Path, folder: Path) -> str:
    """The locator of the same picture in a file that lies elsewhere."""
    kind, _, number = parted(locator)
    place = file_locator(path, folder)
    return place if kind == "file" else f"{kind}:{place.removeprefix('file:')}#{number}"


def _in_store(session: Session, project: OpenedProject, emit: Emit, change: Callable[[], Events]) -> None:
    def carried_out() -> None:
        if session.project is not project:
            raise UserError("The project was closed meanwhile; nothing was changed.", "Open it and try again.")
        for event in change():
            emit(event)

    session.in_store(carried_out)


def _writable(session: Session) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    return project


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count:,} files are"


def _some(names: Iterable[str], most: int = 3) -> str:
    """A few names, and how many more."""
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
