"""Files that hold many pictures as one array: IDX, the batches of CIFAR, STL-10's binary files, SVHN's MATLAB files, NumPy's files.

Each kind is a reader from a file to uint8 [N, height, width] or [N, height, width, 3]. What lies in a file as it is gets mapped into
memory; what must be unpacked is held while it is in use.
"""

from __future__ import annotations

import gzip
import io
import pickle
import pickletools
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from engine.failure import UserError

KEPT_BYTES = 600_000_000
KEPT_FILES = 64
BYTE_LIMIT = 4_000_000_000
PICKLE_LIMIT = 1_000_000_000
PICKLED_SIDE, STL_SIDE = 32, 96

Array = npt.NDArray[np.uint8]

_kept: OrderedDict[tuple[str, str, int, int], Array] = OrderedDict()
_lock = threading.Lock()


def read_array(kind: str, path: Path) -> Array:
    """The pictures of a file, or the labels of an IDX file.

    Parameters
    ----------
    kind : str
        One of READERS.
    path : Path
        The file.

    Returns
    -------
    uint8 [N, height, width] or [N, height, width, 3]
        Grey, or sRGB; never changed.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another kind.
    """
    try:
        status = path.stat()
        key = (kind, str(path), status.st_mtime_ns, status.st_size)
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                return _kept[key]
            array = READERS[kind](path).view(np.ndarray)  # a plain array, also where it is mapped
            _kept[key] = array
            while len(_kept) > 1 and (len(_kept) > KEPT_FILES or sum(map(_held, _kept.values())) > KEPT_BYTES):
                _kept.popitem(last=False)
            return array
    except FileNotFoundError:
        raise UserError(f"{path.name} is not there.", "Put it back, or import the data again.") from None
    except (*DAMAGE, OSError) as error:
        raise UserError(f"{path.name} is damaged ({error}).", "Get it anew from where it came.") from None


def read_idx(path: Path) -> Array:
    """An IDX file of bytes, packed with gzip or not; raises as `read_array` does."""
    return read_array("idx", path)


def _held(array: Array) -> int:
    """Bytes of memory that keeping an array costs; what is mapped costs none that the system could not take back."""
    base: Any = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return array.nbytes if base is None else 0


# ---------------------------------------------------------------- IDX: MNIST, Fashion-MNIST, KMNIST, EMNIST


def _idx(path: Path) -> Array:
    """The format: two zero bytes, type 8 (unsigned byte), number of dimensions, each dimension as big-endian uint32, then the bytes
    (yann.lecun.com/exdb/mnist).
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if packed else raw
        zeros, kind, dimensions = struct.unpack(">HBB", stream.read(4))
        if zeros != 0 or kind != 8 or not 1 <= dimensions <= 3:
            raise ValueError("it does not begin as an IDX file of bytes does")
        shape = struct.unpack(f">{dimensions}I", stream.read(4 * dimensions))
        count = int(np.prod(shape, dtype=np.float64))
        if count > BYTE_LIMIT:
            raise ValueError(f"it claims to hold {count:,} bytes")
        if not packed and count and path.stat().st_size >= 4 + 4 * dimensions + count:
            return np.memmap(path, np.uint8, "r", offset=4 + 4 * dimensions, shape=shape)
        data = stream.read(count)
        if len(data) != count:
            raise ValueError(f"it holds {len(data):,} of {count:,} bytes")
        return np.frombuffer(data, np.uint8).reshape(shape)


def _emnist(path: Path) -> Array:
    """EMNIST's pictures lie with rows and columns exchanged (Cohen et al. 2017, "EMNIST", as MATLAB writes arrays)."""
    array = _idx(path)
    if array.ndim != 3:
        raise ValueError("it holds no pictures")
    return array.transpose(0, 2, 1)


# ---------------------------------------------------------------- CIFAR-10 and CIFAR-100


STEPS = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "POP", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET", "NONE",
    "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "EMPTY_LIST", "LIST",
    "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
})  # fmt: skip
"""Steps of the pickle machine that batches are made of."""


class _PickledArray:
    """Stands for numpy's array while a batch is read: keeps what it is given and runs nothing."""

    data: Any = None
    shape: Any = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, kind, by_columns, self.data = state
        if not (isinstance(kind, _PickledType) and isinstance(self.data, bytes) and not by_columns):
            raise pickle.UnpicklingError("it holds an array that is not of plain bytes")

    def bytes_of(self) -> Array:
        return np.frombuffer(self.data, np.uint8).reshape(tuple(int(side) for side in self.shape))


class _PickledType:
    """Stands for numpy's dtype; bytes alone are allowed."""

    def __init__(self, name: Any = "", *rest: Any) -> None:
        if name not in ("u1", b"u1", "uint8", b"uint8", "|u1", b"|u1"):
            raise pickle.UnpicklingError("it holds an array that is not of bytes")

    def __setstate__(self, state: Any) -> None:
        return


def _new_array(kind: Any, shape: Any, letter: Any) -> _PickledArray:
    return _PickledArray()


def _new_bytes(text: Any, encoding: Any) -> bytes:
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise pickle.UnpicklingError("it encodes text in an unusual way")
    return text.encode("latin1")


class _BatchReader(pickle.Unpickler):
    """Reads CIFAR's batches, which are pickles, and can build nothing but containers, numbers, text, bytes and arrays of bytes.

    Whatever else a pickle asks for is refused before it exists: no function of any module is called for a file.
    """

    ALLOWED: dict[tuple[str, str], object] = {  # noqa: RUF012 - a constant, and Unpickler knows no ClassVar
        ("numpy.core.multiarray", "_reconstruct"): _new_array,
        ("numpy._core.multiarray", "_reconstruct"): _new_array,
        ("numpy", "ndarray"): _PickledArray,
        ("numpy", "dtype"): _PickledType,
        ("_codecs", "encode"): _new_bytes,
    }

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for what numpy's arrays ask for; nothing else."""
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f'it wants to run "{module}.{name}", which no file of pictures needs') from None


