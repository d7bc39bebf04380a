"""A whole project in one archive: database, pictures, runs.

Pictures that it refers to elsewhere are packed as well, so that it opens anywhere.
"""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.locators import parted
from engine.project.copying import belonging, copy_database
from engine.project.incoming import IMAGES, INCOMING
from engine.project.outgoing import ArchiveTarget, Names, unreachable, writing_file
from engine.project.records import Skipped
from engine.project.store import FILE

if TYPE_CHECKING:
    from engine.project.exporting import Writing

TEXT = "Packing the project"


def write_project(writing: Writing) -> None:
    """An archive with a folder that is the project."""
    with (
        writing_file(writing.path, writing.folder) as part,
        tempfile.TemporaryDirectory(dir=part.parent, prefix=".fovea-") as beside,
        zipfile.ZipFile(part, "x", strict_timestamps=False) as archive,
    ):
        target = ArchiveTarget(archive, writing.name)
        database = Path(beside, FILE)
        copy_database(writing.folder, database, writing.token)
        own = [path.as_posix() for path in belonging(writing.folder, database)]
        with closing(sqlite3.connect(database)) as copy:
            packed = _pack_pictures(writing, copy, target, own)
        target.add_file(database, FILE, writing.token)
        for place in own:  # runs, and what undo brings back
            file = writing.folder / place
            if place not in packed and unreachable(file) is None:
                target.add_file(file, place, writing.token)


def _pack_pictures(writing: Writing, copy: sqlite3.Connection, target: ArchiveTarget, own: list[str]) -> set[str]:
    """Pack the files of all pictures, and let the copy's rows refer to those that lay elsewhere in their new place.

    `own` are the files that lie in the project's folder. Gives those that were looked at.
    """
    rows = copy.execute("SELECT id, locator, name, removed FROM images ORDER BY id").fetchall()
    places: dict[str, str | None] = {}  # of each file: where it lies in the archive, None where it cannot be read
    names = Names()
    for place in own:
        if place.startswith(f"{IMAGES}/"):
            names.free(IMAGES, place[len(IMAGES) + 1 :])
    moved = []
    for number, (image, locator, name, removed) in enumerate(rows):
        writing.progress.tell(number, len(rows), TEXT)
        kind, place, part = parted(locator)
        if place and place not in places:
            places[place] = _pack(writing, target, place, names)
        new = places[place] if place else ""
        if new is None:
            if not removed:
                writing.skipped.append(Skipped(name, unreachable(Path(writing.root, place)) or "is missing"))
            continue
        writing.written += not removed
        if new != place:
            moved.append((f"{kind}:{new}#{part}" if part else f"{kind}:{new}", image))
    with copy:
        copy.executemany("UPDATE images SET locator = ? WHERE id = ?", moved)
    return set(places)


def _pack(writing: Writing, target: ArchiveTarget, place: str, names: Names) -> str | None:
    """Pack one file; gives its place in the archive."""
    file = Path(writing.root, place)
    inside = place.startswith(f"{IMAGES}/") and ".." not in place.split("/")
    if inside and not file.exists():  # its row is on disk, and it is just about to be moved
        file = Path(writing.root, INCOMING, place[len(IMAGES) + 1 :])
    if unreachable(file) is not None:
        return None
    new = place if inside else f"{IMAGES}/{names.free(IMAGES, file.name)}"
    target.add_file(file, new, writing.token)
    return new
