"""STL-10: 13,000 labelled pictures and 100,000 without labels, in binary files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.control import CancelToken
from engine.data.arrays import read_array
from engine.data.sources.published import Part, byte_labels, of_arrays, place_of, titles
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The labelled part in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """`option` "unlabelled" takes the pictures without labels as well."""
    place = place_of(folder, "stl10_binary", "train_X.bin") or place_of(folder, "stl10_binary", "test_X.bin")
    if place is None:
        return None
    parts = []
    for name, split in (("train", Split.TRAIN), ("test", Split.TEST)):
        pictures, labels = place / f"{name}_X.bin", place / f"{name}_y.bin"
        if pictures.is_file() and labels.is_file():
            parts.append(Part("stl", pictures, byte_labels(np.frombuffer(labels.read_bytes(), np.uint8), 1), split, name))
    more = place / "unlabeled_X.bin"
    if option == "unlabelled" and more.is_file():
        parts.append(Part("stl", more, np.full(len(read_array("stl", more)), -1, np.int64), Split.NONE, "unlabelled"))
    names = titles(place / "class_names.txt") if (place / "class_names.txt").is_file() else CLASSES
    return of_arrays("STL-10", folder, names, parts) if parts else None
