"""Which weights of a file belong to which of a network: by the same names, by the names of a twin, or by the same order."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

import torch

from engine.failure import UserError
from engine.networks import zoo
from engine.networks.arithmetic import NetworkError
from engine.networks.build import skeleton
from engine.networks.layers import AnyNetwork, NamedNetwork
from engine.networks.resolve import is_library, refit
from engine.networks.weights_files import BOOKKEEPING, Weights

Shapes: TypeAlias = dict[str, tuple[int, ...]]
How: TypeAlias = Literal["whole", "channels", "places"]
"""A weight is taken as it is; as the sum over its channels, or spread over more; interpolated to other places."""

MOST_STRANGE = 0.05  # of the network's tensors may have a namesake of another shape, beyond what is explained
FEWEST_TAKEN = 0.5
FROM_A_TWIN = 0.9  # of a twin's names must be in a file that has its names
USUAL_CLASSES = 1000


STATISTICS = ("running_mean", "running_var")
WITHIN_A_LAYER = ("weight", "bias", "in_proj_weight", "in_proj_bias", *STATISTICS)
"""What layers call their weights; other names are values that belong to no single layer."""


class Match(NamedTuple):
    """What of a file fits a network.

    Attributes
    ----------
    source : str
        In words, whose names the file has: "torchvision's resnet50"; "this network" for the network's own.
    word : str
        The library's network that it is of, "torchvision:resnet50"; "" where that is not known.
    taken : dict of str to (str, How)
        For a name of the network the file's, and how it is taken.
    new : tuple of str
        Layers that begin anew.
    unused : tuple of str
        Names of the file that fit nothing.
    parameters, total : int
        Values taken, and all of the network; running means and deviations do not count.
    last : frozenset of str
        Weights of the network that depend on the number of classes: those of its last layer and of its auxiliary heads'.
    classes : int
        That the file's last layer has; 0 where it is not known.
    """

    source: str
    word: str
    taken: dict[str, tuple[str, How]]
    new: tuple[str, ...]
    unused: tuple[str, ...]
    parameters: int
    total: int
    last: frozenset[str]
    classes: int

    @property
    def changed(self) -> dict[str, How]:
        """Layers whose weights are taken in another shape than the file has."""
        return {layer_of(name): how for name, (_, how) in self.taken.items() if how != "whole"}


class _Try(NamedTuple):
    """A way to read the file: for names of the network those of the file."""

    source: str
    word: str
    names: dict[str, str]


def match(network: AnyNetwork, weights: Weights) -> Match:
    """Find out what of a file fits a network; nothing is built in memory.

    Raises
    ------
    UserError
        If these are weights of another network; it is named where it is known.
    NetworkError
        If the network cannot be.
    """
    target = _Target(network)
    for attempt in _ways(target, weights):
        found = target.fit(attempt, weights.state)
        if found is not None:
            return found
    raise UserError(
        f"{weights.name} holds weights of another network{_likely(weights)}: they do not fit {network.title}.",
        "Choose the network that they belong to, or other weights.",
    )


def layer_of(name: str) -> str:
    """The layer that a weight belongs to; values that belong to no single one keep their own name."""
    layer, _, last = name.rpartition(".")
    return layer if last in WITHIN_A_LAYER else name


# ---------------------------------------------------------------- the network


class _Target:
    """A network's weights by name and shape, and which of them depend on the number of classes."""

    def __init__(self, network: AnyNetwork) -> None:
        self.network = network
        module = skeleton(network)
        self.shapes = shapes_of(module.state_dict())
        self.parameters = {name: value.numel() for name, value in module.named_parameters()}
        self.pictures_first = next((name for name, shape in self.shapes.items() if len(shape) == 4), "")
        self.heads = self._heads()

    def _heads(self) -> frozenset[str]:
        other = self.at(self.network.input, self.network.classes + 1)
        return frozenset(name for name, shape in (other or {}).items() if self.shapes.get(name) != shape)

    def at(self, input: tuple[int, int, int], classes: int) -> Shapes | None:
        """Its shapes for another input and another number of classes; None where it cannot be."""
        if (input, classes) == (self.network.input, self.network.classes):
            return self.shapes
        try:
            return shapes_of(skeleton(refit(self.network, input, classes)).state_dict())
        except NetworkError:
            return None

    def fit(self, attempt: _Try, state: Mapping[str, torch.Tensor]) -> Match | None:
        """What is taken in this way; None where it is too little, or too much contradicts it."""
        taken: dict[str, tuple[str, How]] = {}
        strange = 0
        for name, theirs in attempt.names.items():
            how = self.how(name, tuple(state[theirs].shape))
            if how is not None:
                taken[name] = theirs, how
            elif name not in self.heads and not self.depends_on_size(name, tuple(state[theirs].shape)):
                strange += 1
        body = [name for name in self.shapes if name not in self.heads]
        covered = sum(name in taken for name in body)
        if strange > MOST_STRANGE * len(self.shapes) or covered < FEWEST_TAKEN * len(body) or not covered:
            return None
        new = tuple(dict.fromkeys(layer_of(name) for name in self.shapes if name not in taken))
        used = {theirs for theirs, _ in taken.values()}
        return Match(
            source=attempt.source,
            word=attempt.word,
            taken=taken,
            new=new,
            unused=tuple(name for name in state if name not in used),
            parameters=sum(number for name, number in self.parameters.items() if name in taken),
            total=sum(self.parameters.values()),
            last=self.heads,
            classes=next((int(state[theirs].shape[0]) for name, theirs in attempt.names.items() if name in self.heads), 0),
        )

    def how(self, name: str, theirs: tuple[int, ...]) -> How | None:
        """How a weight of the file's shape becomes one of the network's; None where it does not."""
        own = self.shapes[name]
        if own == theirs or (len(own) != len(theirs) and _as_rows(own) == _as_rows(theirs)):
            return "whole"
        if (
            name == self.pictures_first
            and len(theirs) == 4
            and {own[1], theirs[1]} == {1, 3}
            and own[::2] == theirs[::2]
            and own[3] == theirs[3]
        ):
            return "channels"
        if _is_position(own) and _is_position(theirs) and own[2] == theirs[2] and min(own[1], theirs[1]) > 1:
            return "places"
        return None

    def depends_on_size(self, name: str, theirs: tuple[int, ...]) -> bool:
        """Whether another input size explains another shape: a linear layer behind maps, or values for each place."""
        own = self.shapes[name]
        linear = len(own) == len(theirs) == 2 and own[0] == theirs[0]
        return linear or "position" in name or "pos_embed" in name


