"""Changes of a network's tree: each gives a new tree, in which all that is not meant stays the same object."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.networks.arithmetic import DEEPEST, NetworkError
from engine.networks.editing.names import check_name, fresh_name
from engine.networks.editing.places import (
    contents,
    is_branching,
    joined,
    layer_at,
    number_of,
    places,
    split_name,
    topmost,
    with_contents,
)
from engine.networks.files import MOST_LAYERS
from engine.networks.layers import Layer, Network, Sequence, Shape, children
from engine.networks.resolve import with_head


def insert(network: Network, container: str, index: int, layer: Layer) -> Network:
    """Put a layer before number `index` of a container; beyond the end: at the end.

    Its name gets a number where it is taken. Put among branches, a layer becomes a branch of its own.

    Raises
    ------
    NetworkError
        If there is no such container, or too much would be nested.
    """
    made = with_contents(network, container, lambda inside: _put(inside, index, _dressed(network, container, inside, layer)))
    return checked(made)


def _put(inside: tuple[Layer, ...], index: int, layer: Layer) -> tuple[Layer, ...]:
    at = min(max(index, 0), len(inside))
    return (*inside[:at], layer, *inside[at:])


def _dressed(network: Network, container: str, inside: tuple[Layer, ...], layer: Layer) -> Layer:
    """The layer as it can stand there: by a free name, among branches as a branch."""
    taken = [child.name for child in inside]
    if is_branching(network, container) and not isinstance(layer, Sequence):
        return Sequence(fresh_name(taken, "branch1"), (layer,))
    name = fresh_name(taken, layer.name)
    return layer if name == layer.name else replace(layer, name=name)


def remove(network: Network, names: Iterable[str]) -> Network:
    """Take layers away; branches with the last of them.

    Raises
    ------
    NetworkError
        If there is no layer of one of these names.
    """
    gone = topmost(tuple(names))
    for container, owns in grouped(network, gone).items():
        network = with_contents(network, container, partial(_without, frozenset(owns)))
        if is_branching(network, container) and not contents(network, container):
            network = remove(network, (container,))
    return network


def _without(owns: frozenset[str], inside: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(layer for layer in inside if layer.name not in owns)


def grouped(network: Network, names: Iterable[str]) -> dict[str, list[str]]:
    """The layers' own names by their container.

    Raises
    ------
    NetworkError
        If there is no layer of one of these names.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        container, own = split_name(name)
        groups.setdefault(container, []).append(own)
    for container, owns in groups.items():
        known = {layer.name for layer in contents(network, container)}
        missing = next((own for own in owns if own not in known), None)
        if missing is not None:
            raise NetworkError(f"There is no layer {joined(container, missing)}.", "Choose one of the network's layers.")
    return groups


def move(network: Network, name: str, container: str, index: int) -> Network:
    """Move a layer before number `index` of a container, counted as they stand now.

    Raises
    ------
    NetworkError
        If the place lies within the layer itself, or there is none.
    """
    if container == name or container.startswith(f"{name}."):
        raise NetworkError(f"Layer {name} cannot be moved into itself.", "Choose a place outside of it.", name)
    layer, at = layer_at(network, name), number_of(network, name)
    if container == split_name(name)[0]:
        target = index - 1 if index > at else index
        return with_contents(network, container, lambda inside: _put((*inside[:at], *inside[at + 1 :]), target, layer))
    contents(network, container)
    return insert(remove(network, (name,)), container, index, layer)


def step(network: Network, name: str, steps: int) -> Network:
    """Move a layer to the next place (1) or to the one before (-1) on the signal's way; in and out of containers, too.

    Branches change places among each other. At the end of the way nothing changes.

    Raises
    ------
    NetworkError
        If there is no such layer.
    """
    container, _ = split_name(name)
    here = (container, number_of(network, name))
    if is_branching(network, container):
        way = [(container, number) for number in range(len(contents(network, container)) + 1)]
    else:
        way = list(places(network, without=name))
    at = way.index(here)
    target = at + steps if steps < 0 else at + 1 + steps  # before the layer and after it is the same place
    return move(network, name, *way[target]) if 0 <= target < len(way) else network


