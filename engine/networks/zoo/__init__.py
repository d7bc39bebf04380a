"""The zoo: networks by name, one file a family. No torch."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.layers import Network, Shape
from engine.networks.zoo import (
    alexnet,
    bilinear,
    cifar_resnet,
    cifar_speed,
    googlenet,
    inception_resnet,
    inception_v3,
    inception_v4,
    lenet,
    lenet_1998,
    mlp,
    mobilenet,
    mobilenet_v3,
    nearest_neighbour,
    neocognitron,
    resnet,
    small_cnn,
    softmax,
    vgg,
    vit,
    xception,
)
from engine.networks.zoo.card import Card, Entry

__all__ = ["Card", "card", "make", "names", "suggest_size"]


def _register(entries: Iterable[Entry]) -> dict[str, Entry]:
    table: dict[str, Entry] = {}
    for entry in entries:
        if entry.card.name in table:
            raise ValueError(f"two networks are called {entry.card.name}")
        table[entry.card.name] = entry
    return table


FAMILIES = (
    nearest_neighbour,
    softmax,
    mlp,
    neocognitron,
    lenet,
    lenet_1998,
    small_cnn,
    alexnet,
    vgg,
    bilinear,
    googlenet,
    inception_v3,
    inception_v4,
    inception_resnet,
    cifar_resnet,
    cifar_speed,
    resnet,
    xception,
    mobilenet,
    mobilenet_v3,
    vit,
)
"""In the order in which the gallery shows them; each has ENTRIES."""

_ZOO = _register(entry for family in FAMILIES for entry in family.ENTRIES)


def names() -> tuple[str, ...]:
    """All names, simplest first."""
    return tuple(_ZOO)


def card(name: str) -> Card:
    """The card of a network.

    Raises
    ------
    NetworkError
        If the zoo has none of this name; the nearest names are told.
    """
    return _entry(name).card


def make(name: str, input: Shape, classes: int) -> Network:
    """Make a network of the zoo for an input and a number of classes.

    Parameters
    ----------
    name : str
        One of `names()`.
    input : (channels, height, width)
        Sides in pixels.
    classes : int
        Number of logits.

    Raises
    ------
    NetworkError
        If there is none of this name, it has no layers (classic ones), or the input is too small for it.
    """
    entry = _entry(name)
    if entry.make is None:
        raise NetworkError(f"{entry.card.title} has no layers to show.", "Train it as it is, or choose a network.")
    network = entry.make(input, classes)
    analyse(network)
    return network


def suggest_size(name: str, height: int, width: int) -> tuple[int, int]:
    """Working size (height, width) for data whose typical picture is height × width pixels.

    Raises
    ------
    NetworkError
        If there is none of this name.
    """
    return _entry(name).suggest_size(height, width)


def _entry(name: str) -> Entry:
    if name in _ZOO:
        return _ZOO[name]
    near = difflib.get_close_matches(name.lower(), _ZOO, n=3, cutoff=0.5)
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"Choose one of: {', '.join(_ZOO)}."
    raise NetworkError(f'"{name}" is not a network.', remedy)