def shapes_of(state: Mapping[str, torch.Tensor]) -> Shapes:
    """Names and shapes in the order of definition, without what trainings count along."""
    return {name: tuple(value.shape) for name, value in state.items() if not name.endswith(BOOKKEEPING) and value.is_floating_point()}


def _is_position(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] == 1


# ---------------------------------------------------------------- ways to read the file


def _ways(target: _Target, weights: Weights) -> Iterator[_Try]:
    """From the surest to the least sure."""
    network, state = target.network, weights.state
    if isinstance(network, NamedNetwork):
        yield _Try(_words(network.word), network.word, {name: name for name in target.shapes if name in state})
    else:
        yield _Try(_own_words(weights), "", {name: name for name in target.shapes if name in state})
    for word in twins_of(network):
        names = _names_of_twin(target, word, weights)
        if names:
            yield _Try(_words(word), word, names)
    if weights.ordered:
        for classes in dict.fromkeys((_classes_of(state), network.classes, USUAL_CLASSES)):
            ours = target.at(network.input, classes) if classes else None
            names = _aligned(ours or {}, shapes_of(state), whole=True)
            if names:
                yield _Try("a network of other names and the same shapes", "", names)


def twins_of(network: AnyNetwork) -> tuple[str, ...]:
    """The same network in other libraries, "torchvision:resnet50", by what the zoo's cards say."""
    if isinstance(network, NamedNetwork):
        word = f"{network.library}:{network.name.partition('.')[0]}"
        found = (zoo.card(name).twins for name in zoo.names() if word in zoo.card(name).twins)
        return tuple(dict.fromkeys(other for twins in found for other in twins if other != word))
    return zoo.card(network.name).twins if network.name in zoo.names() else ()


