"""A network is data: a tree of small frozen records. No torch.

A new kind of layer is a record here, in `Layer`; a function in `engine.networks.effects`; a module in `engine.networks.build`.
Sizes are pairs (height, width), shapes are (channels, height, width), as torch has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

NEWEST_VERSION = 1

Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\Z", max_length=64)]
Side = Annotated[int, Meta(ge=1, le=65_536)]
Margin = Annotated[int, Meta(ge=0, le=65_536)]
Count = Annotated[int, Meta(ge=1, le=1_048_576)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Shape: TypeAlias = tuple[int, int, int]
Pair: TypeAlias = tuple[int, int]


def _tag(class_name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in class_name).strip("-")


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """What all layers have: a name, unlike its neighbours' within a sequence."""

    name: Name


class Conv(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Convolution with `filters` kernels, each over the channels of its group (COURSE: shared weights, all channels)."""

    filters: Count
    kernel: tuple[Side, Side]
    stride: tuple[Side, Side] = (1, 1)
    padding: tuple[Margin, Margin] = (0, 0)
    groups: Count = 1
    bias: bool = True


class Pool(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Largest or mean value of each window; zeros in the padding count for the mean, and never for the maximum."""

    kind: Literal["max", "mean"]
    kernel: tuple[Side, Side]
    stride: tuple[Side, Side]
    padding: tuple[Margin, Margin] = (0, 0)


class GlobalPool(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """One value a channel: the largest or the mean over the whole map."""

    kind: Literal["max", "mean"] = "mean"


class Linear(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Every unit sees every value of a flat input: Wx + b."""

    units: Count
    bias: bool = True


class Activation(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A function of each value by itself; `slope` is that of leaky ReLU below zero."""

    kind: Literal["relu", "tanh", "sigmoid", "leaky-relu"] = "relu"
    slope: Fraction = 0.1


class Norm(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Batch normalisation (Ioffe and Szegedy 2015): a learned scale and shift a channel."""

    kind: Literal["batch"] = "batch"


class Dropout(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """In training each value is zero with probability `rate` (Srivastava et al. 2014)."""

    rate: Fraction = 0.5


class Flatten(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Maps become one row of values, channel after channel."""


class Sequence(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Layers one after the other."""

    layers: tuple[Layer, ...]


Layer: TypeAlias = Conv | Pool | GlobalPool | Linear | Activation | Norm | Dropout | Flatten | Sequence
LAYER_TYPES: tuple[type[Layer], ...] = (Conv, Pool, GlobalPool, Linear, Activation, Norm, Dropout, Flatten, Sequence)


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network from picture to logits.

    Attributes
    ----------
    name, title, year, family
        Name in the zoo (or of the file), name as shown, year of publication (0: none), kin.
    input : (channels, height, width)
        Channels 1 (grey) or 3 (colour); sides in pixels.
    classes : int
        Number of logits.
    body : Sequence
        Its own name appears nowhere; names of the layers within it are relative to it.
    version : int
        Of this description's form.
    """

    name: Annotated[str, Meta(max_length=200)]
    title: Annotated[str, Meta(max_length=200)]
    year: Annotated[int, Meta(ge=0, le=9999)]
    family: Annotated[str, Meta(max_length=200)]
    input: tuple[Count, Side, Side]
    classes: Count
    body: Sequence
    version: Annotated[int, Meta(ge=1)] = NEWEST_VERSION


def children(layer: Layer) -> tuple[Layer, ...]:
    """The layers directly within a layer; none for all but containers."""
    return layer.layers if isinstance(layer, Sequence) else ()


def walk(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """All layers within a layer, containers before their contents, each with its dotted name relative to that layer."""
    waiting = [("", child) for child in reversed(children(layer))]
    while waiting:
        prefix, current = waiting.pop()
        name = prefix + current.name
        yield name, current
        waiting.extend((f"{name}.", child) for child in reversed(children(current)))
