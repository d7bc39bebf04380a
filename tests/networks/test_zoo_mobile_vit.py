"""Xception, MobileNets and vision transformers: counts and fields as published, outputs as torchvision and timm have them."""

from collections import defaultdict
from functools import partial

import pytest
import timm
import torch
import torchvision
from against_twins import largest_difference, share_weights, twin_on_meta

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build, skeleton
from engine.networks.layers import Conv, DepthwiseConv, Residual, SeparableConv, SqueezeExcite, walk
from engine.networks.receptive import unit_box
from engine.networks.zoo.vit import TINY, Plan, make_by_plan

PHOTOGRAPH = (3, 224, 224)


def layers_of(network, kind):
    return [layer for _, layer in walk(network.body) if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("name", "input", "parameters", "multiply_adds"),
    [
        # millions in the papers: MobileNet v1 569, v2 300, v3 219 and 56 (216.6 and 56.5 as counted here)
        ("mobilenet-v1", PHOTOGRAPH, 4_231_976, 569e6),
        ("mobilenet-v2", PHOTOGRAPH, 3_504_872, 300e6),
        ("mobilenet-v3-large", PHOTOGRAPH, 5_483_032, 219e6),
        ("mobilenet-v3-small", PHOTOGRAPH, 2_542_856, 56e6),
        ("xception", (3, 299, 299), 22_855_952, 8.36e9),
        ("vit-b-16", PHOTOGRAPH, 86_567_656, 17.56e9),
        ("vit-l-16", PHOTOGRAPH, 304_326_632, 61.55e9),
        ("vit-h-14", PHOTOGRAPH, 632_045_800, 167.3e9),
    ],
)
def test_counts_are_the_published_ones(name, input, parameters, multiply_adds):
    analysis = analyse(zoo.make(name, input, 1000))
    assert analysis.parameters == parameters
    assert analysis.multiply_adds == pytest.approx(multiply_adds, rel=0.012)


def test_mobilenet_v1_sees_315_pixels():
    """Araujo, Norris, Sim 2019: a receptive field of 315 at an effective stride of 32, before the mean over places."""
    analysis = analyse(zoo.make("mobilenet-v1", PHOTOGRAPH, 1000))
    row = analysis.row("block13.pointwise")
    assert (row.receptive_field, row.jump, row.output) == ((315, 315), (32, 32), (1024, 7, 7))
    assert unit_box(analysis, row.name, 3, 3, 224, 224) == (0, 0, 224, 224)


def test_xception_has_36_convolutions_in_14_modules_12_of_them_with_shortcuts():
    """Chollet 2017, section 3: 36 convolutional layers in 14 modules, all but the first and the last with linear residual connections."""
    network = zoo.make("xception", (3, 299, 299), 1000)
    main = [name for name, layer in walk(network.body) if isinstance(layer, Conv | SeparableConv) and "shortcut." not in name]
    assert (len(main), len(layers_of(network, Residual))) == (36, 12)
    rows = analyse(network).by_name()
    assert [rows[name].output for name in ("entry.norm2", "entry.block3", "middle.block8", "exit.block", "exit.norm2")] == [
        (64, 147, 147),
        (728, 19, 19),
        (728, 19, 19),
        (1024, 10, 10),
        (2048, 10, 10),
    ]


def test_a_separable_block_of_mobilenet_is_dearer_in_weights_by_the_depthwise_part_alone():
    rows = analyse(zoo.make("mobilenet-v1", PHOTOGRAPH, 1000)).by_name()
    depthwise, pointwise = rows["block2.depthwise"], rows["block2.pointwise"]
    assert (depthwise.parameters, depthwise.formula) == (576, "3·3·64 = 576")
    assert (pointwise.parameters, pointwise.formula) == (8192, "1·1·64·128 = 8,192")


@pytest.mark.parametrize(
    ("name", "blocks", "shortcuts", "gates"),
    [("mobilenet-v2", 17, 10, 0), ("mobilenet-v3-large", 15, 10, 8), ("mobilenet-v3-small", 11, 6, 9)],
)
def test_inverted_residuals(name, blocks, shortcuts, gates):
    network = zoo.make(name, PHOTOGRAPH, 1000)
    assert len(layers_of(network, DepthwiseConv)) == blocks
    assert len(layers_of(network, Residual)) == shortcuts
    assert len(layers_of(network, SqueezeExcite)) == gates


def test_gates_of_mobilenet_v3_are_a_quarter_rounded_to_eights():
    network = zoo.make("mobilenet-v3-large", PHOTOGRAPH, 1000)
    assert [layer.reduced for layer in layers_of(network, SqueezeExcite)] == [24, 32, 32, 120, 168, 168, 240, 240]


# ---------------------------------------------------------------- torchvision and timm have the same


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("mobilenet-v1", partial(timm.create_model, "mobilenetv1_100")),
        ("mobilenet-v2", torchvision.models.mobilenet_v2),
        ("mobilenet-v2", partial(timm.create_model, "mobilenetv2_100")),
        ("mobilenet-v3-small", torchvision.models.mobilenet_v3_small),
        ("mobilenet-v3-large", torchvision.models.mobilenet_v3_large),
    ],
)
def test_mobilenets_answer_as_their_twins(name, make):
    own, twin = build(zoo.make(name, (3, 75, 64), 10)), twin_on_meta(partial(make, num_classes=10))
    share_weights(own, twin)
    assert largest_difference(own, twin, 3, 75, 64) < 1e-4


