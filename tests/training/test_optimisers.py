"""Steps against torch's own and against sums written out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.networks import zoo
from engine.networks.build import build
from engine.training.optimisers import LIKE_ADAM, Muon, hidden_matrices, make_optimiser, orthogonalised, set_rate
from engine.training.recipe import Recipe

CPU = torch.device("cpu")


def small() -> nn.Module:
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(24, 8), nn.Linear(8, 3))


def walked(module: nn.Module, optimiser: torch.optim.Optimizer, steps: int = 5) -> list[torch.Tensor]:
    """The weights after some steps on gradients that the weights decide."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for parameter in module.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator) + 0.3 * parameter.detach()
        optimiser.step()
    return [parameter.detach() for parameter in module.parameters()]


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_is_the_recursion_of_sutskever(nesterov: bool) -> None:
    """v = m·v + g + d·w; w -= r·(g + d·w + m·v) with a look ahead, else r·v; norms and biases without d (Sutskever et al. 2013)."""
    recipe = Recipe(optimiser="sgd", learning_rate=0.05, momentum=0.8, nesterov=nesterov, weight_decay=0.1)
    module = small()
    wanted = [parameter.detach().double().numpy().copy() for parameter in module.parameters()]
    found = walked(module, make_optimiser(module, recipe, CPU))
    speeds: list[Any] = [0.0] * len(wanted)
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        for place, weight in enumerate(wanted):
            noise = torch.randn(weight.shape, generator=generator).double().numpy()
            gradient = noise + 0.3 * weight + (0.1 * weight if weight.ndim > 1 else 0)
            speeds[place] = 0.8 * speeds[place] + gradient
            wanted[place] = weight - 0.05 * (gradient + 0.8 * speeds[place] if nesterov else speeds[place])
    assert all(np.allclose(a.numpy(), b, atol=1e-5) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_the_paper_s(name: str) -> None:
    """Kingma and Ba 2015, algorithm 1; the decay goes into the gradient, or shrinks the weight (Loshchilov and Hutter 2019)."""
    recipe = Recipe(optimiser=name, learning_rate=0.01, weight_decay=0.2)  # type: ignore[arg-type]
    module = small()
    wanted = [parameter.detach().double().numpy().copy() for parameter in module.parameters()]
    found = walked(module, make_optimiser(module, recipe, CPU))
    first: list[Any] = [0.0] * len(wanted)
    second: list[Any] = [0.0] * len(wanted)
    generator = torch.Generator().manual_seed(1)
    for step in range(1, 6):
        for place, weight in enumerate(wanted):
            decay = 0.2 if weight.ndim > 1 else 0.0
            gradient = torch.randn(weight.shape, generator=generator).double().numpy() + 0.3 * weight
            if name == "adam":
                gradient = gradient + decay * weight
            else:
                weight = weight * (1 - 0.01 * decay)
            first[place] = 0.9 * first[place] + 0.1 * gradient
            second[place] = 0.999 * second[place] + 0.001 * gradient**2
            wanted[place] = weight - 0.01 * (first[place] / (1 - 0.9**step)) / (np.sqrt(second[place] / (1 - 0.999**step)) + 1e-8)
    assert all(np.allclose(a.numpy(), b, atol=1e-5) for a, b in zip(found, wanted, strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_orthogonal_steps_keep_the_directions_and_level_the_lengths(rows: int, columns: int, seed: int) -> None:
    """Each singular value goes by the published polynomial five times; the singular vectors stay."""
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    left, values, right = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    values = values / np.sqrt((values**2).sum())
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    assert np.allclose(orthogonalised(matrix).numpy(), left * values @ right, atol=1e-3)


def test_muon_s_matrices_step_as_torch_s_muon_does_and_the_rest_as_adamw() -> None:
    """torch.optim.Muon takes matrices alone, and works in bfloat16."""
    module = small()
    own, first_conv = copy.deepcopy(module), module[0].weight  # type: ignore[index]
    recipe = Recipe(optimiser="muon", learning_rate=0.02, momentum=0.9, weight_decay=0.1)
    start = own[4].weight.detach().clone()  # type: ignore[index]
    walked(own, make_optimiser(own, recipe, CPU))
    matrix = nn.Parameter(start.clone())
    reference = torch.optim.Muon([matrix], lr=0.02, momentum=0.9, weight_decay=0.1, nesterov=True, adjust_lr_fn="match_rms_adamw")
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.shape == matrix.shape:
                matrix.grad = noise + 0.3 * matrix.detach()
        reference.step()
    gone = (matrix - start).norm()
    assert (own[4].weight - matrix).norm() < 0.03 * gone  # type: ignore[index, operator]
    adamw = Recipe(optimiser="adamw", learning_rate=0.02, weight_decay=0.1)
    walked(module, make_optimiser(module, adamw, CPU))
    assert torch.allclose(own[0].weight, first_conv, atol=1e-6)  # type: ignore[index]


def test_muon_is_for_hidden_matrices_and_kernels_count_as_such() -> None:
    module = small()
    assert [id(weight) for weight in hidden_matrices(module)] == [id(module[2].weight), id(module[4].weight)]  # type: ignore[index]
    optimiser = make_optimiser(module, Recipe(optimiser="muon", learning_rate=0.1, weight_decay=0.0, momentum=0.5), CPU)
    assert isinstance(optimiser, Muon)
    kernel = module[2].weight  # type: ignore[index]
    before = kernel.detach().clone()
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    gradient = kernel.grad.clone()
    optimiser.step()
    step = (before - kernel.detach()) / (0.1 * LIKE_ADAM * 36**0.5)
    values = torch.linalg.svdvals(step.flatten(1))
    assert values.min() > 0.6 and values.max() < 1.3
    assert (step * gradient).sum() > 0 and torch.equal(kernel.grad, gradient)


def test_the_largest_matrices_are_left_to_adamw() -> None:
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(9, 1024), nn.Linear(1024, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 9))
    assert [weight.shape for weight in hidden_matrices(module)] == [(4096, 1024)]


def test_muon_goes_on_from_its_state() -> None:
    recipe = Recipe(optimiser="muon", learning_rate=0.02, momentum=0.9)
    module = small()
    optimiser = make_optimiser(module, recipe, CPU)
    walked(module, optimiser, 3)
    again = copy.deepcopy(module)
    other = make_optimiser(again, recipe, CPU)
    other.load_state_dict(copy.deepcopy(optimiser.state_dict()))  # else both would share their momenta
    one, two = walked(module, optimiser, 3), walked(again, other, 3)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_earlier_parts_have_lower_rates_and_each_weight_is_in_one_group() -> None:
    module = build(zoo.make("resnet-20", (3, 32, 32), 10))
    optimiser = make_optimiser(module, Recipe(layer_decay=0.5), CPU)
    set_rate(optimiser, 0.4)
    rates = {id(parameter): group["lr"] for group in optimiser.param_groups for parameter in group["params"]}
    assert len(rates) == sum(len(group["params"]) for group in optimiser.param_groups) == len(list(module.parameters()))
    in_order = [rates[id(parameter)] for parameter in module.parameters()]
    assert in_order == sorted(in_order) and in_order[-1] == 0.4
    assert len(set(in_order)) == 11  # the first convolution, nine blocks, the last layer
    assert in_order[0] == pytest.approx(0.4 * 0.5**10)


def test_what_does_not_learn_is_not_stepped() -> None:
    module = small()
    module[0].requires_grad_(False)  # type: ignore[index]
    held = {id(parameter) for group in make_optimiser(module, Recipe(), CPU).param_groups for parameter in group["params"]}
    assert held == {id(parameter) for parameter in module.parameters() if parameter.requires_grad}
