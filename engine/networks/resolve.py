"""From what a user names, a word of the zoo or a file, to a network that fits the data."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from engine.networks import files, zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.layers import Linear, Network, Sequence, Shape


def is_file(name_or_path: str) -> bool:
    """Whether a word means a network file rather than a name of the zoo."""
    return name_or_path.lower().endswith(".json")


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
    """Give a network another input and another number of classes; its last layer must then be linear.

    Raises
    ------
    NetworkError
        If the last layer is not linear, or a layer cannot take the new input.
    """
    body = network.body if classes == network.classes else _with_units(network.body, classes, network.title)
    adapted = replace(network, input=input, classes=classes, body=body)
    analyse(adapted)
    return adapted


def _with_units(sequence: Sequence, units: int, title: str) -> Sequence:
    if not sequence.layers:
        raise _no_head(title, units)
    *before, last = sequence.layers
    if isinstance(last, Sequence):
        return replace(sequence, layers=(*before, _with_units(last, units, title)))
    if not isinstance(last, Linear):
        raise _no_head(title, units)
    return replace(sequence, layers=(*before, replace(last, units=units)))


def _no_head(title: str, units: int) -> NetworkError:
    return NetworkError(
        f"{title} cannot be fitted to {units} classes: it does not end in a linear layer.", "Let a linear layer be its last."
    )
