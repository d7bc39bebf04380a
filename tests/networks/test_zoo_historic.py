"""LeNet-5 as published and the cells of the Neocognitron: counts, formulas, gradients."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.networks import modules, zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build, initialise, skeleton
from engine.networks.layers import ComplexCells as ComplexRecord
from engine.networks.layers import Flatten, Linear, Network, Sequence
from engine.networks.layers import SimpleCells as SimpleRecord
from engine.networks.modules import containers
from engine.networks.modules.historic import PartialConv, RbfOutput, ScaledTanh, Subsampling
from engine.networks.modules.neocognitron import ComplexCells, SimpleCells, bell
from engine.networks.zoo.lenet_1998 import TABLE


def seeded(number=0):
    return torch.Generator().manual_seed(number)


# ---------------------------------------------------------------- LeNet-5 as published


def test_lenet_has_the_parameters_of_the_paper():
    analysis = analyse(zoo.make("lenet-5-1998", (1, 32, 32), 10))
    counted = {row.name: row.parameters for row in analysis.layers if row.parameters}
    assert counted == {"conv1": 156, "subsampling2": 12, "conv3": 1516, "subsampling4": 32, "conv5": 48_120, "linear6": 10_164}
    assert analysis.parameters == analysis.trainable == 60_000
    assert analysis.row("output").multiply_adds == 840


def test_lenet_has_the_maps_of_the_paper():
    rows = analyse(zoo.make("lenet-5-1998", (1, 32, 32), 10)).by_name()
    named = ("conv1", "subsampling2", "conv3", "subsampling4", "conv5", "linear6", "output")
    assert [rows[name].output for name in named] == [
        *((6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)),
        *((120, 1, 1), (84, 1, 1), (10, 1, 1)),
    ]
    # connections of C1 and C3 as the paper counts them, biases among them
    assert rows["conv1"].multiply_adds + 6 * 28 * 28 == 122_304
    assert rows["conv3"].multiply_adds + 16 * 10 * 10 == 151_600


def test_table_of_connections():
    """Six threes in a row and six fours in a row, both around the ring; three fours of two pairs; one of all."""
    around = {tuple(sorted((first + step) % 6 for step in range(length))) for length in (3, 4) for first in range(6)}
    assert len(set(TABLE)) == 16
    assert set(TABLE[:12]) == around
    assert set(TABLE[12:15]) == {tuple(sorted({0, 1, 2, 3, 4, 5} - {first, first + 3})) for first in range(3)}
    assert TABLE[15] == tuple(range(6))
    assert [sum(channel in seen for seen in TABLE) for channel in range(6)] == [10] * 6


@pytest.mark.parametrize(("stride", "padding", "bias"), [((1, 1), (0, 0), True), ((2, 1), (1, 2), False)])
def test_full_table_is_a_convolution(stride, padding, bias):
    channels, filters = 4, 5
    partial = PartialConv(channels, (tuple(range(channels)),) * filters, (3, 5), stride, padding, bias)
    with torch.no_grad():
        partial.initialise(seeded())
    plain = nn.Conv2d(channels, filters, (3, 5), stride, padding, bias=bias)
    plain.load_state_dict({name: value.reshape(getattr(plain, name).shape) for name, value in partial.state_dict().items()})
    maps = torch.randn(2, channels, 9, 11, generator=seeded(1))
    assert torch.allclose(partial(maps), plain(maps), atol=1e-6)


def test_partial_filters_see_nothing_else():
    partial = PartialConv(3, ((0, 2), (1,)), (1, 1))
    with torch.no_grad():
        partial.weight.copy_(torch.tensor([2.0, 3.0, 5.0])[:, None, None])
        partial.bias.copy_(torch.tensor([0.5, -0.5]))
    maps = torch.tensor([1.0, 10.0, 100.0]).reshape(1, 3, 1, 1)
    assert partial(maps).flatten().tolist() == [2 * 1 + 3 * 100 + 0.5, 5 * 10 - 0.5]


def test_subsampling_is_a_weighted_sum_and_a_bias():
    layer = Subsampling(2, (2, 2), (2, 2))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, -1.0]))
        layer.bias.copy_(torch.tensor([10.0, 0.25]))
    maps = torch.arange(32, dtype=torch.float32).reshape(1, 2, 4, 4)
    sums = maps.reshape(1, 2, 2, 2, 2, 2).sum((3, 5))
    assert torch.equal(layer(maps)[0, 0], 0.5 * sums[0, 0] + 10)
    assert torch.equal(layer(maps)[0, 1], 0.25 - sums[0, 1])


def test_scaled_tanh_keeps_plus_and_minus_one():
    values = ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0, 100.0]))
    assert values.tolist() == pytest.approx([-1, 0, 1, 1.7159], abs=1e-4)


def test_rbf_output_is_minus_the_squared_distance():
    layer = RbfOutput(84, 10)
    row = torch.randn(3, 84, generator=seeded())
    distances = (row[:, None] - layer.codes).square().sum(2)
    assert torch.allclose(layer(row), -distances / math.sqrt(84), atol=1e-5)
    assert layer(layer.codes).argmax(1).tolist() == list(range(10))
    assert not list(layer.parameters()) and not layer.state_dict()


@pytest.mark.parametrize(("values", "units"), [(84, 10), (84, 3), (84, 200), (30, 10)])
def test_codes_are_plus_and_minus_one_all_different_and_the_same_each_time(values, units):
    codes = RbfOutput(values, units).codes
    assert codes.shape == (units, values)
    assert codes.abs().eq(1).all()
    assert len(codes.unique(dim=0)) == units
    assert torch.equal(codes, RbfOutput(values, units).codes)


def test_codes_of_digits_are_pictures_of_them():
    """Each is 12 high and 7 wide, of one piece, and 15 pixels at least unlike any other."""
    codes = RbfOutput(84, 10).codes
    unlike = (84 - codes @ codes.T) / 2 + 84 * torch.eye(10)
    assert unlike.min() >= 15
    assert ((codes.reshape(10, 12, 7) > 0).sum((1, 2)) >= 18).all()
    eight = codes[8].reshape(12, 7)
    assert torch.equal(eight, eight.flip(1))


def test_buffers_survive_the_meta_device():
    network = zoo.make("lenet-5-1998", (3, 40, 36), 7)
    assert skeleton(network).get_submodule("output").codes.is_meta
    module = build(network)
    assert torch.equal(module.get_submodule("output").codes, RbfOutput(84, 7).codes)
    assert module(torch.zeros(2, 3, 40, 36)).shape == (2, 7)
    cells = build(zoo.make("neocognitron", (1, 16, 16), 5)).get_submodule("simple1")
    assert torch.equal(cells.nearness[0, 0], bell(5, 5) / bell(5, 5).sum())


# ---------------------------------------------------------------- Neocognitron


def test_neocognitron_is_s_and_c_cells_in_turn():
    analysis = analyse(zoo.make("neocognitron", (1, 16, 16), 10))
    assert [row.kind for row in analysis.layers] == [*("S cells", "C cells") * 3, "Flatten", "Linear"]
    assert [row.output for row in analysis.layers[:6]] == [
        *((16, 16, 16), (16, 8, 8), (64, 8, 8), (64, 4, 4)),
        *((400, 4, 4), (400, 1, 1)),
    ]
    assert [row.parameters for row in analysis.layers[:6:2]] == [(25 + 1) * 16, (9 * 16 + 1) * 64, (25 * 64 + 1) * 400]
    assert analysis.receptive_field[0] >= 16  # the last cells see the whole picture


def test_simple_cells_follow_the_equation():
    """Equations 1 to 3 of the paper, cell by cell."""
    layer = SimpleCells(2, 3, (3, 3), selectivity=1.5)
    generator = seeded(2)
    with torch.no_grad():
        layer.weight.copy_(torch.rand(layer.weight.shape, generator=generator))
        layer.inhibition.copy_(12 * torch.rand(3, generator=generator))
        maps = torch.rand(1, 2, 4, 5, generator=generator)
        answers = layer(maps)[0]
    padded = functional.pad(maps[0], (1, 1, 1, 1)).double().numpy()
    a, b = layer.weight.detach().double().numpy(), layer.inhibition.detach().double().numpy()
    c = np.array([[math.exp(-(row**2 + column**2) / 2) for column in (-1, 0, 1)] for row in (-1, 0, 1)])
    c /= 2 * c.sum()
    r, expected = 1.5, np.zeros((3, 4, 5))
    for plane in range(3):
        for row in range(4):
            for column in range(5):
                zone = padded[:, row : row + 3, column : column + 3]
                v = math.sqrt((c * zone**2).sum())
                ratio = (1 + (a[plane] * zone).sum()) / (1 + 2 * r / (1 + r) * b[plane] * v)
                expected[plane, row, column] = r * max(0, ratio - 1)
    assert answers.numpy() == pytest.approx(expected, abs=1e-5)
    assert 0 < (expected > 0).mean() < 1


def test_complex_cells_follow_the_equation():
    """Equations 4 to 6 of the paper: excitation, inhibition by the mean of all planes, saturation."""
    layer = ComplexCells((3, 3), (2, 2), (1, 1))
    maps = 2 * torch.rand(1, 3, 4, 4, generator=seeded(3))
    padded = functional.pad(maps[0], (1, 1, 1, 1)).double().numpy()
    d = bell(3, 3).double().numpy()
    places = [[(d * padded[:, row : row + 3, column : column + 3]).sum((1, 2)) for column in (0, 2)] for row in (0, 2)]
    exciting = np.moveaxis(np.array(places), 2, 0)
    ratio = np.maximum((1 + exciting) / (1 + exciting.mean(0)) - 1, 0)
    assert layer(maps)[0].numpy() == pytest.approx(ratio / (0.5 + ratio), abs=1e-5)


@pytest.mark.parametrize("selectivity", [0.5, 1.5, 4.0, 20.0])
def test_a_cell_answers_one_to_its_feature_and_nothing_to_what_is_too_unlike(selectivity):
    """With a = q·c·u and b = q/2·v, q large, the answer is 1 to u itself and 0 below an agreement of r/(1 + r)."""
    generator = seeded(4)
    layer = SimpleCells(3, 1, (5, 5), selectivity)
    feature = torch.rand(1, 3, 5, 5, generator=generator)
    with torch.no_grad():
        q = 1e5
        layer.weight.copy_(q * layer.nearness / 3 * feature)
        layer.inhibition.copy_(q / 2 * layer.intensity(feature)[:, 0, 2, 2])
        assert float(layer(feature)[0, 0, 2, 2]) == pytest.approx(1, abs=1e-3)
        c = layer.nearness / 3
        for share in torch.linspace(0, 1, 21):
            other = (1 - share) * feature + share * torch.rand(1, 3, 5, 5, generator=generator) ** 4
            product, lengths = (c * feature * other).sum(), ((c * feature**2).sum() * (c * other**2).sum()).sqrt()
            answers = float(layer(other)[0, 0, 2, 2]) > 1e-4
            assert answers == bool(product / lengths > selectivity / (1 + selectivity) + 1e-5)


def test_cells_are_silent_where_nothing_is_and_never_negative():
    network = zoo.make("neocognitron", (1, 16, 16), 10)
    module = build(network)
    initialise(module, seed=3)
    simple, complex_ = module.get_submodule("simple1"), module.get_submodule("complex1")
    assert not simple(torch.zeros(1, 1, 16, 16)).any()
    assert not simple(-torch.ones(1, 1, 16, 16)).any()
    answers = complex_(simple(torch.rand(2, 1, 16, 16, generator=seeded())))
    assert answers.min() >= 0 and answers.max() < 1


def test_zones_need_a_middle():
    body = Sequence("body", (SimpleRecord("s", 4, (4, 5)), ComplexRecord("c", (3, 3)), Flatten("f"), Linear("l", 2)))
    with pytest.raises(NetworkError, match="zone of 4×5"):
        analyse(Network("n", "N", 0, "", (1, 16, 16), 2, body))


# ---------------------------------------------------------------- gradients of all modules of our own


def whitening(channels):
    module = modules.CLASSES["Whitening"](channels)
    with torch.no_grad():
        module.initialise(seeded())
    return module


TABLED = ((0, 1), (2,), (0, 2))
FLAT, TOKENS, MAPS = (3, 6), (2, 5, 8), (2, 4, 6, 6)
CASES = {
    "ScaledTanh": (lambda: modules.CLASSES["ScaledTanh"](), FLAT),
    "PartialConv": (lambda: PartialConv(3, TABLED, (3, 2), (2, 1), (1, 0)), (2, 3, 6, 5)),
    "Subsampling": (lambda: Subsampling(4, (2, 3), (2, 2)), MAPS),
    "RbfOutput": (lambda: RbfOutput(6, 4), FLAT),
    "SeparableConv": (lambda: modules.CLASSES["SeparableConv"](4, 3, (3, 3), (2, 2), (1, 1)), MAPS),
    "MinPool2d": (lambda: modules.CLASSES["MinPool2d"]((2, 2), (2, 2)), MAPS),
    "GlobalMinPool2d": (lambda: modules.CLASSES["GlobalMinPool2d"](), MAPS),
    "BilinearPool": (lambda: modules.CLASSES["BilinearPool"](), (2, 3, 3, 3)),
    "ChannelLayerNorm": (lambda: modules.CLASSES["ChannelLayerNorm"](4), MAPS),
    "Whitening": (lambda: whitening(4), MAPS),
    "Scale": (lambda: modules.CLASSES["Scale"](0.25), MAPS),
    "SqueezeExcite": (lambda: modules.CLASSES["SqueezeExcite"](4, 2, "silu"), MAPS),
    "PadChannels": (lambda: modules.CLASSES["PadChannels"](4, 6, (2, 2)), MAPS),
    "PatchEmbedding": (lambda: modules.CLASSES["PatchEmbedding"](4, 8, (3, 3)), MAPS),
    "ClassToken": (lambda: modules.CLASSES["ClassToken"](8), TOKENS),
    "Position": (lambda: modules.CLASSES["Position"](5, 8), TOKENS),
    "Attention": (lambda: modules.CLASSES["Attention"](8, 2), TOKENS),
    "TokenPool": (lambda: modules.CLASSES["TokenPool"]("mean"), TOKENS),
    "SimpleCells": (lambda: SimpleCells(2, 3, (3, 3), 1.5), (1, 2, 4, 4)),
    "ComplexCells": (lambda: ComplexCells((3, 3), (2, 2), (1, 1)), (1, 3, 4, 4)),
}


@pytest.mark.parametrize("name", [name for name, kind in modules.CLASSES.items() if kind.__module__ != containers.__name__])
def test_gradients_are_those_of_finite_differences(name):
    make, shape = CASES[name]
    module = make().double()
    generator = seeded(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.05)
    signal = torch.rand(shape, generator=generator, dtype=torch.float64) + 0.05
    values = tuple(parameter.detach().clone().requires_grad_() for parameter in module.parameters())
    names = [name for name, _ in module.named_parameters()]

    def answer(signal, *values):
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (signal,))

    assert torch.autograd.gradcheck(answer, (signal.requires_grad_(), *values))
    assert answer(signal, *values).abs().max() > 0