def _check_steps(stream: IO[bytes]) -> None:
    """Refuse steps of the pickle machine that no batch has, before it runs: fewer steps, fewer ways to harm or to crash it."""
    for step, value, _ in pickletools.genops(stream):
        if step.name not in STEPS:
            raise pickle.UnpicklingError(f'it holds a step "{step.name}", which no file of pictures needs')
        if step.name == "GLOBAL" and tuple(str(value).split(" ", 1)) not in _BatchReader.ALLOWED:
            raise pickle.UnpicklingError(f'it wants to run "{str(value).replace(" ", ".")}", which no file of pictures needs')
    stream.seek(0)


def read_batch(path: Path) -> dict[str, Any]:
    """A batch of CIFAR's "python version", or its file of names: text for keys and names, arrays uint8, numbers.

    Raises
    ------
    UserError
        If the file is missing, damaged, or would do anything but hold data.
    """
    try:
        if path.stat().st_size > PICKLE_LIMIT:
            raise ValueError("it is far larger than a batch of CIFAR")
        with path.open("rb") as stream:
            _check_steps(stream)
            loaded = _BatchReader(stream, encoding="bytes").load()
    except FileNotFoundError:
        raise UserError(f"{path.name} is not there.", "Put it back, or import the data again.") from None
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path.name} is refused: {str(error).rstrip('.')}.", "Get it anew from where it came; a true batch holds nothing but data."
        ) from None
    except (*DAMAGE, OSError) as error:
        raise UserError(f"{path.name} is damaged ({error}).", "Get it anew from where it came.") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path.name} is no batch of CIFAR.", "Choose the folder that was unpacked from CIFAR's archive.")
    return {_text(key): _plain(value) for key, value in loaded.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, _PickledArray):
        return value.bytes_of()
    if isinstance(value, list):
        return [_text(item) if isinstance(item, bytes) else item for item in value]
    return value


def _cifar_batch(path: Path) -> Array:
    data = read_batch(path).get("data")
    if not isinstance(data, np.ndarray):
        raise ValueError("it holds no pictures")
    return _planes(data, PICKLED_SIDE)


def _cifar_binary(labels: int) -> Callable[[Path], Array]:
    def read(path: Path) -> Array:
        return _planes(cifar_records(path, labels)[:, labels:], PICKLED_SIDE)

    return read


def cifar_records(path: Path, labels: int) -> Array:
    """The records of CIFAR's binary version, uint8 [N, labels + 3072]: CIFAR-10 has one label a picture, CIFAR-100 two (coarse, fine)."""
    return _mapped(path, labels + 3 * PICKLED_SIDE**2)


def _mapped(path: Path, width: int) -> Array:
    size = path.stat().st_size
    if size == 0 or size % width:
        raise ValueError(f"its {size:,} bytes are not whole pictures")
    return np.memmap(path, np.uint8, "r").reshape(-1, width)


def _planes(rows: Array, side: int) -> Array:
    """Rows of red, green and blue planes as pictures, uint8 [N, side, side, 3], without a copy."""
    return rows.reshape(len(rows), 3, side, side).transpose(0, 2, 3, 1)


# ---------------------------------------------------------------- STL-10 and SVHN


def _stl(path: Path) -> Array:
    """Planes stored by columns (cs.stanford.edu/~acoates/stl10)."""
    return _planes(_mapped(path, 3 * STL_SIDE**2), STL_SIDE).transpose(0, 2, 1, 3)


def _svhn(path: Path) -> Array:
    """X is [height, width, 3, N] (ufldl.stanford.edu/housenumbers)."""
    pictures = read_matlab(path, names=("X",)).get("X")
    if not isinstance(pictures, np.ndarray) or pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[2] != 3:
        raise ValueError("it holds no pictures of three colours")
    return pictures.transpose(3, 0, 1, 2)


def read_matlab(path: Path, simple: bool = False, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The variables of a MATLAB file (version 4 to 7.2), or only those of these names; `simple` takes away axes of length 1.

    Raises
    ------
    UserError
        If the file is missing or damaged.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        if path.stat().st_size > BYTE_LIMIT:
            raise ValueError("it is too large")
        loaded: dict[str, Any] = loadmat(path, squeeze_me=simple, variable_names=names)
    except FileNotFoundError:
        raise UserError(f"{path.name} is not there.", "Put it back, or import the data again.") from None
    except (*DAMAGE, MatReadError, NotImplementedError, OSError) as error:
        raise UserError(f"{path.name} is damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__}).", AGAIN) from None
    return loaded


def _numpy(path: Path) -> Array:
    """Mapped copy-on-write, so that what is read of it can be taken as it is."""
    pictures = np.load(path, mmap_mode="c", allow_pickle=False)
    if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4) or (pictures.ndim == 4 and pictures.shape[3] != 3):
        raise ValueError("it holds no pictures")
    whole: Array = pictures
    return whole


AGAIN = "Get it anew from where it came."
# What parsers of damaged files raise.
DAMAGE = (
    *(EOFError, zlib.error, ValueError, TypeError, struct.error, pickle.UnpicklingError, IndexError, KeyError, AttributeError),
    *(OverflowError, MemoryError, UnicodeError, RecursionError),
)

READERS: dict[str, Callable[[Path], Array]] = {
    "idx": _idx,
    "emnist": _emnist,
    "cifar": _cifar_batch,
    "cifar10": _cifar_binary(1),
    "cifar100": _cifar_binary(2),
    "stl": _stl,
    "svhn": _svhn,
    "npy": _numpy,
}
