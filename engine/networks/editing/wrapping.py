"""Layers put into a container, and taken out of it again. The second path of a residual or a branching is made to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Row
from typing import TypeAlias

from msgspec.structs import replace

from engine.networks.arithmetic import LayerRow, NetworkError, analyse_partly
from engine.networks.editing.changes import checked, insert
from engine.networks.editing.names import fresh_name
from engine.networks.editing.places import (
    contents,
    is_branching,
    joined,
    layer_at,
    number_of,
    signal_at,
    split_name,
    topmost,
    with_contents,
)
from engine.networks.kinds import Signal
from engine.networks.kinds.base import signal_text
from engine.networks.layers import Auxiliary, Branches, Conv, Flatten, Layer, Linear, Network, Norm, Residual, Sequence, TokenPool, walk

Layers: TypeAlias = tuple[Layer, ...]
Ends: TypeAlias = tuple[Signal | None, Signal | None]
"""What enters the first of some layers and what leaves the last one, as far as it is known."""
Making: TypeAlias = Callable[[str, Layers, Ends], Layer]


def wrap_residual(network: Network, names: Iterable[str], rows: Row[LayerRow] | None = None) -> Network:
    """Make layers that follow each other the body of a residual, with the simplest shortcut that fits.

    That is the identity where the shape stays, else one convolution (1×1 with a stride where that suffices) or one linear layer;
    with a batch norm where the body has one (He et al. 2015, option B).

    Parameters
    ----------
    network : Network
        Finished or not.
    names : iterable of str
        Of layers that follow each other within one container; of a single branch its contents are meant.
    rows : sequence of LayerRow, optional
        The network's, where they were worked out already.

    Raises
    ------
    NetworkError
        If they do not follow each other, or no shortcut leads from what enters to what leaves.
    """

    def make(name: str, inside: Layers, ends: Ends) -> Layer:
        normed = any(isinstance(layer, Norm) for holder in inside for _, layer in ((holder.name, holder), *walk(holder)))
        return Residual(name, inside, shortcut(*ends, normed))

    return _wrap(network, names, "residual1", make, rows)


def wrap_branches(network: Network, names: Iterable[str], rows: Row[LayerRow] | None = None) -> Network:
    """Make layers that follow each other the first of two branches; the second passes on what enters, or is a convolution that fits.

    Parameters, errors: as `wrap_residual`; tokens cannot be joined.
    """

    def make(name: str, inside: Layers, ends: Ends) -> Layer:
        if ends[1] is not None and ends[1].form == "tokens":
            raise NetworkError("Branches of tokens cannot be joined.", "Wrap layers that work on maps, or in a residual.")
        return Branches(name, (Sequence("branch1", inside), Sequence("branch2", _beside(*ends))))

    return _wrap(network, names, "branches1", make, rows)


def add_branch(network: Network, name: str, rows: Row[LayerRow] | None = None) -> Network:
    """Add a branch that passes on what enters or, where the others change its size, one layer that does the same.

    Raises
    ------
    NetworkError
        If there are no branches of this name.
    """
    layer = layer_at(network, name)
    if not isinstance(layer, Branches):
        raise NetworkError(f"Layer {name} has no branches.", "Choose one that has, or wrap layers in branches.", name)
    known = _known(network, rows)
    after = signal_at(network, joined(name, layer.branches[0].name), len(layer.branches[0].layers), known)
    path = Sequence("branch1", _beside(signal_at(network, name, 0, known), after))
    return insert(network, name, len(layer.branches), path)


def wrap_sequence(network: Network, names: Iterable[str]) -> Network:
    """Make a block of layers that follow each other; what they compute stays the same.

    Raises
    ------
    NetworkError
        If they do not follow each other.
    """
    return _wrap(network, names, "block1", lambda name, inside, _: Sequence(name, inside), ())


def unwrap(network: Network, name: str) -> Network:
    """Put a container's layers in its place: of a residual the body, of branches the first one.

    Raises
    ------
    NetworkError
        If it is no container, or a branch.
    """
    container, own = split_name(name)
    layer, at = layer_at(network, name), number_of(network, name)
    if isinstance(layer, Residual):
        inside: Layers = layer.body
    elif isinstance(layer, Branches):
        inside = layer.branches[0].layers
    elif isinstance(layer, Sequence | Auxiliary):
        inside = layer.layers
    else:
        raise NetworkError(f"Layer {name} holds no layers.", "Choose a block, a residual or branches.", name)
    if is_branching(network, container):
        raise NetworkError(f"Layer {name} is a branch.", f"Unwrap {container}, or remove the branch.", name)
    taken = [child.name for child in contents(network, container) if child.name != own]
    freed = []
    for child in inside:
        taken.append(fresh_name(taken, child.name))
        freed.append(child if taken[-1] == child.name else replace(child, name=taken[-1]))
    return with_contents(network, container, lambda before: (*before[:at], *freed, *before[at + 1 :]))


def _wrap(network: Network, names: Iterable[str], like: str, make: Making, rows: Row[LayerRow] | None) -> Network:
    container, first, last = _run(network, topmost(tuple(names)))
    siblings = contents(network, container)
    inside = siblings[first:last]
    if not inside:
        raise NetworkError("There is no layer to wrap.", "Select layers that follow each other.")
    known = _known(network, rows)
    ends = signal_at(network, container, first, known), signal_at(network, container, last, known)
    name = fresh_name([layer.name for layer in siblings], like)
    wrapped = make(name, inside, ends)
    return checked(with_contents(network, container, lambda before: (*before[:first], wrapped, *before[last:])))


def _known(network: Network, rows: Row[LayerRow] | None) -> dict[str, LayerRow]:
    return {row.name: row for row in (analyse_partly(network)[0] if rows is None else rows)}


def _run(network: Network, names: tuple[str, ...]) -> tuple[str, int, int]:
    """Container, first and last + 1 of layers that follow each other; of a single branch those of its contents."""
    containers = {split_name(name)[0] for name in names}
    numbers = sorted(number_of(network, name) for name in names)
    if len(containers) != 1 or numbers != list(range(numbers[0], numbers[-1] + 1)):
        raise NetworkError("These layers do not follow each other within one block.", "Select neighbours, without gaps.")
    (container,) = containers
    if is_branching(network, container):
        if len(names) > 1:
            raise NetworkError("Branches stand beside each other.", "Select layers of one branch.")
        return names[0], 0, len(contents(network, names[0]))
    return container, numbers[0], numbers[-1] + 1


# ---------------------------------------------------------------- a second path that fits


def shortcut(before: Signal | None, after: Signal | None, normed: bool) -> Layers:
    """Layers that lead from one signal to another by the simplest way; none where they are alike, or not known.

    Raises
    ------
    NetworkError
        If there is no simple way.
    """
    if before is None or after is None or before == after:
        return ()
    if before.form == "maps" and after.form == "maps":
        conv = _projection(before, after, normed)
        return (conv, Norm("norm")) if normed else (conv,)
    width = after.shape[0]
    linear: Layers = (Linear("linear", width),)
    if before.form == after.form and (before.grid, before.extra) == (after.grid, after.extra):
        return linear
    if after.form == "flat" and before.form == "maps":
        return (Flatten("flatten"), *linear)
    if after.form == "flat" and before.form == "tokens":
        pool = TokenPool("pool", "mean")
        return (pool,) if before.shape[0] == width else (pool, *linear)
    raise NetworkError(f"No shortcut leads from {signal_text(before)} to {signal_text(after)}.", "Wrap fewer layers.")


def _beside(before: Signal | None, after: Signal | None) -> Layers:
    """Layers whose output can be joined to a signal channel after channel: none where what enters has its size."""
    if before is None or after is None or (before.form, before.shape[1:]) == (after.form, after.shape[1:]):
        return ()
    return shortcut(before, after, False)


def _projection(before: Signal, after: Signal, normed: bool) -> Conv:
    """One convolution from maps to maps: 1×1 with a stride, else with a kernel or a padding that meets the size."""
    sides = [_window(size, wanted) for size, wanted in zip(before.places, after.places, strict=True)]
    (kernel_y, stride_y, padding_y), (kernel_x, stride_x, padding_x) = sides
    return Conv(
        "conv", after.shape[0], (kernel_y, kernel_x), (stride_y, stride_x), (padding_y, padding_x), bias=not normed
    )  # the shift of a batch norm takes the place of a bias


def _window(size: int, wanted: int) -> tuple[int, int, int]:
    """Kernel, stride and padding along one side that make `wanted` places of `size`."""
    stride = -(-size // wanted)
    if 1 + (size - 1) // stride == wanted:
        return 1, stride, 0
    if wanted > size:
        return wanted - size + 1, 1, wanted - size
    stride = size // wanted  # as far apart as may be, so that the window is small: 32 to 15 places takes 4 pixels, not 18
    return size - (wanted - 1) * stride, stride, 0
