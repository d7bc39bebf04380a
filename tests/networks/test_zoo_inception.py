"""The Inception family: published figures to the unit, published receptive fields, and the answers of torchvision and timm."""

import time

import pytest
import timm
import torch
import torchvision
from against_twins import largest_difference, share_weights, twin_on_meta
from torch import nn

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build
from engine.networks.layers import Auxiliary, walk
from engine.networks.resolve import adapt
from engine.networks.zoo.inception_parts import spread_pool

FAMILY = ("inception-naive", "inception-reduced", "googlenet", "inception-v3", "inception-v4", "inception-resnet-v2")


def published(name):
    return analyse(zoo.make(name, zoo.card(name).default_input, 1000))


@pytest.mark.parametrize(
    ("name", "parameters", "with_heads"),
    [
        ("googlenet", 6_998_552, 13_378_280),
        ("inception-v3", 23_834_568, 27_161_264),
        ("inception-v4", 42_679_816, 42_679_816),
        ("inception-resnet-v2", 55_843_464, 55_843_464),
    ],
)
def test_parameters_are_the_published_ones(name, parameters, with_heads):
    analysis = published(name)
    assert analysis.parameters == parameters
    assert analysis.parameters + analysis.auxiliary_parameters == with_heads


def test_googlenet_has_22_layers_with_weights_one_behind_the_other():
    analysis = published("googlenet")
    depth = {-1: 0}
    for number, row in enumerate(analysis.layers):
        depth[number] = max(depth[source] for source in row.sources) + (row.parameters > 0)
    assert depth[len(analysis.layers) - 1] == 22


# table 1 of the paper: maps after each stage, millions of multiply-adds of each module. The table's 54 of module 5a is left out:
# from its own columns follow 51
GOOGLENET_MAPS = {
    "conv1": (64, 112, 112),
    "pool1": (64, 56, 56),
    "conv2": (192, 56, 56),
    "pool2": (192, 28, 28),
    "inception3a": (256, 28, 28),
    "inception3b": (480, 28, 28),
    "pool3": (480, 14, 14),
    "inception4a": (512, 14, 14),
    "inception4d": (528, 14, 14),
    "inception4e": (832, 14, 14),
    "pool4": (832, 7, 7),
    "inception5b": (1024, 7, 7),
}
GOOGLENET_MILLIONS = {"3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5b": 71}


def of_module(analysis, key):
    return [row for row in analysis.layers if row.name.startswith(f"inception{key}.")]


def test_googlenets_maps_and_modules_are_those_of_the_papers_table():
    analysis = published("googlenet")
    for layer, shape in GOOGLENET_MAPS.items():
        assert analysis.row(layer).output == shape
    for key, millions in GOOGLENET_MILLIONS.items():
        assert abs(sum(row.multiply_adds for row in of_module(analysis, key)) / 1e6 - millions) < 1, key


def test_reductions_save_more_than_half_of_a_modules_work():
    naive, reduced = published("inception-naive"), published("inception-reduced")
    work = [sum(row.multiply_adds for row in of_module(analysis, "3a")) for analysis in (naive, reduced)]
    places = 28 * 28
    assert work[0] == places * 192 * (64 + 9 * 128 + 25 * 32)
    assert work[1] == places * (192 * (64 + 96 + 16 + 32) + 9 * 96 * 128 + 25 * 16 * 32)
    assert work[1] < 0.43 * work[0]
    assert naive.row("inception3a").output == (64 + 128 + 32 + 192, 28, 28)
    assert reduced.row("inception3a").output == (256, 28, 28)


def test_naive_and_reduced_differ_in_the_reductions_alone():
    naive, reduced = published("inception-naive").by_name(), published("inception-reduced").by_name()
    assert not naive.keys() - reduced.keys()
    more = reduced.keys() - naive.keys()
    assert more == {f"inception3a.{branch}.reduce{part}" for branch in ("branch3x3", "branch5x5", "branch_pool") for part in ("", "_relu")}
    for name, row in naive.items():
        assert (row.kind, row.kernel, row.stride, row.padding) == (reduced[name].kind, reduced[name].kernel, row.stride, row.padding)


# ---------------------------------------------------------------- auxiliary heads


@pytest.mark.parametrize("wanted", [4, 5])
def test_spread_pooling_leaves_the_places_wanted_and_sees_all(wanted):
    for places in range(wanted, 70):
        pool = spread_pool("pool", (places, 14), wanted)
        maps = torch.empty(1, 1, places, 14, device="meta")
        assert nn.AvgPool2d(pool.kernel, pool.stride)(maps).shape[2:] == (wanted, wanted)
        assert (wanted - 1) * pool.stride[0] + pool.kernel[0] == places  # the last window ends at the edge
        assert pool.kernel[0] >= pool.stride[0]  # no place lies between two windows
    assert spread_pool("pool", (wanted - 1, 14), wanted) is None
    assert spread_pool("pool", (14, wanted - 1), wanted) is None


