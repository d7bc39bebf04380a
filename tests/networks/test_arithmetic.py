"""Arithmetic against the figures of the literature and the course."""

import pytest

from engine.failure import UserError, describe
from engine.networks import zoo
from engine.networks.arithmetic import MOST_PARAMETERS, NetworkError, analyse, fits, output_size, size_formula
from engine.networks.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Norm,
    Pool,
    Sequence,
    children,
    walk,
)
from engine.networks.receptive import unit_box


def network(*layers: Layer, input=(3, 32, 32), classes=10) -> Network:
    return Network("own", "Own", 0, "own", input, classes, Sequence("body", layers))


def with_head(*layers: Layer, input=(3, 32, 32)) -> Network:
    return network(*layers, GlobalPool("mean"), Flatten("flatten"), Linear("linear", 10), input=input)


@pytest.mark.parametrize(
    ("depth", "kernel", "filters", "parameters", "formula"),
    [
        (3, 5, 8, 608, "(5·5·3 + 1)·8 = 608"),
        (8, 5, 16, 3216, "(5·5·8 + 1)·16 = 3,216"),
        (16, 1, 32, 544, "(1·1·16 + 1)·32 = 544"),
        (1, 5, 6, 156, "(5·5·1 + 1)·6 = 156"),
        (20, 3, 40, 7240, "(3·3·20 + 1)·40 = 7,240"),
    ],
)
def test_parameters_of_a_convolution(depth, kernel, filters, parameters, formula):
    row = analyse(with_head(Conv("conv", filters, (kernel, kernel)), input=(depth, 32, 32))).row("conv")
    assert (row.parameters, row.formula) == (parameters, formula)


def test_depthwise_separable_needs_1040_of_7240():
    separable = with_head(Conv("depth", 20, (3, 3), groups=20), Conv("point", 40, (1, 1)), input=(20, 32, 32))
    rows = analyse(separable).layers
    assert [row.parameters for row in rows[:2]] == [200, 840]
    assert rows[0].formula == "(3·3·1 + 1)·20 = 200"


def test_ten_filters_on_a_colour_picture():
    row = analyse(with_head(Conv("conv", 10, (5, 5)))).row("conv")
    assert row.output == (10, 28, 28)
    assert row.multiply_adds == 28 * 28 * 10 * 75
    assert row.detail == "5×5, stride 1, 10 filters"


def test_two_layers_on_a_colour_picture_have_787459_parameters():
    assert analyse(zoo.make("mlp", (3, 32, 32), 3)).parameters == 787_459


def test_first_layer_of_a_large_perceptron():
    row = analyse(network(Flatten("flatten"), Linear("hidden", 128, bias=False), Linear("linear", 10), input=(3, 224, 224))).row("hidden")
    assert (row.parameters, row.formula) == (19_267_584, "150,528·128 = 19,267,584")


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "answer", "divides"),
    [
        (7, 3, 1, 0, 5, True),
        (7, 3, 2, 0, 3, True),
        (7, 3, 3, 0, 2, False),
        (32, 5, 1, 2, 32, True),
        (10, 5, 1, 1, 8, True),
        (10, 5, 1, 2, 10, True),
        (224, 7, 2, 3, 112, False),
    ],
)
def test_output_size(size, kernel, stride, padding, answer, divides):
    assert output_size(size, kernel, stride, padding) == answer
    assert fits(size, kernel, stride, padding) is divides
    row = analyse(with_head(Conv("conv", 1, (kernel, kernel), (stride, stride), (padding, padding)), input=(1, size, size))).row("conv")
    assert row.output == (1, answer, answer)
    assert row.fits is divides
    assert ("does not divide" in row.size_formula) is not divides


def test_size_formula_has_the_numbers_in_it():
    assert size_formula(7, 3, 2) == "1 + (7 − 3 + 2·0)/2 = 3"
    assert size_formula(7, 3, 3) == "1 + ⌊(7 − 3 + 2·0)/3⌋ = 1 + ⌊1.33⌋ = 2, does not divide"
    row = analyse(with_head(Conv("conv", 1, (3, 3)), input=(1, 9, 7))).row("conv")
    assert row.size_formula == "1 + (9 − 3 + 2·0)/1 = 7; 1 + (7 − 3 + 2·0)/1 = 5"


def test_lenet_5_as_counted_by_lecun():
    analysis = analyse(zoo.make("lenet-5", (1, 32, 32), 10))
    assert analysis.parameters == analysis.trainable == 61_706
    counts = {name: analysis.row(name).parameters for name in ("conv1", "conv3", "conv5", "linear6", "linear7")}
    assert counts == {"conv1": 156, "conv3": 2416, "conv5": 48_120, "linear6": 10_164, "linear7": 850}
    maps = [analysis.row(name).output for name in ("conv1", "pool2", "conv3", "pool4", "conv5")]
    assert maps == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1)]
    assert [analysis.row(name).receptive_field for name in ("conv1", "pool2", "conv3", "pool4", "conv5")] == [
        (5, 5),
        (6, 6),
        (14, 14),
        (16, 16),
        (32, 32),
    ]
    assert analysis.row("conv3").jump == (2, 2)
    assert analysis.multiply_adds == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 48_000 + 120 * 84 + 840


