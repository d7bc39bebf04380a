"""Understanding what a person points at."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import msgspec

from engine.control import CancelToken
from engine.data import locators
from engine.data.sources.archives import ENDING as ARCHIVE
from engine.data.sources.archives import unpack
from engine.data.sources.folders import from_folder
from engine.data.sources.names import PICTURE_ENDINGS, hidden
from engine.data.sources.records import Boxes, Item, Progress, Search, Source
from engine.failure import UserError
from engine.project.records import Split

PROJECT_FILE = "project.sqlite"

# Files of standard sets as their publishers give them: find(folder, token, progress) -> Source | None, asked in this order.
FINDERS: tuple[tuple[str, str], ...] = tuple(
    (f"engine.data.sources.{name}", "find")
    for name in (
        "packed",
        "idx",
        "cifar",
        "svhn",
        "stl",
        "emnist",
        "flowers",
        "cars",
        "aircraft",
        "pets",
        "food",
        "cub",
        "caltech",
        "imagenet",
    )
)

# Labels in files beside the pictures: find(folder, search) -> Source | None, asked after those.
ANNOTATED = tuple((f"engine.data.sources.{name}", "find") for name in ("coco", "voc", "openimages", "yolo", "listed"))
# Files that stand for the pictures that they name: read(file, search) -> Source.
NAMING = {
    ".csv": ("engine.data.sources.listed", "read"),
    ".tsv": ("engine.data.sources.listed", "read"),
    ".json": ("engine.data.sources.coco", "read"),
    ".xml": ("engine.data.sources.voc", "read"),
    ".yaml": ("engine.data.sources.yolo", "read"),
    ".yml": ("engine.data.sources.yolo", "read"),
}
AROUND = 8  # folders that may lie around everything, as in archives
BESIDE = 20  # files that may lie beside such a folder: a licence, a description

Find = Callable[[Path, CancelToken, "Progress | None"], "Source | None"]
FindAnnotated = Callable[[Path, Search], "Source | None"]
Read = Callable[[Path, Search], Source]


def scan(
    data: str | Path,
    token: CancelToken | None = None,
    progress: Progress | None = None,
    *,
    boxes: Boxes = "labels",
    check: bool = True,
    unpack_to: Path | None = None,
) -> Source:
    """Find the pictures, classes and splits in `data`; reads headers, decodes nothing.

    Parameters
    ----------
    data : str or Path
        "digits", a folder or a file.
    token : CancelToken, optional
        Checked before every file.
    progress : callable, optional
        Called with files looked at and files in all.
    boxes : {"labels", "crops"}
        Where pictures have boxes: the class with the largest area a picture, or one cut-out a box.
    check : bool
        Read every file's header, so that what is no picture is named in `skipped`. Without, a file whose name ends as a picture's does is
        taken for one.
    unpack_to : Path, optional
        The folder in which an archive is unpacked, new or empty; by default one in the user's cache.

    Raises
    ------
    UserError
        If there is no such thing, or it holds no picture.
    Cancelled
        If the token was cancelled.
    """
    if data == "digits" and not Path("digits").exists():
        return digits_source()
    search = Search(token or CancelToken(), progress, boxes, check)
    found = _from_anything(Path(data).absolute(), search, unpack_to)
    return msgspec.structs.replace(found, boxed=sum(search.boxed)) if any(search.boxed) else found


def _from_anything(path: Path, search: Search, unpack_to: Path | None) -> Source:
    if path.is_dir():
        return _from_folder(path, search)
    if not path.exists():
        raise UserError(f"There is no file or folder {path}.", 'Check the path, or use the bundled sample "digits".')
    ending = path.suffix.casefold()
    if ending == ARCHIVE:
        return _from_archive(path, search, unpack_to)
    if ending in NAMING:
        return cast("Read", _function(NAMING[ending]))(path, search)
    return _from_file(path, search)


def stands_for_pictures(path: Path) -> bool:
    """Whether a file is no picture, but holds or names pictures: an archive, a table, annotations."""
    return path.suffix.casefold() in (ARCHIVE, *NAMING)


def digits_source() -> Source:
    """scikit-learn's 1,797 handwritten digits."""
    _, labels = locators.digits()
    items = tuple(Item(f"digits:{row}", int(label), Split.NONE, f"digit {row}") for row, label in enumerate(labels))
    return Source("Digits", "digits", "", tuple("0123456789"), items)


def _from_folder(path: Path, search: Search) -> Source:
    for place in _inwards(path):
        if (place / PROJECT_FILE).is_file():
            return _from_project(place)
        for finder in FINDERS:
            found = cast("Find", _function(finder))(place, search.token, search.progress)
            if found is not None:
                return found
        for finder in ANNOTATED:
            found = cast("FindAnnotated", _function(finder))(place, search)
            if found is not None:
                return found
    return from_folder(path, search)


def _inwards(path: Path) -> Iterator[Path]:
    """The folder, and those that lie alone in it, as in archives."""
    yield path
    for _ in range(AROUND):
        inner = _alone_in(path)
        if inner is None:
            return
        path = inner
        yield path


def _alone_in(path: Path) -> Path | None:
    """The only folder in a folder without pictures."""
    inner: list[str] = []
    files = 0
    with os.scandir(path) as entries:
        for entry in entries:
            if hidden(entry.name):
                continue
            if entry.is_dir():
                inner.append(entry.name)
            else:
                files += 1
            if len(inner) > 1 or files > BESIDE or entry.name.rpartition(".")[2].casefold() in PICTURE_ENDINGS:
                return None
    return path / inner[0] if inner else None


def _from_archive(path: Path, search: Search, unpack_to: Path | None) -> Source:
    folder, skipped = unpack(path, search, unpack_to)
    found = _from_folder(folder, msgspec.structs.replace(search, called=f"The archive {path.name}"))
    return msgspec.structs.replace(
        found,
        name=path.stem if found.name == folder.name else found.name,
        skipped=skipped + found.skipped,
        temporary=True,
    )


def _function(place: tuple[str, str]) -> object:
    return getattr(importlib.import_module(place[0]), place[1])


def _from_file(path: Path, search: Search) -> Source:
    fault = search.fault(path)
    if fault is not None:
        raise UserError(f"{path.name} {fault}.", "Choose a picture, or a folder of pictures.")
    return Source(path.stem, "file", str(path.parent), (), (Item(f"file:{path.name}", -1, Split.NONE, path.name),))


def _from_project(folder: Path) -> Source:
    from engine.project.source import read_source

    return read_source(folder)
