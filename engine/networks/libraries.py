"""Networks of torchvision and timm, taken by name: which there are, and the torch module of one.

Both libraries take seconds to load, and do so when they are first asked for.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from functools import lru_cache
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from engine.control import CancelToken
from engine.failure import UserError
from engine.messages import DescribeNetwork, LibrariesListed, LibraryNetwork, NetworkDescribed
from engine.networks.arithmetic import NetworkError
from engine.networks.layers import Library, NamedNetwork, Shape
from engine.networks.library_modules import REFUSALS, Head, drawing_from, with_channels, with_heads, without_memory

if TYPE_CHECKING:
    from engine.session import Emit, Session

LIBRARIES: tuple[Library, ...] = ("torchvision", "timm")
USUAL_SIDE = 224
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
HEADS = {
    "googlenet": (Head("aux1", "aux_logits1", 0.3), Head("aux2", "aux_logits2", 0.3)),
    "inception_v3": (Head("AuxLogits", "aux_logits", 0.4),),
}
"""Auxiliary heads of torchvision's networks; the shares are those of the GoogLeNet paper and of torchvision's own training."""


LISTS = {"torchvision": "torchvision.models.list_models()", "timm": "timm.list_models()"}
"""What each library tells its networks' names with."""


class Input(NamedTuple):
    """How a library's network wants its pictures.

    Attributes
    ----------
    side : int
        In pixels.
    mean, deviation : tuple of float
        One a channel, in units of the full range.
    share : float
        Part of the picture's shorter side that is looked at in tests: the middle is cut out.
    """

    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    share: float

    def of_channels(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation for pictures of so many channels: for grey ones the middle of the colours'."""
        if len(self.mean) == channels:
            return self.mean, self.deviation
        both = tuple(sum(values) / len(values) for values in (self.mean, self.deviation))
        return (both[0],) * channels, (both[1],) * channels


# ---------------------------------------------------------------- commands


def list_libraries(session: Session, command: object, token: CancelToken, emit: Emit) -> None:
    """Answer ListLibraries."""
    found: list[LibraryNetwork] = []
    missing: list[str] = []
    for library in LIBRARIES:
        token.check()
        try:
            found.extend(_listed(library))
        except UserError:
            missing.append(library)
    emit(LibrariesListed(networks=tuple(found), missing=tuple(missing)))


def describe_network(session: Session, command: DescribeNetwork, token: CancelToken, emit: Emit) -> None:
    """Answer DescribeNetwork.

    Raises
    ------
    NetworkError
        If there is no such network, or it cannot take this input.
    UserError
        If the library cannot be loaded.
    """
    from engine.networks.tracing import trace

    analysis = trace(named(command.network, command.input, command.classes))
    emit(NetworkDescribed(network=command.network, input=command.input, classes=command.classes, analysis=analysis))


# ---------------------------------------------------------------- which there are


def named(word: str, input: Shape | None = None, classes: int | None = None) -> NamedNetwork:
    """The network that a word means.

    Parameters
    ----------
    word : str
        "torchvision:NAME", "timm:NAME" or "timm:NAME.TAG", whose tag names one of several weights.
    input : (channels, height, width), optional
        That of the library's weights by default.
    classes : int, optional
        Those of the library's weights by default.

    Raises
    ------
    NetworkError
        If the library has none of this name; the nearest names are told.
    UserError
        If the library cannot be loaded.
    """
    library, name = split(word)
    names = network_names(library)
    if name not in names and not _is_tagged(library, name):
        near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
        where = f"Search {library}'s networks on the Model page, or see what {LISTS[library]} gives."
        remedy = f"Did you mean {' or '.join(f'{library}:{found}' for found in near)}?" if near else where
        raise NetworkError(f'{library} has no network "{name[:100]}".', remedy)
    if input is None:
        side = wanted_input(word).side
        input = (3, side, side)
    made_with = version(library)
    return NamedNetwork(library, name, f"{name} ({library})", input, classes or default_classes(word), made_with)


def split(word: str) -> tuple[Library, str]:
    """Library and name of "timm:NAME".

    Raises
    ------
    NetworkError
        If the word begins with no library.
    """
    for library in LIBRARIES:
        if word.startswith(f"{library}:"):
            return library, word.removeprefix(f"{library}:")
    raise NetworkError(f'"{word[:100]}" is not a network.', f"Begin it with {' or '.join(f'{library}:' for library in LIBRARIES)}.")


def load(library: Library) -> ModuleType:
    """The library itself, imported when it is first wanted.

    Raises
    ------
    UserError
        If it is not installed, or does not go together with torch.
    """
    try:
        return importlib.import_module("torchvision.models" if library == "torchvision" else "timm")
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] == library:
            raise UserError(f"The library {library} is not installed.", f"Install it: pip install {library}") from None
        raise _broken(library, error) from None
    except (RuntimeError, OSError, AttributeError) as error:
        raise _broken(library, error) from None


