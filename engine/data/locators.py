"""Naming a picture by a string, wherever it lies.

"file:PATH" is a file, relative to a root folder or absolute; "digits:INDEX" is one of scikit-learn's 1,797 handwritten digits;
"idx:PATH#INDEX" is one picture of a raw file of the MNIST family. Paths have forward slashes.
"""

from __future__ import annotations

import gzip
import io
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.data.decoding import Colour, Picture, UnreadablePicture, read_picture, to_working_size
from engine.data.preprocessing import WHITE, Preprocessing
from engine.failure import UserError

DIGITS = 1797
KEPT_FILES = 4
IDX_BYTE_LIMIT = 4_000_000_000


def file_locator(path: Path, root: Path) -> str:
    """The locator of a file: relative where it lies below the root."""
    try:
        return f"file:{path.relative_to(root).as_posix()}"
    except ValueError:
        return f"file:{path.as_posix()}"


def path_of(locator: str, root: str | Path) -> Path | None:
    """The file that a locator needs; None for pictures that come with the program."""
    kind, _, rest = locator.partition(":")
    if kind == "file":
        return Path(root, rest)
    if kind == "idx":
        return Path(root, rest.rsplit("#", 1)[0])
    return None


def read_located(locator: str, root: str | Path, ground: Colour = WHITE) -> Picture:
    """The picture that a locator names: uint8 height x width x 3; transparency lies on `ground`.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    kind, _, rest = locator.partition(":")
    if kind == "file":
        return read_picture(Path(root, rest), ground=ground)
    if kind not in ("digits", "idx"):
        raise UnreadablePicture(locator, "has a name of an unknown kind")
    number = rest.rsplit("#", 1)[-1]
    pictures = digits()[0] if kind == "digits" else _idx_pictures(locator, root)
    if not number.isdecimal() or int(number) >= len(pictures):
        raise UnreadablePicture(locator, f"is not one of the {len(pictures):,} pictures there")
    return np.repeat(pictures[int(number)][:, :, None], 3, axis=2)


def located_at_working_size(locator: str, root: str | Path, preprocessing: Preprocessing) -> Picture:
    """Stage A whole for the picture that a locator names: uint8 height x width x channels.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    return to_working_size(read_located(locator, root, preprocessing.ground), preprocessing)


def array_of(locators: Sequence[str], root: str | Path) -> Picture | None:
    """All pictures at once where they lie in one array, uint8 [N, height, width, 1]; None where they are files or mixed."""
    if not locators or locators[0].startswith("file:"):
        return None
    sources: dict[str, list[int]] = {}
    numbers = np.zeros(len(locators), np.int64)
    for row, locator in enumerate(locators):
        source, _, number = locator.rpartition("#" if locator.startswith("idx:") else ":")
        if not number.isdecimal():
            return None
        numbers[row] = int(number)
        sources.setdefault(source, []).append(row)
    result: Picture | None = None
    for source, rows in sources.items():
        pictures = digits()[0] if source == "digits" else _idx_pictures(f"{source}#0", root)
        if int(numbers[rows].max()) >= len(pictures):
            return None
        if result is None:
            result = np.empty((len(locators), *pictures.shape[1:], 1), np.uint8)
        if result.shape[1:3] != pictures.shape[1:]:
            return None
        result[rows, :, :, 0] = pictures[numbers[rows]]
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


# ---------------------------------------------------------------- raw files of the MNIST family

_kept: OrderedDict[tuple[str, int, int], npt.NDArray[np.uint8]] = OrderedDict()
_lock = threading.Lock()


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """An IDX file of bytes, packed with gzip or not; held in memory while it is in use.

    The format: two zero bytes, type 8 (unsigned byte), number of dimensions, each dimension as big-endian uint32, then the bytes
    (yann.lecun.com/exdb/mnist).

    Raises
    ------
    UserError
        If the file is missing, damaged or of another kind.
    """
    try:
        status = path.stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                return _kept[key]
            array = _parse_idx(path)
            _kept[key] = array
            while len(_kept) > KEPT_FILES:
                _kept.popitem(last=False)
            return array
    except FileNotFoundError:
        raise UserError(f"{path.name} is not there.", "Put it back, or import the data again.") from None
    except (OSError, EOFError, zlib.error, ValueError, struct.error) as error:
        raise UserError(f"{path.name} is damaged ({error}).", "Get it anew from where it came.") from None


def _parse_idx(path: Path) -> npt.NDArray[np.uint8]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if packed else raw
        zeros, kind, dimensions = struct.unpack(">HBB", stream.read(4))
        if zeros != 0 or kind != 8 or not 1 <= dimensions <= 3:
            raise ValueError("it does not begin as an IDX file of bytes does")
        shape = struct.unpack(f">{dimensions}I", stream.read(4 * dimensions))
        count = int(np.prod(shape, dtype=np.float64))
        if count > IDX_BYTE_LIMIT:
            raise ValueError(f"it claims to hold {count:,} bytes")
        data = stream.read(count)
        if len(data) != count:
            raise ValueError(f"it holds {len(data):,} of {count:,} bytes")
        return np.frombuffer(data, np.uint8).reshape(shape)


def _idx_pictures(locator: str, root: str | Path) -> npt.NDArray[np.uint8]:
    path = path_of(locator, root)
    try:
        pictures = read_idx(path) if path else np.zeros((0, 0, 0), np.uint8)
    except UserError as error:
        raise UnreadablePicture(locator, f"cannot be read: {error.message.rstrip('.')}") from None
    if pictures.ndim != 3:
        raise UnreadablePicture(locator, "lies in a file that holds no pictures")
    return pictures
