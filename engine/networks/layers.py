"""A network is data: a tree of small frozen records. No torch.

A new kind of layer is a record here, in `Layer`, and its arithmetic and its torch module in a file of `engine.networks.kinds`.
Sizes are pairs (height, width), shapes are (channels, height, width), as torch has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

NEWEST_VERSION = 2
"""2: residual, branches, auxiliary heads, tokens, depthwise, dilation and the layers of the Neocognitron and of LeNet-5 as published."""

Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\Z", max_length=64)]
Side = Annotated[int, Meta(ge=1, le=65_536)]
Margin = Annotated[int, Meta(ge=0, le=65_536)]
Count = Annotated[int, Meta(ge=1, le=1_048_576)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0, le=1e6)]
Shape: TypeAlias = tuple[int, int, int]
Pair: TypeAlias = tuple[int, int]

ActivationKind: TypeAlias = Literal[
    "relu", "tanh", "sigmoid", "leaky-relu", "gelu", "relu6", "silu", "hard-swish", "hard-sigmoid", "scaled-tanh", "softmax"
]


def _tag(class_name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in class_name).strip("-")


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """What all layers have: a name, unlike its neighbours' within a container."""

    name: Name


# ---------------------------------------------------------------- convolutions


class Conv(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Convolution with `filters` kernels, each over the channels of its group (COURSE: shared weights, all channels)."""

    filters: Count
    kernel: tuple[Side, Side]
    stride: tuple[Side, Side] = (1, 1)
    padding: tuple[Margin, Margin] = (0, 0)
    groups: Count = 1
    bias: bool = True
    dilation: tuple[Side, Side] = (1, 1)


class DepthwiseConv(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Each channel is convolved by itself, with `multiplier` kernels a channel."""

    kernel: tuple[Side, Side]
    stride: tuple[Side, Side] = (1, 1)
    padding: tuple[Margin, Margin] = (0, 0)
    multiplier: Count = 1
    bias: bool = True
    dilation: tuple[Side, Side] = (1, 1)


class SeparableConv(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A depthwise convolution, then a 1×1 convolution over its channels; nothing between them (Chollet 2017)."""

    filters: Count
    kernel: tuple[Side, Side]
    stride: tuple[Side, Side] = (1, 1)
    padding: tuple[Margin, Margin] = (0, 0)
    bias: bool = True


class PartialConv(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Convolution whose filters see some of the channels only (LeCun et al. 1998, table I).

    `table` has a row a filter: the channels that it sees, counted from 0, in rising order.
    """

    table: Annotated[tuple[tuple[Margin, ...], ...], Meta(min_length=1, max_length=4096)]
    kernel: tuple[Side, Side]
    stride: tuple[Side, Side] = (1, 1)
    padding: tuple[Margin, Margin] = (0, 0)
    bias: bool = True


class Whitening(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Fixed kernels that make the values of each patch uncorrelated and equally strong; a learned bias follows (Jordan 2024, section 3.2).

    Before the first step they are measured on training pictures: the principal directions of patches, each divided by the patches'
    standard deviation along it, and the same with the other sign. So there are twice as many filters as a patch has values.
    """

    kernel: tuple[Side, Side] = (2, 2)


# ---------------------------------------------------------------- pooling


class Pool(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Largest, mean or smallest value of each window.

    Zeros in the padding never count for the maximum and minimum, and for the mean only where `count_padding`. With `ceil` a last
    window may reach beyond the edge, so that no pixel is left out.
    """

    kind: Literal["max", "mean", "min"]
    kernel: tuple[Side, Side]
    stride: tuple[Side, Side]
    padding: tuple[Margin, Margin] = (0, 0)
    ceil: bool = False
    count_padding: bool = True


class GlobalPool(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """One value a channel: the largest, the mean or the smallest over the whole map."""

    kind: Literal["max", "mean", "min"] = "mean"


class Subsampling(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Sum of each window times a learned weight plus a learned bias, one of each a channel (LeCun et al. 1998, S2 and S4)."""

    kernel: tuple[Side, Side]
    stride: tuple[Side, Side]


class BilinearPool(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Products of all pairs of channels, averaged over the places (Lin et al. 2015): C maps become a row of C² values.

    With `normalise` signed square root and unit length follow, as published.
    """

    normalise: bool = True


# ---------------------------------------------------------------- values


class Linear(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Every unit sees every value of a row: Wx + b; of tokens, each token's row by itself."""

    units: Count
    bias: bool = True


class Activation(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A function of each value by itself (softmax: of the channels of each place).

    `slope` is that of leaky ReLU below zero; "scaled-tanh" is 1.7159·tanh(2x/3) (LeCun et al. 1998, appendix A).
    """

    kind: ActivationKind = "relu"
    slope: Fraction = 0.1


class Norm(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Normalisation with a learned scale and shift a channel.

    "batch" over the pictures of a batch and all places (Ioffe and Szegedy 2015); "layer" over the channels of each place or token
    (Ba et al. 2016).
    """

    kind: Literal["batch", "layer"] = "batch"
    epsilon: Positive = 1e-5


class Scale(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Each value times a fixed factor."""

    factor: Positive


class LocalResponseNorm(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Each value divided by (k + alpha·Σ squares of the `size` channels around it)^beta (Krizhevsky et al. 2012, section 3.3)."""

    size: Count = 5
    alpha: Positive = 1e-4
    beta: Positive = 0.75
    k: Positive = 2.0


class Dropout(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """In training each value is zero with probability `rate` (Srivastava et al. 2014)."""

    rate: Fraction = 0.5


class Flatten(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Maps or tokens become one row of values, channel after channel (of tokens: token after token)."""


class SqueezeExcite(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Each channel times a gate in [0, 1] that two small layers compute from the means of all channels (Hu et al. 2018)."""

    reduced: Count
    activation: Literal["relu", "silu"] = "relu"
    gate: Literal["sigmoid", "hard-sigmoid"] = "sigmoid"


class PadChannels(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Every stride-th place, with channels of zeros added: the shortcut without parameters (He et al. 2015, option A)."""

    channels: Count
    stride: tuple[Side, Side] = (1, 1)


class RbfOutput(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Minus the squared distance to a fixed code of ±1 a class (LeCun et al. 1998, equation 7), so that the nearest class wins.

    The distance is divided by √values. The codes are 7×12 pictures of the digits where there are ten classes and 84 values, else
    drawn at random with a fixed seed.
    """

    units: Count


# ---------------------------------------------------------------- tokens


class PatchEmbedding(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Maps are cut into patches, and each becomes a token of `width` values by one linear map (Dosovitskiy et al. 2021)."""

    width: Count
    patch: tuple[Side, Side]
    bias: bool = True


class ClassToken(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A learned token before all others, from which the class is read."""


class Position(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A learned row of values for each place, added to the token there."""


class Attention(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Multi-head self-attention: each token is a mixture of all, by softmax(QKᵀ/√d)V (Vaswani et al. 2017)."""

    heads: Count
    bias: bool = True


class TokenPool(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """One token out of all: the class token, which is the first, or the mean of all."""

    kind: Literal["class", "mean"] = "class"


# ---------------------------------------------------------------- Neocognitron


class SimpleCells(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A layer of S cells (Fukushima 1980, equation 1): each plane answers to one feature, the more exactly the larger `selectivity`.

    The zone has odd sides and zeros around, so that maps keep their size. Where `adaptive`, the training chooses the selectivity
    that suits the data, and the run's network tells it; else it stays as it is.
    """

    planes: Count
    kernel: tuple[Side, Side]
    selectivity: Positive = 4.0
    adaptive: bool = True


class ComplexCells(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A layer of C cells (Fukushima 1980, equation 4): each plane blurs its S plane, so that a feature may move."""

    kernel: tuple[Side, Side]
    stride: tuple[Side, Side] = (1, 1)
    padding: tuple[Margin, Margin] = (0, 0)


# ---------------------------------------------------------------- containers: all in this module, as msgspec needs it


class Sequence(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Layers one after the other."""

    layers: tuple[Layer, ...]


class Residual(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """What enters, by way of the shortcut, plus `scale` times what the body makes of it (He et al. 2015).

    No shortcut layers: what enters is added as it is. Names within are "body.…" and "shortcut.…".
    """

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    scale: Positive = 1.0


class Branches(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """Several sequences of layers see the same; their outputs are joined channel after channel (Szegedy et al. 2014).

    A sequence without layers passes on what enters.
    """

    branches: Annotated[tuple[Sequence, ...], Meta(min_length=1)]


class Auxiliary(_Record, frozen=True, forbid_unknown_fields=True, tag=_tag):
    """A second head that helps in training and is left out afterwards; what enters passes on (Szegedy et al. 2014).

    `share` is its part in the loss.
    """

    layers: tuple[Layer, ...]
    share: Positive = 0.3


Layer: TypeAlias = (
    Conv
    | DepthwiseConv
    | SeparableConv
    | PartialConv
    | Whitening
    | Pool
    | GlobalPool
    | Subsampling
    | BilinearPool
    | Linear
    | Activation
    | Norm
    | Scale
    | LocalResponseNorm
    | Dropout
    | Flatten
    | SqueezeExcite
    | PadChannels
    | RbfOutput
    | PatchEmbedding
    | ClassToken
    | Position
    | Attention
    | TokenPool
    | SimpleCells
    | ComplexCells
    | Sequence
    | Residual
    | Branches
    | Auxiliary
)
LAYER_TYPES: tuple[type[Layer], ...] = Layer.__args__
CONTAINERS = (Sequence, Residual, Branches, Auxiliary)
CONVOLUTIONS = (Conv, DepthwiseConv, SeparableConv, PartialConv)


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


Library: TypeAlias = Literal["torchvision", "timm"]


class NamedNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network that another library makes: known by name, without a tree of its own.

    Attributes
    ----------
    library, name : str
        "torchvision" and "resnet50"; together "torchvision:resnet50".
    title : str
        As shown.
    input : (channels, height, width)
    classes : int
        Number of logits.
    made_with : str
        The library's version that made it first.
    version : int
        Of this description's form.
    """

    library: Library
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    title: Annotated[str, Meta(max_length=200)]
    input: tuple[Count, Side, Side]
    classes: Count
    made_with: Annotated[str, Meta(max_length=200)] = ""
    version: Annotated[int, Meta(ge=1)] = NEWEST_VERSION

    @property
    def word(self) -> str:
        """As commands and files name it, "torchvision:resnet50"."""
        return f"{self.library}:{self.name}"


AnyNetwork: TypeAlias = Network | NamedNetwork


def children(layer: Layer) -> tuple[tuple[str, Layer], ...]:
    """The layers directly within a layer, each with its name relative to it; none for all but containers."""
    if isinstance(layer, Sequence | Auxiliary):
        return tuple((child.name, child) for child in layer.layers)
    if isinstance(layer, Residual):
        body = tuple((f"body.{child.name}", child) for child in layer.body)
        return body + tuple((f"shortcut.{child.name}", child) for child in layer.shortcut)
    if isinstance(layer, Branches):
        return tuple((child.name, child) for child in layer.branches)
    return ()


def walk(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """All layers within a layer, containers before their contents, each with its dotted name relative to that layer."""
    waiting = list(reversed(children(layer)))
    while waiting:
        name, current = waiting.pop()
        yield name, current
        waiting.extend((f"{name}.{inner}", child) for inner, child in reversed(children(current)))
