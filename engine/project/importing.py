"""The imports lane: files and folders into the project, in parcels; each file that is not taken is named with its reason."""

from __future__ import annotations

import errno
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import msgspec
import numpy as np

from engine import messages
from engine.control import Cancelled, CancelToken
from engine.data.decoding import UnreadablePicture, read_header
from engine.data.locators import file_locator
from engine.data.sources import BAD_NAME, Source, readable, scan, spelled
from engine.data.splits import complete, key_of
from engine.failure import UserError
from engine.messages import ImportFinished, JobProgress
from engine.project.opened import IMAGES, Arrival, OpenedProject
from engine.project.records import Skipped, Split
from engine.project.store import READ_ONLY_REMEDY

if TYPE_CHECKING:
    from engine.session import Emit, Session

FIRST_PARCEL = 32  # so that the first pictures show at once; parcels then double
LARGEST_PARCEL = 8192
PARCEL_SECONDS = 0.5
PROGRESS_SECONDS = 0.1
FULL = (errno.ENOSPC, errno.EDQUOT)


class _Found(msgspec.Struct, frozen=True):
    """A picture to take: where it lies now, and as what."""

    locator: str
    root: str
    name: str
    class_name: str | None
    split: Split


def import_paths(session: Session, command: messages.ImportPaths, token: CancelToken, emit: Emit) -> None:
    """Take files and folders into the project."""
    project = _writable(session, command.class_id)
    progress = _Progress(emit)
    fresh = not (project.snapshot.table.class_ids >= 0).any()
    found, skipped = _find(command.paths, token, progress, command.class_id is None, fresh)
    intake = _Intake(session, project, emit, f"Import {len(found):,} pictures" if len(found) != 1 else "Import 1 picture")
    keeper = _Keeper(project.folder / IMAGES, project.record.copy if command.copy is None else command.copy)
    known = set(project.snapshot.locators)
    try:
        for number, picture in enumerate(found):
            token.check()
            try:
                locator = keeper.keep(picture, project.folder)
            except UnreadablePicture as error:
                skipped.append(Skipped(picture.name, error.reason))
                continue
            if locator in known:
                skipped.append(Skipped(picture.name, "is in the project already"))
                continue
            known.add(locator)
            intake.add(Arrival(locator, picture.name, None if command.class_id else picture.class_name, command.class_id, picture.split))
            progress.tell(number + 1, len(found), "Taking pictures in")
        intake.flush()
    except (Cancelled, OSError) as error:  # what was taken stays
        try:
            intake.flush()
        finally:
            emit(ImportFinished(taken=intake.taken, skipped=tuple(skipped)))
        if not isinstance(error, OSError) or error.errno not in FULL:
            raise
        raise UserError(
            f"The disk is full: {intake.taken:,} of {len(found):,} pictures were taken.", "Free some space and import the rest."
        ) from None
    emit(ImportFinished(taken=intake.taken, skipped=tuple(skipped)))


def import_picture(session: Session, command: messages.ImportPicture, token: CancelToken, emit: Emit) -> None:
    """Take one picture from memory; it is kept as PNG."""
    project = _writable(session, command.class_id)
    pixels = command.pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise UserError("What was pasted is not a picture.", "Copy a picture and paste it again.")
    token.check()
    encoded = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR))[1]
    name = f"{Path(_plain(command.name)).stem or 'picture'}.png"
    keeper = _Keeper(project.folder / IMAGES, copy=True)
    path = keeper.write(name, lambda stream: stream.write(encoded.tobytes()))
    intake = _Intake(session, project, emit, "Import 1 picture")
    intake.add(Arrival(file_locator(path, project.folder), path.name, None, command.class_id))
    intake.flush()
    emit(ImportFinished(taken=1, skipped=()))


def _writable(session: Session, class_id: int | None) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    if class_id is not None and all(record.id != class_id for record in project.snapshot.classes):
        raise UserError("This class is no longer in the project.", "Choose another class.")
    return project


# ---------------------------------------------------------------- finding


def _find(
    paths: tuple[str, ...], token: CancelToken, progress: _Progress, with_classes: bool, fresh: bool
) -> tuple[list[_Found], list[Skipped]]:
    """All pictures in files and folders, and what is none.

    Raises
    ------
    UserError
        If nothing that was given holds a picture.
    """
    found: list[_Found] = []
    skipped: list[Skipped] = []
    failures: list[UserError] = []
    sources: list[Source] = []
    for text in paths:
        path = Path(text).absolute()
        try:
            if path.is_dir():
                sources.append(scan(path, token, lambda done, total: progress.tell(done, total, "Looking at files")))
            else:
                token.check()
                if not spelled(path.name):
                    raise UnreadablePicture(readable(path.name), BAD_NAME)
                read_header(path)
                found.append(_Found(f"file:{path.name}", str(path.parent), path.name, None, Split.NONE))
        except UserError as error:
            failures.append(error)
            reason = error.reason if isinstance(error, UnreadablePicture) else error.message
            skipped.append(Skipped(readable(path.name), reason))
    # several folders of loose pictures, dropped together, are classes
    several = len(sources) > 1 and all(not source.classes for source in sources)
    for source in sources:
        skipped.extend(source.skipped)
        found.extend(_from_source(source, source.name if several else None, with_classes, fresh))
    if not found and failures:
        if len(failures) == 1:
            raise failures[0]
        raise UserError(f"None of the {len(failures):,} files is a picture; the first: {failures[0].message}", failures[0].remedy)
    return found, skipped


