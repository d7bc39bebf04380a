"""The torch module of a network: initial weights, names, first filters."""

import math

import numpy as np
import pytest
import torch

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.build import build, first_filters, initialise
from engine.networks.layers import Activation, Conv, Flatten, Linear, Network, Norm, Pool, Sequence


def network(*layers, input=(3, 16, 16), classes=2):
    head = (Flatten("flatten"), Linear("linear", classes))
    return Network("own", "Own", 0, "own", input, classes, Sequence("body", (*layers, *head)))


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def test_same_seed_same_weights_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    lenet = zoo.make("lenet-5", (1, 32, 32), 10)
    one, two, three = build(lenet), build(lenet), build(lenet)
    initialise(one, 5)
    initialise(two, 5)
    initialise(three, 6)
    assert torch.equal(weights(one), weights(two))
    assert not torch.equal(weights(one), weights(three))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("kind", "gain"), [("relu", math.sqrt(2)), ("leaky-relu", math.sqrt(2 / 1.01)), ("tanh", 5 / 3), ("sigmoid", 1)])
def test_weights_are_drawn_for_the_activation_that_follows(kind, gain):
    module = build(network(Conv("conv", 256, (5, 5)), Norm("norm"), Activation("act", kind), input=(16, 8, 8)))
    conv, linear = module.get_submodule("conv"), module.get_submodule("linear")
    assert conv.weight.std().item() == pytest.approx(gain / math.sqrt(16 * 25), rel=0.02)
    assert linear.weight.std().item() == pytest.approx(1 / math.sqrt(256 * 16), rel=0.05)
    assert not conv.bias.any()


def test_batch_norm_begins_as_the_identity_and_initialise_takes_it_back_there():
    module = build(network(Norm("norm")))
    module.train()
    module(torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    norm = module.get_submodule("norm")
    assert norm.running_mean.any()
    initialise(module, 0)
    assert not norm.running_mean.any()
    assert torch.equal(norm.running_var, torch.ones(3))
    assert torch.equal(norm.weight, torch.ones(3)) and not norm.bias.any()
    assert norm.num_batches_tracked == 0


def test_signal_keeps_its_size_through_the_small_cnn():
    module = build(zoo.make("small-cnn", (3, 64, 64), 10))
    logits = module(torch.randn(16, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert 0.1 < logits.std().item() < 3


@pytest.mark.parametrize("word", ["train", "forward", "training", "type", "half"])
def test_words_that_torch_has_taken_are_refused(word):
    with pytest.raises(NetworkError, match=word):
        build(network(Norm(word)))


def test_nested_names_are_found():
    module = build(network(Sequence("outer", (Sequence("inner", (Conv("conv", 4, (3, 3)),)),))))
    assert module.get_submodule("outer.inner.conv").weight.shape == (4, 3, 3, 3)
    assert "outer.inner.conv.weight" in module.state_dict()


@pytest.mark.parametrize(
    ("name", "input", "shape"),
    [
        ("lenet-5", (1, 32, 32), (6, 5, 5, 1)),
        ("small-cnn", (3, 64, 48), (24, 5, 5, 3)),
        ("softmax", (3, 20, 24), (10, 20, 24, 3)),
        ("mlp", (1, 28, 28), (64, 28, 28, 1)),
    ],
)
def test_first_filters_are_pictures(name, input, shape):
    tree = zoo.make(name, input, 10)
    filters = first_filters(tree, build(tree))
    assert filters.dtype == np.float32
    assert filters.shape == shape


def test_first_filters_of_a_linear_layer_are_its_templates():
    tree = zoo.make("softmax", (3, 4, 5), 2)
    module = build(tree)
    picture = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(1))
    scores = (first_filters(tree, module) * picture.permute(1, 2, 0).numpy()).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(scores, module(picture[None])[0].detach().numpy(), rtol=1e-5)


def test_first_filters_are_a_copy():
    tree = zoo.make("lenet-5", (1, 32, 32), 10)
    module = build(tree)
    filters = first_filters(tree, module)
    kept = filters.copy()
    initialise(module, 9)
    np.testing.assert_array_equal(filters, kept)


def test_first_filters_are_none_where_they_are_no_pictures():
    five = network(Conv("conv", 4, (3, 3)), input=(5, 8, 8))
    assert first_filters(five, build(five)) is None
    pooled = network(Pool("pool", "mean", (2, 2), (2, 2)))
    assert first_filters(pooled, build(pooled)) is None


def test_lenet_learns_a_batch_by_heart():
    module = build(zoo.make("lenet-5", (1, 32, 32), 10))
    generator = torch.Generator().manual_seed(0)
    pictures, labels = torch.randn(32, 1, 32, 32, generator=generator), torch.randint(10, (32,), generator=generator)
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-3)
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(module(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1
    assert analyse(zoo.make("lenet-5", (1, 32, 32), 10)).parameters == weights(module).numel()