def test_heads_pool_as_published():
    googlenet, third = published("googlenet").by_name(), published("inception-v3").by_name()
    for pool, size in (("auxiliary1.pool", 4), ("auxiliary2.pool", 4), ("auxiliary.pool", 5)):
        row = (googlenet if size == 4 else third)[pool]
        assert (row.kernel, row.stride, row.output[1:]) == ((5, 5), (3, 3), (size, size))


@pytest.mark.parametrize(("name", "side", "heads"), [("googlenet", 63, 2), ("inception-v3", 107, 1)])
def test_heads_have_the_same_weights_at_any_size_and_are_left_out_where_they_have_no_room(name, side, heads):
    def head_parameters(*sides):
        network = zoo.make(name, (3, *sides), 10)
        found = [layer for _, layer in walk(network.body) if isinstance(layer, Auxiliary)]
        assert all(head.share == 0.3 for head in found)
        return len(found), analyse(network).auxiliary_parameters

    number, weights = head_parameters(side, side)
    assert number == heads
    for sides in ((side, 2 * side + 1), (299, 299), (400, 300)):
        assert head_parameters(*sides) == (heads, weights)
    for sides in ((side - 1, side - 1), (side - 1, 299), (299, side - 1)):
        assert head_parameters(*sides) == (0, 0)


def test_a_saved_inception_v3_takes_larger_pictures_with_the_same_weights():
    saved = zoo.make("inception-v3", (3, 299, 299), 10)
    adapted = analyse(adapt(saved, (3, 350, 420), 10))
    assert (adapted.parameters, adapted.auxiliary_parameters) == (analyse(saved).parameters, analyse(saved).auxiliary_parameters)


@pytest.mark.parametrize("name", ["googlenet", "inception-v3"])
def test_heads_answer_in_training_only(name):
    module = build(zoo.make(name, (3, 107, 107), 3))
    heads = [part for part in module.modules() if hasattr(part, "taken")]
    pictures = torch.randn(2, 3, 107, 107, generator=torch.Generator().manual_seed(0))
    logits = module.train()(pictures)
    assert logits.shape == (2, 3)
    answers = [head.taken() for head in heads]
    assert all(answer.shape == (2, 3) and answer.isfinite().all() for answer in answers)
    sum([answer.sum() for answer in answers], logits.sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in module.parameters())
    module.eval()(pictures)
    assert all(head.logits is None for head in heads)


# ---------------------------------------------------------------- sizes and time


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("inception-naive", "10×10 is too small for layer pool2: 2×2 is smaller than its 3×3 kernel."),
        ("googlenet", "46×46 is too small for layer pool4: 2×2 is smaller than its 3×3 kernel."),
        ("inception-v3", "74×74 is too small for layer middle_to_coarse.branch3x3.conv2.conv: 2×2 is smaller than its 3×3 kernel."),
        (
            "inception-resnet-v2",
            "74×74 is too small for layer middle_to_coarse.branch3x3_a.conv2.conv: 2×2 is smaller than its 3×3 kernel.",
        ),
    ],
)
def test_too_small_pictures_are_refused_with_the_layer(name, reason):
    side = zoo.card(name).smallest
    zoo.make(name, (3, side, side), 10)
    with pytest.raises(NetworkError) as caught:
        zoo.make(name, (3, side - 1, side - 1), 10)
    assert caught.value.message == reason


@pytest.mark.parametrize(
    ("name", "picture", "side"), [("googlenet", (32, 32), 64), ("inception-v4", (96, 64), 96), ("inception-v3", (480, 640), 299)]
)
def test_suggested_sizes_lie_between_a_sensible_smallest_and_the_published(name, picture, side):
    assert zoo.suggest_size(name, *picture) == (side, side)


@pytest.mark.parametrize("name", FAMILY)
def test_analysis_is_quick(name):
    network = zoo.make(name, zoo.card(name).default_input, 1000)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        analyse(network)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


# ---------------------------------------------------------------- twins


TWINS = {
    "torchvision:inception_v3": lambda: torchvision.models.inception_v3(weights=None, init_weights=False, num_classes=7),
    "timm:inception_v3": lambda: timm.create_model("inception_v3", num_classes=7),
    "timm:inception_v4": lambda: timm.create_model("inception_v4", num_classes=7),
    "timm:inception_resnet_v2": lambda: timm.create_model("inception_resnet_v2", num_classes=7),
}


def test_every_twin_is_compared():
    assert {twin for name in FAMILY for twin in zoo.card(name).twins} == set(TWINS)


