"""MNIST, Fashion-MNIST, KMNIST and the six divisions of EMNIST: IDX files, packed or not."""

from __future__ import annotations

import string
from pathlib import Path

from engine.control import CancelToken
from engine.data.arrays import read_idx
from engine.data.sources.published import Part, byte_labels, first_of, lines, of_arrays
from engine.data.sources.records import Progress, Source
from engine.project.records import Split

FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
DIGITS = tuple(string.digits)
# Letters whose capital and small forms look alike are one class in EMNIST's merged divisions (Cohen et al. 2017, section II).
LIKE_CAPITALS = frozenset("cijklmopsuvwxyz")
MERGED = tuple(letter for letter in (*DIGITS, *string.ascii_uppercase, *string.ascii_lowercase) if letter not in LIKE_CAPITALS)
EMNIST = {
    "balanced": MERGED,
    "letters": ("N/A", *string.ascii_lowercase),  # its labels count from 1
    "digits": DIGITS,
    "byclass": (*DIGITS, *string.ascii_uppercase, *string.ascii_lowercase),
    "bymerge": MERGED,
    "mnist": DIGITS,
}
FAMILY = {"MNIST": DIGITS, "FashionMNIST": FASHION, "KMNIST": KUZUSHIJI}


def read(folder: Path, option: str, token: CancelToken) -> Source | None:
    """MNIST and its likes. `option`: name of the folder, as in FAMILY."""
    for place in (folder / option / "raw", folder / option, folder / "raw", folder):
        parts = _parts(place, "idx", (("train", "train", Split.TRAIN), ("t10k", "test", Split.TEST)))
        if parts:
            return of_arrays(option, folder, FAMILY[option], parts)
    return None


def read_emnist(folder: Path, option: str, token: CancelToken) -> Source | None:
    """A division of EMNIST, as in EMNIST."""
    for place in _emnist_places(folder):
        names = ((f"emnist-{option}-train", "train", Split.TRAIN), (f"emnist-{option}-test", "test", Split.TEST))
        parts = _parts(place, "emnist", names)
        if parts:
            return of_arrays(f"EMNIST {option}", folder, _names(place, option), parts)
    return None


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """EMNIST in a folder: the balanced division where there are several."""
    there = [name for name in EMNIST if any(first_of(place, *_files(f"emnist-{name}-train", "images")) for place in _emnist_places(folder))]
    return read_emnist(folder, there[0], token) if there else None


def _emnist_places(folder: Path) -> tuple[Path, ...]:
    below = ("EMNIST/raw", "EMNIST/raw/gzip", "raw", "raw/gzip", "gzip")
    return (*(folder / name for name in below), folder)


def _names(place: Path, option: str) -> tuple[str, ...]:
    """By the mapping that comes with the division (label, code of the capital, code of the small letter), where it is there."""
    mapping = first_of(place, f"emnist-{option}-mapping.txt")
    if mapping is None:
        return EMNIST[option]
    rows = [words for words in lines(mapping) if len(words) >= 2 and all(word.isdecimal() for word in words)]
    codes = {int(words[0]): int(words[2] if option == "letters" and len(words) > 2 else words[1]) for words in rows}
    if not codes or max(codes) > 100 or not all(33 <= code < 127 for code in codes.values()):
        return EMNIST[option]
    return tuple(chr(codes[label]) if label in codes else "N/A" for label in range(max(codes) + 1))


def _parts(place: Path, kind: str, names: tuple[tuple[str, str, Split], ...]) -> list[Part]:
    parts = []
    for start, word, split in names:
        pictures, labels = first_of(place, *_files(start, "images")), first_of(place, *_files(start, "labels"))
        if pictures is not None and labels is not None:
            parts.append(Part(kind, pictures, byte_labels(read_idx(labels)), split, word))
    return parts


def _files(start: str, what: str) -> tuple[str, ...]:
    kind = "idx3" if what == "images" else "idx1"
    return (f"{start}-{what}-{kind}-ubyte", f"{start}-{what}.{kind}-ubyte", f"{start}-{what}-{kind}-ubyte.gz")
