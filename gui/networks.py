"""Networks as the window knows them: of the zoo, the project's own ("own:NAME"), and of other libraries ("timm:NAME").

What was worked out is kept, for drawing and figures ask for the same again and again.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.networks import zoo
from engine.networks.arithmetic import Analysis, NetworkError, analyse
from engine.networks.layers import Network, Shape
from engine.networks.resolve import adapt
from engine.networks.zoo import Card
from gui.state import AppState

OWN = "own:"
LIBRARIES = ("torchvision:", "timm:")
KEPT = 256


class Worked(msgspec.Struct, frozen=True, eq=False):
    """A network on certain data: its tree and its arithmetic, or why it cannot be. Those of other libraries have no tree."""

    tree: Network | None = None
    analysis: Analysis | None = None
    error: NetworkError | None = None


_kept: OrderedDict[tuple[object, ...], tuple[Network | None, Worked]] = OrderedDict()


def is_own(name: str) -> bool:
    """Whether a name means a network of the project."""
    return name.startswith(OWN)


def is_library(name: str) -> bool:
    """Whether a name means a network of torchvision or timm."""
    return name.startswith(LIBRARIES)


def is_classic(name: str) -> bool:
    """Whether a name means a classifier without layers."""
    return name in zoo.names() and zoo.card(name).kind == "classic"


def own(state: AppState, name: str) -> Network | None:
    """A network of the project, as it was saved; None where there is none of this name."""
    return next((network for network in state.networks if OWN + network.name == name), None)


def exists(state: AppState, name: str) -> bool:
    """Whether a name means something in this project."""
    return name in zoo.names() or own(state, name) is not None or is_library(name)


def names(state: AppState) -> tuple[str, ...]:
    """The project's own networks, then those of the zoo, simplest first."""
    return (*(OWN + network.name for network in state.networks), *zoo.names())


def card(state: AppState, name: str) -> Card:
    """What is known of a network.

    Raises
    ------
    NetworkError
        If there is none of this name.
    """
    if is_library(name):
        library, _, word = name.partition(":")
        side = next((found.side for found in state.libraries.networks if found.name == name), 224) if state.libraries else 224
        summary = tr("From the library {library}, with weights learned elsewhere where it offers some.").format(library=library)
        return Card(name, word, library, 0, summary, library, "network", 1, (3, side, side), 1000)
    network = own(state, name)
    if network is None:
        return zoo.card(name)
    summary = tr("Made in this project.")
    return Card(name, network.title, network.family, network.year, summary, summary, "network", 1, network.input, network.classes)


def suggest_size(state: AppState, name: str, height: int, width: int) -> tuple[int, int]:
    """Working size (height, width) for data whose typical picture is height × width pixels."""
    if name in zoo.names():
        return zoo.suggest_size(name, height, width)
    return card(state, name).default_input[1:]


def worked(state: AppState, name: str, shape: Shape, classes: int) -> Worked:
    """A network worked out for an input and a number of classes; nothing for classic ones, and for other libraries' until it is known."""
    if is_library(name):
        return Worked(analysis=state.described.get((name, shape, classes)))
    if is_classic(name):
        return Worked()
    network = own(state, name)
    key = (name, shape, classes, id(network))
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key][1]
    found = _work_out(network, name, shape, classes)
    _kept[key] = (network, found)  # the network is held, so that its id stays its own
    if len(_kept) > KEPT:
        _kept.popitem(last=False)
    return found


def _work_out(network: Network | None, name: str, shape: Shape, classes: int) -> Worked:
    try:
        tree = zoo.make(name, shape, classes) if network is None else adapt(network, shape, classes)
        return Worked(tree, analyse(tree))
    except NetworkError as error:
        return Worked(error=error)


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("networks", text)