def wanted_input(word: str) -> Input:
    """How a network wants its pictures, by the weights that the library offers for it; ImageNet's usual where it offers none."""
    library, name = split(word)
    if library == "timm":
        known = timm_weights(name)
        if known is None:
            return Input(USUAL_SIDE, IMAGENET_MEAN, IMAGENET_DEVIATION, 0.875)
        return Input(known.input_size[1], tuple(known.mean), tuple(known.std), known.crop_pct or 0.875)
    options = load(library).get_model_weights(name).DEFAULT.transforms.keywords
    side = int(options["crop_size"])
    share = side / int(options.get("resize_size", 256))
    if name in HEADS:  # learned on values from -1 to 1; torchvision brings its own mean and deviation to that within the network
        return Input(side, HALF, HALF, share)
    mean, deviation = options.get("mean", IMAGENET_MEAN), options.get("std", IMAGENET_DEVIATION)
    return Input(side, tuple(mean), tuple(deviation), share)


def default_classes(word: str) -> int:
    """Classes of the weights that the library offers for a network; 1000 where it offers none, or weights without classes."""
    library, name = split(word)
    known = timm_weights(name) if library == "timm" else None
    return known.num_classes if known is not None and known.num_classes > 0 else 1000


def class_names(word: str, classes: int) -> tuple[str, ...]:
    """What the classes of a network's weights are called: ImageNet's names where their number says that it is ImageNet's.

    Parameters
    ----------
    word : str
        The library's network; "" where it is none.
    classes : int
        1000 are those of ImageNet's competition; timm has weights for other parts of it as well.
    """
    if classes == 1000:
        names = load("torchvision").get_model_weights("resnet18").DEFAULT.meta["categories"]
        return tuple(str(name) for name in names)
    if word.startswith("timm:"):
        load("timm")
        data = importlib.import_module("timm.data")
        known = timm_weights(split(word)[1])
        part = data.infer_imagenet_subset(known) if known is not None and known.num_classes == classes else None
        if part:
            info = data.ImageNetInfo(part)
            return tuple(str(info.index_to_description(number)) for number in range(classes))
    return tuple(f"class {number}" for number in range(classes))


def timm_weights(name: str) -> Any:
    """What timm knows of the weights of one of its networks, a PretrainedCfg; None where it knows nothing."""
    return load("timm").get_pretrained_cfg(name, allow_unregistered=True)


@lru_cache(maxsize=2)
def network_names(library: Library) -> tuple[str, ...]:
    """All networks of a library that classify pictures.

    Raises
    ------
    UserError
        If it cannot be loaded.
    """
    module = load(library)
    # torchvision has networks for segmentation, detection and films in modules of their own
    return tuple(module.list_models() if library == "timm" else module.list_models(module=module))


def _is_tagged(library: Library, name: str) -> bool:
    architecture, _, tag = name.partition(".")
    return (
        library == "timm"
        and bool(tag)
        and architecture in network_names(library)
        and name in load("timm").list_pretrained(f"{architecture}.*")
    )


