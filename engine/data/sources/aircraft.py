"""FGVC Aircraft: photographs in one folder, variants, families or makers in text files."""

from __future__ import annotations

from pathlib import Path

from engine.control import CancelToken
from engine.data.sources.published import Row, damaged, lines, of_files, place_of, relative, titles
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

LEVELS = {"variant": "variants", "family": "families", "manufacturer": "manufacturers"}
SPLITS = (("train", Split.TRAIN), ("val", Split.VALIDATION), ("test", Split.TEST))


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder, by its 100 variants."""
    return read(folder, "variant", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """`option`: a key of LEVELS."""
    place = place_of(folder, "fgvc-aircraft-2013b/data", "data", "images_variant_train.txt")
    if place is None:
        return None
    classes = titles(place / f"{LEVELS[option]}.txt")
    index = {name: number for number, name in enumerate(classes)}
    pictures = relative(place / "images", folder)
    rows = []
    for part, split in SPLITS:
        file = place / f"images_{option}_{part}.txt"
        for words in lines(file):
            name = " ".join(words[1:])
            if name not in index:
                raise damaged(file, f'it names a class "{name}" that is not listed')
            rows.append(Row(f"{pictures}/{words[0]}.jpg", index[name], split))
    return of_files("FGVC Aircraft", folder, classes, rows)
