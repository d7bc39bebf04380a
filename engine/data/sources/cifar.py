"""CIFAR-10 and CIFAR-100, in the version for Python (pickles, read without running anything) and in the binary one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.control import CancelToken
from engine.data.arrays import cifar_records, read_batch
from engine.data.sources.published import Part, byte_labels, damaged, of_arrays, place_of, titles
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

BATCHES = (*((f"data_batch_{number}", Split.TRAIN) for number in range(1, 6)), ("test_batch", Split.TEST))
HUNDRED = (("train", Split.TRAIN), ("test", Split.TEST))


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """Either set in a folder; CIFAR-100 with its 100 classes."""
    return read_10(folder, "", token) or read_100(folder, "fine", token)


def read_10(folder: Path, option: str, token: CancelToken) -> Source | None:
    """CIFAR-10."""
    place = place_of(folder, "cifar-10-batches-py", "batches.meta")
    if place is not None and (place / "test_batch").is_file():
        names = tuple(str(name) for name in _value(place / "batches.meta", "label_names", list))
        return of_arrays("CIFAR-10", folder, names, _pickled(place, BATCHES, "labels", token))
    place = place_of(folder, "cifar-10-batches-bin", "batches.meta.txt")
    if place is None:
        return None
    files = [(place / f"{name}.bin", split) for name, split in BATCHES]
    parts = [_binary(path, split, "cifar10", 1, 0) for path, split in files if path.is_file()]
    return of_arrays("CIFAR-10", folder, titles(place / "batches.meta.txt"), parts) if parts else None


def read_100(folder: Path, option: str, token: CancelToken) -> Source | None:
    """CIFAR-100. `option`: "fine" for 100 classes, "coarse" for the 20 that they belong to."""
    place = place_of(folder, "cifar-100-python", "meta")
    if place is not None and (place / "train").is_file():
        names = tuple(str(name) for name in _value(place / "meta", f"{option}_label_names", list))
        return of_arrays(_title(option), folder, names, _pickled(place, HUNDRED, f"{option}_labels", token))
    place = place_of(folder, "cifar-100-binary", "fine_label_names.txt")
    if place is None:
        return None
    files = [(place / f"{name}.bin", split) for name, split in HUNDRED]
    parts = [_binary(path, split, "cifar100", 2, int(option == "fine")) for path, split in files if path.is_file()]
    return of_arrays(_title(option), folder, titles(place / f"{option}_label_names.txt"), parts) if parts else None


def _title(option: str) -> str:
    return "CIFAR-100" if option == "fine" else "CIFAR-100, 20 classes"


def _pickled(place: Path, files: tuple[tuple[str, Split], ...], key: str, token: CancelToken) -> list[Part]:
    parts = []
    for name, split in files:
        token.check()
        path = place / name
        if path.is_file():
            labels = _value(path, key, list)
            if not all(isinstance(label, int) for label in labels):
                raise damaged(path, "its labels are no numbers")
            parts.append(Part("cifar", path, np.array(labels, np.int64), split, name.replace("_", " ")))
    return parts


def _binary(path: Path, split: Split, kind: str, labels: int, column: int) -> Part:
    try:
        records = cifar_records(path, labels)
    except ValueError as error:
        raise damaged(path, str(error)) from None
    return Part(kind, path, byte_labels(records[:, column]), split, path.stem.replace("_", " "))


def _value(path: Path, key: str, kind: type) -> Any:
    value = read_batch(path).get(key)
    if not isinstance(value, kind):
        raise damaged(path, f'it holds no "{key}"')
    return value
