"""ImageNet-1k (ILSVRC 2012): folders named by WordNet numbers; names in the development kit, or in the list beside the pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.control import CancelToken
from engine.data.arrays import read_matlab
from engine.data.sources.names import hidden, natural
from engine.data.sources.published import Row, damaged, lines, of_files, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

PLACES = ("", "imagenet", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC")
KIT = ("ILSVRC2012_devkit_t12/data", "devkit/data")
NUMBER = re.compile(r"n\d{8}")


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder, where a file with the names of the classes is beside the pictures; else it is a folder of folders as any."""
    source = read(folder, "", token)
    return source if source is not None and not all(NUMBER.fullmatch(name) for name in source.classes) else None


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """Training pictures, and the validation pictures as test split: the labels of the true test pictures were never published."""
    place = next((folder / below for below in PLACES if _is_set(folder / below / "train") or _is_set(folder / below / "val")), None)
    if place is None:
        return None
    numbers = sorted({entry.name for part in ("train", "val") for entry in _folders(place / part)})
    named, ordered = _names(folder, place)
    rows: list[Row] = []
    warnings: tuple[str, ...] = ()
    index = {number: label for label, number in enumerate(numbers)}
    for part, split in (("train", Split.TRAIN), ("val", Split.TEST)):
        for entry in _folders(place / part):
            token.check()
            below = relative(entry, folder)
            pictures = sorted((item.name for item in entry.iterdir() if not hidden(item.name)), key=natural)
            rows.extend(Row(f"{below}/{picture}", index[entry.name], split) for picture in pictures)
    loose = sorted(entry.name for entry in (place / "val").glob("ILSVRC2012_val_*")) if (place / "val").is_dir() else []
    answers = _answers(place, folder)
    if loose and len(answers) == len(loose) and ordered:
        below = relative(place / "val", folder)
        rows.extend(
            Row(f"{below}/{name}", index.get(ordered.get(answer, ""), -1), Split.TEST) for name, answer in zip(loose, answers, strict=True)
        )
    elif loose:
        warnings = (f"{len(loose):,} validation pictures have no labels: ILSVRC2012_devkit_t12 belongs into {place}.",)
    return of_files("ImageNet-1k", folder, [named.get(number, number) for number in numbers], rows, warnings) if rows else None


def _is_set(place: Path) -> bool:
    return place.is_dir() and next(_folders(place), None) is not None


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from (entry for entry in place.iterdir() if NUMBER.fullmatch(entry.name) and entry.is_dir())


def _names(folder: Path, place: Path) -> tuple[dict[str, str], dict[int, str]]:
    """Names by WordNet number, made unlike where two classes share one; and WordNet numbers by the kit's own numbers."""
    named: dict[str, str] = {}
    ordered: dict[int, str] = {}
    kit = next((base / below / "meta.mat" for base in (place, folder) for below in KIT if (base / below / "meta.mat").is_file()), None)
    listed = next((base / "LOC_synset_mapping.txt" for base in (folder, place) if (base / "LOC_synset_mapping.txt").is_file()), None)
    if kit is not None:
        table = np.asarray(read_matlab(kit, simple=True).get("synsets", ())).ravel()
        if table.dtype.names is None or not {"ILSVRC2012_ID", "WNID", "words", "num_children"} <= set(table.dtype.names):
            raise damaged(kit, "it holds no classes")
        for row in table[table["num_children"] == 0]:
            named[str(row["WNID"])] = str(row["words"]).split(",")[0]
            ordered[int(row["ILSVRC2012_ID"])] = str(row["WNID"])
    elif listed is not None:
        named = {words[0]: " ".join(words[1:]).split(",")[0] for words in lines(listed)}
    taken: dict[str, int] = {}
    for name in named.values():
        taken[name] = taken.get(name, 0) + 1
    return {number: f"{name} ({number})" if taken[name] > 1 else name for number, name in named.items()}, ordered


def _answers(place: Path, folder: Path) -> list[int]:
    name = "ILSVRC2012_validation_ground_truth.txt"
    file = next((base / below / name for base in (place, folder) for below in KIT if (base / below / name).is_file()), None)
    return [] if file is None else [int(words[0]) for words in lines(file) if words[0].isdecimal()]
