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
