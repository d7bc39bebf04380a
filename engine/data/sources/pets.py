"""Oxford-IIIT Pets: photographs in one folder, breeds in text files."""

from __future__ import annotations

from pathlib import Path

from engine.control import CancelToken
from engine.data.sources.published import Row, damaged, lines, of_files, place_of, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

SPLITS = (("trainval", Split.TRAIN), ("test", Split.TEST))


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """37 breeds of cats and dogs."""
    place = place_of(folder, "oxford-iiit-pet", "annotations/trainval.txt")
    if place is None:
        return None
    pictures = relative(place / "images", folder)
    names: dict[int, str] = {}
    rows = []
    for part, split in SPLITS:
        file = place / "annotations" / f"{part}.txt"
        for words in lines(file):
            if words[0].startswith("#"):
                continue
            if len(words) < 2 or not words[1].isdecimal() or not 1 <= int(words[1]) <= 100:
                raise damaged(file, f'"{" ".join(words)}" is no picture and its class')
            label = int(words[1]) - 1
            names.setdefault(label, words[0].rpartition("_")[0].replace("_", " ").title())
            rows.append(Row(f"{pictures}/{words[0]}.jpg", label, split))
    classes = [names.get(label, str(label + 1)) for label in range(max(names, default=-1) + 1)]
    return of_files("Oxford-IIIT Pets", folder, classes, rows)
