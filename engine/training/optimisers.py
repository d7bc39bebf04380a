"""How a step follows from the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from engine.networks.modules.values import Whitening
from engine.training.freezing import parts_of
from engine.training.recipe import Recipe

SCALE = "scale"
"""Key of a group of parameters: its learning rate as a share of the schedule's."""
ORTHOGONAL = "orthogonal"
"""Key of a group: whether Muon makes its steps orthogonal."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan 2024: singular values go to about 1 in five rounds
ROUNDS = 5
LARGEST_SIDE = 1024  # of a matrix's two sides the smaller; turning 4096 × 9216 would take ten times as long as the rest of AlexNet's step
LIKE_ADAM = 0.2  # Liu et al. 2025: root mean square of AdamW's steps, so that one learning rate serves both


def make_optimiser(module: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimiser over the weights that learn.

    Biases, scales and shifts are not decayed: that would pull batch norm's outputs towards zero and gain nothing. Rates are set by
    `set_rate`.
    """
    groups = _groups(module, recipe)
    rate = recipe.learning_rate
    fused = device.type in ("cpu", "cuda")  # one kernel for all parameters
    if recipe.optimiser == "sgd":
        nesterov = recipe.nesterov and recipe.momentum > 0
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=nesterov, fused=fused)
    if recipe.optimiser == "adam":
        return torch.optim.Adam(groups, lr=rate, fused=fused)
    if recipe.optimiser == "muon":
        return Muon(groups, rate, recipe.momentum, recipe.nesterov)
    return torch.optim.AdamW(groups, lr=rate, fused=fused)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step; groups take their share of it."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get(SCALE, 1.0)


def _groups(module: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters by what is done to them; at most two groups, or two a part where earlier parts learn more slowly."""
    hidden = {id(weight) for weight in hidden_matrices(module)} if recipe.optimiser == "muon" else set()
    parts = parts_of(module) if recipe.layer_decay < 1 else [list(module.parameters())]
    parts = [[parameter for parameter in part if parameter.requires_grad] for part in parts]
    parts = [part for part in parts if part]
    groups: list[dict[str, Any]] = []
    for place, part in enumerate(parts):
        scale = recipe.layer_decay ** (len(parts) - 1 - place)
        matrices = [parameter for parameter in part if id(parameter) in hidden]
        weights = [parameter for parameter in part if parameter.ndim > 1 and id(parameter) not in hidden]
        others = [parameter for parameter in part if parameter.ndim <= 1]
        for parameters, decay, orthogonal in ((matrices, True, True), (weights, True, False), (others, False, False)):
            if parameters:
                group = {"params": parameters, "weight_decay": recipe.weight_decay if decay else 0.0, SCALE: scale}
                groups.append(group | {ORTHOGONAL: orthogonal} if recipe.optimiser == "muon" else group)
    return groups


def hidden_matrices(module: nn.Module) -> list[nn.Parameter]:
    """Weights that Muon turns: of convolutions and linear layers but the first and the last; a fixed first one counts as the first.

    Kernels that see a single channel are no matrices, and those above LARGEST_SIDE are left to AdamW.
    """
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear | Whitening)]
    weights: list[nn.Parameter] = [layer.weight for layer in layers[1:-1] if not isinstance(layer, Whitening)]  # type: ignore[misc]
    return [weight for weight in weights if weight.requires_grad and weight.shape[1] > 1 and min(weight.flatten(1).shape) <= LARGEST_SIDE]


class Muon(torch.optim.AdamW):
    """Orthogonal steps for hidden matrices, AdamW for all else (Jordan 2024, Muon: an optimizer for hidden layers in neural networks).

    The momentum of a matrix is replaced by about the nearest one with orthogonal rows or columns of length 1. `torch.optim.Muon` does
    so for matrices alone; here kernels of convolutions count as matrices of filters by inputs.

    Parameters
    ----------
    groups : list of dict
        Parameters with their "weight_decay" and whether they are ORTHOGONAL.
    rate : float
        Learning rate.
    momentum : float
        In (0, 1).
    nesterov : bool
    """

    def __init__(self, groups: Iterable[dict[str, Any]], rate: float, momentum: float, nesterov: bool) -> None:
        super().__init__(groups, lr=rate, foreach=True)
        self._momentum, self._nesterov = momentum, nesterov

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of all parameters that have a gradient."""
        taken: list[tuple[torch.Tensor, torch.Tensor]] = []
        for group in self.param_groups:
            if not group[ORTHOGONAL]:
                continue
            for weight in group["params"]:
                if weight.grad is not None:
                    self._turn(weight, group["lr"], group["weight_decay"])
                    taken.append((weight, weight.grad))
                    weight.grad = None  # so that AdamW passes it over
        answer: float | None = super().step(closure)
        for weight, gradient in taken:
            weight.grad = gradient
        return answer

    def _turn(self, weight: torch.Tensor, rate: float, decay: float) -> None:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
            state["step"] = torch.tensor(0.0)  # AdamW looks for it when a state is loaded
        held, gradient = state["momentum_buffer"], weight.grad
        assert gradient is not None
        held.lerp_(gradient, 1 - self._momentum)
        direction = gradient.lerp(held, self._momentum) if self._nesterov else held
        matrix = orthogonalised(direction.flatten(1))
        length = LIKE_ADAM * math.sqrt(max(matrix.shape))
        weight.mul_(1 - rate * decay).add_(matrix.view(weight.shape), alpha=-rate * length)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """About the orthogonal matrix that is nearest, float32 [A, B]: singular values in some 0.7 to 1.2 in place of the matrix's own.

    Five rounds of a Newton-Schulz iteration of fifth order; in bfloat16 on a graphics card, where that is as good and faster.
    """
    first, third, fifth = NEWTON_SCHULZ
    turned = matrix.shape[0] > matrix.shape[1]
    found = matrix.to(torch.bfloat16 if matrix.is_cuda else torch.float32)
    found = found.mT if turned else found
    found = found / found.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = found @ found.mT
        found = first * found + (third * square + fifth * square @ square) @ found
    answer: torch.Tensor = (found.mT if turned else found).to(matrix.dtype)
    return answer
