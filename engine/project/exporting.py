"""Ways out of a project: a table, a folder a class, COCO JSON, an archive of the folders, the whole project in one file."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine import messages
from engine.control import CancelToken
from engine.data.sources.folders import UNDIVIDED, UNLABELLED
from engine.failure import UserError
from engine.messages import Exported
from engine.progress import Progress
from engine.project.incoming import plain_name
from engine.project.outgoing import (
    ArchiveTarget,
    FolderTarget,
    Names,
    Outgoing,
    Target,
    chosen,
    put,
    unreachable,
    writing_file,
    writing_folder,
)
from engine.project.records import Skipped, Split

if TYPE_CHECKING:
    from engine.project.opened import OpenedProject
    from engine.session import Emit, Session

SPLIT_WORDS = {Split.NONE: "", Split.TRAIN: "train", Split.VALIDATION: "validation", Split.TEST: "test"}
TEXT = "Writing pictures"


class Writing:
    """What all ways out share.

    Attributes
    ----------
    root : str
        The project's folder.
    classes : tuple of str
        In the project's order.
    written : int
        Pictures written so far.
    skipped : list of Skipped
        Those that could not be read.
    """

    def __init__(self, project: OpenedProject, command: messages.Export, token: CancelToken, emit: Emit) -> None:
        self.folder, self.name = project.folder, plain_name(project.record.name)
        self.root = project.snapshot.root
        self.path, self.link, self.token = Path(command.path).absolute(), command.link, token
        self.classes = tuple(record.name for record in project.snapshot.classes)
        self.pictures = chosen(project.snapshot, command.images)
        self.progress = Progress(emit)
        self.written = 0
        self.skipped: list[Skipped] = []

    def put(self, picture: Outgoing, target: Target, name: str) -> bool:
        """Write a picture; tells whether it could be read."""
        return self.note(picture, put(picture, self.root, target, name, self.token))

    def note(self, picture: Outgoing, reason: str | None) -> bool:
        """Count a picture as written, or as skipped for a reason; tells which."""
        if reason is None:
            self.written += 1
        else:
            self.skipped.append(Skipped(picture.name, reason))
        self.progress.tell(self.written + len(self.skipped), len(self.pictures), TEXT)
        return reason is None


def export(session: Session, command: messages.Export, token: CancelToken, emit: Emit) -> None:
    """Write pictures and labels out; what is not written whole is not there."""
    writing = Writing(session.opened(), command, token, emit)
    if not writing.pictures and command.kind != "project":
        raise UserError("There are no pictures to export.", "Import some, or select others.")
    WAYS[command.kind](writing)
    emit(Exported(kind=command.kind, path=str(writing.path), images=writing.written, skipped=tuple(writing.skipped)))


def write_table(writing: Writing) -> None:
    """A table of file, label and split, UTF-8; paths are relative to it where the files lie below its folder.

    Pictures without a file of their own are written as PNG into a folder beside it.
    """
    if any(picture.file(writing.root) is None for picture in writing.pictures):
        beside = _free(writing.path.with_name(f"{writing.path.stem} pictures"))
        with writing_file(writing.path, writing.folder) as part, writing_folder(beside, writing.folder) as folder:
            _write_rows(writing, part, FolderTarget(folder), beside.name)
    else:
        with writing_file(writing.path, writing.folder) as part:
            _write_rows(writing, part, None, "")


def write_folders(writing: Writing) -> None:
    """A folder a class, in a folder a split where there are splits."""
    with writing_folder(writing.path, writing.folder) as folder:
        _fill(writing, FolderTarget(folder, writing.link))


def write_archive(writing: Writing) -> None:
    """The folders, packed."""
    with writing_file(writing.path, writing.folder) as part, zipfile.ZipFile(part, "x", strict_timestamps=False) as archive:
        _fill(writing, ArchiveTarget(archive, writing.name))


def _write_rows(writing: Writing, part: Path, target: FolderTarget | None, folder: str) -> None:
    inside = os.path.join(writing.path.parent, "")
    names = Names()
    with part.open("x", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("file", "label", "split"))
        for picture in writing.pictures:
            writing.token.check()
            file = picture.file(writing.root)
            if file is not None:
                reason = "cannot be read as a picture" if picture.unreadable else unreachable(file)
                if not writing.note(picture, reason):
                    continue
                place = os.path.normpath(file.absolute())
                place = (place[len(inside) :] if place.startswith(inside) else place).replace(os.sep, "/")
            elif target is not None:
                name = names.of_picture("", picture, writing.root)
                if not writing.put(picture, target, name):
                    continue
                place = f"{folder}/{name}"
            table.writerow((place, picture.class_name, SPLIT_WORDS[picture.split]))


def _fill(writing: Writing, target: Target) -> None:
    folders = class_folders([picture.class_name for picture in writing.pictures])
    split = any(picture.split for picture in writing.pictures)
    names = Names()
    for picture in writing.pictures:
        if not picture.class_name:
            folder = UNLABELLED
        elif split:
            folder = f"{SPLIT_WORDS[picture.split] or UNDIVIDED}/{folders[picture.class_name]}"
        else:
            folder = folders[picture.class_name]
        writing.put(picture, target, f"{folder}/{names.of_picture(folder, picture, writing.root)}")


def class_folders(classes: Sequence[str]) -> dict[str, str]:
    """A folder name that every system takes for each class; those that would coincide are told apart by a number."""
    names = Names()
    names.free("", UNLABELLED)
    return {name: names.free("", name) for name in dict.fromkeys(classes) if name}


def _free(path: Path) -> Path:
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name} ({number})")
    return found


def _write_coco(writing: Writing) -> None:
    from engine.project.annotating import write_coco

    write_coco(writing)


def _write_project(writing: Writing) -> None:
    from engine.project.packing import write_project

    write_project(writing)


WAYS: dict[str, Callable[[Writing], None]] = {
    "csv": write_table,
    "folders": write_folders,
    "coco": _write_coco,
    "zip": write_archive,
    "project": _write_project,
}
