"""From names and files to networks that fit the data."""

import pytest

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.files import dump
from engine.networks.layers import Activation, Conv, Flatten, GlobalPool, Linear, Network, Sequence
from engine.networks.resolve import adapt, is_file, resolve


@pytest.fixture
def lenet_file(tmp_path):
    path = tmp_path / "Own.JSON"
    path.write_bytes(dump(zoo.make("lenet-5", (1, 32, 32), 10)))
    return str(path)


def test_names_come_from_the_zoo():
    assert resolve("lenet-5", (1, 32, 32), 4) == zoo.make("lenet-5", (1, 32, 32), 4)


def test_files_come_as_they_are_where_they_fit(lenet_file):
    assert is_file(lenet_file)
    assert resolve(lenet_file, (1, 32, 32), 10) == zoo.make("lenet-5", (1, 32, 32), 10)


def test_files_are_fitted_to_other_data(lenet_file):
    network = resolve(lenet_file, (3, 40, 40), 3)
    assert network.input == (3, 40, 40)
    assert network.classes == 3
    assert analyse(network).layers[-1].output == (3, 1, 1)


def test_last_linear_layer_is_found_within_sequences():
    head = Sequence("head", (Flatten("flatten"), Linear("linear", 10)))
    network = Network("own", "Own", 0, "own", (1, 8, 8), 10, Sequence("body", (head,)))
    assert adapt(network, (1, 8, 8), 2).body.layers[0].layers[1] == Linear("linear", 2)


def test_a_head_that_is_not_linear_is_refused():
    body = Sequence("body", (Conv("conv", 10, (3, 3)), GlobalPool("pool"), Flatten("flatten")))
    network = Network("own", "Own", 0, "own", (1, 8, 8), 10, body)
    assert adapt(network, (1, 9, 9), 10).input == (1, 9, 9)
    with pytest.raises(NetworkError, match="cannot be fitted to 2 classes"):
        adapt(network, (1, 8, 8), 2)


def test_a_softmax_at_the_end_stays_there():
    body = Sequence("body", (Flatten("flatten"), Linear("linear", 10), Activation("softmax", "softmax")))
    adapted = adapt(Network("own", "Own", 0, "own", (1, 8, 8), 10, body), (1, 8, 8), 2)
    assert adapted.body.layers[1:] == (Linear("linear", 2), Activation("softmax", "softmax"))


def test_too_small_data_are_refused(lenet_file):
    with pytest.raises(NetworkError, match="28×28 is too small for layer conv5"):
        resolve(lenet_file, (1, 28, 28), 10)


def test_unknown_words_are_refused(tmp_path):
    with pytest.raises(NetworkError, match="not a network"):
        resolve("lenet-6", (1, 32, 32), 10)
    with pytest.raises(FileNotFoundError):
        resolve(str(tmp_path / "none.json"), (1, 32, 32), 10)
