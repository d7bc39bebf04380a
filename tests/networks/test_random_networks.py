"""Properties of random trees: torch and arithmetic agree on shapes, counts and receptive fields; JSON loses nothing."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.networks.arithmetic import analyse, output_size
from engine.networks.build import build, skeleton
from engine.networks.files import dump, parse
from engine.networks.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Network,
    Norm,
    Pool,
    Sequence,
)
from engine.networks.receptive import unit_box

ACTIVATIONS = st.sampled_from(["relu", "tanh", "sigmoid", "leaky-relu"])


@st.composite
def windows(draw, shape, largest=5):
    """A kernel, stride and padding that fit."""
    kernel, stride, padding = [], [], []
    for size in shape[1:]:
        side = draw(st.integers(1, largest))
        margin = draw(st.integers(0, side // 2))
        if size + 2 * margin < side:
            side, margin = 1, 0
        kernel.append(side)
        padding.append(margin)
        stride.append(draw(st.integers(1, 3)))
    return tuple(kernel), tuple(stride), tuple(padding)


@st.composite
def networks(draw, pools=("max", "mean")):
    """A valid network of a few layers, some of them in sequences of their own."""
    input = shape = (draw(st.integers(1, 3)), draw(st.integers(4, 17)), draw(st.integers(4, 17)))
    layers = []
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["conv", "conv", "pool", "norm", "activation", "dropout", "group"]))
        name = f"layer{number}"
        if kind == "conv":
            kernel, stride, padding = draw(windows(shape))
            filters = draw(st.integers(1, 4))
            groups = draw(st.sampled_from([1, filters] if shape[0] == filters else [1]))
            layers.append(Conv(name, filters, kernel, stride, padding, groups, draw(st.booleans())))
            shape = (filters, *map(output_size, shape[1:], kernel, stride, padding))
        elif kind == "pool":
            kernel, stride, padding = draw(windows(shape, 3))
            layers.append(Pool(name, draw(st.sampled_from(pools)), kernel, stride, padding))
            shape = (shape[0], *map(output_size, shape[1:], kernel, stride, padding))
        elif kind == "norm":
            layers.append(Norm(name))
        elif kind == "activation":
            layers.append(Activation(name, draw(ACTIVATIONS), draw(st.floats(0, 0.5))))
        elif kind == "dropout":
            layers.append(Dropout(name, draw(st.floats(0, 0.9))))
        else:
            layers = [Sequence(name, tuple(layers))]
    if draw(st.booleans()):
        layers.append(GlobalPool("global", draw(st.sampled_from(pools))))
    layers.append(Flatten("flatten"))
    if draw(st.booleans()):
        layers += [Linear("hidden", draw(st.integers(1, 5)), draw(st.booleans())), Norm("norm"), Activation("act", draw(ACTIVATIONS))]
    classes = draw(st.integers(1, 4))
    layers.append(Linear("linear", classes))
    return Network("own", draw(st.text(max_size=20)), draw(st.integers(0, 9999)), "own", input, classes, Sequence("body", tuple(layers)))


def outputs_of(module, rows, pictures):
    outputs = {}
    for row in rows:
        module.get_submodule(row.name).register_forward_hook(lambda _, __, output, name=row.name: outputs.update({name: output}))
    module(pictures)
    return outputs


@settings(max_examples=150, deadline=None)
@given(networks())
def test_shapes_and_counts_are_those_of_torch(network):
    analysis = analyse(network)
    module = skeleton(network).eval()
    outputs = outputs_of(module, analysis.layers, torch.empty(2, *network.input, device="meta"))
    for row in analysis.layers:
        assert tuple(outputs[row.name].shape) == ((2, row.output[0]) if row.flat else (2, *row.output))
        assert sum(parameter.numel() for parameter in module.get_submodule(row.name).parameters()) == row.parameters
    assert sum(parameter.numel() for parameter in module.parameters()) == analysis.parameters


@settings(max_examples=120, deadline=None)
@given(networks(pools=("mean",)), st.data())
def test_receptive_field_is_the_support_of_the_gradient(network, data):
    analysis = analyse(network)
    module = build(network).double().eval()
    with torch.no_grad():  # positive weights of sum 1, so that nothing cancels, saturates or is cut off
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.ndim == 1 else 1.0 / parameter[0].numel())
    pictures = torch.ones(1, *network.input, dtype=torch.float64, requires_grad=True)
    row = data.draw(st.sampled_from(analysis.layers))
    y, x = (data.draw(st.integers(0, side - 1)) for side in row.output[1:])
    output = outputs_of(module, analysis.layers, pictures)[row.name]
    (gradient,) = torch.autograd.grad((output if row.flat else output[:, :, y, x]).sum(), pictures)
    seen = gradient[0].sum(dim=0).nonzero()
    top, left = seen.min(dim=0).values.tolist()
    bottom, right = (seen.max(dim=0).values + 1).tolist()
    height, width = network.input[1:]
    assert unit_box(analysis, row.name, y, x, height, width) == (top, left, bottom, right)
    if all(before.fits for before in analysis.layers):
        corners = [row.offset[axis] + place * row.jump[axis] for axis, place in enumerate((y, x))]
        ends = [corner + field for corner, field in zip(corners, row.receptive_field, strict=True)]
        assert (max(0, corners[0]), max(0, corners[1]), min(height, ends[0]), min(width, ends[1])) == (top, left, bottom, right)


@settings(max_examples=150, deadline=None)
@given(networks())
def test_json_loses_nothing(network):
    assert parse(dump(network), "own.json") == network
