"""Properties of random trees: torch and arithmetic agree on shapes, counts, work and receptive fields; JSON loses nothing."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import networks, transformers
from torch.utils.flop_counter import FlopCounterMode

from engine.networks.arithmetic import analyse
from engine.networks.build import build, skeleton
from engine.networks.files import dump, parse
from engine.networks.layers import Auxiliary, PartialConv, Subsampling, walk
from engine.networks.receptive import unit_box


def outputs_of(network, module, pictures):
    """What each row's module gives; auxiliary heads answer too."""
    outputs, parts = {}, dict(module.named_modules())
    for name, layer in walk(network.body):
        if isinstance(layer, Auxiliary):
            parts[name].training = True
    for row in analyse(network).layers:
        parts[row.name].register_forward_hook(lambda _, __, output, name=row.name: outputs.update({name: output}))
    module(pictures)
    return outputs


@settings(max_examples=120, deadline=None)
@given(networks() | transformers())
def test_shapes_counts_and_work_are_those_of_torch(network):
    analysis = analyse(network)
    module = skeleton(network).eval()
    with FlopCounterMode(display=False) as counter:
        outputs = outputs_of(network, module, torch.empty(2, *network.input, device="meta"))
    for row in analysis.layers:
        channels, places, _ = row.output
        expected = {"maps": row.output, "flat": (channels,), "tokens": (places, channels)}[row.form]
        assert tuple(outputs[row.name].shape) == (2, *expected)
        if row.kind not in ("Sum", "Join"):
            assert sum(parameter.numel() for parameter in module.get_submodule(row.name).parameters()) == row.parameters
    held = sum(parameter.numel() for parameter in module.parameters())
    assert held == analysis.parameters + analysis.auxiliary_parameters
    if not any(isinstance(layer, PartialConv | Subsampling) for _, layer in walk(network.body)):
        assert counter.get_total_flops() == 2 * 2 * sum(row.multiply_adds for row in analysis.layers)


def seen_by(output, row, place, pictures):
    """The smallest box around all pixels with a gradient: (top, left, bottom, right); all 0 where there is none."""
    unit = output if row.flat else output[:, place[0]] if row.form == "tokens" else output[:, :, place[0], place[1]]
    if not unit.requires_grad:
        return 0, 0, 0, 0
    (gradient,) = torch.autograd.grad(unit.sum(), pictures, allow_unused=True)
    seen = () if gradient is None else gradient[0].abs().sum(dim=0).nonzero()
    return (*seen.amin(dim=0).tolist(), *(seen.amax(dim=0) + 1).tolist()) if len(seen) else (0, 0, 0, 0)


@settings(max_examples=200, deadline=None)
@given(networks(smooth=True), st.data())
def test_receptive_field_is_the_support_of_the_gradient(network, data):
    analysis = analyse(network)
    module = build(network).double().eval()
    with torch.no_grad():  # positive weights of sum 1 and small pictures, so that nothing cancels, saturates or is cut off
        for name, parameter in module.named_parameters():
            of_one = 0.0 if name.endswith("bias") else 1.0
            parameter.fill_(of_one if parameter.ndim == 1 else 1.0 / parameter[0].numel())
    pictures = torch.full((1, *network.input), 0.1, dtype=torch.float64, requires_grad=True)
    row = data.draw(st.sampled_from(analysis.layers))
    y, x = (data.draw(st.integers(0, side - 1)) for side in row.output[1:])
    seen = seen_by(outputs_of(network, module, pictures)[row.name], row, (y, x), pictures)
    height, width = network.input[1:]
    assert unit_box(analysis, row.name, y, x, height, width) == seen
    gapless = all(size >= step for before in analysis.layers for size, step in zip(before.kernel, before.stride, strict=True))
    # else pixels at the border may be passed over
    if gapless and all(before.fits and before.dilation == (1, 1) for before in analysis.layers):
        corners = [row.offset[axis] + place * row.jump[axis] for axis, place in enumerate((y, x))]
        ends = [corner + field for corner, field in zip(corners, row.receptive_field, strict=True)]
        assert (max(0, corners[0]), max(0, corners[1]), min(height, ends[0]), min(width, ends[1])) == seen


@settings(max_examples=80, deadline=None)
@given(transformers(), st.data())
def test_receptive_field_of_a_token_is_the_support_of_the_gradient(network, data):
    analysis = analyse(network)
    module = build(network).double().eval()
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 9)))
    with torch.no_grad():  # at random, since attention between equal tokens and a norm of equal values have no gradient
        for parameter in module.parameters():
            parameter.normal_(0, 0.5, generator=generator)
    pictures = torch.randn(1, *network.input, dtype=torch.float64, generator=generator).requires_grad_()
    row = data.draw(st.sampled_from(analysis.layers))
    y, x = (data.draw(st.integers(0, side - 1)) for side in row.output[1:])
    output = outputs_of(network, module, pictures)[row.name]
    weights = torch.randn(output.shape, dtype=torch.float64, generator=generator)  # softmax sums to 1 whatever it sees
    assert unit_box(analysis, row.name, y, x, *network.input[1:]) == seen_by(output * weights, row, (y, x), pictures)


@settings(max_examples=100, deadline=None)
@given(networks() | transformers())
def test_json_loses_nothing(network):
    assert parse(dump(network), "own.json") == network
