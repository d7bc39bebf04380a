"""Modules in which paths meet. Each class stands by itself: exported scripts carry its source."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn


class Residual(nn.Module):
    """What enters, by way of the shortcut, plus `scale` times what the body makes of it (He et al. 2015)."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Sequential, scale: float = 1.0) -> None:
        super().__init__()
        self.body, self.shortcut, self.scale = body, shortcut, scale

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Any shape to the shape that both paths end in."""
        changed = self.body(signal)
        sum_: torch.Tensor = self.shortcut(signal) + (changed if self.scale == 1 else changed * self.scale)
        return sum_


class Branches(nn.Sequential):
    """Several paths see the same; their outputs are joined channel after channel."""

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, sum of channels, H', W']; rows of values likewise."""
        return torch.cat([branch(signal) for branch in self], dim=1)


class Auxiliary(nn.Sequential):
    """A head beside the network; what enters passes on.

    In training `logits` holds its answer [N, K] to the last batch, whose loss counts `share` times.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module], share: float = 0.3) -> None:
        super().__init__(layers)
        self.share = share
        self.logits: torch.Tensor | None = None

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Any shape to the same."""
        self.logits = super().forward(signal) if self.training else None  # type: ignore[no-untyped-call]
        return signal

    def taken(self) -> torch.Tensor:
        """The answer [N, K] to the last batch, which is not kept any longer."""
        if self.logits is None:
            raise RuntimeError("the head has not answered: forward was not called in training mode")
        logits, self.logits = self.logits, None
        return logits
