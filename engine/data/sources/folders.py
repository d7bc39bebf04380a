"""Folders of pictures: a folder a class, split folders around them, or pictures alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from engine.control import CancelToken
from engine.data.sources.names import BAD_NAME, hidden, natural, readable, spelled
from engine.data.sources.records import SPLIT_NAMES, Item, Search, Source
from engine.failure import UserError
from engine.project.records import Skipped, Split

UNLABELLED = "unlabelled"
"""The folder of pictures without a class, as exports write it."""
UNDIVIDED = "undivided"
"""The folder beside those of the splits that holds classes whose pictures are in none."""
WITHOUT_CLASS = frozenset({UNLABELLED, "unlabeled"})


def from_folder(path: Path, search: Search) -> Source:
    """All pictures in and below a folder.

    Raises
    ------
    UserError
        If there is none.
    """
    found: list[tuple[str, ...]] = []  # parts of each picture's path below `path`
    skipped: list[Skipped] = []
    files = walk(path, search.token)
    cut = len(os.path.join(path, ""))
    for number, file in enumerate(files):
        search.tell(number, len(files))
        below = os.fspath(file)[cut:]
        reason = search.fault(file) if spelled(below) else BAD_NAME
        parts = tuple(below.split(os.sep))
        if reason is None:
            found.append(parts)
        else:
            skipped.append(Skipped(readable("/".join(parts)), reason))
    if not found:
        raise UserError(f"{search.called or f'The folder {path}'} holds no pictures.", _no_pictures(skipped))
    around, split_folders = _class_level(found)
    placed = [_placed(parts[around:], split_folders) for parts in found]
    classes = tuple(sorted({name for name, _ in placed if name}, key=natural))
    index = {name: number for number, name in enumerate(classes)}
    items = tuple(
        Item(f"file:{'/'.join(parts)}", index.get(name, -1), split, parts[-1]) for parts, (name, split) in zip(found, placed, strict=True)
    )
    kind = "pictures" if not classes else "split folders" if split_folders else "class folders"
    warnings = _warnings(path.joinpath(*found[0][:around]), {parts[around] for parts in found}, items) if classes else ()
    return Source(path.name, kind, str(path), classes, items, tuple(skipped), warnings)


def walk(folder: Path, token: CancelToken) -> list[Path]:
    """All files below a folder that are not hidden, in natural order; folders that link in a circle are entered once."""
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        token.check()
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted((name for name in folders if not hidden(name)), key=natural)
        found.extend(Path(place, name) for name in sorted(names, key=natural) if not hidden(name))
    return found


def _placed(parts: tuple[str, ...], split_folders: bool) -> tuple[str, Split]:
    """Class (empty: none) and split by the folders that a picture lies in."""
    folders = parts[:-1]
    split = Split.NONE
    if split_folders:
        first = folders[0].casefold() if folders else ""
        if first not in SPLIT_NAMES and first != UNDIVIDED:
            return "", Split.NONE
        split = SPLIT_NAMES.get(first, Split.NONE)
        folders = folders[1:]
    name = folders[0] if folders else ""
    return ("" if name.casefold() in WITHOUT_CLASS else name), split


def _class_level(found: list[tuple[str, ...]]) -> tuple[int, bool]:
    """How many folders lie around everything, as in unpacked archives, and whether splits come before the classes."""
    around = 0
    while True:
        tops = {parts[around] for parts in found}
        if any(parts[around].casefold() in SPLIT_NAMES and len(parts) > around + 2 for parts in found):
            return around, True
        if len(tops) > 1 or any(len(parts) < around + 3 for parts in found):
            return around, False
        around += 1


def _no_pictures(skipped: list[Skipped]) -> str:
    if not skipped:
        return "Choose a folder with pictures, or with a folder of pictures for each class."
    first = skipped[0]
    more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
    return f"Looked at: {first.file} {first.reason}{more}."


def _warnings(base: Path, used: set[str], items: Iterable[Item]) -> tuple[str, ...]:
    warnings: list[str] = []
    loose = sum(item.label < 0 for item in items)
    if loose:
        which = "1 picture lies" if loose == 1 else f"{loose:,} pictures lie"
        warnings.append(f"{which} beside the folders of the classes, without a label.")
    folders = [place.name for place in base.iterdir() if place.is_dir() and not hidden(place.name) and place.name not in used]
    warnings.extend(f"The folder {readable(name)} holds no pictures and makes no class." for name in sorted(folders, key=natural))
    return tuple(warnings)
