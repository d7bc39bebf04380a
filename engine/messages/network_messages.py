"""Commands and events about networks: kept in the project, of other libraries, weights, and what a training would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from engine.messages.base import Command, Event, Lane
from engine.networks.layers import Network, Shape

if TYPE_CHECKING:
    from engine.networks.arithmetic import Analysis  # whose errors need the messages of failures


class SaveNetwork(Command, frozen=True, eq=False, tag=True):
    """Keep a network in the open project, in networks/NAME.json. Answer: NetworksChanged.

    Attributes
    ----------
    network : Network
        Its name becomes the file's; it may be unfinished, so that no work is lost.
    before : str
        The name that it had before, whose file goes; "" for a new one, which takes the place of no other.
    """

    network: Network
    before: str = ""


class DeleteNetwork(Command, frozen=True, eq=False, tag=True):
    """Delete a network of the project; SaveNetwork with the same record brings it back. Answer: NetworksChanged."""

    name: str


class ReadNetwork(Command, frozen=True, eq=False, tag=True):
    """Read a network's JSON file from anywhere into the project. Answer: NetworksChanged, whose `added` names it."""

    path: str


class ListLibraries(Command, frozen=True, eq=False, tag=True):
    """Which networks torchvision and timm offer. Answer: LibrariesListed."""

    lane: ClassVar[Lane] = Lane.LIVE


class DescribeNetwork(Command, frozen=True, eq=False, tag=True):
    """Work out a network of another library, by tracing it without memory. Answer: NetworkDescribed."""

    lane: ClassVar[Lane] = Lane.LIVE
    network: str
    input: Shape
    classes: int


class CheckWeights(Command, frozen=True, eq=False, tag=True):
    """Say what of a file of weights fits a network. Answer: WeightsChecked.

    Attributes
    ----------
    network : str
        As in Train.
    weights : str
        A .pth or .safetensors file, or "pretrained".
    """

    lane: ClassVar[Lane] = Lane.LIVE
    network: str
    input: Shape
    classes: int
    weights: str


class ProbeTraining(Command, frozen=True, eq=False, tag=True):
    """Measure a few training steps of a network on made-up pictures. Answer: TrainingProbed.

    Attributes
    ----------
    network : Network or str
        A tree, or "torchvision:NAME" or "timm:NAME".
    input : (channels, height, width)
    batch : int
        Pictures a step.
    device : str
        As in the recipe.
    """

    lane: ClassVar[Lane] = Lane.JOBS
    network: Network | str
    input: Shape
    classes: int
    batch: int
    device: str = "auto"


class LibraryNetwork(msgspec.Struct, frozen=True):
    """A network that another library makes.

    Attributes
    ----------
    name : str
        "torchvision:resnet50", "timm:convnext_tiny".
    pretrained : bool
        Whether the library knows weights for it.
    side : int
        Side in pixels of the pictures that those were learned on; 224 where the library does not say.
    """

    name: str
    pretrained: bool
    side: int = 224


class NetworksChanged(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The networks kept in the open project, by name; `broken` are files that are none, with the reason.

    `added` is the name of the one that a command has just brought in, `removed` the one that a command has just deleted.
    """

    networks: tuple[Network, ...]
    broken: tuple[tuple[str, str], ...] = ()
    added: str = ""
    removed: Network | None = None


class LibrariesListed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """Networks of torchvision and timm; `missing` are libraries that are not installed."""

    networks: tuple[LibraryNetwork, ...]
    missing: tuple[str, ...] = ()


class NetworkDescribed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """The arithmetic of a network of another library; receptive fields are not known."""

    network: str
    input: Shape
    classes: int
    analysis: Analysis


class WeightsChecked(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What of a file of weights fits a network.

    Attributes
    ----------
    source : str
        In words, whose names the file has: "torchvision's resnet50".
    taken, total : int
        Parameters of the network that come from the file, and all of them.
    new : tuple of str
        Layers that begin anew, the last one mostly.
    unused : tuple of str
        Names of the file that fit nothing.
    at_hand : bool
        Whether the file is there; else all of this is what will be so once it is.
    """

    network: str
    weights: str
    source: str
    taken: int
    total: int
    new: tuple[str, ...]
    unused: tuple[str, ...]
    at_hand: bool = True


class TrainingProbed(Event, frozen=True, eq=False, tag=True, kw_only=True):
    """What a training step costs here, measured.

    Attributes
    ----------
    network, input, classes, batch
        As asked; the network's name.
    device : str
    seconds : float
        Of one step, median of a few; with forward, backward and update. 0 where none could be taken for want of memory.
    peak : int or None
        Bytes that the step took beyond what was there before; None where the device does not tell.
    free, total : int
        Bytes of the device's memory.
    verdict : {"fits", "tight", "too large"}
        By the peak where the device tells it, else by what weights, gradients, averages and values take at the least.
    """

    network: str
    input: Shape
    classes: int
    batch: int
    device: str
    seconds: float
    peak: int | None
    free: int
    total: int
    verdict: Literal["fits", "tight", "too large"]
