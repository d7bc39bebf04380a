"""Tables of pictures: a CSV or TSV file with a column for the file, one for the label and, if there is one, one for the split."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec

from engine.data.sources import openimages
from engine.data.sources.files import Files, ending_with
from engine.data.sources.labelled import Row, source_of
from engine.data.sources.records import SPLIT_NAMES, Search, Source
from engine.data.sources.spreadsheets import Spreadsheet, load, names_picture
from engine.failure import UserError
from engine.project.records import Skipped, Split

ENDINGS = (".csv", ".tsv")
FILE_COLUMNS = (
    *("file", "path", "image", "picture", "img", "filename", "file_name", "filepath", "file_path", "image_path", "image_name"),
    *("image_id", "id"),
)
LABEL_COLUMNS = ("label", "class", "category", "class_name", "label_name", "target")
SPLIT_COLUMNS = ("split", "set", "subset")
SAMPLE = 50


class Columns(msgspec.Struct, frozen=True):
    """Which column holds what; -1: none."""

    file: int
    label: int
    split: int
    header: bool


def find(folder: Path, search: Search) -> Source | None:
    """The pictures of the one table in a folder, if its rows name files that are there; None otherwise."""
    tables = ending_with(folder, ENDINGS)
    if len(tables) != 1:
        return None
    try:
        sheet = load(tables[0])
        columns = columns_of(sheet)
        locate = _Locator(folder, search)
        sample = list(islice(_entries(sheet, columns), SAMPLE))
    except UserError:  # a table of something else
        return None
    there = sum(os.path.isfile(os.path.join(folder, locate(row[columns.file]))) for row in sample)
    if not sample or 2 * there < len(sample):
        return None
    source = _read(tables[0], sheet, columns, search)
    named = {item.locator.removeprefix("file:") for item in source.items} | {entry.file for entry in source.skipped}
    others = sum(place not in named for place in Files(folder, search.token).pictures())
    which = "1 other picture in the folder is" if others == 1 else f"{others:,} other pictures in the folder are"
    beside = f"{tables[0].name} names the pictures; {which} left out."
    return msgspec.structs.replace(source, name=folder.name, warnings=(*source.warnings, beside) if others else source.warnings)


def read(path: Path, search: Search) -> Source:
    """The pictures that a table names; paths are absolute, or relative to the table's folder.

    Raises
    ------
    UserError
        If it is no such table, or none of its pictures is there.
    """
    sheet = load(path)
    if openimages.is_so(sheet):
        return openimages.read(path, search)
    return _read(path, sheet, columns_of(sheet), search)


def columns_of(sheet: Spreadsheet) -> Columns:
    """Which column of a table is which, by the names in its first line; without names file, label and split stand in this order.

    Raises
    ------
    UserError
        If the table has no such columns.
    """
    cells = [cell.casefold() for cell in sheet.first]
    if any(names_picture(cell) for cell in cells):
        header = False
        file = next(number for number, cell in enumerate(cells) if names_picture(cell))
        if file == 0 and len(cells) in (2, 3):
            return Columns(0, 1, 2 if len(cells) == 3 else -1, False)
    else:
        header = True
        file, label, split = (_first(cells, names) for names in (FILE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS))
        if file >= 0 and label < 0:  # the only column that is left says what is in the picture
            others = [number for number in range(len(cells)) if number not in (file, split)]
            label = others[0] if len(others) == 1 else -1
        if file >= 0 and label >= 0:
            return Columns(file, label, split, True)
    found = ", ".join(f'"{cell[:40]}"' for cell in sheet.first[:8]) + (" …" if len(sheet.first) > 8 else "")
    which = "columns" if header else "first line"
    raise UserError(
        f'{sheet.name} has the {which} {found}; a table of pictures needs a column "file" and a column "label".',
        "Name the columns in the first line, or leave the names out and put file, label and split in this order.",
    )


class _Locator:
    """Finds the file that a cell names: a path relative to the root, or absolute; a bare name may lie in a folder below."""

    def __init__(self, root: Path, search: Search) -> None:
        self._root, self._search = root, search
        self._files: Files | None = None

    def __call__(self, cell: str) -> str:
        place = os.path.normpath(cell) if cell else ""
        if os.path.isfile(os.path.join(self._root, place)):
            return self._below(place)
        if "\\" in cell and os.sep == "/":
            other = os.path.normpath(cell.replace("\\", "/"))
            if os.path.isfile(os.path.join(self._root, other)):
                return self._below(other)
        if "/" not in cell and "\\" not in cell:
            if self._files is None:
                self._files = Files(self._root, self._search.token)
            return self._files.find(cell) or place
        return place

    def _below(self, place: str) -> str:
        whole = os.path.normpath(os.path.join(self._root, place))
        inside = os.path.join(self._root, "")
        return (whole.removeprefix(inside) if whole.startswith(inside) else whole).replace(os.sep, "/")


def _entries(sheet: Spreadsheet, columns: Columns) -> list[list[str]]:
    """The rows below the header, as long as the columns need."""
    width = max(columns.file, columns.label, columns.split) + 1
    rows = sheet.rows()
    if columns.header:
        next(rows, None)
    return [row + [""] * (width - len(row)) for _, row in rows]


def _read(path: Path, sheet: Spreadsheet, columns: Columns, search: Search) -> Source:
    root = path.parent
    entries = _entries(sheet, columns)
    locate: Callable[[str], str] = _Locator(root, search)
    seen: dict[str, str] = {}
    rows: list[Row] = []
    skipped: list[Skipped] = []
    strange: set[str] = set()
    for number, cells in enumerate(entries):
        search.tell(number, len(entries))
        name, label = cells[columns.file], cells[columns.label]
        place = locate(name)
        fault = _fault(place, root, label, seen, search)
        if fault is not None:
            skipped.append(Skipped(name or f"line {number + 1 + columns.header}", fault))
            continue
        seen[place] = label
        word = cells[columns.split].casefold() if columns.split >= 0 else ""
        if word and word not in SPLIT_NAMES:
            strange.add(cells[columns.split])
        rows.append(Row(f"file:{place}", label, SPLIT_NAMES.get(word, Split.NONE), os.path.basename(place)))
    warnings = []
    if strange:
        named = ", ".join(f'"{word}"' for word in sorted(strange)[:5])
        warnings.append(f"{path.name} speaks of the splits {named}, which are none of train, validation and test.")
    return source_of(path.stem, "table", root, rows, skipped, warnings)


def _fault(place: str, root: Path, label: str, seen: dict[str, str], search: Search) -> str | None:
    if not place:
        return "names no file"
    if place in seen:
        return "is in the table twice" if seen[place] == label else f'is in the table twice, as "{seen[place]}" and as "{label}"'
    whole = os.path.join(root, place)
    if not os.path.isfile(whole):
        return "is not there" if not os.path.isdir(whole) else "is a folder"
    return search.fault(whole)


def _first(cells: list[str], names: tuple[str, ...]) -> int:
    return next((cells.index(name) for name in names if name in cells), -1)
