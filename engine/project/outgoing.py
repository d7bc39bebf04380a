"""Pictures on their way out of a project: which, under what names, and into a folder or an archive that is whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import cv2
import msgspec
import numpy as np

from engine.control import CancelToken
from engine.data.decoding import UnreadablePicture
from engine.data.locators import parted, read_located
from engine.data.sources.names import PICTURE_ENDINGS
from engine.failure import UserError
from engine.project.incoming import plain_name
from engine.project.records import Flag, Split
from engine.project.snapshot import Snapshot

PIECE = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class Outgoing(msgspec.Struct, frozen=True):
    """A picture to write out; `class_name` is empty where it is unlabelled. Width and height are 0 where unknown."""

    locator: str
    name: str
    class_name: str
    split: Split
    unreadable: bool
    width: int
    height: int

    def file(self, root: str) -> Path | None:
        """Its own file; None for what is a part of a file or comes with the program."""
        kind, place, _ = parted(self.locator)
        return Path(root, place) if kind == "file" else None


def chosen(snapshot: Snapshot, images: Sequence[int] | None) -> list[Outgoing]:
    """These pictures of a project, or all, by ascending id."""
    table = snapshot.table
    rows = range(len(table.ids)) if images is None else snapshot.rows(images).tolist()
    names = snapshot.class_names()
    return [
        Outgoing(
            locator=snapshot.locators[row],
            name=table.names[row],
            class_name=names.get(int(table.class_ids[row]), ""),
            split=Split(int(table.splits[row])),
            unreadable=bool(table.flags[row] & Flag.UNREADABLE),
            width=int(table.widths[row]),
            height=int(table.heights[row]),
        )
        for row in rows
    ]


class Names:
    """Names that every system takes, each once in its folder, however large and small letters are written."""

    def __init__(self) -> None:
        self._used: set[tuple[str, str]] = set()
        self._next: dict[tuple[str, str], int] = {}

    def free(self, folder: str, name: str) -> str:
        """Such a name, as near to this one as can be."""
        plain = plain_name(name)
        stem, suffix = os.path.splitext(plain)
        first = (folder, plain.casefold())
        number = self._next.get(first, 1)
        found = plain if number == 1 else f"{stem} ({number}){suffix}"
        while (folder, found.casefold()) in self._used:
            number += 1
            found = f"{stem} ({number}){suffix}"
        self._next[first] = number + 1
        self._used.add((folder, found.casefold()))
        return found

    def of_picture(self, folder: str, picture: Outgoing, root: str) -> str:
        """A name for a picture, with the ending that its file has; what has no file becomes PNG."""
        file = picture.file(root)
        stem, suffix = os.path.splitext(picture.name)
        if suffix[1:].casefold() not in PICTURE_ENDINGS:
            stem, suffix = picture.name, ""
        return self.free(folder, stem + ((suffix or file.suffix) if file is not None else ".png"))


class Target(Protocol):
    """Where files are written; names have forward slashes."""

    def add_file(self, source: Path, name: str, token: CancelToken) -> None:
        """A copy of a file; OSError where it cannot be read, or the target cannot be written."""

    def add_bytes(self, data: bytes, name: str) -> None:
        """A file of this content."""


class FolderTarget:
    """A folder; with `link` files are linked where the system can: by a hard link, else by a symbolic one."""

    def __init__(self, folder: Path, link: bool = False) -> None:
        self.folder, self._link = folder, link

    def add_file(self, source: Path, name: str, token: CancelToken) -> None:
        """A copy of a file, or a link to it."""
        place = self._place(name)
        if self._link and _linked(source, place):
            return
        with source.open("rb") as reader, place.open("xb") as writer:
            _copy(reader, writer, token)
        shutil.copystat(source, place)

    def add_bytes(self, data: bytes, name: str) -> None:
        """A file of this content."""
        self._place(name).write_bytes(data)

    def _place(self, name: str) -> Path:
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


class ArchiveTarget:
    """A zip archive; all names are put into the folder `top`. Pictures are packed already and only stored."""

    def __init__(self, archive: zipfile.ZipFile, top: str) -> None:
        self._archive, self._top = archive, top

    def add_file(self, source: Path, name: str, token: CancelToken) -> None:
        """A copy of a file."""
        with source.open("rb") as reader:
            entry = zipfile.ZipInfo.from_file(source, f"{self._top}/{name}", strict_timestamps=False)
            entry.compress_type = self._method(name)
            with self._archive.open(entry, "w", force_zip64=entry.file_size > 2**31 - 1) as writer:
                _copy(reader, writer, token)

    def add_bytes(self, data: bytes, name: str) -> None:
        """A file of this content."""
        self._archive.writestr(f"{self._top}/{name}", data, self._method(name))

    @staticmethod
    def _method(name: str) -> int:
        stored = name.rpartition(".")[2].casefold() in PICTURE_ENDINGS | {"safetensors"}
        return zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED


def put(picture: Outgoing, root: str, target: Target, name: str, token: CancelToken) -> str | None:
    """Write one picture.

    Returns
    -------
    str or None
        Why it could not be read, as a clause; None where it was written.

    Raises
    ------
    OSError
        If the target cannot be written.
    """
    token.check()
    if picture.unreadable:
        return "cannot be read as a picture"
    file = picture.file(root)
    if file is not None:
        reason = unreachable(file)
        if reason is None:
            try:
                target.add_file(file, name, token)
            except FileNotFoundError as error:  # taken away at this moment
                if error.filename != str(file):
                    raise
                reason = "is missing"
        return reason
    try:
        pixels = read_located(picture.locator, root)
    except UnreadablePicture as error:
        return error.reason
    encoded = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR))[1]
    target.add_bytes(encoded.tobytes(), name)
    return None


def unreachable(file: Path) -> str | None:
    """Why a file cannot be read, as a clause; None where it can."""
    try:
        with file.open("rb"):
            return None
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


@contextmanager
def writing_file(path: Path, project: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` when the block ends well, and is taken away otherwise.

    Raises
    ------
    UserError
        If that place cannot be written, or the disk is full.
    """
    _check_place(path, project)
    if path.is_dir():
        raise UserError(f"{path} is a folder.", "Choose a name for a file.")
    part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex[:8]}.part")
    try:
        with _told(path):
            yield part
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def writing_folder(path: Path, project: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `path` when the block ends well, and is taken away otherwise.

    Raises
    ------
    UserError
        If that place cannot be written or is not empty, or the disk is full.
    """
    _check_place(path, project)
    there = path.exists()
    if there and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"The folder {path} is not empty." if path.is_dir() else f"{path} is a file.", "Choose a new or an empty folder.")
    name = f".{path.name[:80]}.{uuid.uuid4().hex[:8]}.part"
    part = path / name if there else path.with_name(name)  # an empty folder may be a disk of its own, which cannot be replaced
    try:
        with _told(path):
            part.mkdir()
            yield part
            if there:
                for entry in list(part.iterdir()):
                    os.rename(entry, path / entry.name)
                part.rmdir()
            else:
                os.rename(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise UserError(f"The disk is full: {path} was not written.", "Free some space and try again.") from None
        raise UserError(f"{path} could not be written ({error.strerror or error}).", "Choose another place.") from None


def _check_place(path: Path, project: Path) -> None:
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent}.", "Choose a place in a folder that exists.")
    place, inside = path.resolve(), project.resolve()
    if place == inside or inside in place.parents:
        raise UserError(f"{path} lies in the project's own folder.", "Choose a place outside of it.")


def _linked(source: Path, place: Path) -> bool:
    for link in (os.link, os.symlink):
        try:
            link(source.absolute(), place)
        except (OSError, NotImplementedError):  # another disk; a file system or a user that may not link
            continue
        return True
    return False


def _copy(reader: IO[bytes], writer: IO[bytes], token: CancelToken) -> None:
    while piece := reader.read(PIECE):
        token.check()
        writer.write(piece)
