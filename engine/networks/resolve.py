"""From what a user names, a word of the zoo or a file, to a network that fits the data."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from engine.networks import files, zoo
from engine.networks.arithmetic import Analysis, NetworkError, analyse
from engine.networks.layers import (
    Activation,
    AnyNetwork,
    Auxiliary,
    Dropout,
    Layer,
    Linear,
    NamedNetwork,
    Network,
    RbfOutput,
    Sequence,
    Shape,
)

LIBRARIES = ("torchvision:", "timm:")
"""How words begin that mean networks of other libraries."""


def is_file(name_or_path: str) -> bool:
    """Whether a word means a network file rather than a name of the zoo."""
    return name_or_path.lower().endswith(".json")


def is_library(word: str) -> bool:
    """Whether a word means a network of another library, "torchvision:NAME" or "timm:NAME"."""
    return word.startswith(LIBRARIES)


def resolve_any(word: str, input: Shape, classes: int) -> AnyNetwork:
    """Find a network of the zoo, of a file or of another library, and fit it to the data; parameters and errors as `resolve`.

    Raises
    ------
    UserError
        If the other library cannot be loaded.
    """
    if is_library(word):
        from engine.networks.libraries import named  # loads torch

        return named(word, input, classes)
    if is_file(word):
        return refit(files.load_any(Path(word)), input, classes)
    return resolve(word, input, classes)


def analysis_of(network: AnyNetwork) -> Analysis:
    """Work any network out; one of another library is traced, which loads that library.

    Raises
    ------
    NetworkError
        If it cannot be.
    """
    if isinstance(network, NamedNetwork):
        from engine.networks.tracing import trace

        return trace(network)
    return analyse(network)


def refit(network: AnyNetwork, input: Shape, classes: int) -> AnyNetwork:
    """Any network for another input and another number of classes.

    Raises
    ------
    NetworkError
        As `adapt`; whether another library's network can take the input shows when it is made.
    """
    if isinstance(network, NamedNetwork):
        return replace(network, input=input, classes=classes)
    return adapt(network, input, classes)


def resolve(name_or_path: str, input: Shape, classes: int) -> Network:
    """Find or read a network and fit it to the data.

    Parameters
    ----------
    name_or_path : str
        A name of the zoo, or a file whose name ends in .json.
    input : (channels, height, width)
        Of the data at working size.
    classes : int
        A file's network for another number of classes gets as many units in its last linear layer.

    Raises
    ------
    NetworkError
        If there is no such network, or it cannot be fitted.
    OSError
        If the file cannot be read.
    """
    if is_file(name_or_path):
        return adapt(files.load(Path(name_or_path)), input, classes)
    return zoo.make(name_or_path, input, classes)


def adapt(network: Network, input: Shape, classes: int) -> Network:
    """Give a network another input and another number of classes; its last layer must then be linear (or an RBF output).

    Raises
    ------
    NetworkError
        If the last layer is of another kind, or a layer cannot take the new input.
    """
    headed = with_head(network, classes) if classes != network.classes else network
    adapted = replace(headed, input=input)
    analyse(adapted)
    return adapted


def with_head(network: Network, classes: int) -> Network:
    """Give a network's last linear layer, and that of each auxiliary head, as many units as there are classes; nothing else is asked of it.

    Raises
    ------
    NetworkError
        If the last layer is of another kind.
    """
    layers = _with_units(_with_heads(network.body.layers, classes, network.title), classes, network.title)
    return replace(network, classes=classes, body=replace(network.body, layers=layers))


def _with_units(layers: tuple[Layer, ...], units: int, title: str) -> tuple[Layer, ...]:
    """The same layers, of which the last one that has units has these; an activation or a dropout may follow it."""
    for place in range(len(layers) - 1, -1, -1):
        layer = layers[place]
        if isinstance(layer, Sequence) and layer.layers:
            changed: Layer = replace(layer, layers=_with_units(layer.layers, units, title))
        elif isinstance(layer, Linear | RbfOutput):
            changed = replace(layer, units=units)
        elif isinstance(layer, Activation | Dropout | Auxiliary):
            continue
        else:
            break
        return (*layers[:place], changed, *layers[place + 1 :])
    raise NetworkError(
        f"{title} cannot be fitted to {units} classes: it does not end in a linear layer.", "Let a linear layer be its last."
    )


def _with_heads(layers: tuple[Layer, ...], units: int, title: str) -> tuple[Layer, ...]:
    """The same layers with auxiliary heads of these many units."""
    return tuple(_with_head(layer, units, title) for layer in layers)


def _with_head(layer: Layer, units: int, title: str) -> Layer:
    if isinstance(layer, Auxiliary):
        return replace(layer, layers=_with_units(layer.layers, units, title))
    if isinstance(layer, Sequence):
        return replace(layer, layers=_with_heads(layer.layers, units, title))
    return layer
