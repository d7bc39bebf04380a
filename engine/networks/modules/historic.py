"""Modules of LeNet-5 as published (LeCun et al. 1998). Each class stands by itself: exported scripts carry its source."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class ScaledTanh(nn.Module):
    """1.7159·tanh(2x/3), which is 1 at 1 and −1 at −1 (appendix A)."""

    gain = 5 / 3  # of weights before it, as for tanh

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Any shape to the same."""
        return 1.7159 * torch.tanh(signal * (2 / 3))


class PartialConv(nn.Module):
    """Convolution whose filters see some channels only: `table` has the channels of each filter.

    The weights of each filter stand one after the other in `weight`, so that none is there that does not count.
    """

    def __init__(
        self,
        channels: int,
        table: tuple[tuple[int, ...], ...],
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels, self.table, self.stride, self.padding = channels, table, stride, padding
        self.weight = nn.Parameter(torch.zeros(sum(len(seen) for seen in table), *kernel))
        self.bias = nn.Parameter(torch.zeros(len(table))) if bias else None
        filters = [number for number, seen in enumerate(table) for _ in seen]
        self.register_buffer("filters", torch.tensor(filters), persistent=False)
        self.register_buffer("seen", torch.tensor([channel for seen in table for channel in seen]), persistent=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, filters, H', W']."""
        whole = self.weight.new_zeros(len(self.table), self.channels, *self.weight.shape[1:])
        whole = whole.index_put((self.filters, self.seen), self.weight)  # type: ignore[arg-type]
        return functional.conv2d(maps, whole, self.bias, self.stride, self.padding)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw each filter's weights with deviation 1/√(its inputs); the table's numbers are set anew."""
        filters = torch.tensor([number for number, seen in enumerate(self.table) for _ in seen])
        self.filters.copy_(filters)  # type: ignore[operator]
        self.seen.copy_(torch.tensor([channel for seen in self.table for channel in seen]))  # type: ignore[operator]
        inputs = torch.tensor([float(len(self.table[number])) for number in filters.tolist()]) * self.weight[0].numel()
        drawn = torch.randn(self.weight.shape, generator=generator)
        self.weight.copy_(drawn / inputs.sqrt()[:, None, None])
        if self.bias is not None:
            self.bias.zero_()


class Subsampling(nn.Module):
    """Sum of each window times a weight plus a bias, one of each a channel."""

    def __init__(self, channels: int, kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))
        self.kernel, self.stride = kernel, stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, H', W']."""
        sums = functional.avg_pool2d(maps, self.kernel, self.stride, divisor_override=1)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the weights so that sums of equal values keep about their size, with deviation a tenth of that."""
        middle = 1 / math.prod(self.kernel)
        self.weight.copy_(middle * (1 + 0.1 * torch.randn(self.weight.shape, generator=generator)))
        self.bias.zero_()


class RbfOutput(nn.Module):
    """Minus the squared distance to a code of ±1 a class, divided by √values (equation 7): the nearest code has the largest logit.

    The codes are no parameters. For ten classes and 84 values they are the digits 0 to 9 drawn 7 wide and 12 high; else they are
    drawn at random, the same each time. The paper leaves the distance as it is; the division keeps the logits of an untrained
    network within a few units of each other, whatever the number of values, so that cross-entropy does not begin saturated.
    """

    DIGITS = (
        ".#####. ##...## ##...## ##...## ##...## ##...## ##...## ##...## ##...## ##...## ##...## .#####.",
        "...##.. ..###.. .####.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. .######",
        ".#####. ##...## .....## .....## .....## ....##. ...##.. ..##... .##.... ##..... ##..... #######",
        "#####.. ....##. .....## .....## ....##. ..###.. ....##. .....## .....## .....## ....##. #####..",
        "....##. ...###. ..#.##. ..#.##. .#..##. .#..##. #...##. ####### ....##. ....##. ....##. ....##.",
        "####### ##..... ##..... ##..... ######. .....## .....## .....## .....## .....## ##...## .#####.",
        "..####. .##.... ##..... ##..... ##..... ##.###. ###..## ##...## ##...## ##...## ##...## .#####.",
        "####### .....## .....## ....##. ....##. ...##.. ...##.. ..##... ..##... ..##... .##.... .##....",
        ".#####. ##...## ##...## ##...## .##.##. ..###.. .##.##. ##...## ##...## ##...## ##...## .#####.",
        ".#####. ##...## ##...## ##...## ##...## ##..### .###.## .....## .....## .....## ....##. .####..",
    )

    def __init__(self, values: int, units: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(values)
        self.register_buffer("codes", torch.zeros(units, values), persistent=False)
        self.initialise()

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        """[N, values] to [N, units]."""
        codes: torch.Tensor = self.codes  # type: ignore[assignment]
        # Σ (row − code)², without the values of all pairs in memory
        distances = row.square().sum(1, keepdim=True) - 2 * functional.linear(row, codes) + codes.shape[1]
        return -self.scale * distances

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Set the codes, which follow from nothing but their number."""
        units, values = self.codes.shape  # type: ignore[misc]
        if units == 10 and values == 84:
            bits = [[mark == "#" for mark in drawn if mark != " "] for drawn in self.DIGITS]
            codes = torch.tensor(bits, dtype=torch.float32, device="cpu")
        else:
            seeded = torch.Generator("cpu").manual_seed(1998)
            codes = torch.randint(0, 2, (units, values), generator=seeded, dtype=torch.float32, device="cpu")
        self.codes.copy_(2 * codes - 1)  # type: ignore[operator]
