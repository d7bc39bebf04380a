"""A running mean of the weights, which often classifies better than the weights of any one step (Polyak and Juditsky 1992)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

HEAD_START = 10  # the mean is over some steps at first: decay at most (1 + n) / (10 + n) at step n, as in TensorFlow


class Average:
    """Exponential mean of all that a module keeps; whole numbers are taken as they are.

    Parameters
    ----------
    module : torch.nn.Module
        Its values now are where the mean begins.
    decay : float
        In (0, 1): how much of the mean stays at a step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module, self._decay = module, decay
        self.steps = 0
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def update(self) -> None:
        """After a step of the optimiser."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (HEAD_START + self.steps))
        means, now = [], []
        for name, value in self._module.state_dict().items():
            if value.is_floating_point():
                means.append(self.values[name])
                now.append(value)
            else:
                self.values[name].copy_(value)
        torch._foreach_lerp_(means, now, 1 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the mean in the module's place for a while."""
        own = {name: value.clone() for name, value in self._module.state_dict().items()}
        self._module.load_state_dict(self.values)
        try:
            yield
        finally:
            self._module.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """What the means to come depend on."""
        return {"steps": self.steps, "values": self.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.steps = int(state["steps"])
        for name, value in self.values.items():
            value.copy_(state["values"][name])
