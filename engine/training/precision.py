"""In which number format and memory layout a network trains on a device: fixed when a run starts, and kept with the run.

On a CPU the choice follows from a rule, so that the same seed gives the same weights on a busy and on a quiet machine: bfloat16 and
channels last for wide convolutions where the processor multiplies bfloat16 itself. On an AMD EPYC with AVX-512 that made ResNet-18
(32 pixels, 1 thread) 1.3 times as fast, small-cnn and cifar-speed 2 to 2.5 times; LeNet-5 and MobileNet gain nothing, and lose without
such instructions. On other devices a few steps are timed.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

GAIN = 1.15  # a format must be so much faster to be worth its rounding
WIDE = 128  # products that make one value of a convolution, in the mean, from which on bfloat16 pays on a CPU
CONVOLVED = 0.5  # least share of convolutions in the multiply-adds there
WARM_STEPS, TIMED_STEPS = 3, 8
NAMES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


class Arithmetic(NamedTuple):
    """Number format of the forward pass (weights stay float32), whether pictures lie channels last, and the way that the passes of a step
    go, see `engine.training.compiling`."""

    precision: torch.dtype = torch.float32
    channels_last: bool = False
    way: str = ""

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
    if device.type == "cpu" and mixed and multiplies_bfloat16() and wide(module, pictures[:1]):
        return Arithmetic(torch.bfloat16, True)
    if device.type not in ("cuda", "xpu") or not mixed:
        return Arithmetic()
    half = torch.bfloat16 if device.type == "xpu" or torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        plain = seconds_of(module, pictures, labels, Arithmetic())
        mixed_seconds = {last: seconds_of(module, pictures, labels, Arithmetic(half, last)) for last in (False, True)}
    best = min(mixed_seconds, key=lambda last: mixed_seconds[last])
    return Arithmetic(half, best) if mixed_seconds[best] * GAIN < plain else Arithmetic()


def multiplies_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16, which torch then uses."""
    told: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("avx512_bf16") or told.get("amx_bf16")) and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def wide(module: nn.Module, picture: torch.Tensor) -> bool:
    """Whether a network's time goes into convolutions over many channels: a figure of its shapes, not of a clock.

    Parameters
    ----------
    module : torch.nn.Module
        Not changed.
    picture : float32 [1, C, H, W]
        Where the module is.
    """
    products = {nn.Conv2d: 0, nn.Linear: 0}
    values = 0

    def count(layer: nn.Module, _: object, answer: torch.Tensor) -> None:
        nonlocal values
        kind = nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.Linear
        products[kind] += answer.numel() * layer.weight[0].numel()  # type: ignore[index]
        values += answer.numel() if kind is nn.Conv2d else 0

    trial = copy.deepcopy(module).eval()
    for part in trial.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.register_forward_hook(count)
    with torch.no_grad():
        trial(picture)
    return products[nn.Conv2d] >= max(WIDE * values, CONVOLVED * sum(products.values()), 1)


def seconds_of(
    module: nn.Module,
    pictures: torch.Tensor,
    labels: torch.Tensor,
    arithmetic: Arithmetic,
    through: Callable[[nn.Module], Callable[[torch.Tensor], torch.Tensor]] = lambda module: module,
) -> float:
    """Seconds of TIMED_STEPS forward and backward passes of a copy of the module, through what is made of it; other arguments as for
    `choose`."""
    trial = copy.deepcopy(module)
    if arithmetic.channels_last:
        trial.to(memory_format=torch.channels_last)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
    kind = pictures.device.type
    forward = through(trial)
    begun = 0.0
    for step in range(WARM_STEPS + TIMED_STEPS):
        if step == WARM_STEPS:
            torch.accelerator.synchronize()
            begun = time.perf_counter()
        with torch.autocast(kind, dtype=arithmetic.precision, enabled=arithmetic.precision is not torch.float32):
            loss = functional.cross_entropy(forward(pictures).float(), labels)
        loss.backward()  # type: ignore[no-untyped-call]
    torch.accelerator.synchronize()
    return time.perf_counter() - begun
