"""What the zoo knows of each of its networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from engine.networks.layers import Network, Shape


class Card(msgspec.Struct, frozen=True):
    """A network as the gallery shows it.

    Attributes
    ----------
    year : int
        Of the publication; 0 where there is none.
    summary, source : str
        What it is for, in one line; where it was described.
    kind : {"network", "classic"}
        Classic classifiers have no layers.
    smallest : int
        Smallest side of the input in pixels.
    default_input : (channels, height, width)
    default_classes : int
        Taken where no data say otherwise; those of the publication.
    twins : tuple of str
        The same network elsewhere, "torchvision:resnet50" or "timm:resnet50": files of weights with their names fit it.
    """

    name: str
    title: str
    family: str
    year: int
    summary: str
    source: str
    kind: Literal["network", "classic"]
    smallest: int
    default_input: Shape
    default_classes: int = 10
    twins: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, eq=False):
    """A card, the function that makes the network (none for classic ones) and the one that chooses its working size."""

    card: Card
    make: Callable[[Shape, int], Network] | None
    suggest_size: Callable[[int, int], tuple[int, int]]


def native_up_to_32(height: int, width: int) -> tuple[int, int]:
    """The pictures' own size up to 32 pixels a side, else 32×32: every pixel costs weights or distances."""
    return (height, width) if max(height, width) <= 32 else (32, 32)


def native_from_28_to_32(height: int, width: int) -> tuple[int, int]:
    """The pictures' own size where both sides are from 28 to 32 pixels, else 32×32, for which these networks were made."""
    return (height, width) if min(height, width) >= 28 and max(height, width) <= 32 else (32, 32)


def square_up_to(largest: int, smallest: int) -> Callable[[int, int], tuple[int, int]]:
    """A working size: square, as large as the pictures' longer side, but from `smallest` to `largest` pixels."""

    def suggest(height: int, width: int) -> tuple[int, int]:
        side = min(largest, max(smallest, height, width))
        return side, side

    return suggest
