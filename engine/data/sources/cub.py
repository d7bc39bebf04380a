"""CUB-200-2011: a folder a species of bird, labels and splits in text files."""

from __future__ import annotations

from pathlib import Path

from engine.control import CancelToken
from engine.data.sources.published import Row, damaged, lines, of_files, place_of, relative
from engine.data.sources.records import Progress, Source
from engine.project.records import Split


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The set in a folder."""
    return read(folder, "", token)


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """200 species; the authors' division into training and test."""
    place = place_of(folder, "CUB_200_2011", "image_class_labels.txt")
    if place is None:
        return None
    pictures = relative(place / "images", folder)
    names = {label: name.partition(".")[2].replace("_", " ") or name for label, name in _numbered(place / "classes.txt").items()}
    labels, training = _numbered(place / "image_class_labels.txt"), _numbered(place / "train_test_split.txt")
    order = sorted(names, key=lambda label: int(label) if label.isdecimal() else 0)
    index = {label: number for number, label in enumerate(order)}
    rows = [
        Row(f"{pictures}/{path}", index.get(labels.get(number, ""), -1), Split.TRAIN if training.get(number) == "1" else Split.TEST)
        for number, path in _numbered(place / "images.txt").items()
    ]
    return of_files("CUB-200-2011", folder, [names[label] for label in order], rows)


def _numbered(file: Path) -> dict[str, str]:
    """Lines of a number and a word."""
    table = {}
    for words in lines(file):
        if len(words) != 2 or not words[0].isdecimal():
            raise damaged(file, f'"{" ".join(words)}" is no number and a word')
        table[words[0]] = words[1]
    return table
