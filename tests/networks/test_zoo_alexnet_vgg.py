"""AlexNet and VGG: the published figures to the unit, receptive fields, and the answers of torchvision."""

import pytest
import torch
import torchvision
from against_twins import largest_difference, share_weights, twin_on_meta
from torch import nn

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build, skeleton
from engine.networks.layers import Conv, Flatten, GlobalPool, Linear, Network, Sequence

WEIGHTED = ("conv1", "conv2", "conv3", "conv4", "conv5", "linear6", "linear7", "linear8")


def published(name):
    card = zoo.card(name)
    return analyse(zoo.make(name, card.default_input, card.default_classes))


def parameters_of(analysis):
    return [row.parameters for row in analysis.layers if row.parameters]


def test_alexnet_has_the_published_parameters_layer_by_layer():
    analysis = published("alexnet")
    assert parameters_of(analysis) == [34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000]
    assert [row.name for row in analysis.layers if row.parameters] == list(WEIGHTED)
    assert analysis.parameters == 60_965_224


def test_one_tower_has_twice_the_weights_where_the_towers_did_not_see_each_other():
    towers, one = published("alexnet").by_name(), published("alexnet-one-tower")
    assert one.parameters == 62_378_344
    for name in WEIGHTED:
        biases = one.row(name).output[0]
        factor = 2 if name in ("conv2", "conv4", "conv5") else 1
        assert one.row(name).parameters - biases == factor * (towers[name].parameters - biases)
        assert one.row(name).multiply_adds == factor * towers[name].multiply_adds


def test_alexnets_maps():
    analysis = published("alexnet")
    assert analysis.row("conv1").output == (96, 55, 55)
    assert analysis.row("pool1").output == (96, 27, 27)
    assert analysis.row("conv2").output == (256, 27, 27)
    assert analysis.row("pool2").output == (256, 13, 13)
    assert analysis.row("conv5").output == (256, 13, 13)
    assert analysis.row("pool5").output == (256, 6, 6)
    assert all(row.fits for row in analysis.layers)


def test_alexnets_strides_do_not_fit_the_224_pixels_that_the_paper_names():
    row = analyse(zoo.make("alexnet", (3, 224, 224), 10)).row("conv1")
    assert not row.fits
    assert row.size_formula == "1 + ⌊(224 − 11 + 2·0)/4⌋ = 1 + ⌊53.25⌋ = 54, does not divide"


def test_alexnets_second_layer_sees_the_maps_of_its_own_half_only():
    module = build(zoo.make("alexnet", (3, 67, 67), 2)).eval()
    maps = torch.zeros(1, 96, 7, 7)
    maps[:, :48] = torch.rand(48, 7, 7, generator=torch.Generator().manual_seed(0))
    answer = module.get_submodule("conv2")(maps)
    assert answer[:, :128].abs().max() > 0.1
    assert not answer[:, 128:].any()


def test_alexnets_normalisation_is_the_papers_and_not_divided_by_the_size():
    module = skeleton(zoo.make("alexnet", (3, 67, 67), 2)).get_submodule("norm1")
    maps = torch.rand(1, 96, 2, 2, generator=torch.Generator().manual_seed(0)) * 100
    channel = 40
    squares = maps[0, channel - 2 : channel + 3].square().sum(0)
    expected = maps[0, channel] / (2 + 1e-4 * squares) ** 0.75
    torch.testing.assert_close(module(maps)[0, channel], expected)


@pytest.mark.parametrize(("depth", "parameters"), [(16, 138_357_544), (19, 143_667_240)])
def test_vgg_has_the_published_parameters(depth, parameters):
    analysis = published(f"vgg-{depth}")
    assert analysis.parameters == parameters
    assert len(parameters_of(analysis)) == depth
    assert analysis.row("linear1").parameters == (7 * 7 * 512 + 1) * 4096


@pytest.mark.parametrize("depth", [16, 19])
def test_vgg_answers_as_torchvision(depth):
    """At 32×32, where the first linear layer is small; torchvision would spread the last map over 7×7 places there."""
    twin = twin_on_meta(lambda: getattr(torchvision.models, f"vgg{depth}")(weights=None, init_weights=False, num_classes=7))
    with torch.device("meta"):
        twin.classifier[0] = nn.Linear(512, 4096)
    twin.avgpool = nn.Identity()
    module = build(zoo.make(f"vgg-{depth}", (3, 32, 32), 7))
    share_weights(module, twin)
    assert largest_difference(module, twin, 3, 32, 32) < 1e-5


