"""Flowers-102: photographs in one folder, classes and splits in MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.control import CancelToken
from engine.data.arrays import read_matlab
from engine.data.sources.flower_names import FLOWERS
from engine.data.sources.published import Row, damaged, of_files, place_of, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

SPLITS = (("trnid", Split.TRAIN), ("valid", Split.VALIDATION), ("tstid", Split.TEST))


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """All 8,189 pictures with the authors' splits."""
    place = place_of(folder, "flowers-102", "imagelabels.mat")
    if place is None or not (place / "setid.mat").is_file():
        return None
    pictures = relative(place / "jpg", folder)
    labels = np.asarray(read_matlab(place / "imagelabels.mat", simple=True).get("labels", ())).ravel()
    parts = read_matlab(place / "setid.mat", simple=True)
    rows = []
    for key, split in SPLITS:
        for number in np.asarray(parts.get(key, ())).ravel().tolist():
            if not 1 <= number <= len(labels):
                raise damaged(place / "setid.mat", f"it names picture {number} of {len(labels)}")
            rows.append(Row(f"{pictures}/image_{number:05d}.jpg", int(labels[number - 1]) - 1, split))
    return of_files("Flowers-102", folder, FLOWERS, rows)
