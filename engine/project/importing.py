"""The imports lane: files and folders into the project, in parcels; each file that is not taken is named with its reason."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine import messages
from engine.control import CancelToken
from engine.data.decoding import UnreadablePicture
from engine.data.looks import look_at
from engine.data.sources import BAD_NAME, Item, Source, readable, scan, spelled
from engine.data.sources.names import PICTURE_ENDINGS
from engine.data.unreadable import unreadable
from engine.failure import UserError
from engine.messages import ImportFinished
from engine.progress import Progress
from engine.project.ahead import in_order
from engine.project.incoming import IMAGES, INCOMING, Incoming
from engine.project.intake import Intake
from engine.project.opened import Arrival, OpenedProject
from engine.project.records import Skipped, Split
from engine.project.store import READ_ONLY_REMEDY
from engine.project.taking import IN_PROJECT, Found, Known, Taken, Taker, batches, threads_here

if TYPE_CHECKING:
    from engine.session import Emit, Session

FULL = (errno.ENOSPC, errno.EDQUOT)
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def import_paths(session: Session, command: messages.ImportPaths, token: CancelToken, emit: Emit) -> None:
    """Take files and folders into the project."""
    project = _writable(session, command.class_id)
    with _unpacking(project) as unpack_to:
        sources, refused = _find(command, unpack_to, token, Progress(emit))
        import_sources(session, sources, token, emit, command.class_id, command.copy, refused)


def import_sources(
    session: Session,
    sources: Sequence[Source],
    token: CancelToken,
    emit: Emit,
    class_id: int | None = None,
    copy: bool | None = None,
    refused: Sequence[UserError] = (),
) -> None:
    """Take what was found into the project, as one step of undo; emits progress, what changed, and ImportFinished last.

    Parameters
    ----------
    session : Session
        Its open project takes the pictures.
    sources : sequence of Source
        As `engine.data.sources.scan` gives them; headers need not have been read.
    token : CancelToken
        Ends the import within 0.1 s.
    emit : callable
        Takes the events.
    class_id : int or None
        All pictures go into that class.
    copy : bool or None
        Copy files, or refer to them; None: as the project does.
    refused : sequence of UserError
        What was asked for besides, and is nothing that can be taken.

    Raises
    ------
    UserError
        If nothing could be taken, the disk is full, or the project cannot be written.
    Cancelled
        What was taken until then stays.
    """
    project = _writable(session, class_id)
    _Import(session, project, sources, class_id, copy, emit, refused).run(token)


def import_picture(session: Session, command: messages.ImportPicture, token: CancelToken, emit: Emit) -> None:
    """Take one picture from memory; it is kept as PNG."""
    project = _writable(session, command.class_id)
    pixels = command.pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise UserError("What was pasted is not a picture.", "Copy a picture and paste it again.")
    token.check()
    encoded = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR))[1].tobytes()
    look, thumbnail = look_at(encoded, command.name, time.time())
    incoming = Incoming(project.folder)
    intake = Intake(session, project, incoming, emit, "Import 1 picture")
    try:
        with _full_disk_told(intake, 1):
            name = incoming.write(incoming.reserve(f"{command.name}.png"), encoded)
            if name is not None:
                intake.add(Arrival(f"file:{IMAGES}/{name}", name, None, command.class_id, look=look), (name,), thumbnail)
                intake.flush()
    finally:
        incoming.close()
    emit(ImportFinished(taken=intake.taken, skipped=()))


class _Import:
    """One import, from what was found to what was taken."""

    def __init__(
        self,
        session: Session,
        project: OpenedProject,
        sources: Sequence[Source],
        class_id: int | None,
        copy: bool | None,
        emit: Emit,
        refused: Sequence[UserError],
    ) -> None:
        self._sources, self._class_id, self._emit = sources, class_id, emit
        self._first = refused[0] if refused else None  # why nothing was taken, if so
        self._skipped = [Skipped(_asked_for(error), _reason(error)) for error in refused]
        self._skipped += [skipped for source in sources for skipped in source.skipped]
        self._total = sum(len(source.items) for source in sources)
        self._seen = 0
        self._incoming = Incoming(project.folder)
        copies = project.record.copy if copy is None else copy
        self._taker = Taker(project.folder, Known(project.snapshot), self._incoming, copies)
        self._locators = set(project.snapshot.locators)
        fresh = class_id is None and not (project.snapshot.table.class_ids >= 0).any()
        title = "Import 1 picture" if self._total == 1 else f"Import {self._total:,} pictures"
        self._intake = Intake(session, project, self._incoming, emit, title, divide_last=fresh)
        self._progress = Progress(emit)

    def run(self, token: CancelToken) -> None:
        """Take everything that can be taken.

        Raises
        ------
        UserError
            If that is nothing, the disk is full, or the project's folder cannot be written; what was taken stays.
        Cancelled
            What was taken stays.
        """
        try:
            with _full_disk_told(self._intake, self._total):
                try:
                    self._take(token)
                finally:
                    self._incoming.close(keep=self._intake.files)
                    self._intake.finish()
        finally:
            warnings = dict.fromkeys(warning for source in self._sources for warning in source.warnings)
            boxed = sum(source.boxed for source in self._sources)
            alone = not self._intake.taken and self._first is not None and len(self._skipped) == 1  # the failure itself tells of it
            self._emit(
                ImportFinished(
                    taken=self._intake.taken,
                    skipped=() if alone else tuple(self._skipped),
                    warnings=tuple(warnings),
                    boxes=boxed,
                    unseen=self._total - self._seen,
                    known=0 if alone else sum(skipped.reason == IN_PROJECT for skipped in self._skipped),
                )
            )
        if not self._intake.taken and self._first is not None:
            if len(self._skipped) == 1:
                raise self._first
            message = f"None of the {len(self._skipped):,} files is a picture; the first: {self._first.message}"
            raise UserError(message, self._first.remedy)

    def _take(self, token: CancelToken) -> None:
        jobs = ([(found, self._taker.reserve(found)) for found in group] for group in batches(self._found()))
        for group, outcomes in in_order(lambda job: self._look(job, token), jobs, threads_here(), token):
            for (found, _), outcome in zip(group, outcomes, strict=False):  # the disk may have been full before the last
                if isinstance(outcome, OSError):
                    raise outcome
                self._seen += 1
                if isinstance(outcome, str):
                    self._refuse(found, outcome)
                elif outcome.locator in self._locators:
                    self._refuse(found, IN_PROJECT)
                else:
                    self._add(found, outcome)
            self._progress.tell(self._seen, self._total, "Taking pictures in")

    def _look(self, job: list[tuple[Found, str]], token: CancelToken) -> list[Taken | str | OSError]:
        """Runs in a thread of its own: each picture, or why it is not taken; ends where the project's folder cannot be written."""
        outcomes: list[Taken | str | OSError] = []
        for found, name in job:
            try:
                outcomes.append(self._taker.take(found, name, token))
            except UnreadablePicture as error:
                outcomes.append(error.reason)
            except OSError as error:
                outcomes.append(error)
                break
        return outcomes

    def _refuse(self, found: Found, reason: str) -> None:
        self._skipped.append(Skipped(found.shown, reason))
        if self._first is None and reason != IN_PROJECT:
            self._first = UnreadablePicture(found.shown, reason)

    def _add(self, found: Found, taken: Taken) -> None:
        self._locators.add(taken.locator)
        class_name = None if self._class_id else found.class_name
        arrival = Arrival(taken.locator, found.name, class_name, self._class_id, found.split, taken.look)
        self._intake.add(arrival, (taken.file,) if taken.file else (), taken.thumbnail)

    def _found(self) -> Iterator[Found]:
        # several folders of loose pictures, dropped together, are classes
        folders = [source for source in self._sources if source.kind != "file"]
        several = len(folders) > 1 and all(not source.classes for source in folders)
        for source in self._sources:
            for item in source.items:
                if self._class_id is not None:
                    class_name, split = None, Split.NONE
                else:
                    loose = source.name if several and source.kind != "file" else None
                    class_name, split = (source.classes[item.label] if item.label >= 0 else loose), item.split
                yield Found(item.locator, source.root, item.name, class_name, split, source.temporary)


