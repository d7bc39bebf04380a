"""How a step follows from the gradient."""

from __future__ import annotations

import torch
from torch import nn

from engine.training.recipe import Recipe


def make_optimiser(module: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimiser over the weights that learn.

    Biases, scales and shifts are not decayed: that would pull batch norm's outputs towards zero and gain nothing.
    """
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    weights = [parameter for parameter in learning if parameter.ndim > 1]
    others = [parameter for parameter in learning if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    fused = device.type in ("cpu", "cuda")  # one kernel for all parameters
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=fused)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=fused)
