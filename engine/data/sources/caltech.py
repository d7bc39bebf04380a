"""Caltech-101: a folder a class, and one of background that is no class."""

from __future__ import annotations

from pathlib import Path

from engine.control import CancelToken
from engine.data.sources.names import hidden, natural
from engine.data.sources.published import Row, of_files, place_of, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

BACKGROUND = "BACKGROUND_Google"


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """101 classes of 31 to 800 pictures; the authors divide nothing."""
    place = place_of(folder, "caltech101", "caltech-101", "101_ObjectCategories")
    if place is None:
        return None
    base = place / "101_ObjectCategories"
    classes = sorted(entry.name for entry in base.iterdir() if entry.is_dir() and entry.name != BACKGROUND and not hidden(entry.name))
    rows: list[Row] = []
    for label, name in enumerate(classes):
        token.check()
        below = relative(base / name, folder)
        pictures = sorted((entry.name for entry in (base / name).iterdir() if not hidden(entry.name)), key=natural)
        rows.extend(Row(f"{below}/{picture}", label, Split.NONE) for picture in pictures)
    return of_files("Caltech-101", folder, classes, rows) if rows else None
