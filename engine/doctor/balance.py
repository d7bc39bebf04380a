"""Findings about classes: unequal ones, and those with too few pictures."""

from __future__ import annotations

import numpy as np

from engine.doctor.material import Material
from engine.doctor.words import finding, mend
from engine.project.findings import Finding, Group

UNEQUAL = 3.0  # times the pictures of the smallest class
FEW = 10


def findings(material: Material) -> list[Finding]:
    """Imbalance and classes with few pictures; nothing below two classes with pictures."""
    counts = np.bincount(material.labels[material.labels >= 0], minlength=len(material.classes))
    present = np.flatnonzero(counts)
    if not len(present):
        return []
    found = [_imbalance(material, counts, present), _few(material, counts, present)]
    return [one for one in found if one is not None]


def _imbalance(material: Material, counts: np.ndarray, present: np.ndarray) -> Finding | None:
    smallest, largest = present[counts[present].argmin()], present[counts[present].argmax()]
    ratio = counts[largest] / counts[smallest]
    if ratio <= UNEQUAL:
        return None
    words = (
        f'"{material.classes[largest]}" has {counts[largest]:,} pictures, "{material.classes[smallest]}" has {counts[smallest]:,}: '
        f"{ratio:.3g} times as many"
    )
    return finding(
        "imbalance",
        "warning",
        "Classes differ in size",
        "A network learns to prefer what it sees most. Add pictures of the small classes, or let the next training make up for it.",
        [Group((), words, None, float(1 - 1 / ratio))],
        (mend("class-weights"), mend("balanced-sampling")),
    )


def _few(material: Material, counts: np.ndarray, present: np.ndarray) -> Finding | None:
    scarce = [int(label) for label in present if counts[label] < FEW]
    words = {1: "1 picture"}
    groups = [
        Group(
            (), f'"{material.classes[label]}": {words.get(int(counts[label]), f"{counts[label]} pictures")}', None, 1 - counts[label] / FEW
        )
        for label in scarce
    ]
    title = "1 class has few pictures" if len(scarce) == 1 else f"{len(scarce):,} classes have few pictures"
    text = f"Below {FEW} pictures a class can hardly be learned, and what is measured of it is chance. Add some, or merge classes."
    return finding("few", "warning", title, text, groups)
