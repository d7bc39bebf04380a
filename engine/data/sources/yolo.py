"""YOLO folders (docs.ultralytics.com/datasets/detect): a text file a picture, a line a box: class, centre, width, height as fractions.

The text lies beside the picture, or in labels/ where the picture lies in images/. Classes are named by a YAML file or a list; where
neither is there, by their numbers.
"""

from __future__ import annotations

import math
import os
import re
from itertools import islice
from pathlib import Path

import msgspec

from engine.data.sources import plain_yaml
from engine.data.sources.boxes import Box, Boxed, rows_of
from engine.data.sources.files import Files, ending_with
from engine.data.sources.labelled import Row, source_of, split_of, without_lonely_split
from engine.data.sources.names import PICTURE_ENDINGS, hidden
from engine.data.sources.plain_yaml import Value
from engine.data.sources.records import SPLIT_NAMES, Search, Source
from engine.failure import UserError
from engine.project.records import Skipped, Split

YAML = (".yaml", ".yml")
LISTS = ("classes.txt", "obj.names", "_darknet.labels")
PARTS = (("train", Split.TRAIN), ("val", Split.VALIDATION), ("valid", Split.VALIDATION), ("test", Split.TEST))
LINE = re.compile(r"\s*(\d+)((?:\s+-?\d*\.?\d+(?:[eE][-+]?\d+)?){4,})\s*", re.ASCII)
SAMPLE = 20
BYTE_LIMIT = 10_000_000


class Description(msgspec.Struct, frozen=True):
    """Names of the classes (empty: their numbers), and what the YAML file says of each split."""

    classes: dict[int, str]
    places: dict[Split, list[str]]


def find(folder: Path, search: Search) -> Source | None:
    """The pictures of a YOLO folder; None where it is none."""
    described = [path for path in ending_with(folder, YAML) if _describes(path)]
    if described:
        found = _read(folder, _description(described[0]), search)
        return found if found.classes else None  # settings of something else, beside pictures
    places = (folder, *(folder / name for name in SPLIT_NAMES))
    parallel = any((place / "labels").is_dir() and (place / "images").is_dir() for place in places)
    if parallel and _sample_is_so(sorted(islice(folder.rglob("labels/**/*.txt"), SAMPLE))):
        return _read(folder, _listed(folder), search)
    return _read(folder, _listed(folder), search) if _sample_is_so(_beside(folder)) else None


def read(path: Path, search: Search) -> Source:
    """The pictures that a YAML file describes.

    Raises
    ------
    UserError
        If it describes none.
    """
    if not _describes(path):
        raise UserError(
            f'{path.name} describes no pictures: it has no "names" with "train" or "val".', "Choose the folder of the pictures."
        )
    return _read(path.parent, _description(path), search)


