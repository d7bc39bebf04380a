"""Understanding what a person points at."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from engine.control import CancelToken
from engine.data import locators
from engine.data.sources.folders import from_folder
from engine.data.sources.records import Boxes, Item, Progress, Search, Source
from engine.failure import UserError
from engine.project.records import Split

PROJECT_FILE = "project.sqlite"

# Files of standard sets as their publishers give them: find(folder, token, progress) -> Source | None, asked in this order.
FINDERS: tuple[tuple[str, str], ...] = tuple(
    (f"engine.data.sources.{name}", "find")
    for name in ("idx", "cifar", "svhn", "stl", "emnist", "flowers", "cars", "aircraft", "pets", "food", "cub", "caltech", "imagenet")
)

Find = Callable[[Path, CancelToken, "Progress | None"], "Source | None"]


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
    path = Path(data).absolute()
    if path.is_file():
        return _from_file(path, search)
    if not path.is_dir():
        raise UserError(f"There is no file or folder {path}.", 'Check the path, or use the bundled sample "digits".')
    if (path / PROJECT_FILE).is_file():
        return _from_project(path)
    for module, name in FINDERS:
        find = cast("Find", getattr(importlib.import_module(module), name))
        found = find(path, search.token, search.progress)
        if found is not None:
            return found
    return from_folder(path, search)


def digits_source() -> Source:
    """scikit-learn's 1,797 handwritten digits."""
    _, labels = locators.digits()
    items = tuple(Item(f"digits:{row}", int(label), Split.NONE, f"digit {row}") for row, label in enumerate(labels))
    return Source("Digits", "digits", "", tuple("0123456789"), items)


def _from_file(path: Path, search: Search) -> Source:
    fault = search.fault(path)
    if fault is not None:
        raise UserError(f"{path.name} {fault}.", "Choose a picture, or a folder of pictures.")
    return Source(path.stem, "file", str(path.parent), (), (Item(f"file:{path.name}", -1, Split.NONE, path.name),))


def _from_project(folder: Path) -> Source:
    from engine.project.source import read_source

    return read_source(folder)
