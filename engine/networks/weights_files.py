"""Reading files of weights that come from anyone: nothing in them is ever run.

torch's own files are pickles. They are read by torch's restricted reader, which knows tensors, numbers, text and containers, and stops at
anything else.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch
from safetensors import SafetensorError, safe_open

from engine.failure import UserError
from engine.memory import memory_of

TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""How files of torch before 1.6 begin: a pickle of the number 0x1950a86a20f9469cfc6c."""
PICKLE = b"\x80"
ZIP = b"PK\x03\x04"
NESTED = (
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "state_dict",
    "model",
    "model_state_dict",
    "model_state",
    "module",
    "net",
    "params",
)
"""Where trainings of others keep the weights within what they save; averaged ones first, which classify better."""
PREFIXES = ("module.", "_orig_mod.")
"""What torch's own wrappers put before every name."""
DEEPEST = 3
BOOKKEEPING = ("num_batches_tracked", "total_ops", "total_params")
SUFFIXES = (".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".tar")
OTHER = "Choose a .pth or .safetensors file of weights."
FOVEA = "fovea"
"""Entry of a safetensors file's metadata in which our own runs tell of themselves."""


class Weights(NamedTuple):
    """What a file of weights holds.

    Attributes
    ----------
    name : str
        Of the file.
    state : dict of str to Tensor
        By the file's names, on the CPU, of any number format; large files stay on the disk until they are copied.
    ordered : bool
        Whether they stand in the order in which the network defines them; safetensors files are sorted.
    facts : dict
        What a run of our own says of itself: network, title, classes, preprocessing. Empty for others.
    """

    name: str
    state: dict[str, torch.Tensor]
    ordered: bool
    facts: dict[str, Any]


def read_weights(path: str | Path) -> Weights:
    """Read a file of weights.

    Raises
    ------
    UserError
        If it is not there, no file of weights, damaged, larger than the free memory, or holds anything that would have to be run.
    """
    place = Path(path)
    try:
        with place.open("rb") as stream:
            head = stream.read(16)
        size = place.stat().st_size
    except FileNotFoundError:
        raise UserError(f"There is no file {place}.", OTHER) from None
    except IsADirectoryError:
        raise UserError(f"{place} is a folder, not a file of weights.", OTHER) from None
    except PermissionError:
        if place.is_dir():  # so Windows answers
            raise UserError(f"{place} is a folder, not a file of weights.", OTHER) from None
        raise
    if head.startswith(ZIP):
        return Weights(place.name, _plain(_load(place, _unpacked_size(place), mapped=True), place), True, {})
    if head.startswith(TORCH_MAGIC):
        return Weights(place.name, _plain(_load(place, size, mapped=False), place), True, {})
    if len(head) > 8 and head[8:9] == b"{" and 0 < struct.unpack("<Q", head[:8])[0] < size:
        return _safetensors(place, size)
    if head.startswith(PICKLE):
        raise UserError(f"{place.name} is refused: it is a Python pickle, and reading one can run whatever is in it.", _safe_remedy())
    reason = "it is empty" if not size else "it is neither a file of torch nor of safetensors, or its beginning is damaged"
    raise UserError(f"{place.name} holds no weights: {reason}.", OTHER)


def _safetensors(place: Path, size: int) -> Weights:
    _check_room(place, size)
    try:
        with safe_open(place, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise _damaged(place, error) from None
    try:
        facts = msgspec.json.decode(metadata.get(FOVEA, "{}"))
    except msgspec.DecodeError:
        facts = {}
    return Weights(place.name, _plain(state, place), False, facts if isinstance(facts, dict) else {})


def _unpacked_size(place: Path) -> int:
    """Bytes of all that a torch file holds.

    Raises
    ------
    UserError
        If it is cut off, or packed more tightly than torch packs, as bombs are.
    """
    try:
        with zipfile.ZipFile(place) as file:
            entries = file.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _damaged(place, error) from None
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise UserError(f"{place.name} holds no weights: it is a zip file, but not one that torch has written.", OTHER)
    if any(entry.filename.endswith("constants.pkl") for entry in entries):
        raise UserError(f"{place.name} is refused: it is a TorchScript program, not weights alone.", _safe_remedy())
    return sum(entry.file_size for entry in entries)


def _load(place: Path, size: int, mapped: bool) -> Any:
    mapped = mapped and place.suffix.lower() != ".safetensors"  # which torch believes by the name, but not of a stream
    if not mapped:
        _check_room(place, size)
    try:
        with warnings.catch_warnings(), place.open("rb") as stream:
            warnings.simplefilter("ignore")  # of formats that this torch finds old
            return torch.load(place if mapped else stream, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        called = re.search(r"(?:GLOBAL|global:?|class) ([\w.]+\.[\w.]+)", str(error).replace("GLOBAL GLOBAL", "GLOBAL"))
        if called is None:
            raise _damaged(place, error) from None
        raise UserError(
            f"{place.name} is refused: besides weights it wants to make or call {called[1]}, and reading it would run that.", _safe_remedy()
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, OSError, AssertionError) as error:
        raise _damaged(place, error) from None


def _check_room(place: Path, size: int) -> None:
    free = memory_of(torch.device("cpu")).free
    if size > free:
        raise UserError(
            f"{place.name} has {size / 1e9:,.1f} GB, but only {free / 1e9:,.1f} GB of memory are free.",
            "Close other programs, or choose smaller weights.",
        )


def _plain(found: Any, place: Path) -> dict[str, torch.Tensor]:
    """The weights by name, out of whatever they are wrapped in.

    Raises
    ------
    UserError
        If there are none, or they are of a kind that no network here takes.
    """
    inner = _innermost(found)
    state = {str(name): value for name, value in inner.items() if isinstance(value, torch.Tensor)} if isinstance(inner, dict) else {}
    state = {name: value for name, value in state.items() if not name.endswith(BOOKKEEPING)}
    if not state:
        raise UserError(f"{place.name} holds no weights: there is no tensor with a name in it.", OTHER)
    for name, value in state.items():
        if value.is_quantized or value.layout is not torch.strided or value.is_complex():
            kind = "quantised" if value.is_quantized else "sparse" if value.layout is not torch.strided else "complex"
            raise UserError(f"{place.name} cannot be used: {name[:100]} is {kind}.", "Choose weights of ordinary numbers.")
    return _without_prefix(state)


def _innermost(found: Any) -> Any:
    for _ in range(DEEPEST):
        if not isinstance(found, dict):
            return found
        inner = next((found[key] for key in NESTED if isinstance(found.get(key), dict) and found[key]), None)
        if inner is None:
            return found
        found = inner
    return found


def _without_prefix(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for _ in range(DEEPEST):
        prefix = next((prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in state)), None)
        if prefix is None:
            break
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _damaged(place: Path, error: BaseException) -> UserError:
    reason = re.sub(r"[.\s]+$", "", str(error).strip().split("\n")[0][:160]) or type(error).__name__
    return UserError(f"{place.name} is damaged or cut off ({reason}).", "Get it once more.")


def _safe_remedy() -> str:
    return "Get the weights as a .safetensors file, or as a .pth file that holds a plain state dict."