def _listed(library: Library) -> tuple[LibraryNetwork, ...]:
    if library == "timm":
        known = ((name, timm_weights(name)) for name in network_names(library))
        return tuple(
            LibraryNetwork(f"timm:{name}", _offers(weights), weights.input_size[1] if weights else USUAL_SIDE) for name, weights in known
        )
    return tuple(LibraryNetwork(f"torchvision:{name}", True, wanted_input(f"torchvision:{name}").side) for name in network_names(library))


def _offers(weights: Any) -> bool:
    """Whether timm's record says where weights are to be had."""
    return weights is not None and bool(weights.has_weights)


def _broken(library: str, error: Exception) -> UserError:
    reason = str(error).strip().split("\n")[0][:200]
    return UserError(
        f"The library {library} cannot be loaded: {reason}.", "Install versions of torch, torchvision and timm that belong together."
    )


# ---------------------------------------------------------------- modules


def make(network: NamedNetwork, seed: int | None = 0) -> nn.Module:
    """Make the module of a network on the CPU; torch's global generator is not touched.

    Parameters
    ----------
    network : NamedNetwork
        Of one channel: torchvision's first convolution, which is always made for colour, is made anew for it.
    seed : int or None
        Of the library's own way of filling the weights; None leaves them at 0, for those who load others.

    Raises
    ------
    NetworkError
        If there is no such network, or the library cannot make it for this input.
    """
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    with drawing_from(generator):
        return _made(network)


def make_skeleton(network: NamedNetwork) -> nn.Module:
    """Make the module on the meta device: shapes without memory.

    Raises
    ------
    NetworkError
        As `make`.
    """
    try:
        with torch.device("meta"), drawing_from(None):
            return _made(network)
    except NotImplementedError:  # torchvision's RegNets compute with small tensors while they are made
        with without_memory():
            return _made(network).to("meta")


def _made(network: NamedNetwork) -> nn.Module:
    named(network.word, network.input, network.classes)  # refuses names that would make a library look elsewhere
    try:
        return _of_timm(network) if network.library == "timm" else _of_torchvision(network)
    except REFUSALS as error:
        if isinstance(error, NotImplementedError):
            raise
        raise refused(network, error) from None


def refused(network: NamedNetwork, error: Exception, place: str = "") -> NetworkError:
    """The sentence for a network that its library cannot make or run for an input."""
    shape = "×".join(map(str, network.input))
    reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
    where = f" in {place}" if place else ""
    return NetworkError(
        f"{network.word} cannot take pictures of {shape}{where}: {reason}.", "Choose another input size or another network.", place
    )


def _of_torchvision(network: NamedNetwork) -> nn.Module:
    _, height, width = network.input
    models = load("torchvision")
    options: dict[str, Any] = {"num_classes": network.classes}
    known = inspect.signature(models.get_model_builder(network.name)).parameters
    if network.name in HEADS:
        options |= {"init_weights": True, "aux_logits": True}
    elif network.name.startswith("vit_"):
        if height != width:
            raise ValueError("the pictures must be square")
        options["image_size"] = height
    elif network.name.startswith("maxvit"):
        options["input_size"] = (height, width)
    module: nn.Module = models.get_model(network.name, weights=None, **options, **({"progress": False} if "progress" in known else {}))
    if network.input[0] != 3:
        with_channels(module, network.input[0])
    return with_heads(module, HEADS.get(network.name, ()))


def _of_timm(network: NamedNetwork) -> nn.Module:
    channels, height, width = network.input
    create = load("timm").create_model
    options: dict[str, Any] = {"pretrained": False, "num_classes": network.classes, "in_chans": channels}
    known = timm_weights(network.name)
    usual = known.input_size[1:] if known is not None else (USUAL_SIDE, USUAL_SIDE)
    if (height, width) == tuple(usual):
        return create(network.name, **options)  # type: ignore[no-any-return]
    try:
        return create(network.name, img_size=height if height == width else (height, width), **options)  # type: ignore[no-any-return]
    except TypeError as error:  # most networks take pictures of any size, and know no such option
        if "img_size" not in str(error):
            raise
        return create(network.name, **options)  # type: ignore[no-any-return]
