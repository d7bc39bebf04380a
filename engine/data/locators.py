"""Naming a picture by a string, wherever it lies.

"file:PATH" is a file, relative to a root folder or absolute; "digits:INDEX" is one of scikit-learn's 1,797 handwritten digits;
"KIND:PATH#INDEX" is one picture of a file that holds many, KIND being one of `engine.data.arrays.READERS`, such as "idx" for the raw
files of the MNIST family; "crop:PATH#left,top,width,height" is a part of a picture's file. Paths have forward slashes.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.data.arrays import READERS, read_array, read_idx
from engine.data.cropping import read_crop
from engine.data.decoding import Colour, Picture, UnreadablePicture, read_picture, to_working_size
from engine.data.preprocessing import WHITE, Preprocessing
from engine.failure import UserError

DIGITS = 1797

__all__ = [
    "array_locator",
    "array_of",
    "digits",
    "file_locator",
    "located_at_working_size",
    "parted",
    "path_of",
    "read_idx",
    "read_located",
]


def file_locator(path: Path, root: Path) -> str:
    """The locator of a file: relative where it lies below the root."""
    try:
        return f"file:{path.relative_to(root).as_posix()}"
    except ValueError:
        return f"file:{path.as_posix()}"


def parted(locator: str) -> tuple[str, str, str]:
    """Kind, place and number (of a cut-out: its box) of a locator; what the kind has not is empty.

    Examples
    --------
    >>> parted("idx:raw/t10k-images#17"), parted("file:a#b.png"), parted("digits:3")
    (('idx', 'raw/t10k-images', '17'), ('file', 'a#b.png', ''), ('digits', '', '3'))
    """
    kind, _, rest = locator.partition(":")
    if kind in READERS or kind == "crop":
        place, _, number = rest.rpartition("#")
        return kind, place, number
    return (kind, rest, "") if kind == "file" else (kind, "", rest)


def array_locator(kind: str, path: Path, root: Path) -> str:
    """The locator of a file of many pictures, but for the number, which follows its "#"."""
    return f"{kind}:{file_locator(path, root).removeprefix('file:')}#"


def path_of(locator: str, root: str | Path) -> Path | None:
    """The file that a locator needs; None for pictures that come with the program."""
    kind, place, _ = parted(locator)
    return Path(root, place) if kind in ("file", "crop") or kind in READERS else None


def read_located(locator: str, root: str | Path, ground: Colour = WHITE, towards: Preprocessing | None = None) -> Picture:
    """The picture that a locator names: uint8 height x width x 3; transparency lies on `ground`; `towards` as for `read_picture`.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    kind, place, number = parted(locator)
    if kind == "file":
        return read_picture(Path(root, place), ground=ground, towards=towards)
    if kind == "crop":
        return read_crop(Path(root, place), number, ground)
    if kind != "digits" and kind not in READERS:
        raise UnreadablePicture(locator, "has a name of an unknown kind")
    pictures = digits()[0] if kind == "digits" else _array_pictures(locator, root)
    if not number.isdecimal() or int(number) >= len(pictures):
        raise UnreadablePicture(locator, f"is not one of the {len(pictures):,} pictures there")
    picture = pictures[int(number)]
    return np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else np.array(picture, order="C")


def located_at_working_size(locator: str, root: str | Path, preprocessing: Preprocessing) -> Picture:
    """Stage A whole for the picture that a locator names: uint8 height x width x channels.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    return to_working_size(read_located(locator, root, preprocessing.ground, preprocessing), preprocessing)


def array_of(locators: Sequence[str], root: str | Path) -> Picture | None:
    """All pictures at once where they lie in arrays, uint8 [N, height, width, 1 or 3]; None where they are files, or not of one size."""
    if not locators or locators[0].startswith("file:"):
        return None
    sources: dict[str, list[int]] = {}
    numbers = np.zeros(len(locators), np.int64)
    for row, locator in enumerate(locators):
        source, _, number = locator.rpartition(":" if locator.startswith("digits:") else "#")
        if not number.isdecimal():
            return None
        numbers[row] = int(number)
        sources.setdefault(source, []).append(row)
    if len(sources) == 1 and locators[0].startswith("npy:") and (np.diff(numbers) == 1).all():
        stretch = _array_pictures(f"{next(iter(sources))}#", root)[numbers[0] : numbers[-1] + 1]  # mapped, and never held as a whole
        return None if len(stretch) < len(numbers) else stretch if stretch.ndim == 4 else stretch[:, :, :, None]
    result: Picture | None = None
    for source, rows in sources.items():
        if source != "digits" and parted(f"{source}#")[0] not in READERS:
            return None
        pictures = digits()[0] if source == "digits" else _array_pictures(f"{source}#", root)
        if int(numbers[rows].max()) >= len(pictures):
            return None
        shape = (*pictures.shape[1:3], pictures.shape[3] if pictures.ndim == 4 else 1)
        if result is None:
            result = np.empty((len(locators), *shape), np.uint8)
        if result.shape[1:] != shape:
            return None
        chosen = pictures[numbers[rows]]
        result[rows] = chosen if pictures.ndim == 4 else chosen[:, :, :, None]
    return result


@lru_cache(maxsize=1)
def digits() -> tuple[Picture, npt.NDArray[np.int64]]:
    """scikit-learn's digits: uint8 [1797, 8, 8], 0..16 scaled to 0..255, and labels int64 [1797].

    The file of the package is read directly: importing scikit-learn takes a second.
    """
    spec = find_spec("sklearn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            with gzip.open(file) as stream:
                table = np.loadtxt(stream, delimiter=",", dtype=np.float64)
            return _shaped(table[:, :64], table[:, 64])
    from sklearn.datasets import load_digits  # a layout of the package that is not known here

    bunch = load_digits()
    return _shaped(bunch.data, bunch.target)


def _shaped(values: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> tuple[Picture, npt.NDArray[np.int64]]:
    pictures = np.rint(values * (255.0 / 16.0)).astype(np.uint8).reshape(-1, 8, 8)
    return pictures, labels.astype(np.int64)


def _array_pictures(locator: str, root: str | Path) -> npt.NDArray[np.uint8]:
    """All pictures of the file that a locator names, uint8 [N, height, width] or [N, height, width, 3]."""
    kind, place, _ = parted(locator)
    try:
        pictures = read_array(kind, Path(root, place))
    except UserError as error:
        raise UnreadablePicture(locator, f"cannot be read: {error.message.rstrip('.')}") from None
    if pictures.ndim not in (3, 4):
        raise UnreadablePicture(locator, "lies in a file that holds no pictures")
    return pictures