def boxes_in(text: str, classes: dict[int, str]) -> tuple[Box, ...]:
    """The boxes of a text file, in fractions of the picture; outlines (more than five numbers) become the box around them.

    Raises
    ------
    ValueError
        With a clause.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"holds no box in line {number:,}")
        kind, values = int(found[1]), [float(word) for word in found[2].split()]
        name = classes.get(kind, "") if classes else str(kind)
        if not name:
            raise ValueError(f"has class {kind} in line {number:,}, but there are names of {len(classes):,} classes only")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"holds no box in line {number:,}")
        if len(values) >= 6 and len(values) % 2 == 0:
            left, top, right, bottom = min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])
            boxes.append(Box(name, left, top, right - left, bottom - top))
        else:
            x, y, width, height = values[:4]
            boxes.append(Box(name, x - width / 2, y - height / 2, width, height))
    return tuple(boxes)


def _read(folder: Path, description: Description, search: Search) -> Source:
    files = Files(folder, search.token)
    splits = _splits(folder, description, files)
    pictures: list[Boxed] = []
    skipped: list[Skipped] = []
    places = files.pictures()
    for number, place in enumerate(places):
        search.tell(number, len(places))
        text = _text_of(place, files)
        try:
            boxes = boxes_in(_content(folder / text), description.classes) if text else ()
        except ValueError as error:
            skipped.append(Skipped(place, f"has annotations that cannot be read: {text} {error}"))
            continue
        pictures.append(Boxed(place, boxes, splits.get(place, Split.NONE), fractions=True))
    warnings: list[str] = []
    rows: list[Row] = rows_of(pictures, folder, search, skipped, warnings)
    return source_of(folder.name, "YOLO", folder, without_lonely_split(rows), skipped, warnings, _order(description, rows))


def _order(description: Description, rows: list[Row]) -> list[str]:
    named = [description.classes[number] for number in sorted(description.classes)]
    return named or sorted({row.class_name for row in rows if row.class_name}, key=int)


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > BYTE_LIMIT:
            raise ValueError(f"has more than {BYTE_LIMIT // 1_000_000} MB")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ValueError("cannot be read") from None


def _text_of(place: str, files: Files) -> str | None:
    """The text file of a picture."""
    stem = place.rpartition(".")[0]
    parts = f"/{stem}".split("/")
    if "images" in parts[:-1]:
        at = max(number for number, part in enumerate(parts[:-1]) if part == "images")
        other = "/".join([*parts[1:at], "labels", *parts[at + 1 :]])
        if f"{other}.txt" in files:
            return f"{other}.txt"
    return f"{stem}.txt" if f"{stem}.txt" in files else None


# ---------------------------------------------------------------- names and splits


def _describes(path: Path) -> bool:
    try:
        values = plain_yaml.parse(_content(path))
    except ValueError:
        return False
    return bool(values.get("names")) and any(key in values for key in ("train", "val", "test", "path"))


def _description(path: Path) -> Description:
    values = plain_yaml.parse(_content(path))
    names = values["names"]
    if isinstance(names, dict):
        classes = {int(key): name for key, name in names.items() if key.isdecimal()}
    else:
        classes = dict(enumerate(names if isinstance(names, list) else [names]))
    base = values.get("path", "")
    places: dict[Split, list[str]] = {}
    for key, split in PARTS:
        for entry in _several(values.get(key, [])):
            places.setdefault(split, []).append(os.path.join(base, entry) if isinstance(base, str) else entry)
    return Description(classes, places)


def _several(value: Value) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _listed(folder: Path) -> Description:
    """Names in a list, a line a class."""
    for place in (folder, folder / "labels", folder / "train"):
        for name in LISTS:
            try:
                lines = _content(place / name).splitlines()
            except ValueError:
                continue
            return Description({number: line.strip() for number, line in enumerate(lines) if line.strip()}, {})
    return Description({}, {})


def _splits(folder: Path, description: Description, files: Files) -> dict[str, Split]:
    """The split of each picture: as the YAML file says where its folders or lists are there, else by the names of folders."""
    splits: dict[str, Split] = {}
    pictures = files.pictures()
    for split, entries in description.places.items():
        for entry in entries:
            # such files often speak of a folder above that was there when they were made
            for below in (os.path.relpath(os.path.join(folder, entry), folder), re.sub(r"^(\.\./)+", "", entry.replace("\\", "/"))):
                place = below.replace(os.sep, "/")
                if place.startswith("..") or place in ("", "."):
                    continue
                if place.endswith(".txt") and place in files:
                    lines = (folder / place).read_text("utf-8", "replace").split("\n")
                    found = [files.find(re.sub(r"^.*?(?=images/)", "", line.strip())) for line in lines if line.strip()]
                    splits.update({picture: split for picture in found if picture is not None})
                    break
                inside = [picture for picture in pictures if picture.startswith(f"{place.rstrip('/')}/")]
                if inside:
                    splits.update(dict.fromkeys(inside, split))
                    break
    if splits:
        return splits
    return {picture: split_of(picture) for picture in pictures}


# ---------------------------------------------------------------- whether it is so


def _beside(folder: Path) -> list[Path]:
    """Some text files that bear the names of pictures beside them."""
    texts, stems = [], set()
    with os.scandir(folder) as entries:
        for entry in entries:
            stem, _, ending = entry.name.rpartition(".")
            if hidden(entry.name):
                continue
            if ending.casefold() == "txt":
                texts.append(stem)
            elif ending.casefold() in PICTURE_ENDINGS:
                stems.add(stem)
    return [folder / f"{stem}.txt" for stem in sorted(texts) if stem in stems][:SAMPLE]


def _sample_is_so(texts: list[Path]) -> bool:
    """Whether these files hold boxes: all that are not empty, and one at least."""
    boxes = 0
    for path in texts:
        if path.name in LISTS:
            continue
        try:
            boxes += len(boxes_in(_content(path), {}))
        except ValueError:
            return False
    return boxes > 0
