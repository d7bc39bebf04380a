"""Where layers stand in a tree, and what passes there.

A place is a container and a number in it. Containers are addressed as rows are named: "" is the body, "block1" a sequence,
"block1.body" and "block1.shortcut" the paths of a residual, "mixed" the branches themselves, "mixed.branch2" one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, TypeGuard

from msgspec.structs import replace

from engine.networks.arithmetic import LayerRow, NetworkError
from engine.networks.kinds import Signal
from engine.networks.layers import CONTAINERS, Auxiliary, Branches, Layer, Network, Residual, Sequence, walk

PATHS = ("body", "shortcut")
Rows: TypeAlias = Mapping[str, LayerRow]


def split_name(name: str) -> tuple[str, str]:
    """The container of a layer, and its own name.

    Examples
    --------
    >>> split_name("stage1.block2.body.conv1"), split_name("conv1")
    (('stage1.block2.body', 'conv1'), ('', 'conv1'))
    """
    container, _, own = name.rpartition(".")
    return container, own


def joined(container: str, own: str) -> str:
    """The dotted name of a layer within a container."""
    return f"{container}.{own}" if container else own


def contents(network: Network, container: str) -> tuple[Layer, ...]:
    """The layers directly within a container.

    Raises
    ------
    NetworkError
        If there is no such container.
    """
    layer: Layer = network.body
    parts = container.split(".") if container else []
    while True:
        field, parts = _field(layer, parts, container)
        inside: tuple[Layer, ...] = getattr(layer, field)
        if not parts:
            return inside
        layer, parts = inside[_number(inside, parts[0], container)], parts[1:]


def with_contents(network: Network, container: str, change: Callable[[tuple[Layer, ...]], tuple[Layer, ...]]) -> Network:
    """The same network with other layers in one container; all that lies beside the way to it stays the same object.

    Raises
    ------
    NetworkError
        If there is no such container.
    """
    parts = container.split(".") if container else []
    body = _with_contents(network.body, parts, change, container)
    assert isinstance(body, Sequence)
    return replace(network, body=body)


def _with_contents(layer: Layer, parts: list[str], change: Callable[[tuple[Layer, ...]], tuple[Layer, ...]], container: str) -> Layer:
    field, parts = _field(layer, parts, container)
    inside: tuple[Layer, ...] = getattr(layer, field)
    if not parts:
        return replace(layer, **{field: change(inside)})
    at = _number(inside, parts[0], container)
    changed = _with_contents(inside[at], parts[1:], change, container)
    return replace(layer, **{field: (*inside[:at], changed, *inside[at + 1 :])})


def _field(layer: Layer, parts: list[str], container: str) -> tuple[str, list[str]]:
    """The field of a container that an address goes on in, and the rest of the address."""
    if isinstance(layer, Residual):
        if parts and parts[0] in PATHS:
            return parts[0], parts[1:]
    elif isinstance(layer, Branches):
        return "branches", parts
    elif isinstance(layer, Sequence | Auxiliary):
        return "layers", parts
    raise NetworkError(f"{container} is no place for layers.", "Choose the body, a block, a branch or a path of a residual.", container)


def _number(inside: tuple[Layer, ...], own: str, name: str) -> int:
    for number, layer in enumerate(inside):
        if layer.name == own:
            return number
    raise NetworkError(f"There is no layer {name}.", "Choose one of the network's layers.", name)


def number_of(network: Network, name: str) -> int:
    """The place of a layer within its container, from 0.

    Raises
    ------
    NetworkError
        If there is no such layer.
    """
    container, own = split_name(name)
    return _number(contents(network, container), own, name)


def layer_at(network: Network, name: str) -> Layer:
    """The record of a layer.

    Raises
    ------
    NetworkError
        If there is no such layer.
    """
    container, own = split_name(name)
    inside = contents(network, container)
    return inside[_number(inside, own, name)]


def find(network: Network, name: str) -> Layer | None:
    """The record of a layer; None where there is none of this name."""
    try:
        return layer_at(network, name)
    except NetworkError:
        return None


def is_branching(network: Network, container: str) -> bool:
    """Whether a container holds branches, not layers one after the other."""
    return bool(container) and isinstance(find(network, container), Branches)


def is_container(layer: Layer | None) -> TypeGuard[Sequence | Residual | Branches | Auxiliary]:
    """Whether a layer holds layers."""
    return isinstance(layer, CONTAINERS)


def topmost(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names without those that lie within others of them, each once."""
    known = set(names)
    return tuple(name for name in dict.fromkeys(names) if not any(outer in known for outer in _outer(name)))


def _outer(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def new_names(before: Network, after: Network) -> tuple[str, ...]:
    """Dotted names that an operation has brought, without those within others of them; to select what it made."""
    known = {name for name, _ in walk(before.body)}
    return topmost(tuple(name for name, _ in walk(after.body) if name not in known))


def places(network: Network, without: str = "") -> Iterator[tuple[str, int]]:
    """All places where a layer can stand, in the order in which the signal passes; none within the layer `without`."""
    return _places(network.body, "", without)


def _places(layer: Layer, address: str, without: str) -> Iterator[tuple[str, int]]:
    if isinstance(layer, Residual):
        for path, inside in zip(PATHS, (layer.body, layer.shortcut), strict=True):
            yield from _row_of_places(inside, joined(address, path), without)
    elif isinstance(layer, Branches):
        for branch in layer.branches:
            if joined(address, branch.name) != without:
                yield from _places(branch, joined(address, branch.name), without)
    elif isinstance(layer, Sequence | Auxiliary):
        yield from _row_of_places(layer.layers, address, without)


def _row_of_places(inside: tuple[Layer, ...], address: str, without: str) -> Iterator[tuple[str, int]]:
    yield address, 0
    for number, layer in enumerate(inside, start=1):
        name = joined(address, layer.name)
        if name != without:
            yield from _places(layer, name, without)
        yield address, number


# ---------------------------------------------------------------- what passes


def leaving(row: LayerRow) -> Signal:
    """The signal that leaves a layer."""
    return Signal(row.output, row.form, row.places if row.form == "tokens" else (0, 0), row.extra)


def signal_at(network: Network, container: str, index: int, rows: Rows) -> Signal | None:
    """What enters at a place.

    Parameters
    ----------
    network : Network
        Finished or not.
    container, index : str, int
        The place.
    rows : mapping of str to LayerRow
        By dotted name; as far as they are known.

    Returns
    -------
    Signal or None
        None where the signal does not come that far.

    Raises
    ------
    NetworkError
        If there is no such container.
    """
    inside = () if is_branching(network, container) else contents(network, container)[: max(0, index)]
    for layer in reversed(inside):
        name = joined(container, layer.name)
        if isinstance(layer, Auxiliary):
            continue
        if isinstance(layer, Sequence):
            return signal_at(network, name, len(layer.layers), rows)
        row = rows.get(name)
        return leaving(row) if row is not None else None
    if not container:
        return Signal(network.input)
    outer, own = split_name(container)
    holder = container if own not in PATHS or not isinstance(find(network, outer), Residual) else outer
    return signal_at(network, split_name(holder)[0], number_of(network, holder), rows)


def layers_inside(layer: Layer) -> int:
    """Number of layers within a container, containers left out."""
    return sum(not is_container(child) for _, child in walk(layer))