# ---------------------------------------------------------------- finding


def _find(command: messages.ImportPaths, unpack_to: Path, token: CancelToken, progress: Progress) -> tuple[list[Source], list[UserError]]:
    """What lies in files and folders, and what of them is nothing. Pictures are opened when they are taken, not before."""
    sources: list[Source] = []
    refused: list[UserError] = []
    for number, text in enumerate(command.paths):
        token.check()
        path = Path(text).absolute()
        try:
            if not spelled(path.name):
                raise UnreadablePicture(readable(path.name), BAD_NAME)
            if path.suffix[1:].casefold() in PICTURE_ENDINGS and not os.path.isdir(path):
                sources.append(_one_file(path))
                continue
            sources.append(
                scan(
                    path,
                    token,
                    lambda done, total: progress.tell(done, total, "Looking at files"),
                    boxes=command.boxes,
                    check=False,
                    unpack_to=unpack_to / str(number),
                )
            )
        except UserError as error:
            refused.append(error)
        except OSError as error:
            if error.errno in FULL:
                raise UserError(f"The disk is full: {path.name} could not be unpacked.", "Free some space and import it again.") from None
            refused.append(unreadable(error, path.name))
    return sources, refused


def _asked_for(error: UserError) -> str:
    return error.name if isinstance(error, UnreadablePicture) else ""


def _reason(error: UserError) -> str:
    return error.reason if isinstance(error, UnreadablePicture) else error.message


def _one_file(path: Path) -> Source:
    return Source(path.stem, "file", str(path.parent), (), (Item(f"file:{path.name}", -1, Split.NONE, path.name),))


def _writable(session: Session, class_id: int | None) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    if class_id is not None and all(record.id != class_id for record in project.snapshot.classes):
        raise UserError("This class is no longer in the project.", "Choose another class.")
    return project


@contextmanager
def _unpacking(project: OpenedProject) -> Iterator[Path]:
    """A place for archives, on the disk of the project, so that their pictures can be moved; the next opening clears what a kill leaves."""
    place = project.folder / INCOMING / f"unpacked {secrets.token_hex(4)}"
    try:
        yield place
    finally:
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):
            place.parent.rmdir()


@contextmanager
def _full_disk_told(intake: Intake, total: int) -> Iterator[None]:
    """A full disk, or a folder that cannot be written, in words that say what was saved."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full(intake.taken, total) from None
        if error.errno in DENIED:
            message = f"The project's folder cannot be written ({error.strerror}); {intake.taken:,} of {total:,} pictures were taken."
            raise UserError(message, "Change its permissions, or copy the project to another place.") from None
        raise
    except sqlite3.OperationalError as error:
        if "full" not in str(error).lower():
            raise
        raise _full(intake.taken, total) from None


def _full(taken: int, total: int) -> UserError:
    return UserError(f"The disk is full: {taken:,} of {total:,} pictures were taken.", "Free some space and import the rest.")
