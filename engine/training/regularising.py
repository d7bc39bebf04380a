"""What keeps weights and steps small: L1, clipping of the gradient, dropout."""

from __future__ import annotations

import torch
from torch import nn

from engine.failure import UserError
from engine.training.recipe import Recipe


class Gradients:
    """What is done to the gradients between the backward pass and the step.

    Parameters
    ----------
    module : torch.nn.Module
    recipe : Recipe
        Its l1 and clip.

    Attributes
    ----------
    changed : bool
        Whether anything is done at all; scaled gradients must be unscaled before.
    """

    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        self._l1, self._clip = recipe.l1, recipe.clip
        self._all = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.changed = self._l1 > 0 or self._clip > 0

    @torch.no_grad()
    def change(self) -> None:
        """Add the gradient of l1 · Σ|w| over weights, not over biases and norms; then shrink all gradients to the largest norm together."""
        if self._l1:
            for parameter in self._all:
                if parameter.ndim > 1 and parameter.grad is not None:
                    parameter.grad.add_(parameter.sign(), alpha=self._l1)
        if self._clip:
            nn.utils.clip_grad_norm_(self._all, self._clip)


def set_dropout(module: nn.Module, rate: float | None) -> None:
    """Give all dropout of a network one rate; None leaves it.

    Raises
    ------
    UserError
        If the network has none.
    """
    if rate is None:
        return
    layers = [part for part in module.modules() if isinstance(part, nn.modules.dropout._DropoutNd)]
    if not layers:
        raise UserError("The network has no dropout whose rate could be set.", "Leave the dropout rate empty, or add such a layer.")
    for layer in layers:
        layer.p = rate