def duplicate(network: Network, names: Iterable[str]) -> Network:
    """Put copies of layers after the last of them, in each container; with fresh names.

    Raises
    ------
    NetworkError
        If there is no layer of one of these names, or there would be too many.
    """
    for container, owns in grouped(network, topmost(tuple(names))).items():
        network = with_contents(network, container, partial(_with_copies, frozenset(owns)))
    return checked(network)


def _with_copies(owns: frozenset[str], inside: tuple[Layer, ...]) -> tuple[Layer, ...]:
    taken = [layer.name for layer in inside]
    copies = []
    for layer in inside:
        if layer.name in owns:
            taken.append(fresh_name(taken, layer.name))
            copies.append(replace(layer, name=taken[-1]))
    last = max(number for number, layer in enumerate(inside) if layer.name in owns)
    return (*inside[: last + 1], *copies, *inside[last + 1 :])


def replace_layer(network: Network, name: str, record: Layer) -> Network:
    """Put another record in a layer's place; it may have another name.

    Raises
    ------
    NetworkError
        If there is no such layer, the new name is taken or cannot be, or a field is out of its range.
    """
    container, own = split_name(name)
    at = number_of(network, name)
    inside = contents(network, container)
    if record.name != own:
        check_name(record.name)
        if any(layer.name == record.name for layer in inside):
            raise NetworkError(f"There is a layer called {record.name} beside it.", "Give it another name.", name)
    if is_branching(network, container) and not isinstance(record, Sequence):
        raise NetworkError(f"A branch of {container} must be a sequence.", "Put the layer into it.", name)
    check_fields(record, name)
    return with_contents(network, container, lambda before: (*before[:at], record, *before[at + 1 :]))


def check_fields(record: Layer, name: str) -> None:
    """Refuse a record that a file could not hold: constructors do not validate.

    Raises
    ------
    NetworkError
    """
    try:
        msgspec.convert(msgspec.to_builtins(_without_contents(record)), type(record))
    except msgspec.ValidationError as error:
        words = str(error).replace(" - at `$.", " at `").replace("`", "")
        raise NetworkError(f"Layer {name} has a field out of its range: {words}.", "Correct that field.", name) from None


def _without_contents(record: Layer) -> Layer:
    """The record with what it holds left out, which was checked when it came in."""
    fields: dict[str, Any] = {"layers": (), "body": (), "shortcut": (), "branches": (Sequence("branch", ()),)}
    return replace(record, **{field: empty for field, empty in fields.items() if field in record.__struct_fields__})


def fit_head(network: Network) -> Network:
    """Give the last linear layer, and that of each auxiliary head, as many units as there are classes.

    Raises
    ------
    NetworkError
        If the last layer is not linear.
    """
    return with_head(network, network.classes)


def fitted(network: Network, input: Shape, classes: int) -> Network:
    """A network for another input and number of classes, finished or not; its head follows where it can."""
    moved = replace(network, input=input, classes=classes) if (input, classes) != (network.input, network.classes) else network
    if classes == network.classes:
        return moved
    try:
        return fit_head(moved)
    except NetworkError:
        return moved


def checked(network: Network) -> Network:
    """The network, unless it is nested too deep or has too many layers for a file.

    Raises
    ------
    NetworkError
    """
    number = 0
    waiting: list[tuple[Layer, int]] = [(network.body, 0)]
    while waiting:
        layer, depth = waiting.pop()
        number += 1
        if depth > DEEPEST:
            raise NetworkError(f"Layers cannot be nested more than {DEEPEST} deep.", "Take some containers away.")
        waiting.extend((child, depth + 1) for _, child in children(layer))
    if number > MOST_LAYERS:
        raise NetworkError(f"A network cannot have more than {MOST_LAYERS:,} layers.", "Take some layers away.")
    return network
