"""OpenImages (Kuznetsova et al. 2020, storage.googleapis.com/openimages): tables of boxes or labels by ImageID; classes by their MID."""

from __future__ import annotations

from pathlib import Path

from engine.data.sources.boxes import WHOLE, Box, Boxed, rows_of
from engine.data.sources.files import Files, ending_with
from engine.data.sources.labelled import source_of, split_in, split_of, without_lonely_split
from engine.data.sources.records import SPLIT_NAMES, Search, Source
from engine.data.sources.spreadsheets import Spreadsheet, load
from engine.failure import UserError
from engine.project.records import Skipped, Split

NEEDED = ("ImageID", "LabelName")
EDGES = ("XMin", "YMin", "XMax", "YMax")
FOLDERS = ("", "annotations", "labels", "metadata", "csv", "csv_folder", *SPLIT_NAMES)
DESCRIPTIONS = "class-descriptions"


def is_so(sheet: Spreadsheet) -> bool:
    """Whether a table is one of these."""
    return all(name in sheet.first for name in NEEDED)


def find(folder: Path, search: Search) -> Source | None:
    """The pictures of a folder that its tables speak of; None where there is no such table."""
    tables = [path for name in FOLDERS for path in ending_with(folder / name, (".csv",)) if _begins_so(path)]
    return _read(folder, tables, search) if tables else None


def read(path: Path, search: Search) -> Source:
    """The pictures beside or below a table that it speaks of.

    Raises
    ------
    UserError
        If the table is damaged, or none of its pictures is there.
    """
    return _read(path.parent, [path], search)


def _begins_so(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            start = stream.readline(1000).removeprefix(b"\xef\xbb\xbf").decode("ascii", "replace")
    except OSError:
        return False
    return all(name in start.strip().split(",") for name in NEEDED)


def _read(folder: Path, tables: list[Path], search: Search) -> Source:
    files = Files(folder, search.token)
    by_id: dict[str, str] = {place.rpartition("/")[2].rpartition(".")[0]: place for place in files.pictures()}
    names = _names(folder, files)
    boxes: dict[str, list[Box]] = {}
    labels: dict[str, dict[str, float]] = {}
    splits: dict[str, Split] = {}
    absent: set[str] = set()
    for path in tables:
        sheet = load(path)
        column = {name: number for number, name in enumerate(sheet.first)}
        boxed = all(name in column for name in EDGES)
        split = split_in(path.stem) or split_of(path.parent.relative_to(folder).as_posix())
        rows = sheet.rows()
        next(rows, None)
        for line, cells in rows:
            search.token.check()
            try:
                image, mid = cells[column["ImageID"]], cells[column["LabelName"]]
                if image not in by_id:
                    absent.add(image)
                    continue
                name = names.get(mid, mid)
                if boxed:
                    left, top, right, bottom = (float(cells[column[edge]]) for edge in EDGES)
                    boxes.setdefault(image, []).append(Box(name, left, top, right - left, bottom - top))
                else:
                    sure = float(cells[column["Confidence"]]) if "Confidence" in column else 1.0
                    if sure > 0:  # 0: a person saw that it is not there
                        labels.setdefault(image, {})[name] = sure
            except (IndexError, ValueError):
                raise UserError(f"{path.name} is damaged in line {line:,}.", "Get it anew from where it came.") from None
            splits[image] = split
    pictures = []
    for image, split in splits.items():
        ranked = sorted(labels.get(image, {}).items(), key=lambda pair: -pair[1])
        whole = tuple(Box(name, *WHOLE) for name, _ in ranked[:1] if search.boxes == "crops") or tuple(
            Box(name, 0.0, 0.0, 1.0, sure) for name, sure in ranked
        )
        pictures.append(Boxed(by_id[image], tuple(boxes.get(image, ())) or whole, split, fractions=True))
    warnings: list[str] = []
    if absent:
        which = "1 picture of the tables is" if len(absent) == 1 else f"{len(absent):,} pictures of the tables are"
        warnings.append(f"{which} not in the folder.")
    skipped: list[Skipped] = []
    found = rows_of(pictures, folder, search, skipped, warnings)
    if not found and not skipped:
        raise UserError(f"None of the {len(absent):,} pictures that {tables[0].name} names is in {folder}.", "Put the pictures beside it.")
    return source_of(folder.name, "OpenImages", folder, without_lonely_split(found), skipped, warnings)


def _names(folder: Path, files: Files) -> dict[str, str]:
    """What the MIDs mean."""
    names: dict[str, str] = {}
    for place in files.ending(".csv"):
        if DESCRIPTIONS in place.rpartition("/")[2]:
            names.update((cells[0], cells[1]) for _, cells in load(folder / place).rows() if len(cells) == 2 and cells[1])
    return names
