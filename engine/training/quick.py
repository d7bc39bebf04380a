"""The same layers, computed faster on a CPU.

torch's max pooling looks for the index of each maximum one value at a time: of a LeNet-5 step on a CPU it takes a third.
Halving by `torch.maximum` over strided views runs in vector instructions and gives the same values and gradients, bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class _Halve(torch.autograd.Function):
    """Maximum over 2 x 2 blocks; the gradient goes to the first maximum of a block in reading order, as in torch's own."""

    @staticmethod
    def forward(context: Any, pictures: torch.Tensor) -> torch.Tensor:
        """[B, C, 2H, 2W] to [B, C, H, W]."""
        left, right = pictures[..., 0::2], pictures[..., 1::2]
        rows = torch.maximum(left, right)
        upper, lower = rows[:, :, 0::2], rows[:, :, 1::2]
        context.save_for_backward(right > left, lower > upper)
        return torch.maximum(upper, lower)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to [B, C, 2H, 2W]."""
        to_right, to_lower = context.saved_tensors
        batch, channels, height, width = gradient.shape
        lower = gradient * to_lower  # products run in vector instructions, torch.where does not
        rows = torch.stack((gradient - lower, lower), dim=3).view(batch, channels, 2 * height, width)
        right = rows * to_right
        pairs = torch.view_as_real(torch.complex(rows - right, right))  # the quickest way to set two tensors tooth by tooth
        return pairs.reshape(batch, channels, 2 * height, 2 * width)


class HalvingMaxPool(nn.Module):
    """nn.MaxPool2d(2) for CPU tensors; odd sizes lose their last row and column, as there."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to [B, C, H // 2, W // 2]."""
        height, width = pictures.shape[2] // 2 * 2, pictures.shape[3] // 2 * 2
        if pictures.device.type != "cpu" or pictures.dtype != torch.float32:
            return functional.max_pool2d(pictures, 2)
        if (height, width) != pictures.shape[2:]:
            pictures = pictures[:, :, :height, :width]
        if not pictures.requires_grad:
            rows = torch.maximum(pictures[..., 0::2], pictures[..., 1::2])
            return torch.maximum(rows[:, :, 0::2], rows[:, :, 1::2])
        result: torch.Tensor = _Halve.apply(pictures)
        return result


class WholeConv(nn.Conv2d):
    """A convolution whose kernel covers its whole input, as in LeNet-5's C5: one matrix product, which is several times faster."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] to [B, K, 1, 1] where the kernel is H x W, else as any convolution."""
        if pictures.shape[2:] != self.kernel_size:
            return super().forward(pictures)
        answer = functional.linear(pictures.flatten(1), self.weight.flatten(1), self.bias)
        return answer[:, :, None, None]


def quicken(module: nn.Module, device: torch.device) -> nn.Module:
    """Replace layers by faster ones of equal outcome, in place. Names and parameters stay as they are."""
    if device.type != "cpu":
        return module
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.MaxPool2d and _halves(child):
                setattr(parent, name, HalvingMaxPool().train(child.training))
            elif type(child) is nn.Conv2d and _may_be_whole(child):
                child.__class__ = WholeConv  # keeps its parameters, which an optimiser may hold already
    return module


def _may_be_whole(conv: nn.Conv2d) -> bool:
    return conv.padding == (0, 0) and conv.dilation == (1, 1) and conv.groups == 1 and max(conv.kernel_size) > 1


def _halves(pool: nn.MaxPool2d) -> bool:
    plain = pool.padding in (0, (0, 0)) and pool.dilation in (1, (1, 1)) and not pool.ceil_mode and not pool.return_indices
    return plain and pool.kernel_size in (2, (2, 2)) and pool.stride in (2, (2, 2))
