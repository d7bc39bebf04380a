"""Pictures with boxes: one label a picture, or one cut-out a box."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.data.decoding import read_header
from engine.data.sources.labelled import Row
from engine.data.sources.records import Search
from engine.data.unreadable import UnreadablePicture
from engine.project.records import Skipped, Split


class Box(NamedTuple):
    """A class and where it is, in pixels of the upright picture or in fractions of it. WHOLE is the whole picture, whatever its size."""

    class_name: str
    left: float
    top: float
    width: float
    height: float


WHOLE = (0.0, 0.0, math.inf, math.inf)


class Boxed(msgspec.Struct, frozen=True):
    """A picture and its boxes; `fractions`: the boxes are in fractions of its width and height. `place` is relative to a root."""

    place: str
    boxes: tuple[Box, ...]
    split: Split = Split.NONE
    fractions: bool = False


def rows_of(pictures: list[Boxed], root: Path, search: Search, skipped: list[Skipped], warnings: list[str]) -> list[Row]:
    """Rows of a source, as `search.boxes` asks; what gives none is added to `skipped` and `warnings`."""
    rows: list[Row] = []
    several = bare = boxed = 0
    for number, picture in enumerate(pictures):
        search.tell(number, len(pictures))
        path = root / picture.place
        if search.boxes == "crops":
            bare += not picture.boxes
            rows.extend(_crops(picture, path, skipped))
            continue
        fault = search.fault(path)
        if fault is not None:
            skipped.append(Skipped(picture.place, fault))
            continue
        label, many = main_class(picture.boxes)
        several += many
        boxed += any(math.isfinite(box.width) for box in picture.boxes)
        rows.append(Row(f"file:{picture.place}", label, picture.split, path.name))
    search.boxed.append(boxed)
    if several:
        which = "1 picture shows" if several == 1 else f"{several:,} pictures show"
        warnings.append(f"{which} more than one class, and got the label of the one with the largest area; cut-outs keep all.")
    if bare:
        warnings.append("1 picture without a box gave no cut-out." if bare == 1 else f"{bare:,} pictures without boxes gave no cut-out.")
    return rows


def main_class(boxes: Iterable[Box]) -> tuple[str, bool]:
    """The class with the largest summed area, the first on a tie, empty without boxes; and whether there are others."""
    areas: dict[str, float] = {}
    for box in boxes:
        areas[box.class_name] = areas.get(box.class_name, 0.0) + max(0.0, box.width) * max(0.0, box.height)
    return (max(areas, key=areas.__getitem__), len(areas) > 1) if areas else ("", False)


def _crops(picture: Boxed, path: Path, skipped: list[Skipped]) -> list[Row]:
    try:
        header = read_header(path)
    except UnreadablePicture as error:
        skipped.append(Skipped(picture.place, error.reason))
        return []
    rows = []
    for number, box in enumerate(picture.boxes, 1):
        shown = f"{picture.place}, box {number} ({box.class_name})"
        part = cut(box, header.width, header.height, picture.fractions)
        if isinstance(part, str):
            skipped.append(Skipped(shown, part))
        elif part == (0, 0, header.width, header.height):
            rows.append(Row(f"file:{picture.place}", box.class_name, picture.split, path.name))
        else:
            locator = f"crop:{picture.place}#{','.join(map(str, part))}"
            rows.append(Row(locator, box.class_name, picture.split, f"{path.stem} {number}{path.suffix}"))
    return rows


def cut(box: Box, width: int, height: int, fractions: bool) -> tuple[int, int, int, int] | str:
    """Left, top, width and height in whole pixels inside a picture of this size; or, as a clause, why there are none."""
    x, y = (width, height) if fractions and box.width != math.inf else (1, 1)
    left, top, right, bottom = box.left * x, box.top * y, (box.left + box.width) * x, (box.top + box.height) * y
    if any(map(math.isnan, (left, top, right, bottom))) or right - left <= 0 or bottom - top <= 0:
        return "has no area"
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        return f"lies outside the picture of {width} × {height} pixels"
    x0, y0 = max(0, round(left)), max(0, round(top))
    x1, y1 = (edge if end >= edge else round(end) for end, edge in ((right, width), (bottom, height)))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return "is smaller than a pixel"
    return x0, y0, x1 - x0, y1 - y0