@pytest.mark.parametrize("depth", [16, 19])
def test_vggs_weights_have_torchvisions_shapes_in_torchvisions_order(depth):
    twin = twin_on_meta(lambda: getattr(torchvision.models, f"vgg{depth}")(weights=None, init_weights=False))
    module = skeleton(zoo.make(f"vgg-{depth}", (3, 224, 224), 1000))
    assert [values.shape for values in module.parameters()] == [values.shape for values in twin.parameters()]


# A. Araujo, W. Norris, J. Sim, Computing receptive fields of convolutional neural networks, Distill 2019, and the table of their
# library: field, effective stride, effective padding
ALEXNET_V2 = {
    "conv1": (11, 4, 0),
    "pool1": (19, 8, 0),
    "conv2": (51, 8, 16),
    "conv3": (99, 16, 32),
    "conv4": (131, 16, 48),
    "conv5": (163, 16, 64),
    "pool5": (195, 32, 64),
}
VGG_16 = {
    "block1.conv1": (3, 1, 1),
    "block1.pool": (6, 2, 2),
    "block2.conv1": (10, 2, 4),
    "block2.pool": (16, 4, 6),
    "block3.conv1": (24, 4, 10),
    "block3.conv2": (32, 4, 14),
    "block3.pool": (44, 8, 18),
    "block4.conv1": (60, 8, 26),
    "block4.conv2": (76, 8, 34),
    "block4.pool": (100, 16, 42),
    "block5.conv1": (132, 16, 58),
    "block5.conv2": (164, 16, 74),
    "block5.pool": (212, 32, 90),
}


@pytest.mark.parametrize(("name", "table"), [("alexnet", ALEXNET_V2), ("alexnet-one-tower", ALEXNET_V2), ("vgg-16", VGG_16)])
def test_receptive_fields_are_the_published_ones(name, table):
    rows = published(name).by_name()
    for layer, (field, stride, padding) in table.items():
        row = rows[layer]
        assert (row.receptive_field, row.jump, row.offset) == ((field, field), (stride, stride), (-padding, -padding)), layer


def stack(kernels, channels):
    convolutions = tuple(Conv(f"conv{place}", channels, (side, side), bias=False) for place, side in enumerate(kernels))
    layers = (*convolutions, GlobalPool("pool"), Flatten("flatten"), Linear("linear", 2))
    return analyse(Network("stack", "Stack", 0, "own", (channels, 16, 16), 2, Sequence("body", layers)))


@pytest.mark.parametrize(("small", "large"), [((3, 3), 5), ((3, 3, 3), 7)])
def test_small_kernels_see_as_far_as_a_large_one_with_fewer_weights(small, large):
    channels = 12
    several, one = stack(small, channels), stack((large,), channels)
    last = several.row(f"conv{len(small) - 1}")
    assert last.receptive_field == one.row("conv0").receptive_field == (large, large)
    assert last.output == one.row("conv0").output
    assert sum(parameters_of(several)[:-1]) == 9 * len(small) * channels**2
    assert parameters_of(one)[0] == large**2 * channels**2


@pytest.mark.parametrize(
    ("name", "side", "reason"),
    [
        ("alexnet", 66, "66×66 is too small for layer pool5: 2×2 is smaller than its 3×3 kernel."),
        ("vgg-19", 31, "31×31 is too small for layer block5.pool: 1×1 is smaller than its 2×2 kernel."),
    ],
)
def test_too_small_pictures_are_refused_with_the_layer(name, side, reason):
    with pytest.raises(NetworkError) as caught:
        zoo.make(name, (3, side, side), 10)
    assert caught.value.message == reason


@pytest.mark.parametrize(
    ("name", "picture", "side"),
    [("alexnet", (32, 32), 67), ("alexnet", (480, 640), 227), ("vgg-16", (28, 28), 32), ("vgg-19", (96, 64), 96)],
)
def test_suggested_sizes_lie_between_the_smallest_and_the_published(name, picture, side):
    assert zoo.suggest_size(name, *picture) == (side, side)
