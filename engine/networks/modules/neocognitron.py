"""The cells of the Neocognitron (Fukushima 1980). Each class stands by itself: exported scripts carry its source."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def bell(height: int, width: int) -> torch.Tensor:
    """A Gaussian over a zone, [height, width] on the CPU: 1 in its middle, its deviation a third of each side."""
    down = (torch.arange(height, dtype=torch.float32, device="cpu") - (height - 1) / 2) / (height / 3)
    across = (torch.arange(width, dtype=torch.float32, device="cpu") - (width - 1) / 2) / (width / 3)
    return torch.exp(-(down[:, None].square() + across.square()) / 2)


class SimpleCells(nn.Module):
    """S cells: planes of cells that answer to one feature each, wherever it stands (equation 1).

    The answer is r·φ[(1 + Σ a·u) / (1 + 2r/(1 + r)·b·v) − 1], where a is `weight`, b is `inhibition`, r is `selectivity`, φ cuts
    off what is negative, and v, the root of Σ c·u² (equation 3), tells how much there is to see in the zone; c falls off from its
    middle as a Gaussian does and sums to 1 over zone and channels. A cell that has learned a feature answers 0 to whatever agrees
    with it by less than r/(1 + r). Cells give no negative answers: what enters below 0 counts as 0.
    """

    def __init__(self, channels: int, planes: int, kernel: tuple[int, int], selectivity: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(planes, channels, *kernel))
        self.inhibition = nn.Parameter(torch.zeros(planes))
        self.selectivity = selectivity
        self.register_buffer("nearness", torch.zeros(1, 1, *kernel), persistent=False)
        self.initialise(None)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, planes, H, W]."""
        cells = functional.relu(maps)
        margin = (self.weight.shape[2] // 2, self.weight.shape[3] // 2)
        exciting = functional.conv2d(cells, functional.relu(self.weight), padding=margin)
        damping = functional.relu(self.inhibition)[:, None, None] * self.intensity(cells)
        share = 2 * self.selectivity / (1 + self.selectivity)
        return self.selectivity * functional.relu((1 + exciting) / (1 + share * damping) - 1)

    def intensity(self, cells: torch.Tensor) -> torch.Tensor:
        """Of values from 0 up, [N, C, H, W], the weighted root mean square of each zone, [N, 1, H, W]."""
        nearness: torch.Tensor = self.nearness  # type: ignore[assignment]
        margin = (nearness.shape[2] // 2, nearness.shape[3] // 2)
        squares = functional.conv2d(cells.square().mean(1, keepdim=True), nearness, padding=margin)
        return (squares + 1e-12).sqrt()  # the slope of the root at 0 is infinite

    def initialise(self, generator: torch.Generator | None) -> None:
        """Set c; with a generator begin as published: small positive a, no inhibition, so that all cells answer a little to all."""
        fall = bell(self.weight.shape[2], self.weight.shape[3])
        self.nearness.copy_(fall / fall.sum())  # type: ignore[operator]
        if generator is not None:
            self.weight.copy_(torch.rand(self.weight.shape, generator=generator) / self.weight[0].numel())
            self.inhibition.zero_()


class ComplexCells(nn.Module):
    """C cells: each answers if any S cell of its zone does (equations 4 to 6).

    The answer is ψ[(1 + Σ d·u) / (1 + v) − 1], where v is the mean of Σ d·u over all planes, by which they inhibit each other, and
    ψ[x] = x/(½ + x) for x > 0, which never exceeds 1. d falls off from the middle of the zone.
    """

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1), padding: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        self.register_buffer("nearness", torch.zeros(1, 1, *kernel), persistent=False)
        self.initialise(None)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, H', W']."""
        nearness: torch.Tensor = self.nearness  # type: ignore[assignment]
        channels = maps.shape[1]
        weight = nearness.expand(channels, -1, -1, -1)
        exciting = functional.conv2d(maps, weight, stride=self.stride, padding=self.padding, groups=channels)
        ratio = functional.relu((1 + exciting) / (1 + exciting.mean(1, keepdim=True)) - 1)
        return ratio / (0.5 + ratio)

    def initialise(self, generator: torch.Generator | None) -> None:
        """Set d, which follows from the zone alone."""
        nearness: torch.Tensor = self.nearness  # type: ignore[assignment]
        nearness.copy_(bell(nearness.shape[2], nearness.shape[3]))
