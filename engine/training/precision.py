"""In which number format and memory layout a network trains on a device: fixed when a run starts, and kept with the run.

On a CPU the choice follows from a rule, so that the same seed gives the same weights on a busy and on a quiet machine;
bfloat16 made LeNet-5 and MobileNet 2.4 to 3 times slower there. On other devices a few steps are timed.
"""

from __future__ import annotations

import copy
import time
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

GAIN = 1.15  # a format must be so much faster to be worth its rounding
WARM_STEPS, TIMED_STEPS = 3, 8
NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


class Arithmetic(NamedTuple):
    """Number format of the forward pass (weights stay float32) and whether pictures lie channels last."""

    precision: torch.dtype = torch.float32
    channels_last: bool = False

    @property
    def name(self) -> str:
        """As kept in a run's record."""
        return NAMES[self.precision]


PLAIN = Arithmetic()


def choose(module: nn.Module, pictures: torch.Tensor, labels: torch.Tensor, device: torch.device, mixed: bool) -> Arithmetic:
    """Choose for a module and a batch like those to come; neither the module nor torch's generators are changed.

    Parameters
    ----------
    module : torch.nn.Module
        On the device.
    pictures, labels : float32 [B, C, H, W], int64 [B]
        On the device.
    device : torch.device
        Where the module is.
    mixed : bool
        Whether formats other than float32 may be taken.
    """
    if device.type not in ("cuda", "xpu") or not mixed:
        return Arithmetic()
    half = torch.bfloat16 if device.type == "xpu" or torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        plain = _seconds(module, pictures, labels, Arithmetic())
        mixed_seconds = {last: _seconds(module, pictures, labels, Arithmetic(half, last)) for last in (False, True)}
    best = min(mixed_seconds, key=lambda last: mixed_seconds[last])
    return Arithmetic(half, best) if mixed_seconds[best] * GAIN < plain else Arithmetic()


def _seconds(module: nn.Module, pictures: torch.Tensor, labels: torch.Tensor, arithmetic: Arithmetic) -> float:
    trial = copy.deepcopy(module)
    if arithmetic.channels_last:
        trial.to(memory_format=torch.channels_last)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
    kind = pictures.device.type
    begun = 0.0
    for step in range(WARM_STEPS + TIMED_STEPS):
        if step == WARM_STEPS:
            torch.accelerator.synchronize()
            begun = time.perf_counter()
        with torch.autocast(kind, dtype=arithmetic.precision, enabled=arithmetic.precision is not torch.float32):
            loss = functional.cross_entropy(trial(pictures).float(), labels)
        loss.backward()  # type: ignore[no-untyped-call]
    torch.accelerator.synchronize()
    return time.perf_counter() - begun