@pytest.mark.parametrize(("count", "field"), [(2, 5), (3, 7)])
def test_stacked_small_kernels_see_as_much_as_a_large_one(count, field):
    layers = tuple(Conv(f"conv{number}", 3, (3, 3), padding=(1, 1), bias=False) for number in range(count))
    analysis = analyse(with_head(*layers))
    assert analysis.layers[count - 1].receptive_field == (field, field)
    assert analysis.layers[count - 1].offset == (-count, -count)
    assert analysis.layers[count - 1].centre == (0.5, 0.5)
    assert sum(row.parameters for row in analysis.layers[:count]) == count * 9 * 3**2


def test_unit_box_is_cut_to_the_picture_and_follows_the_unit():
    analysis = analyse(zoo.make("lenet-5", (1, 32, 32), 10))
    assert unit_box(analysis, "conv1", 0, 27, 32, 32) == (0, 27, 5, 32)
    assert unit_box(analysis, "conv3", 3, 9, 32, 32) == (6, 18, 20, 32)
    assert unit_box(analysis, "linear7", 0, 0, 32, 32) == (0, 0, 32, 32)
    padded = analyse(with_head(Conv("conv", 4, (5, 5), padding=(2, 2))))
    assert unit_box(padded, "conv", 0, 31, 32, 32) == (0, 29, 3, 32)


def test_unit_box_leaves_out_what_no_window_reaches():
    analysis = analyse(with_head(Pool("pool", "max", (2, 2), (2, 2)), Conv("conv", 1, (3, 3), padding=(1, 1)), input=(1, 5, 5)))
    assert unit_box(analysis, "conv", 1, 1, 5, 5) == (0, 0, 4, 4)


@pytest.mark.parametrize(("layer", "row", "column"), [("conv9", 0, 0), ("conv1", 28, 0), ("conv1", 0, -1), ("linear7", 1, 0)])
def test_unit_box_refuses_units_that_do_not_exist(layer, row, column):
    with pytest.raises(NetworkError, match=layer):
        unit_box(analyse(zoo.make("lenet-5", (1, 32, 32), 10)), layer, row, column, 32, 32)


def test_too_small_an_input_is_named_with_layer_and_kernel():
    layers = (
        Conv("conv1", 6, (5, 5)),
        Pool("pool2", "max", (2, 2), (2, 2)),
        Conv("conv3", 16, (5, 5)),
        Pool("pool4", "max", (4, 4), (4, 4)),
        Conv("conv5", 120, (3, 3)),
    )
    with pytest.raises(NetworkError) as caught:
        analyse(with_head(*layers, input=(1, 32, 32)))
    assert caught.value.message == "32×32 is too small for layer conv5: 2×2 is smaller than its 3×3 kernel."
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, UserError)
    assert describe(caught.value).remedy


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (network(), "no layers"),
        (network(Flatten("flatten"), Linear("linear", 9)), "9 values.*10 classes"),
        (network(Conv("conv", 10, (3, 3))), "maps of 10×30×30"),
        (network(Linear("linear", 10)), "linear needs a row of values"),
        (network(Flatten("flatten"), Conv("conv", 10, (3, 3))), "conv needs maps"),
        (network(Flatten("flatten"), GlobalPool("pool")), "pool needs maps"),
        (with_head(Conv("same", 4, (3, 3)), Norm("same")), "Two layers are called same"),
        (with_head(Conv("conv", 4, (3, 3), groups=2)), "2 groups"),
        (with_head(Conv("conv", 4, (3, 3), padding=(3, 3))), "padding 3"),
        (with_head(Pool("pool", "max", (3, 3), (1, 1), (2, 2))), "more than half"),
        (with_head(Conv("conv", 0, (3, 3))), "out of its range"),
        (with_head(Conv("conv", 4, (3, 3), (0, 1))), "out of its range"),
        (with_head(Conv("conv", 4, (3, 3), (-1, 1))), "out of its range"),
        (with_head(Conv("a.b", 4, (3, 3))), "out of its range"),
        (with_head(Conv("", 4, (3, 3))), "out of its range"),
        (with_head(Dropout("dropout", float("nan"))), "out of its range"),
        (with_head(Dropout("dropout", 1.0)), "out of its range"),
        (with_head(Activation("act", "rely")), "out of its range"),
        (with_head(input=(3, 0, 32)), "out of its range"),
        (network(Flatten("flatten"), Linear("one", 1_000_000), Linear("two", 1_000_000), Linear("linear", 10)), "parameters"),
    ],
)
def test_what_cannot_be_is_refused(bad, words):
    with pytest.raises(NetworkError, match=words):
        analyse(bad)


def test_nesting_has_an_end():
    inner = Sequence("s", (Flatten("flatten"), Linear("linear", 10)))
    for _ in range(5000):
        inner = Sequence("s", (inner,))
    with pytest.raises(NetworkError, match="nested"):
        analyse(network(inner))


def test_largest_network_of_the_course_is_far_from_the_limit():
    assert MOST_PARAMETERS > 30 * 632_045_800


def test_walk_gives_dotted_names_in_order():
    body = Sequence("body", (Sequence("a", (Norm("x"), Sequence("b", (Norm("y"),)))), Norm("z")))
    assert [name for name, _ in walk(body)] == ["a", "a.x", "a.b", "a.b.y", "z"]
    assert children(body.layers[1]) == ()