def _from_source(source: Source, class_name: str | None, with_classes: bool, fresh: bool) -> Iterator[_Found]:
    """The pictures of a source. The first labelled ones of a project are divided all at once, as the headless commands divide them;
    those that come later are left to the project, which sees them together with those that it has.
    """
    splits = [item.split for item in source.items]
    names = [source.classes[item.label] if item.label >= 0 else class_name for item in source.items]
    if with_classes and (fresh or any(splits)):
        labels = np.array(
            [0 if item.label < 0 and name is not None else item.label for item, name in zip(source.items, names, strict=True)], np.int64
        )
        keys = [key_of(item.locator, name or "", item.name) for item, name in zip(source.items, names, strict=True)]
        completed = complete(labels, np.array(splits, np.int8), keys)
        splits = [Split(value) for value in completed.tolist()]
    for item, name, split in zip(source.items, names, splits, strict=True):
        yield _Found(item.locator, source.root, item.name, name if with_classes else None, split if with_classes else Split.NONE)


# ---------------------------------------------------------------- keeping


class _Keeper:
    """Puts files into the project's folder under free names, or refers to them where they lie."""

    def __init__(self, folder: Path, copy: bool) -> None:
        self._folder, self._copy = folder, copy
        self._raw_files: dict[Path, str] = {}
        self._next: dict[str, int] = {}

    def keep(self, picture: _Found, project: Path) -> str:
        """The picture's locator in the project.

        Raises
        ------
        UnreadablePicture
            If the file cannot be read any more.
        OSError
            If the project's folder cannot be written.
        """
        kind, _, rest = picture.locator.partition(":")
        if kind == "digits":
            return picture.locator
        place, _, number = rest.rpartition("#") if kind == "idx" else (rest, "", "")
        path = Path(picture.root, place)
        if kind == "file":
            return file_locator(self._kept(path), project)
        if path not in self._raw_files:
            self._raw_files[path] = file_locator(self._kept(path), project).removeprefix("file:")
        return f"idx:{self._raw_files[path]}#{number}"

    def _kept(self, path: Path) -> Path:
        if not self._copy or path.is_relative_to(self._folder):
            return path
        try:
            source = path.open("rb")
        except OSError as error:
            raise UnreadablePicture(path.name, f"cannot be read ({error.strerror})") from None
        with source:
            return self.write(path.name, lambda stream: shutil.copyfileobj(source, stream, 1 << 20))

    def write(self, name: str, fill: Callable[[Any], object]) -> Path:
        """Write a file under this name or the next free one; a file that could not be written whole is taken away again."""
        self._folder.mkdir(parents=True, exist_ok=True)
        plain = Path(_plain(name))
        number = self._next.get(plain.name.casefold(), 1)
        while True:
            path = self._folder / (plain.name if number == 1 else f"{plain.stem} ({number}){plain.suffix}")
            number += 1
            try:
                stream = path.open("xb")
            except FileExistsError:
                continue
            self._next[plain.name.casefold()] = number
            try:
                with stream:
                    fill(stream)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            return path


def _plain(name: str) -> str:
    """A file name that every system allows."""
    return re.sub(r'[<>:"/\\|?*#\x00-\x1f]', "_", name).strip(" .")[-120:] or "picture"


class _Intake:
    """Hands pictures to the store lane in parcels, all of them one step of undo; events leave that lane in the order of the changes."""

    def __init__(self, session: Session, project: OpenedProject, emit: Emit, title: str) -> None:
        self._session, self._project, self._emit, self._title = session, project, emit, title
        self._waiting: list[Arrival] = []
        self._entry: int | None = None
        self._flushed = time.monotonic()
        self.taken = 0

    def add(self, arrival: Arrival) -> None:
        self._waiting.append(arrival)
        enough = min(LARGEST_PARCEL, max(FIRST_PARCEL, self.taken))
        if len(self._waiting) >= enough or time.monotonic() - self._flushed > PARCEL_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._session.in_store(self._store)
            self.taken += len(self._waiting)
            self._waiting = []
            self._flushed = time.monotonic()

    def _store(self) -> None:
        if self._session.project is not self._project:
            raise UserError(f"The project was closed after {self.taken:,} pictures were taken.", "Open it and import the rest.")
        events, self._entry = self._project.add_images(self._title, self._waiting, self._entry)
        for event in events:
            self._emit(event)


class _Progress:
    """At most ten events a second."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._begun = self._told = time.monotonic()
        self._text = ""

    def tell(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        if text != self._text:
            self._text, self._begun = text, now
        if now - self._told < PROGRESS_SECONDS or total == 0:
            return
        self._told = now
        speed = done / max(1e-6, now - self._begun)
        left = (total - done) / speed if done else None
        self._emit(JobProgress(fraction=done / total, text=f"{text}: {done:,} of {total:,}", seconds_left=left, images_per_second=speed))