def test_xception_answers_as_timms():
    """timm defines a block's shortcut before its body; else the order is the same."""
    own = build(zoo.make("xception", (3, 71, 71), 10))
    twin = twin_on_meta(partial(timm.create_model, "legacy_xception", num_classes=10))
    shortcuts_last = {}
    for block, names in by_block(twin.state_dict()).items():
        ordered = sorted(names, key=lambda name: f"{block}.skip" in name)  # stable: else as they stand
        shortcuts_last.update({name: twin.state_dict()[name] for name in ordered})
    ours = own.state_dict()
    assert [tuple(values.shape) for values in ours.values()] == [tuple(values.shape) for values in shortcuts_last.values()]
    twin.load_state_dict(dict(zip(shortcuts_last, ours.values(), strict=True)), assign=True)
    assert largest_difference(own, twin, 3, 71, 71) < 1e-4


def by_block(names):
    blocks = defaultdict(list)
    for name in names:
        blocks[name.split(".")[0]].append(name)
    return blocks


def share_by_shape(own, twin):
    """As `share_weights`, but of equal shapes the first to the first: class token and positions stand elsewhere in torchvision."""
    generator = torch.Generator().manual_seed(1)
    waiting = defaultdict(list)
    for values in own.state_dict().values():
        values.add_(0.1 * torch.randn(values.shape, generator=generator))
        waiting[tuple(values.shape)].append(values)
    twin.load_state_dict({name: waiting[tuple(values.shape)].pop(0) for name, values in twin.state_dict().items()}, assign=True)
    assert not any(waiting.values())


THIN = Plan(patch=8, width=48, depth=3, heads=4, hidden=96)
"""No two of its sizes are alike, as in the larger ones."""


def test_transformer_answers_as_torchvisions():
    own = build(make_by_plan(TINY, THIN, (3, 32, 32), 10))
    make = partial(torchvision.models.VisionTransformer, 32, THIN.patch, THIN.depth, THIN.heads, THIN.width, THIN.hidden, num_classes=10)
    twin = twin_on_meta(make)
    share_by_shape(own, twin)
    assert largest_difference(own, twin, 3, 32, 32) < 1e-4


def test_transformer_answers_as_timms():
    own = build(make_by_plan(TINY, THIN, (3, 40, 24), 10))
    make = partial(
        timm.models.VisionTransformer,
        img_size=(40, 24),
        patch_size=THIN.patch,
        depth=THIN.depth,
        num_heads=THIN.heads,
        embed_dim=THIN.width,
        mlp_ratio=THIN.hidden / THIN.width,
        num_classes=10,
    )
    twin = twin_on_meta(make)
    share_by_shape(own, twin)
    assert largest_difference(own, twin, 3, 40, 24) < 1e-4


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("vit-b-16", torchvision.models.vit_b_16),
        ("vit-l-16", torchvision.models.vit_l_16),
        ("vit-h-14", torchvision.models.vit_h_14),
        ("vit-b-16", partial(timm.create_model, "vit_base_patch16_224")),
        ("vit-l-16", partial(timm.create_model, "vit_large_patch16_224")),
    ],
)
def test_large_transformers_have_their_twins_weights(name, make):
    own, twin = skeleton(zoo.make(name, PHOTOGRAPH, 1000)), twin_on_meta(make)
    blocks = [[tuple(values.shape) for values in module.state_dict().values() if values.ndim == 2] for module in (own, twin)]
    assert blocks[0] == blocks[1]  # attention and MLPs in the same order
    assert sorted(tuple(v.shape) for v in own.state_dict().values()) == sorted(tuple(v.shape) for v in twin.state_dict().values())
    epsilons = [{part.eps for part in module.modules() if isinstance(part, torch.nn.LayerNorm)} for module in (own, twin)]
    assert epsilons[0] == epsilons[1] == {1e-6}


# ---------------------------------------------------------------- tokens


def test_tokens_of_a_transformer():
    analysis = analyse(zoo.make("vit-b-16", PHOTOGRAPH, 1000))
    assert analysis.row("patches").output == (768, 196, 1)
    assert analysis.row("token").output == (768, 197, 1)
    assert analysis.row("position").parameters == 197 * 768
    attention = analysis.row("block1.attention.body.attention")
    assert attention.formula == "4·768·(768 + 1) = 2,362,368"
    assert attention.multiply_adds == 197 * 4 * 768**2 + 2 * 197**2 * 768


def test_a_token_sees_its_patch_until_all_look_at_all():
    analysis = analyse(zoo.make("vit-tiny", (3, 32, 32), 10))
    assert unit_box(analysis, "patches", 9, 0, 32, 32) == (4, 4, 8, 8)
    assert unit_box(analysis, "token", 10, 0, 32, 32) == (4, 4, 8, 8)
    assert unit_box(analysis, "token", 0, 0, 32, 32) == (0, 0, 0, 0)
    for number in (0, 10, 64):
        assert unit_box(analysis, "block1.attention", number, 0, 32, 32) == (0, 0, 32, 32)


@pytest.mark.parametrize(("side", "tokens"), [(32, 65), (28, 50), (30, 50), (64, 257), (4, 2)])
def test_tiny_transformer_takes_any_size(side, tokens):
    analysis = analyse(zoo.make("vit-tiny", (1, side, side), 3))
    assert analysis.row("position").output[1] == tokens


def test_pictures_smaller_than_a_patch_are_refused():
    with pytest.raises(NetworkError) as caught:
        zoo.make("vit-h-14", (3, 13, 20), 10)
    assert caught.value.message == "13×20 is too small for layer patches: 13×20 is smaller than its 14×14 kernel."
