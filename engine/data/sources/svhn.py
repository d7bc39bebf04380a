"""SVHN, Street View House Numbers: single digits, cropped, in MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.control import CancelToken
from engine.data.arrays import read_matlab
from engine.data.sources.published import Part, damaged, of_arrays, place_of
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

FILES = (("train", Split.TRAIN), ("test", Split.TEST))
EXTRA = (("extra", Split.TRAIN),)


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """Training and test files in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """`option` "extra" takes the 531,131 easier pictures as well. The authors label the digit 0 with 10."""
    place = place_of(folder, "svhn", "SVHN", "test_32x32.mat") or place_of(folder, "svhn", "SVHN", "train_32x32.mat")
    if place is None:
        return None
    parts = []
    for name, split in (*FILES, *EXTRA) if option == "extra" else FILES:
        token.check()
        path = place / f"{name}_32x32.mat"
        if path.is_file():
            labels = read_matlab(path, names=("y",)).get("y")
            if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "uif":
                raise damaged(path, "it holds no labels")
            parts.append(Part("svhn", path, labels.astype(np.int64).ravel() % 10, split, name))
    return of_arrays("SVHN", folder, tuple("0123456789"), parts)
