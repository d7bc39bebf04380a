"""Which number format a CPU takes: a rule of shapes, the same however busy the machine is."""

from __future__ import annotations

import pytest
import torch

from engine.networks import zoo
from engine.networks.build import build
from engine.training import precision
from engine.training.precision import PLAIN, Arithmetic, choose, wide

CPU = torch.device("cpu")
SIZES = {"lenet-5": (1, 32, 32), "mobilenet-v2": (3, 32, 32), "vit-tiny": (3, 32, 32), "mlp": (1, 28, 28)}


@pytest.mark.parametrize("name", ["cifar-speed-narrow", "resnet-20", "small-cnn"])
def test_wide_convolutions_are_told(name: str) -> None:
    assert wide(build(zoo.make(name, (3, 32, 32), 10)), torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("name", list(SIZES))
def test_narrow_grouped_and_linear_networks_are_not(name: str) -> None:
    assert not wide(build(zoo.make(name, SIZES[name], 10)), torch.zeros(1, *SIZES[name]))


def test_the_rule_asks_processor_and_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    module = build(zoo.make("cifar-speed-narrow", (3, 32, 32), 10)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    pictures, labels = torch.rand(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64)
    state = torch.get_rng_state()
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    assert choose(module, pictures, labels, CPU, mixed=True) == Arithmetic(torch.bfloat16, True)
    assert choose(module, pictures, labels, CPU, mixed=False) == PLAIN
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)
    assert choose(module, pictures, labels, CPU, mixed=True) == PLAIN
    assert module.training and all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
