"""Variants: a network in which one idea is exchanged or switched off, so that a training shows what it is good for. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import MappingProxyType
from typing import TypeAlias, get_args

from msgspec.structs import replace

from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.kinds.values import ACTIVATIONS as NAMES
from engine.networks.layers import (
    CONVOLUTIONS,
    Activation,
    ActivationKind,
    Auxiliary,
    Branches,
    Dropout,
    Layer,
    Linear,
    LocalResponseNorm,
    Network,
    Norm,
    Residual,
    Sequence,
    walk,
)

ACTIVATIONS: tuple[str, ...] = tuple(kind for kind in get_args(ActivationKind) if kind != "softmax")
"""Functions that can stand in the place of another: softmax is none of each value by itself."""

LONGEST_TITLE = 200
Change: TypeAlias = Callable[[Layer], tuple[Layer, ...]]
"""What stands in a layer's place; its contents were changed before."""


def varied(network: Network, variant: str) -> Network:
    """A network with changes that one would like to see the effect of.

    Parameters
    ----------
    network : Network
        Fitted to the data.
    variant : str
        Changes, separated by commas; "" for none. "activation=sigmoid" (one of `ACTIVATIONS`) takes the place of every activation but
        softmax; the gates of squeeze-and-excitation and a head of distances stay. "dropout=off" takes dropout away, "shortcut=off" leaves
        of residual blocks their bodies alone (the plain networks of He et al. 2015), "normalisation=off" takes batch, layer and local
        response normalisation away; convolutions and linear layers then have biases, whose place a norm's shift had taken.

    Returns
    -------
    Network
        By the same name; its title tells the changes.

    Raises
    ------
    NetworkError
        If a change is not known, or the network has nothing to change in that way.
    """
    for field, value in changes(variant):
        network = _CHANGES[field](network, value)
    if variant.strip():
        analyse(network)
    return network


def changes(variant: str) -> tuple[tuple[str, str], ...]:
    """The changes that a variant's words ask for, as pairs of field and value.

    Raises
    ------
    NetworkError
        If one is not known, or two say different things of the same.

    Examples
    --------
    >>> changes("activation=sigmoid, dropout=off")
    (('activation', 'sigmoid'), ('dropout', 'off'))
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in variant.split(","))):
        field, _, value = (word.strip() for word in part.partition("="))
        if field not in _CHANGES:
            raise NetworkError(f'A network cannot be varied by "{part[:80]}".', f"What can be varied: {', '.join(VALUES)}.")
        if value not in VALUES[field]:
            raise NetworkError(f'"{value[:80]}" is no choice for {field}.', f"Choose one of: {', '.join(VALUES[field])}.")
        if found.setdefault(field, value) != value:
            raise NetworkError(f"A network cannot have {field} both {found[field]} and {value}.", "Choose one of them.")
    return tuple(found.items())


def possible(network: Network, field: str) -> bool:
    """Whether a network has anything that a change of this field could change."""
    return any(isinstance(layer, _TOUCHED[field]) and not _is_softmax(layer) for _, layer in walk(network.body))


# ---------------------------------------------------------------- the changes


def _with_activation(network: Network, kind: str) -> Network:
    def change(layer: Layer) -> tuple[Layer, ...]:
        if not isinstance(layer, Activation) or _is_softmax(layer):
            return (layer,)
        return (replace(layer, kind=kind),)

    return _changed(network, "activation", "activations", change, NAMES[kind][0])


def _without_dropout(network: Network, value: str) -> Network:
    return _changed(network, "dropout", "dropout", partial(_without, Dropout), "without dropout")


def _without_shortcuts(network: Network, value: str) -> Network:
    def change(layer: Layer) -> tuple[Layer, ...]:
        return (Sequence(layer.name, layer.body),) if isinstance(layer, Residual) else (layer,)

    return _changed(network, "shortcut", "shortcuts", change, "without shortcuts")


def _without_norms(network: Network, value: str) -> Network:
    shifted = any(isinstance(layer, Norm) for _, layer in walk(network.body))

    def change(layer: Layer) -> tuple[Layer, ...]:
        if isinstance(layer, Norm | LocalResponseNorm):
            return ()
        return (replace(layer, bias=True),) if shifted and isinstance(layer, _BIASED) else (layer,)

    return _changed(network, "normalisation", "normalisation", change, "without normalisation")


_BIASED = (*CONVOLUTIONS, Linear)
_TOUCHED: dict[str, tuple[type[Layer], ...]] = {
    "activation": (Activation,),
    "dropout": (Dropout,),
    "shortcut": (Residual,),
    "normalisation": (Norm, LocalResponseNorm),
}
_CHANGES: dict[str, Callable[[Network, str], Network]] = {
    "activation": _with_activation,
    "dropout": _without_dropout,
    "shortcut": _without_shortcuts,
    "normalisation": _without_norms,
}
VALUES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {"activation": ACTIVATIONS, "dropout": ("off",), "shortcut": ("off",), "normalisation": ("off",)}
)
"""What can be varied, and the choices there."""


def _is_softmax(layer: Layer) -> bool:
    return isinstance(layer, Activation) and layer.kind == "softmax"


def _without(kind: type[Layer], layer: Layer) -> tuple[Layer, ...]:
    return () if isinstance(layer, kind) else (layer,)


def _changed(network: Network, field: str, missing: str, change: Change, words: str) -> Network:
    """The network with each layer changed from the innermost on, and words of it in the title."""
    if not possible(network, field):
        raise NetworkError(f"{network.title} has no {missing} to vary.", "Vary something else, or choose another network.")
    layers = tuple(_over(network.body.layers, change))
    return replace(network, title=f"{network.title}, {words}"[:LONGEST_TITLE], body=replace(network.body, layers=layers))


def _over(layers: tuple[Layer, ...], change: Change) -> Iterator[Layer]:
    for layer in layers:
        inside = _with_inside(layer, change)
        if isinstance(inside, Sequence) and not inside.layers and isinstance(layer, Sequence) and layer.layers:
            continue  # all that it held is gone
        yield from change(inside)


def _with_inside(layer: Layer, change: Change) -> Layer:
    if isinstance(layer, Sequence | Auxiliary):
        return replace(layer, layers=tuple(_over(layer.layers, change)))
    if isinstance(layer, Residual):
        return replace(layer, body=tuple(_over(layer.body, change)), shortcut=tuple(_over(layer.shortcut, change)))
    if isinstance(layer, Branches):  # a branch that is emptied passes on what enters, so it stays
        branches = (replace(branch, layers=tuple(_over(branch.layers, change))) for branch in layer.branches)
        return replace(layer, branches=tuple(branches))
    return layer
