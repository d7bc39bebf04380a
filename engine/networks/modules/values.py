"""Modules that torch has none of: pooling, gates, shortcuts. Each class stands by itself: exported scripts carry its source."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class SeparableConv(nn.Module):
    """A convolution of each channel by itself, then one of 1×1 over all channels."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=bias)
        self.pointwise = nn.Conv2d(channels, filters, 1, bias=bias)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, filters, H', W']."""
        result: torch.Tensor = self.pointwise(self.depthwise(maps))
        return result


class Whitening(nn.Module):
    """Fixed kernels that make the values of each patch uncorrelated and equally strong, each with both signs, and a learned bias.

    Until `measure` has seen pictures, each kernel passes on one value of the patch.
    """

    def __init__(self, channels: int, kernel: tuple[int, int] = (2, 2)) -> None:
        super().__init__()
        values = channels * kernel[0] * kernel[1]
        self.weight: torch.Tensor
        self.register_buffer("weight", torch.zeros(2 * values, channels, *kernel))
        self.bias = nn.Parameter(torch.zeros(2 * values))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, 2·C·h·w, H', W']."""
        return functional.conv2d(maps, self.weight, self.bias)

    def initialise(self, generator: torch.Generator) -> None:
        """Begin as the identity of patches."""
        self._set(torch.eye(len(self.weight) // 2))
        self.bias.zero_()

    @torch.no_grad()
    def measure(self, maps: torch.Tensor, least: float = 5e-4) -> None:
        """Take the directions from maps as they will come, [N, C, H, W]; `least` is added to variances, which may be 0."""
        height, width = self.weight.shape[2:]
        values = len(self.weight) // 2
        total, count = torch.zeros(values, values, dtype=torch.float64), 0
        for some in torch.split(maps, 64):
            patches = some.to("cpu", torch.float64).unfold(2, height, 1).unfold(3, width, 1)
            rows = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
            total += rows.T @ rows
            count += len(rows)
        variances, directions = torch.linalg.eigh(total / count)
        self._set((directions / (variances.clamp(min=0) + least).sqrt()).T.flip(0))

    def _set(self, kernels: torch.Tensor) -> None:
        self.weight.copy_(torch.cat([kernels, -kernels]).view(self.weight.shape))


class Scale(nn.Module):
    """Each value times a fixed factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Any shape to the same."""
        return signal * self.factor


class MinPool2d(nn.Module):
    """The smallest value of each window."""

    def __init__(
        self, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int] = (0, 0), ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding, self.ceil_mode = kernel, stride, padding, ceil_mode

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, H', W']."""
        return -functional.max_pool2d(-maps, self.kernel, self.stride, self.padding, ceil_mode=self.ceil_mode)


class GlobalMinPool2d(nn.Module):
    """The smallest value of each map."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, 1, 1]."""
        return maps.amin(dim=(2, 3), keepdim=True)


class BilinearPool(nn.Module):
    """Products of all pairs of channels, averaged over the places (Lin et al. 2015, equation 2)."""

    def __init__(self, normalise: bool = True) -> None:
        super().__init__()
        self.normalise = normalise

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C²]; with signed square root and unit length where `normalise`."""
        rows = maps.flatten(2)
        products = (rows @ rows.transpose(1, 2) / rows.shape[2]).flatten(1)
        if not self.normalise:
            return products
        # a little is added under the root, whose slope at 0 is infinite
        roots = products.sign() * (products.abs() + 1e-10).sqrt()
        return functional.normalize(roots, dim=1)


class ChannelLayerNorm(nn.Module):
    """Layer norm over the channels of each place of a map."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to the same."""
        places = maps.permute(0, 2, 3, 1)
        return functional.layer_norm(places, self.weight.shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)

    def initialise(self, generator: torch.Generator) -> None:
        """Begin as the identity."""
        self.weight.fill_(1)
        self.bias.zero_()


class SqueezeExcite(nn.Module):
    """Each channel times a gate that two layers compute from the means of all channels (Hu et al. 2018)."""

    def __init__(self, channels: int, reduced: int, activation: str = "relu", gate: str = "sigmoid") -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, reduced, 1), nn.Conv2d(reduced, channels, 1)
        self.activation = nn.SiLU() if activation == "silu" else nn.ReLU()
        self.gate = nn.Hardsigmoid() if gate == "hard-sigmoid" else nn.Sigmoid()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to the same."""
        means = functional.adaptive_avg_pool2d(maps, 1)
        gates: torch.Tensor = self.gate(self.expand(self.activation(self.reduce(means))))
        return maps * gates


class PadChannels(nn.Module):
    """Every stride-th place, with channels of zeros after the others (He et al. 2015, option A)."""

    def __init__(self, channels: int, wanted: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.more, self.stride = wanted - channels, stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, wanted, ⌈H/stride⌉, ⌈W/stride⌉]."""
        return functional.pad(maps[:, :, :: self.stride[0], :: self.stride[1]], (0, 0, 0, 0, 0, self.more))
