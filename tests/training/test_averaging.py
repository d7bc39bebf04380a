"""The running mean of the weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from engine.training.averaging import Average


def test_the_mean_is_the_recursion_with_a_head_start_and_whole_numbers_are_copied() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = Average(module, 0.9)
    wanted = module[0].weight.detach().double().numpy().copy()
    generator = torch.Generator().manual_seed(0)
    for step in range(1, 200):
        with torch.no_grad():
            module[0].weight.copy_(torch.randn(2, 3, generator=generator))
            module[1].num_batches_tracked += 1
            module[1].running_mean += 1
        average.update()
        decay = min(0.9, (1 + step) / (10 + step))
        wanted = decay * wanted + (1 - decay) * module[0].weight.detach().double().numpy()
    assert np.allclose(average.values["0.weight"].numpy(), wanted, atol=1e-5)
    assert average.values["1.num_batches_tracked"] == 199
    assert 185 < float(average.values["1.running_mean"][0]) < 195  # some nine steps behind


def test_it_takes_the_module_s_place_for_a_while_only() -> None:
    module = nn.Linear(2, 2)
    average = Average(module, 0.5)
    begun = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.add_(1)
    weight = module.weight
    with average.in_place():
        assert torch.equal(module.weight, begun) and module.weight is weight
    assert torch.equal(module.weight, begun + 1)
    try:
        with average.in_place():
            raise KeyError
    except KeyError:
        pass
    assert torch.equal(module.weight, begun + 1)


def test_the_mean_of_still_weights_is_theirs() -> None:
    module = nn.Linear(4, 4)
    average = Average(module, 0.99)
    for _ in range(20):
        average.update()
    assert torch.allclose(average.values["weight"], module.weight)
