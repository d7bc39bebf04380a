"""Food-101: a folder a dish, splits in JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.control import CancelToken
from engine.data.sources.published import Row, damaged, missing, of_files, place_of, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

SPLITS = (("train", Split.TRAIN), ("test", Split.TEST))


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """101 dishes, 750 training and 250 test pictures each."""
    place = place_of(folder, "food-101", "meta/train.json")
    if place is None or not (place / "images").is_dir():
        return None
    pictures = relative(place / "images", folder)
    parts = [(_listed(place / "meta" / f"{part}.json"), split) for part, split in SPLITS]
    dishes = sorted({dish for listed, _ in parts for dish in listed})
    index = {dish: label for label, dish in enumerate(dishes)}
    rows = [
        Row(f"{pictures}/{name}.jpg", index[dish], split) for listed, split in parts for dish, names in listed.items() for name in names
    ]
    return of_files("Food-101", folder, [dish.replace("_", " ") for dish in dishes], rows)


def _listed(file: Path) -> dict[str, list[str]]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
    except FileNotFoundError:
        raise missing(file) from None
    except msgspec.DecodeError as error:
        raise damaged(file, str(error)) from None
