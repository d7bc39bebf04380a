"""Strategies of hypothesis that draw valid networks: of maps, with paths that part and meet, and of tokens."""

from hypothesis import strategies as st

from engine.networks.kinds import Refusal, Signal, effect_of
from engine.networks.layers import (
    Activation,
    Attention,
    Auxiliary,
    BilinearPool,
    Branches,
    ClassToken,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Network,
    Norm,
    PadChannels,
    PartialConv,
    PatchEmbedding,
    Pool,
    Position,
    Residual,
    Scale,
    SeparableConv,
    Sequence,
    SqueezeExcite,
    Subsampling,
    TokenPool,
    Whitening,
)

ACTIVATIONS = st.sampled_from(["relu", "tanh", "sigmoid", "leaky-relu", "gelu", "relu6", "silu", "hard-swish", "scaled-tanh", "softmax"])
POSITIVE = st.sampled_from(["relu", "sigmoid", "leaky-relu", "gelu", "silu", "scaled-tanh"])
"""Those that pass a gradient wherever their input is positive and moderate."""
PLAIN = (
    "conv",
    "conv",
    "depthwise",
    "separable",
    "partial",
    "whitening",
    "pool",
    "subsampling",
    "norm",
    "activation",
    "scale",
    "dropout",
    "response",
    "gate",
)
PATHS = ("identity", "projection", "padded", "branches", "group")


