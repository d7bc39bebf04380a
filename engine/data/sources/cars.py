"""Stanford Cars: photographs in two folders, makes and models in MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.control import CancelToken
from engine.data.arrays import read_matlab
from engine.data.sources.published import Row, damaged, of_files, place_of, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

PARTS = (
    (("devkit/cars_train_annos.mat",), "cars_train", Split.TRAIN),
    (("cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"), "cars_test", Split.TEST),
)


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """Training pictures, and test pictures where the file with their labels is there."""
    place = place_of(folder, "stanford_cars", "devkit/cars_meta.mat")
    if place is None:
        return None
    names = np.asarray(read_matlab(place / "devkit" / "cars_meta.mat", simple=True).get("class_names", ())).ravel()
    rows: list[Row] = []
    warnings = []
    for files, pictures, split in PARTS:
        annotated = next((place / name for name in files if (place / name).is_file()), None)
        if annotated is None or not (place / pictures).is_dir():
            warnings.append(f"{split.name.capitalize()} pictures were not found: {pictures} and {files[0]} belong into {place}.")
            continue
        below = relative(place / pictures, folder)
        table = np.asarray(read_matlab(annotated, simple=True).get("annotations", ())).ravel()
        if table.dtype.names is None or not {"fname", "class"} <= set(table.dtype.names):
            raise damaged(annotated, "it holds no labels")
        rows.extend(Row(f"{below}/{name}", int(label) - 1, split) for name, label in zip(table["fname"], table["class"], strict=True))
    return of_files("Stanford Cars", folder, [str(name) for name in names], rows, tuple(warnings)) if rows else None
