"""Every network of the zoo, at several sizes: tree and torch module agree."""

import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build, skeleton
from engine.networks.zoo import _register
from engine.networks.zoo.lenet import ENTRIES as LENET

NETWORKS = tuple(name for name in zoo.names() if zoo.card(name).kind == "network")


def test_names_that_others_rely_on():
    assert set(zoo.names()) >= {"nearest-neighbour", "softmax", "mlp", "small-cnn", "lenet-5"}


def test_two_networks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="lenet-5"):
        _register((*LENET, *LENET))


@pytest.mark.parametrize("name", zoo.names())
def test_cards_are_complete(name):
    card = zoo.card(name)
    assert card.name == name
    assert card.title and card.family and card.summary and card.source
    assert "\n" not in card.summary
    assert card.smallest <= min(card.default_input[1:])


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("input", [(1, 32, 32), (3, 32, 32), (3, 64, 64), (1, 37, 45)])
@pytest.mark.parametrize("name", NETWORKS)
def test_tree_and_module_agree(name, input, classes):
    network = zoo.make(name, input, classes)
    analysis = analyse(network)
    module = skeleton(network).eval()
    shapes = {}
    for row in analysis.layers:
        leaf = module.get_submodule(row.name)
        assert sum(parameter.numel() for parameter in leaf.parameters()) == row.parameters
        leaf.register_forward_hook(lambda _, __, output, name=row.name: shapes.update({name: tuple(output.shape)}))
    with FlopCounterMode(display=False) as counter:
        logits = module(torch.empty(2, *input, device="meta"))
    assert logits.shape == (2, classes)
    for row in analysis.layers:
        assert shapes[row.name] == ((2, row.output[0]) if row.flat else (2, *row.output))
    assert sum(parameter.numel() for parameter in module.parameters()) == analysis.parameters
    assert counter.get_total_flops() == 2 * 2 * analysis.multiply_adds  # two pictures, a multiplication and an addition each


@pytest.mark.parametrize("name", NETWORKS)
def test_smallest_input_works_and_one_pixel_less_does_not(name):
    card = zoo.card(name)
    side = card.smallest
    module = build(zoo.make(name, (1, side, side), 3)).eval()
    assert module(torch.zeros(2, 1, side, side)).shape == (2, 3)
    if side > 1:
        with pytest.raises(NetworkError, match=f"{side - 1}×{side - 1} is too small"):
            zoo.make(name, (1, side - 1, side - 1), 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_default_input_is_taken(name):
    network = zoo.make(name, zoo.card(name).default_input, 10)
    assert network.name == name
    assert network.input == zoo.card(name).default_input
    assert network.classes == 10


def test_lenet_does_not_take_28_pixels():
    with pytest.raises(NetworkError) as caught:
        zoo.make("lenet-5", (1, 28, 28), 10)
    assert caught.value.message == "28×28 is too small for layer conv5: 4×4 is smaller than its 5×5 kernel."


@pytest.mark.parametrize(
    ("name", "picture", "size"),
    [
        ("lenet-5", (8, 8), (32, 32)),
        ("lenet-5", (150, 150), (32, 32)),
        ("softmax", (8, 8), (8, 8)),
        ("mlp", (28, 28), (28, 28)),
        ("mlp", (480, 640), (32, 32)),
        ("nearest-neighbour", (28, 20), (28, 20)),
        ("small-cnn", (8, 8), (32, 32)),
        ("small-cnn", (28, 28), (28, 28)),
        ("small-cnn", (64, 48), (64, 48)),
        ("small-cnn", (150, 150), (64, 64)),
        ("small-cnn", (20, 200), (64, 64)),
    ],
)
def test_suggested_sizes(name, picture, size):
    assert zoo.suggest_size(name, *picture) == size


@pytest.mark.parametrize(("word", "near"), [("lenet5", "lenet-5"), ("Softmax", "softmax"), ("smal-cnn", "small-cnn")])
def test_unknown_names_are_told_the_nearest(word, near):
    with pytest.raises(NetworkError) as caught:
        zoo.make(word, (1, 32, 32), 10)
    assert "not a network" in caught.value.message
    assert near in caught.value.remedy


def test_names_far_from_all_are_told_all():
    with pytest.raises(NetworkError, match="nearest-neighbour, softmax"):
        zoo.card("xyzzyqqq")


def test_classic_classifiers_have_no_layers():
    with pytest.raises(NetworkError, match="no layers"):
        zoo.make("nearest-neighbour", (1, 28, 28), 10)


def test_networks_are_known_without_torch():
    script = (
        "import sys\n"
        "import engine.networks.zoo, engine.networks.arithmetic, engine.networks.files, engine.networks.resolve\n"
        "assert not {'torch', 'cv2', 'numpy', 'PySide6'} & set(sys.modules), 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
