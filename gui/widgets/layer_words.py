"""Layers in plain words: what their kinds are called and do, what their fields mean, what their choices are."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.networks.kinds.values import ACTIVATIONS
from engine.networks.layers import Layer


class KindWords(msgspec.Struct, frozen=True):
    """A kind of layer in the list of those that can be added.

    Attributes
    ----------
    kind : str
        As `engine.networks.editing.KINDS` has it.
    title, tip : str
        What it is called; what it does, in a line.
    icon : str
        qtawesome name.
    search : str
        More words by which it is found.
    """

    kind: str
    title: str
    tip: str
    icon: str
    search: str = ""


GROUPS: tuple[tuple[str, tuple[KindWords, ...]], ...] = (
    (
        "Convolution",
        (
            KindWords("conv", "Convolution", "Filters look for a pattern at every place", "ph.grid-four", "conv2d kernel"),
            KindWords("depthwise-conv", "Depthwise convolution", "Each channel is filtered by itself", "ph.rows", "mobilenet"),
            KindWords("separable-conv", "Separable convolution", "Depthwise, then 1×1: cheaper", "ph.stack", "xception"),
            KindWords("whitening", "Whitening", "Fixed filters, measured on the training pictures", "ph.dots-nine", "pca decorrelate"),
        ),
    ),
    (
        "Pooling",
        (
            KindWords("pool:max", "Max pooling", "The largest value of each window", "ph.arrows-in", "maxpool"),
            KindWords("pool:mean", "Mean pooling", "The mean of each window", "ph.arrows-in", "average"),
            KindWords("pool:min", "Min pooling", "The smallest value of each window", "ph.arrows-in"),
            KindWords("global-pool:mean", "Global mean pooling", "One value a channel: its mean", "ph.arrows-in-simple", "average gap"),
            KindWords("global-pool:max", "Global max pooling", "One value a channel: its largest", "ph.arrows-in-simple"),
            KindWords("bilinear-pool", "Bilinear pooling", "Products of all pairs of channels", "ph.intersect", "fine-grained"),
        ),
    ),
    (
        "Values",
        (
            KindWords("linear", "Linear", "Every unit sees every value: Wx + b", "ph.flow-arrow", "dense fully connected"),
            KindWords("flatten", "Flatten", "Maps become one row of values", "ph.text-align-left", "reshape"),
            KindWords("activation:relu", "ReLU", "Negative values become zero", "ph.activity", "activation rectified"),
            KindWords("activation:leaky-relu", "Leaky ReLU", "Negative values shrink", "ph.activity", "activation"),
            KindWords("activation:gelu", "GELU", "A smooth ReLU", "ph.activity", "activation"),
            KindWords("activation:silu", "SiLU", "x times its sigmoid", "ph.activity", "activation swish"),
            KindWords("activation:tanh", "Tanh", "Squashes to −1 … 1", "ph.activity", "activation"),
            KindWords("activation:sigmoid", "Sigmoid", "Squashes to 0 … 1", "ph.activity", "activation logistic"),
            KindWords("activation:softmax", "Softmax", "Shares that sum to 1", "ph.percent", "activation probabilities"),
            KindWords("norm:batch", "Batch norm", "Each channel to mean 0, spread 1 over the batch", "ph.equals", "normalisation"),
            KindWords("norm:layer", "Layer norm", "Each place or token to mean 0, spread 1", "ph.equals", "normalisation"),
            KindWords("scale", "Scale", "Each value times a fixed factor", "ph.x", "multiply factor"),
            KindWords("local-response-norm", "Local response norm", "Strong neighbours quieten each other", "ph.equals", "lrn alexnet"),
            KindWords("dropout", "Dropout", "In training some values are zero by chance", "ph.dots-nine", "regularisation"),
            KindWords("squeeze-excite", "Squeeze and excite", "A gate for each channel", "ph.sliders", "attention channel"),
            KindWords("pad-channels", "Zero-padded shortcut", "Channels of zeros, no parameters", "ph.frame-corners", "option a"),
        ),
    ),
    (
        "Structure",
        (
            KindWords("sequence", "Block", "Layers as a group", "ph.package", "sequence group"),
            KindWords("residual", "Residual", "Layers beside a shortcut; both are added", "ph.arrow-bend-up-right", "skip resnet"),
            KindWords("branches", "Branches", "Paths side by side, joined by channel", "ph.git-branch", "inception concat"),
            KindWords("auxiliary", "Auxiliary head", "A second output that helps in training", "ph.git-fork", "googlenet"),
        ),
    ),
    (
        "Transformer",
        (
            KindWords("patch-embedding", "Patch embedding", "Patches of the maps become tokens", "ph.squares-four", "vit"),
            KindWords("class-token", "Class token", "A learned token from which the class is read", "ph.tag", "cls"),
            KindWords("position", "Position", "Tells each token where it comes from", "ph.map-pin", "embedding"),
            KindWords("attention", "Attention", "Each token looks at all others", "ph.eye", "self-attention heads"),
            KindWords("mlp-block", "MLP block", "Two linear layers beside a shortcut", "ph.flow-arrow", "feed forward"),
            KindWords("transformer-block", "Transformer block", "Attention, then MLP, each beside a shortcut", "ph.cube", "encoder vit"),
            KindWords("token-pool", "Class token or mean", "One token out of all", "ph.funnel", "pool"),
        ),
    ),
    (
        "Historic",
        (
            KindWords("partial-conv", "Partial convolution", "Filters see some channels only", "ph.dots-three-outline", "lenet c3 table"),
            KindWords("subsampling", "Trainable subsampling", "Sum of each window, weighted", "ph.arrows-in", "lenet s2"),
            KindWords("rbf-output", "RBF output", "Nearness to a fixed code a class", "ph.target", "lenet radial"),
            KindWords("simple-cells", "S cells", "Planes that answer to one feature", "ph.crosshair", "neocognitron simple"),
            KindWords("complex-cells", "C cells", "Blur, so that a feature may move", "ph.drop-half", "neocognitron complex"),
        ),
    ),
)
KIND_WORDS = {words.kind: words for _, group in GROUPS for words in group}

FIELDS: dict[str, tuple[str, str]] = {
    "name": ("Name", "Unlike its neighbours'; in the file, the weights and the script"),
    "factor": ("Factor", "Every value is multiplied by it; it is not learned"),
    "filters": ("Filters", "Number of kernels, and so of output channels"),
    "kernel": ("Kernel", "Height and width of the window F"),
    "stride": ("Stride", "How far the window moves, S: 2 halves the maps"),
    "padding": ("Padding", "Zeros around the maps, P: (F − 1)/2 keeps their size"),
    "dilation": ("Dilation", "Distance between the places that a kernel touches"),
    "groups": ("Groups", "Channels are divided among so many groups of filters"),
    "multiplier": ("Kernels a channel", "Output channels for each input channel"),
    "bias": ("Bias", "A learned number added for each output channel or unit"),
    "table": ("Connections", "A line for each filter: the channels that it sees, counted from 0"),
    "kind": ("Kind", "What it computes"),
    "ceil": ("Reach beyond the edge", "A last window may reach over the edge, so that no pixel is left out"),
    "count_padding": ("Count padding", "Whether zeros of the padding count for the mean"),
    "normalise": ("Normalise", "Signed square root, then unit length"),
    "units": ("Units", "Number of output values"),
    "slope": ("Slope", "Of leaky ReLU below zero"),
    "epsilon": ("Epsilon", "Added to the variance, against division by zero"),
    "size": ("Channels around", "Neighbouring channels that are summed up"),
    "alpha": ("Alpha", "Weight of the sum of squares"),
    "beta": ("Beta", "Exponent"),
    "k": ("k", "Constant in the denominator"),
    "rate": ("Rate", "Probability of zero in training"),
    "reduced": ("Reduced", "Channels of the small layer between"),
    "activation": ("Activation", "Of the small layer between"),
    "gate": ("Gate", "Function of the gates"),
    "channels": ("Channels", "Of the output, those of zeros among them"),
    "width": ("Width", "Values of a token"),
    "patch": ("Patch", "Height and width of a patch in pixels of the maps"),
    "heads": ("Heads", "Attention is computed so many times, on parts of the width"),
    "planes": ("Planes", "Features that are told apart"),
    "selectivity": ("Selectivity", "How exactly a feature must match"),
    "adaptive": ("Chosen in training", "The training chooses the selectivity that suits the data"),
    "scale": ("Scale", "The body counts so many times"),
    "share": ("Share of the loss", "How much this head counts in training"),
    "title": ("Title", "As the gallery shows it"),
}
CHOICES = {
    "max": "Largest",
    "mean": "Mean",
    "min": "Smallest",
    "batch": "Over the batch",
    "layer": "Over the channels",
    "class": "Class token",
}


def record_words(record: Layer) -> str:
    """What a layer is called, whether or not it was worked out."""
    tag = str(type(record).__struct_config__.tag)
    found = KIND_WORDS.get(f"{tag}:{getattr(record, 'kind', '')}") or KIND_WORDS.get(tag)
    return tr(found.title) if found is not None else choice_words(str(getattr(record, "kind", tag)))


def field_words(field: str) -> str:
    """What a field of a record is called."""
    return tr(FIELDS.get(field, (field.replace("_", " ").capitalize(), ""))[0])


def field_tip(field: str) -> str:
    """What a field of a record does."""
    return tr(FIELDS.get(field, ("", ""))[1])


def choice_words(value: str) -> str:
    """A choice of a field in words."""
    return ACTIVATIONS[value][0] if value in ACTIVATIONS else tr(CHOICES.get(value, value.capitalize()))


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("layers", text)
