"""Variants of networks: what is exchanged or switched off, counted and passed through."""

import pytest
import torch

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build
from engine.networks.editing.variants import ACTIVATIONS, VALUES, changes, possible, varied
from engine.networks.layers import Activation, Dropout, Norm, RbfOutput, Residual, walk

SMALL = {
    "lenet-5": (1, 32, 32),
    "lenet-5-1998": (1, 32, 32),
    "small-cnn": (3, 32, 32),
    "resnet-20": (3, 32, 32),
    "plain-20": (3, 32, 32),
    "resnet-164": (3, 32, 32),
    "resnet-18": (3, 64, 64),
    "mobilenet-v2": (3, 64, 64),
    "mobilenet-v3-small": (3, 64, 64),
    "googlenet": (3, 96, 96),
    "alexnet": (3, 227, 227),
    "mlp": (1, 28, 28),
}


def of_zoo(name):
    return zoo.make(name, SMALL[name], 10)


def layers(network, kind):
    return [layer for _, layer in walk(network.body) if isinstance(layer, kind)]


@pytest.mark.parametrize("name", SMALL)
def test_every_possible_change_gives_a_network_that_answers(name):
    network = of_zoo(name)
    fields = [field for field in VALUES if possible(network, field)]
    assert fields
    for field in fields:
        made = varied(network, f"{field}={VALUES[field][0] if field != 'activation' else 'sigmoid'}")
        with torch.no_grad():
            assert build(made).eval()(torch.zeros(2, *network.input)).shape == (2, 10), field


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_an_activation_takes_the_place_of_all_and_costs_no_weights(kind):
    network = of_zoo("lenet-5")
    made = varied(network, f"activation={kind}")
    assert {layer.kind for layer in layers(made, Activation)} == {kind}
    assert analyse(made).parameters == analyse(network).parameters == 61_706
    assert made.title.lower().replace(" ", "-") == f"lenet-5,-{kind}"
    assert made.name == "lenet-5"


def test_the_head_of_distances_stays():
    network = of_zoo("lenet-5-1998")
    made = varied(network, "activation=relu")
    assert layers(made, RbfOutput) == layers(network, RbfOutput) != []
    assert {layer.kind for layer in layers(made, Activation)} == {"relu"}


@pytest.mark.parametrize("depth", [20, 56, 110])
def test_a_residual_network_without_shortcuts_is_its_plain_twin(depth):
    plain, residual = (zoo.make(f"{kind}-{depth}", (3, 32, 32), 10) for kind in ("plain", "resnet"))
    made = varied(residual, "shortcut=off")
    assert not layers(made, Residual)
    ours, theirs = analyse(made), analyse(plain)
    assert (ours.parameters, ours.multiply_adds) == (theirs.parameters, theirs.multiply_adds)
    shapes = [[row.output for row in analysis.layers if row.parameters] for analysis in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_projections_go_with_their_shortcuts():
    """ResNet-18: 64·128 + 128·256 + 256·512 weights of the three 1×1 convolutions, and scale and shift of their norms."""
    network = of_zoo("resnet-18")
    projections = 64 * 128 + 128 * 256 + 256 * 512 + 2 * (128 + 256 + 512)
    assert analyse(network).parameters - analyse(varied(network, "shortcut=off")).parameters == projections


def test_a_bias_stands_where_a_shift_was():
    """Each norm of n channels has 2n weights; the convolution before it gets n biases."""
    network = of_zoo("resnet-20")
    made = varied(network, "normalisation=off")
    assert not layers(made, Norm)
    channels = 16 * 7 + 32 * 6 + 64 * 6
    assert analyse(network).parameters - analyse(made).parameters == channels


def test_dropout_goes_and_no_weights_with_it():
    network = of_zoo("alexnet")
    made = varied(network, "dropout=off")
    assert layers(network, Dropout) and not layers(made, Dropout)
    assert analyse(made).parameters == analyse(network).parameters


def test_changes_add_up():
    made = varied(of_zoo("resnet-20"), "shortcut=off, activation=sigmoid,normalisation=off")
    assert made.title == "ResNet-20, without shortcuts, Sigmoid, without normalisation"
    assert not layers(made, Residual | Norm)
    assert {layer.kind for layer in layers(made, Activation)} == {"sigmoid"}


def test_no_change_is_the_same_network():
    network = of_zoo("lenet-5")
    assert varied(network, "") is network
    assert varied(network, " , ") is network


@pytest.mark.parametrize(
    ("name", "variant", "words"),
    [
        ("lenet-5", "shortcut=off", "no shortcuts"),
        ("lenet-5", "dropout=off", "no dropout"),
        ("lenet-5", "normalisation=off", "no normalisation"),
        ("softmax", "activation=tanh", "no activations"),
        ("lenet-5", "colour=red", "cannot be varied"),
        ("lenet-5", "activation", '"" is no choice'),
        ("lenet-5", "activation=softmax", "no choice for activation"),
        ("lenet-5", "activation=tanh,activation=relu", "both tanh and relu"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(name, variant, words):
    network = zoo.make(name, (1, 32, 32), 10)
    with pytest.raises(NetworkError, match=words) as refused:
        varied(network, variant)
    assert refused.value.remedy


def test_words_are_read_once():
    assert changes("activation=relu,activation=relu") == (("activation", "relu"),)
    assert changes("") == ()