@st.composite
def windows(draw, shape, largest=5, padded=True):
    """A kernel, stride and padding; the padding at most half of the kernel, so that every window touches a pixel."""
    kernel = tuple(draw(st.integers(1, min(largest, size))) for size in shape[1:])
    stride = tuple(draw(st.integers(1, 3)) for _ in kernel)
    padding = tuple(draw(st.integers(0, side // 2)) if padded else 0 for side in kernel)
    return kernel, stride, padding


@st.composite
def dilated(draw, filters, name):
    """A convolution of three taps a side, far apart."""
    dilation = tuple(draw(st.integers(1, 3)) for _ in range(2))
    padding = tuple(draw(st.integers(0, step)) for step in dilation)
    stride = tuple(draw(st.integers(1, 2)) for _ in range(2))
    return Conv(name, filters, (3, 3), stride, padding, dilation=dilation, bias=draw(st.booleans()))


@st.composite
def plain_layer(draw, name, shape, smooth):
    """A layer without paths. `smooth`: one whose gradient shows all that it sees."""
    channels, bias = shape[0], draw(st.booleans())
    kind = draw(st.sampled_from(PLAIN))
    if kind == "conv":
        filters = draw(st.integers(1, 6))
        if draw(st.booleans()):
            return draw(dilated(filters, name))
        groups = draw(st.sampled_from([count for count in range(1, 7) if channels % count == filters % count == 0]))
        return Conv(name, filters, *draw(windows(shape)), groups, bias)
    if kind == "depthwise":
        dilation = (1, draw(st.integers(1, 2)))
        return DepthwiseConv(name, *draw(windows(shape, 3, dilation == (1, 1))), draw(st.integers(1, 2)), bias, dilation)
    if kind == "separable":
        return SeparableConv(name, draw(st.integers(1, 5)), *draw(windows(shape)), bias)
    if kind == "partial":
        rows = st.lists(st.integers(0, channels - 1), min_size=1, unique=True).map(lambda row: tuple(sorted(row)))
        return PartialConv(name, tuple(draw(st.lists(rows, min_size=1, max_size=4))), *draw(windows(shape, 3)), bias)
    if kind == "pool":
        words = "mean" if smooth else draw(st.sampled_from(["max", "mean", "min"]))
        return Pool(name, words, *draw(windows(shape, 3)), draw(st.booleans()), draw(st.booleans()))
    if kind == "subsampling":
        return Subsampling(name, *draw(windows(shape, 3))[:2])
    if kind == "norm":
        return Norm(name, "batch" if smooth else draw(st.sampled_from(["batch", "layer"])))
    if kind == "activation":
        return Activation(name, draw(POSITIVE if smooth else ACTIVATIONS), draw(st.floats(0, 0.5)))
    if kind == "whitening" and not smooth:  # its kernels of both signs take each other away
        return Whitening(name, draw(windows(shape, 3))[0])
    if kind == "scale":
        return Scale(name, draw(st.floats(0.1, 2)))
    if kind == "response":
        return LocalResponseNorm(name, draw(st.integers(1, 5)))
    if kind == "gate":
        gate = "sigmoid" if smooth else draw(st.sampled_from(["sigmoid", "hard-sigmoid"]))
        return SqueezeExcite(name, draw(st.integers(1, 3)), draw(st.sampled_from(["relu", "silu"])), gate)
    return Dropout(name, draw(st.floats(0, 0.9)))


@st.composite
def keeping(draw, shape, smooth, most=2):
    """Some layers that keep rows and columns; the last one gives the channels that are told."""
    layers, (channels, *_) = [], shape
    for number in range(draw(st.integers(0, most))):
        side = draw(st.sampled_from([1, 3, 5]))
        window = ((side, side), (1, 1), (side // 2, side // 2))
        kind = draw(st.sampled_from(["conv", "depthwise", "separable", "pool", "norm", "activation"]))
        if kind == "conv":
            channels = draw(st.integers(1, 5))
            layers.append(Conv(f"conv{number}", channels, *window))
        elif kind == "depthwise":
            layers.append(DepthwiseConv(f"depthwise{number}", *window))
        elif kind == "separable":
            channels = draw(st.integers(1, 5))
            layers.append(SeparableConv(f"separable{number}", channels, *window))
        elif kind == "pool":
            words = "mean" if smooth else draw(st.sampled_from(["max", "mean", "min"]))
            layers.append(Pool(f"pool{number}", words, *window))
        elif kind == "norm":
            layers.append(Norm(f"norm{number}"))
        else:
            layers.append(Activation(f"act{number}", draw(POSITIVE if smooth else ACTIVATIONS)))
    return tuple(layers), channels


@st.composite
def parting(draw, name, shape, smooth):
    """A residual with one of the three shortcuts, or branches."""
    channels = shape[0]
    kind = draw(st.sampled_from(PATHS[:4]))
    if kind == "branches":
        number = draw(st.integers(1, 3))
        return Branches(name, tuple(Sequence(f"path{place}", draw(keeping(shape, smooth))[0]) for place in range(number)))
    scale = draw(st.sampled_from([1.0, 0.3]))
    front, between = draw(keeping(shape, smooth))
    side, stride = draw(st.sampled_from([1, 3])), draw(st.integers(1, 2))
    if kind == "identity":
        return Residual(name, (*front, Conv("last", channels, (side, side), padding=(side // 2, side // 2))), scale=scale)
    wide = draw(st.integers(1, 6)) if kind == "projection" else channels + draw(st.integers(0, 3))
    last = Conv("last", wide, (side, side), (stride, stride), (side // 2, side // 2))
    assert between >= 1
    if kind == "projection":
        return Residual(name, (*front, last), (Conv("conv", wide, (1, 1), (stride, stride), bias=False), Norm("norm")), scale)
    return Residual(name, (*front, last), (PadChannels("pad", wide, (stride, stride)),), scale)


@st.composite
def body_of_maps(draw, shape, classes, smooth):
    """Up to six layers, some of them in sequences of their own; what cannot take its input is left out."""
    layers, signal = [], Signal(shape)
    for number in range(draw(st.integers(0, 6))):
        name = f"layer{number}"
        kind = draw(st.sampled_from(["plain", "plain", "plain", "parting", "group", "head"]))
        if kind == "group":
            layers = [Sequence(name, tuple(layers))]
            continue
        if kind == "head":
            layers.append(Auxiliary(name, (GlobalPool("mean"), Flatten("flatten"), Linear("linear", classes)), draw(st.floats(0.1, 1))))
            continue
        layer = draw((plain_layer if kind == "plain" else parting)(name, signal.shape, smooth))
        try:
            signal = through(layer, signal)
        except Refusal:
            continue
        layers.append(layer)
    return layers


def through(layer, signal):
    """The signal behind a layer; of branches and residuals behind their paths."""
    if isinstance(layer, Branches):
        ends = [through_all(branch.layers, signal) for branch in layer.branches]
        return Signal((sum(end.shape[0] for end in ends), *ends[0].shape[1:]))
    if isinstance(layer, Residual):
        return through_all(layer.body, signal)
    return effect_of(layer, signal).output


def through_all(layers, signal):
    for layer in layers:
        signal = through(layer, signal)
    return signal


def network_of(draw, input, classes, layers):
    title, year = draw(st.text(max_size=20)), draw(st.integers(0, 9999))
    return Network("own", title, year, "own", input, classes, Sequence("body", tuple(layers)))


@st.composite
def networks(draw, smooth=False):
    """A valid network of a few layers on maps and on rows of values."""
    input = (draw(st.integers(1, 3)), draw(st.integers(4, 17)), draw(st.integers(4, 17)))
    classes = draw(st.integers(1, 4))
    layers = draw(body_of_maps(input, classes, smooth))
    end = draw(st.sampled_from(["flatten", "pool", "bilinear"]))
    if end == "pool":
        layers.append(GlobalPool("global", "mean" if smooth else draw(st.sampled_from(["max", "mean", "min"]))))
    layers.append(BilinearPool("bilinear", normalise=not smooth) if end == "bilinear" else Flatten("flatten"))
    if draw(st.booleans()):
        kind = "batch" if smooth else draw(st.sampled_from(["batch", "layer"]))
        act = Activation("act", draw(POSITIVE if smooth else ACTIVATIONS))
        layers += [Linear("hidden", draw(st.integers(1, 5)), draw(st.booleans())), Norm("norm", kind), act]
    layers.append(Linear("linear", classes))
    return network_of(draw, input, classes, layers)


@st.composite
def block_of_tokens(draw, name, width, heads):
    """A part of a transformer that keeps the width."""
    kind = draw(st.sampled_from(["attention", "mlp", "bare", "linear", "norm", "activation", "group"]))
    attention = Attention("attention", heads, draw(st.booleans()))
    if kind == "attention":
        return Residual(name, (Norm("norm", "layer", 1e-6), attention))
    if kind == "mlp":
        hidden = draw(st.integers(2, 9))
        mlp = (Norm("norm", "layer"), Linear("one", hidden), Activation("gelu", "gelu"), Dropout("dropout", 0.1), Linear("two", width))
        return Residual(name, mlp)
    if kind == "linear":
        return Linear(name, width, draw(st.booleans()))
    if kind == "norm":
        return Norm(name, "layer")
    if kind == "activation":
        return Activation(name, draw(st.sampled_from(["gelu", "tanh", "softmax"])))
    return Sequence(name, (attention,))


@st.composite
def transformers(draw):
    """A valid network from patches to tokens to a row of values."""
    input = (draw(st.integers(1, 3)), draw(st.integers(4, 17)), draw(st.integers(4, 17)))
    heads = draw(st.integers(1, 3))
    width = heads * draw(st.integers(2, 4)) * 2
    shape, layers = input, []
    if draw(st.booleans()):
        layers.append(Conv("stem", draw(st.integers(1, 4)), (3, 3), (1, 1), (1, 1)))
    patch = tuple(draw(st.integers(1, min(6, size))) for size in shape[1:])
    layers.append(PatchEmbedding("patches", width, patch, draw(st.booleans())))
    with_token = draw(st.booleans())
    if with_token:
        layers.append(ClassToken("token"))
    if draw(st.booleans()):
        layers.append(Position("position"))
    layers += [draw(block_of_tokens(f"block{number}", width, heads)) for number in range(draw(st.integers(0, 4)))]
    end = draw(st.sampled_from(["class", "mean", "flatten"] if with_token else ["mean", "flatten"]))
    layers.append(Flatten("flatten") if end == "flatten" else TokenPool("pool", end))
    classes = draw(st.integers(1, 4))
    return network_of(draw, input, classes, [*layers, Linear("linear", classes)])
