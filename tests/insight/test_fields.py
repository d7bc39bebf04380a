"""Receptive fields and feature maps against what can be worked out by other means."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.insight.fields import feature_maps, layer_names, probe
from engine.networks import zoo
from engine.networks.arithmetic import analyse
from engine.networks.build import build

NORMALISE = Normalise(Preprocessing(32, 32, 1, mean=(0.3,), std=(0.2,)), torch.device("cpu"))
NETWORK = zoo.make("lenet-5", (1, 32, 32), 10)


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    return build(NETWORK).eval()


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (32, 32, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_maps_are_those_of_a_partial_forward_pass(module: torch.nn.Module, pixels: torch.Tensor) -> None:
    signal = NORMALISE(pixels[None])
    for name, layer in module.named_children():
        signal = layer(signal).detach()
        maps = feature_maps(module, NORMALISE, pixels, name)
        assert maps.ndim == 3
        assert np.allclose(maps.ravel(), signal[0].numpy().ravel(), atol=1e-5)


@pytest.mark.parametrize("layer", layer_names(NETWORK))
def test_the_effective_field_lies_within_the_theoretical_one(module: torch.nn.Module, pixels: torch.Tensor, layer: str) -> None:
    field = probe(module, NETWORK, NORMALISE, pixels, layer, 0, -1, -1)
    top, left, bottom, right = field.box
    outside = field.heat.copy()
    outside[top:bottom, left:right] = 0
    assert not outside.any()
    assert field.heat.min() >= 0
    assert field.heat.max() in (0, 1)
    shape = analyse(NETWORK).row(layer).output
    assert (field.row, field.column) == (shape[1] // 2, shape[2] // 2)


def test_heat_agrees_with_finite_differences(pixels: torch.Tensor) -> None:
    module = build(NETWORK).eval().double()
    normalise = Normalise(NORMALISE.preprocessing, torch.device("cpu"))
    layer, channel, row, column = "conv3", 4, 2, 7
    field = probe(build(NETWORK).eval(), NETWORK, NORMALISE, pixels, layer, channel, row, column)
    heard: list[torch.Tensor] = []
    module.get_submodule(layer).register_forward_hook(lambda _m, _i, output: heard.append(output.detach()[0, channel, row, column]))
    start = normalise(pixels[None]).double()
    slopes = np.zeros((32, 32))
    top, left, bottom, right = field.box
    for y in range(top, bottom):
        for x in range(left, right):
            values = []
            for step in (-1e-6, 1e-6):
                moved = start.clone()
                moved[0, 0, y, x] += step
                module(moved)
                values.append(float(heard[-1]))
            slopes[y, x] = abs(values[1] - values[0]) / 2e-6
    assert np.allclose(field.heat, slopes / slopes.max(), atol=1e-3)
    module(start)
    assert field.activation == pytest.approx(float(heard[-1]), abs=1e-4)


def test_what_is_not_there_is_told(module: torch.nn.Module, pixels: torch.Tensor) -> None:
    for layer, channel, row in (("conv9", 0, 0), ("conv1", 6, 0), ("conv1", -1, 0), ("conv1", 0, 28)):
        with pytest.raises(UserError):
            probe(module, NETWORK, NORMALISE, pixels, layer, channel, row, 0)
    with pytest.raises(UserError):
        feature_maps(module, NORMALISE, pixels, "conv9")


def test_looking_changes_nothing(pixels: torch.Tensor) -> None:
    network = zoo.make("small-cnn", (1, 32, 32), 4)
    module = build(network).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    probe(module, network, NORMALISE, pixels, "block2.conv", 1, -1, -1)
    feature_maps(module, NORMALISE, pixels, "block2.relu")
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert not module.get_submodule("block2.conv")._forward_hooks
