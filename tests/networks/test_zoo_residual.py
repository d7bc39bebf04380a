"""ResNets and their plain twins: counts as published, receptive fields as published and as the gradient has them, torchvision's outputs."""

from functools import partial

import pytest
import timm
import torch
import torchvision
from against_twins import largest_difference, share_weights, twin_on_meta
from msgspec.structs import replace

from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.build import build, skeleton
from engine.networks.layers import (
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    PadChannels,
    Pool,
    Residual,
    Sequence,
    walk,
)
from engine.networks.receptive import unit_box

PHOTOGRAPHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
SMALL = (20, 32, 44, 56, 110, 1202)


def weight_layers(network):
    """Layers with weights on the main path, as the literature counts depth: no projections."""
    return sum(isinstance(layer, Conv | Linear) and "shortcut." not in name for name, layer in walk(network.body))


@pytest.mark.parametrize(
    ("depth", "parameters", "multiply_adds"),
    [
        # the paper's table 1 has 1.8, 3.6, 3.8, 7.6, 11.3 billion; strides in the 3×3 make bottlenecks a little dearer
        (18, 11_689_512, 1.81e9),
        (34, 21_797_672, 3.66e9),
        (50, 25_557_032, 4.09e9),
        (101, 44_549_160, 7.80e9),
        (152, 60_192_808, 11.51e9),
    ],
)
def test_resnets_for_photographs_count_as_published(depth, parameters, multiply_adds):
    network = zoo.make(f"resnet-{depth}", (3, 224, 224), 1000)
    analysis = analyse(network)
    assert analysis.parameters == parameters
    assert analysis.multiply_adds == pytest.approx(multiply_adds, rel=0.003)
    assert weight_layers(network) == depth
    last = [row.output for row in analysis.layers if row.name in [f"stage{number}.block1.residual" for number in (1, 2, 3, 4)]]
    wide = 1 if depth < 50 else 4
    assert last == [(64 * wide, 56, 56), (128 * wide, 28, 28), (256 * wide, 14, 14), (512 * wide, 7, 7)]


@pytest.mark.parametrize(
    ("name", "parameters", "published"),
    [
        # He 2015, table 6; He 2016, table 4 (a thousand layers: 10.2 million are told, two per cent less than the layers told have)
        ("resnet-20", 269_722, 0.27),
        ("resnet-32", 464_154, 0.46),
        ("resnet-44", 658_586, 0.66),
        ("resnet-56", 853_018, 0.85),
        ("resnet-110", 1_727_962, 1.7),
        ("resnet-1202", 19_421_274, 19.4),
        ("resnet-164", 1_703_258, 1.7),
        ("resnet-1001", 10_327_706, 10.2),
    ],
)
def test_resnets_for_small_pictures_count_as_published(name, parameters, published):
    network = zoo.make(name, (3, 32, 32), 10)
    assert analyse(network).parameters == parameters
    assert parameters / 1e6 == pytest.approx(published, rel=0.025)
    assert weight_layers(network) == int(name.split("-")[1])


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_plain_twins_have_the_same_layers_and_weights_but_no_shortcuts(depth):
    residual, plain = (zoo.make(f"{kind}-{depth}", (3, 32, 32), 10) for kind in ("resnet", "plain"))
    assert not any(isinstance(layer, Residual) for _, layer in walk(plain.body))
    convs = [[replace(layer, name="x") for _, layer in walk(network.body) if isinstance(layer, Conv)] for network in (residual, plain)]
    assert convs[0] == convs[1] and len(convs[0]) == depth - 1
    one, other = analyse(residual), analyse(plain)
    assert (one.parameters, one.multiply_adds, one.receptive_field) == (other.parameters, other.multiply_adds, other.receptive_field)


@pytest.mark.parametrize("depth", SMALL)
def test_shortcuts_of_small_resnets_have_no_weights(depth):
    network = zoo.make(f"resnet-{depth}", (3, 32, 32), 10)
    residuals = [layer for _, layer in walk(network.body) if isinstance(layer, Residual)]
    assert len(residuals) == (depth - 2) // 2
    assert [layer.shortcut for layer in residuals if layer.shortcut] == [
        (PadChannels("pad", 32, (2, 2)),),
        (PadChannels("pad", 64, (2, 2)),),
    ]


def test_preactivated_blocks_leave_the_path_clear():
    """He 2016: nothing but additions between the stages' first blocks and the last norm."""
    network = zoo.make("resnet-164", (3, 32, 32), 10)
    clear = [block for stage in network.body.layers[1:4] for block in stage.layers[1:]]
    assert len(clear) == 51
    assert all([type(layer) for layer in block.layers] == [Residual] and not block.layers[0].shortcut for block in clear)


# ---------------------------------------------------------------- receptive fields


def stacked(blocks, deep):
    """Field and jump of the last stage by the recurrence r ← r + (k − 1)·j, along the convolutions of 3×3 and 7×7 alone."""
    field, jump = 1, 1
    windows = [(7, 2), (3, 2)]
    for number, count in enumerate(blocks):
        for place in range(count):
            stride = 2 if number and not place else 1
            windows += [(3, stride)] if deep else [(3, stride), (3, 1)]
    for kernel, stride in windows:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field, jump


