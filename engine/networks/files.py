"""Networks as JSON files. A file may come from anyone: it is checked before it is believed."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import msgspec

from engine.networks.arithmetic import DEEPEST, NetworkError, analyse
from engine.networks.layers import LAYER_TYPES, NEWEST_VERSION, AnyNetwork, NamedNetwork, Network

LARGEST_FILE = 8 * 2**20  # bytes; a network of a thousand layers takes a fortieth of it
MOST_LAYERS = 20_000  # ResNet-1202 has 4,209

_FIELDS: dict[str, tuple[str, ...]] = {str(record.__struct_config__.tag): ("type", *record.__struct_fields__) for record in LAYER_TYPES}

_INNER = ("layers", "body", "shortcut", "branches")
"""Fields that hold layers."""


def dump(network: AnyNetwork) -> bytes:
    """Write a network as UTF-8 JSON, one field a line."""
    return msgspec.json.format(msgspec.json.encode(network), indent=2) + b"\n"


def load(path: str | os.PathLike[str], complete: bool = True) -> Network:
    """Read a network from a JSON file and check that it can be.

    Parameters
    ----------
    path : path-like
        Of the file.
    complete : bool
        Whether the layers must go together, up to logits; one that is still being built need not.

    Raises
    ------
    NetworkError
        If the file is not a network, comes from a newer version, or describes one that cannot be built;
        for a word that is not known, the nearest one is told.
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST_FILE + 1)
    return parse(content, Path(path).name, complete)


def load_any(path: str | os.PathLike[str]) -> AnyNetwork:
    """Read a network, which may be one that another library makes; as a run keeps it.

    Whether that library knows it shows when it is made.

    Raises
    ------
    NetworkError, OSError
        As `load`.
    """
    with open(path, "rb") as file:
        content = file.read(LARGEST_FILE + 1)
    name = Path(path).name
    try:
        tree = msgspec.json.decode(content) if len(content) <= LARGEST_FILE else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = None
    if not isinstance(tree, dict) or "library" not in tree:
        return parse(content, name)
    _check_version(tree, name, "library")
    _check_fields(tree, NamedNetwork.__struct_fields__, name)
    try:
        return msgspec.convert(tree, NamedNetwork)
    except msgspec.ValidationError as error:
        raise NetworkError(f"{name} is not a network: {_plain(error)}.", "Correct that field.") from None


def parse(content: bytes, name: str, complete: bool = True) -> Network:
    """Read a network from JSON; `name` is what messages call it, `complete` as for `load`.

    Raises
    ------
    NetworkError
        As `load`.
    """
    if len(content) > LARGEST_FILE:
        raise NetworkError(f"{name} is larger than {LARGEST_FILE // 2**20} MB: it is not a network.", "Choose a network JSON file.")
    try:
        tree = msgspec.json.decode(content)
        _check_version(tree, name)
        _check_words(tree, name)
        network = msgspec.convert(tree, Network)
    except msgspec.ValidationError as error:
        raise NetworkError(f"{name} is not a network: {_plain(error)}.", "Correct that field.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NetworkError(f"{name} is not a network: it is not JSON ({_plain(error)}).", "Choose a network JSON file.") from None
    except RecursionError:
        raise _too_deep(name) from None
    if complete:
        analyse(network)
    return network


def _check_version(tree: Any, name: str, needed: str = "body") -> None:
    if not isinstance(tree, dict) or needed not in tree:
        raise NetworkError(f"{name} is not a network: it has no body of layers.", "Choose a network JSON file.")
    version = tree.get("version", NEWEST_VERSION)
    if isinstance(version, int) and version > NEWEST_VERSION:
        raise NetworkError(
            f"{name} has version {str(version)[:20]}, but this program knows versions up to {NEWEST_VERSION}.", "Update the program."
        )


def _check_words(tree: dict[str, Any], name: str) -> None:
    """Check tags and field names before values, for a better message than the decoder's."""
    _check_fields(tree, Network.__struct_fields__, name)
    waiting = [(tree["body"], "body", 0)]
    seen = 0
    while waiting:
        layer, place, depth = waiting.pop()
        seen += 1
        if seen + len(waiting) > MOST_LAYERS:
            raise NetworkError(f"{name} is not a network: it has more than {MOST_LAYERS:,} layers.", "Take some layers away.")
        if depth > DEEPEST + 1:
            raise _too_deep(name)
        if not isinstance(layer, dict) or not isinstance(layer.get("type"), str):
            raise NetworkError(f"{name} is not a network: {place} is not a layer with a type.", "Correct that layer.")
        kind = layer["type"]
        if kind not in _FIELDS:
            raise NetworkError(f'{name} has a layer of type "{kind[:64]}" at {place}, which is not known.', _nearest(kind, tuple(_FIELDS)))
        _check_fields(layer, _FIELDS[kind], f"{name}, {place},")
        for field in _INNER:
            inner = layer.get(field)
            if isinstance(inner, list):
                waiting.extend((child, f"{place}.{field}[{number}]", depth + 1) for number, child in enumerate(inner))


def _check_fields(record: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for field in record:
        if field not in known:
            raise NetworkError(f'{where} has a field "{field[:64]}", which is not known.', _nearest(field, known))


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word[:64].lower(), known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}."


def _too_deep(name: str) -> NetworkError:
    return NetworkError(f"{name} is not a network: its layers are nested more than {DEEPEST} deep.", "Take some containers away.")


def _plain(error: Exception) -> str:
    return str(error).replace("`$.", "`").replace("`", "")[:300]