@pytest.mark.parametrize(("name", "twin_name"), [(name, twin) for name in FAMILY for twin in zoo.card(name).twins])
def test_answers_are_those_of_the_twin(name, twin_name):
    side = 106 if twin_name == "timm:inception_v3" else 107  # timm's has no auxiliary head, nor has ours below 107 pixels
    twin = twin_on_meta(TWINS[twin_name])
    module = build(zoo.make(name, (3, side, side), 7))
    share_weights(module, twin)
    assert largest_difference(module, twin, 3, side, side) < 1e-4


def test_the_auxiliary_head_answers_as_torchvisions():
    twin = twin_on_meta(TWINS["torchvision:inception_v3"])
    module = build(zoo.make("inception-v3", (3, 299, 299), 7))
    share_weights(module, twin)
    head = nn.Sequential(*module.get_submodule("auxiliary"))
    assert largest_difference(head, twin.AuxLogits, 768, 17, 17) < 1e-5


def test_inception_resnet_scales_all_modules_but_the_last():
    network = zoo.make("inception-resnet-v2", (3, 75, 75), 2)
    scales = [layer.scale for _, layer in walk(network.body) if hasattr(layer, "scale")]
    assert scales == [0.17] * 10 + [0.1] * 20 + [0.2] * 9 + [1.0]


# ---------------------------------------------------------------- receptive fields

# A. Araujo, W. Norris, J. Sim, Computing receptive fields of convolutional neural networks, Distill 2019, and the table of their
# library: field, effective stride, effective padding
INCEPTION_V3 = {
    "conv1.conv": (3, 2, 0),
    "conv2.conv": (7, 2, 0),
    "conv3.conv": (11, 2, 2),
    "pool1": (15, 4, 2),
    "conv4.conv": (15, 4, 2),
    "conv5.conv": (23, 4, 2),
    "pool2": (31, 8, 2),
    "fine1": (63, 8, 18),
    "fine2": (95, 8, 34),
    "fine3": (127, 8, 50),
    "fine_to_middle": (159, 16, 58),
    "middle1": (351, 16, 154),
    "middle2": (543, 16, 250),
    "middle3": (735, 16, 346),
    "middle4": (927, 16, 442),
    "middle_to_coarse": (1055, 32, 490),
    "coarse1": (1183, 32, 554),
    "coarse2": (1311, 32, 618),
}
INCEPTION_V4 = {
    "halved1": (15, 4, 2),
    "deepened": (47, 4, 14),
    "halved2": (55, 8, 14),
    "fine1": (87, 8, 30),
    "fine4": (183, 8, 78),
    "fine_to_middle": (215, 16, 86),
    "middle1": (407, 16, 182),
    "middle7": (1559, 16, 758),
    "middle_to_coarse": (1687, 32, 806),
    "coarse1": (1815, 32, 870),
    "coarse2": (1943, 32, 934),
    "coarse3": (2071, 32, 998),
}
INCEPTION_RESNET_V2 = {
    "conv5.conv": (23, 4, 2),
    "pool2": (31, 8, 2),
    "entrance": (63, 8, 18),
    "fine_to_middle": (415, 16, 186),
    "middle20": (2335, 16, 1146),
    "middle_to_coarse": (2399, 32, 1162),
    "conv6.conv": (3039, 32, 1482),
}


@pytest.mark.parametrize(
    ("name", "table"), [("inception-v3", INCEPTION_V3), ("inception-v4", INCEPTION_V4), ("inception-resnet-v2", INCEPTION_RESNET_V2)]
)
def test_receptive_fields_are_the_published_ones(name, table):
    rows = published(name).by_name()
    for layer, (field, stride, padding) in table.items():
        row = rows[layer]
        assert (row.receptive_field, row.jump, row.offset) == ((field, field), (stride, stride), (-padding, -padding)), layer


# the fields and strides of the same table's Inception v2, up to where its modules begin to differ from GoogLeNet's
GOOGLENET_STEM = {
    "conv1": (7, 2),
    "pool1": (11, 4),
    "conv2_reduce": (11, 4),
    "conv2": (19, 4),
    "pool2": (27, 8),
    "inception3a": (59, 8),
    "inception3b": (91, 8),
}


def test_googlenet_sees_what_inception_v2_sees_up_to_where_they_part():
    rows = published("googlenet").by_name()
    for layer, (field, stride) in GOOGLENET_STEM.items():
        assert (rows[layer].receptive_field, rows[layer].jump) == ((field, field), (stride, stride)), layer
    # afterwards pooling adds 2·8, 2·16 pixels and each 5×5 four times the jump
    assert rows["inception5b"].receptive_field == (91 + 16 + 5 * 64 + 32 + 2 * 128,) * 2
    assert rows["inception5b"].jump == (32, 32)