def _names_of_twin(target: _Target, word: str, weights: Weights) -> dict[str, str]:
    """Names of the file for those of the network, where the file has a twin's names; the twin's own definition gives their order."""
    from engine.networks.libraries import default_classes, named

    twin = named(word)
    theirs = shapes_of(skeleton(twin).state_dict())
    there = [name for name in theirs if name in weights.state]
    if len(there) < FROM_A_TWIN * len(theirs):
        return {}
    ours = target.at(twin.input, default_classes(word))
    names = _aligned(ours or {}, theirs, whole=False)
    return {name: other for name, other in names.items() if name in target.shapes and other in weights.state}


def _aligned(ours: Shapes, theirs: Shapes, whole: bool) -> dict[str, str]:
    """Pair the weights of two networks: by order where all of them agree, else layer by layer among layers that are alike.

    With `whole` nothing less than an agreement throughout will do.
    """
    if [_kind(*weight) for weight in ours.items()] == [_kind(*weight) for weight in theirs.items()]:
        return dict(zip(ours, theirs, strict=True))
    if whole:
        return {}
    waiting: dict[object, list[_Layer]] = defaultdict(list)
    for layer in reversed(_layers(theirs)):
        waiting[layer.kind].append(layer)
    pairs = [(layer, waiting[layer.kind].pop()) for layer in _layers(ours) if waiting[layer.kind]]
    return {name: other for layer, twin in pairs for name, other in zip(layer.names, twin.names, strict=True)}


class _Layer(NamedTuple):
    """A layer's weights, and what it is known by: what each is to it, and their shapes."""

    names: list[str]
    kind: tuple[tuple[str, tuple[int, ...]], ...]


def _layers(shapes: Shapes) -> list[_Layer]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in shapes:
        found[layer_of(name)].append(name)
    return [_Layer(names, tuple(_kind(name, shapes[name]) for name in names)) for names in found.values()]


def _kind(name: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    return _role(name), _as_rows(shape)


def _as_rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A linear layer behind maps and a convolution over whole maps have the same weights in the same order."""
    return (shape[0], math.prod(shape[1:])) if len(shape) == 4 else shape


def _role(name: str) -> str:
    """What a weight is to its layer, in whatever words."""
    last = name.rpartition(".")[2]
    if last in STATISTICS:
        return last
    if last.endswith("bias") or last == "beta":
        return "bias"
    return "weight"


def _classes_of(state: Mapping[str, torch.Tensor]) -> int:
    """How many classes the last layer of a file has, 0 where there is no such layer."""
    return next((int(value.shape[0]) for value in reversed(list(state.values())) if value.ndim in (2, 4)), 0)


# ---------------------------------------------------------------- words


def _words(word: str) -> str:
    library, _, name = word.partition(":")
    return f"{library}'s {name}"


def _own_words(weights: Weights) -> str:
    title = weights.facts.get("title")
    return f"a run of {title[:100]}" if isinstance(title, str) and title else "this network"


def _likely(weights: Weights) -> str:
    """Whose weights a file holds, as far as its own words, its name or its size tell."""
    title = weights.facts.get("title")
    if isinstance(title, str) and title:
        return f", {title[:100]}"
    from engine.networks.libraries import load, network_names

    models = load("torchvision")
    stem = re.split(r"[-.]", weights.name.lower())[0]
    names = network_names("torchvision")
    if stem in names:
        return f", torchvision's {stem}"
    number = sum(value.numel() for name, value in weights.state.items() if not name.endswith(STATISTICS))
    same = [name for name in names if models.get_model_weights(name).DEFAULT.meta["num_params"] == number]
    return f", as it seems torchvision's {same[0]}" if same else ""


def offered_words(network: AnyNetwork) -> tuple[str, ...]:
    """Networks of other libraries whose weights a network can take, itself first."""
    own = (network.word,) if isinstance(network, NamedNetwork) else ()
    return (*own, *(word for word in twins_of(network) if is_library(word)))
