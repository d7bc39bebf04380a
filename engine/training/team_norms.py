"""Batch norm over the pictures of all processes, so that it does not matter how many share a batch.

On CUDA devices it is torch's SyncBatchNorm, which exists there alone; elsewhere the same in a few sums.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.failure import UserError

PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def share_norms(module: nn.Module, device: torch.device, group: dist.ProcessGroup | None) -> bool:
    """Let batch norm take mean and deviation over all processes, in place; names and parameters stay as they are.

    Returns
    -------
    bool
        Whether there is any.

    Raises
    ------
    UserError
        If there is a kind whose statistics cannot be shared.
    """
    found = False
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, _BatchNorm) or isinstance(child, SharedBatchNorm | nn.SyncBatchNorm):
                continue
            if type(child) not in PLAIN:
                text = f"The network has a kind of batch norm ({type(child).__name__}) whose statistics several processes cannot share."
                raise UserError(text, "Train it in one process, or choose a network with plain batch norm.")
            found = True
            if device.type == "cuda":
                setattr(parent, name, nn.SyncBatchNorm.convert_sync_batchnorm(child, group))  # type: ignore[no-untyped-call]
            else:
                child.__class__ = SharedBatchNorm  # keeps its parameters, which others may hold already
    return found


class SharedBatchNorm(_BatchNorm):
    """Batch norm whose mean and deviation are those of the pictures of all processes."""

    def _check_input_dim(self, input: torch.Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2 dimensions, got {input.ndim}")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """[B, C, …] to the same shape; in evaluation mode as batch norm by itself."""
        if not self.training:
            own: torch.Tensor = super().forward(input)
            return own
        values = input.float()
        axes = [axis for axis in range(values.ndim) if axis != 1]
        shape = [1, -1] + [1] * (values.ndim - 2)
        count = float(values.numel() // values.shape[1])
        total = _Sum.apply(torch.cat([values.sum(axes), values.new_tensor([count])]))
        number = total[-1].detach()
        mean = total[:-1] / number
        centred = values - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(axes)) / number
        self._remember(mean.detach(), variance.detach() * number / (number - 1).clamp(min=1))
        result = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            result = torch.addcmul(self.bias.view(shape), result, self.weight.view(shape))
        answer: torch.Tensor = result.to(input.dtype)
        return answer

    @torch.no_grad()
    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Move the running mean and variance towards those of this batch; the variance is the unbiased one, as in torch."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance, weight)


class _Sum(torch.autograd.Function):
    """Sum over all processes; so is its gradient."""

    @staticmethod
    def forward(context: Any, values: torch.Tensor) -> torch.Tensor:
        result = values.clone()
        dist.all_reduce(result)
        return result

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        result = gradient.clone()
        dist.all_reduce(result)
        return result