@pytest.mark.parametrize(("depth", "field"), [(18, 435), (34, 899), (50, 427), (101, 971), (152, 1451)])
def test_receptive_fields_with_strides_at_the_beginning_of_a_stage(depth, field):
    blocks = PHOTOGRAPHS[depth]
    row = analyse(zoo.make(f"resnet-{depth}", (3, 224, 224), 1000)).row(f"stage4.block{blocks[3]}.relu")
    assert (row.receptive_field, row.jump) == ((field, field), (32, 32))
    assert stacked(blocks, deep=depth >= 50) == (field, 32)


def at_the_end(network):
    """TF-slim's variant: the stride of stages 2 to 4 stands in the last block of the stage before, whose shortcut is pooled."""

    def moved(layer, stride):
        return replace(layer, stride=(stride, stride))

    def stage(number, blocks):
        made = []
        for place, block in enumerate(blocks, start=1):
            stride = 2 if place == len(blocks) and number < 4 else 1
            residual = block.layers[0]
            body = tuple(moved(layer, stride) if layer.name == "conv2" else layer for layer in residual.body)
            shortcut = tuple(moved(layer, stride) if isinstance(layer, Conv) else layer for layer in residual.shortcut)
            if stride == 2 and not shortcut:
                shortcut = (Pool("pool", "max", (1, 1), (2, 2)),)
            made.append(replace(block, layers=(replace(residual, body=body, shortcut=shortcut), *block.layers[1:])))
        return tuple(made)

    stem, *stages = network.body.layers[:5]
    stages = [replace(one, layers=stage(number, one.layers)) for number, one in enumerate(stages, start=1)]
    return replace(network, body=replace(network.body, layers=(stem, *stages, *network.body.layers[5:])))


@pytest.mark.parametrize(("depth", "field"), [(50, 483), (101, 1027), (152, 1507)])
def test_receptive_fields_with_strides_at_the_end_of_a_stage_are_the_published_ones(depth, field):
    """Araujo, Norris, Sim 2019, table: ResNet-v1-50, -101, -152 see 483, 1027, 1507 pixels at an effective stride of 32."""
    row = analyse(at_the_end(zoo.make(f"resnet-{depth}", (3, 224, 224), 1000))).row(f"stage4.block{PHOTOGRAPHS[depth][3]}.relu")
    assert (row.receptive_field, row.jump) == ((field, field), (32, 32))


def narrow(layer):
    """One channel everywhere, and means for maxima, whose gradient goes one way only."""
    if isinstance(layer, Conv):
        return replace(layer, filters=1)
    if isinstance(layer, PadChannels):
        return replace(layer, channels=1)
    if isinstance(layer, Pool):
        return replace(layer, kind="mean")
    if isinstance(layer, Sequence):
        return replace(layer, layers=tuple(map(narrow, layer.layers)))
    if isinstance(layer, Residual):
        return replace(layer, body=tuple(map(narrow, layer.body)), shortcut=tuple(map(narrow, layer.shortcut)))
    return layer


@pytest.mark.parametrize(
    ("name", "side", "stages"), [("resnet-18", 672, 4), ("resnet-50", 672, 4), ("resnet-20", 160, 3), ("resnet-164", 300, 3)]
)
def test_receptive_field_is_the_support_of_the_gradient(name, side, stages):
    network = replace(zoo.make(name, (1, side, side), 10), classes=1)
    front = [layer for layer in map(narrow, network.body.layers) if layer.name == "stem" or layer.name.startswith("stage")]
    assert len(front) == stages + 1
    head = (GlobalPool("mean"), Flatten("flatten"), Linear("linear", 1))
    network = replace(network, body=Sequence("body", (*front, *head)))
    module = build(network).double().eval()
    with torch.no_grad():  # positive weights of sum 1, so that nothing cancels or is cut off
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.ndim == 1 else 1.0 / parameter[0].numel())
    analysis = analyse(network)
    row = [row for row in analysis.layers if row.name.startswith(f"stage{stages}.")][-1]
    picture = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    maps = module[: stages + 1](picture)
    assert maps.shape[1:] == row.output
    for y, x in ((row.output[1] // 2, row.output[2] // 2), (0, 1)):
        (gradient,) = torch.autograd.grad(maps[0, 0, y, x], picture, retain_graph=True)
        seen = gradient[0, 0].nonzero()
        box = (*seen.amin(dim=0).tolist(), *(seen.amax(dim=0) + 1).tolist())
        assert unit_box(analysis, row.name, y, x, side, side) == box
    middle = unit_box(analysis, row.name, row.output[1] // 2, row.output[2] // 2, side, side)
    assert (middle[2] - middle[0], middle[3] - middle[1]) == row.receptive_field


# ---------------------------------------------------------------- torchvision and timm have the same


@pytest.mark.parametrize(("depth", "side"), [(18, 96), (50, 64)])
def test_outputs_equal_torchvisions_and_timms(depth, side):
    own = build(zoo.make(f"resnet-{depth}", (3, side, side), 10))
    for make in (getattr(torchvision.models, f"resnet{depth}"), partial(timm.create_model, f"resnet{depth}")):
        twin = twin_on_meta(partial(make, num_classes=10))
        share_weights(own, twin)
        assert largest_difference(own, twin, 3, side, side) < 1e-4


@pytest.mark.parametrize("depth", PHOTOGRAPHS)
def test_weights_stand_in_torchvisions_order(depth):
    twin = twin_on_meta(getattr(torchvision.models, f"resnet{depth}"))
    own = skeleton(zoo.make(f"resnet-{depth}", (3, 224, 224), 1000))
    assert [tuple(tensor.shape) for tensor in own.state_dict().values()] == [tuple(tensor.shape) for tensor in twin.state_dict().values()]
