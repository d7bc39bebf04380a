"""What modules of other libraries need to be like our own: a generator, a channel number and auxiliary heads as ours have them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.networks.modules.containers import Auxiliary

REFUSALS = (ValueError, RuntimeError, AssertionError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError)
"""How libraries say that a size does not go with a network: there is no one way."""


LARGE = 2048
"""Values from which a tensor is one of weights."""


def drawing_from(generator: torch.Generator | None) -> AbstractContextManager[Any]:
    """Random numbers of this thread come from a generator of one's own instead of torch's global one; None: zeros instead."""
    return _Drawing(generator)


def without_memory() -> AbstractContextManager[Any]:
    """Large tensors are made on the meta device, small ones on the CPU: for modules that compute while they are made."""
    return _LargeOnMeta(None)


class _Drawing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, generator: torch.Generator | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        takes = "generator" in {argument.name for argument in func._schema.arguments}
        packet = func.overloadpacket
        if _device_of(args, kwargs) == "meta" or not (takes or "generator" in packet.overloads()):
            return func(*args, **kwargs)
        if self.generator is None and func._schema.is_mutable:
            return args[0].zero_()  # within all bounds, which trunc_normal_ draws again and again until it is
        draw = func if takes else packet.generator  # torch.rand and its like
        return draw(*args, **{**kwargs, "generator": self.generator or torch.Generator()})


class _LargeOnMeta(_Drawing):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.empty.memory_format and math.prod(args[0]) >= LARGE:
            kwargs = {**(kwargs or {}), "device": torch.device("meta")}
        return super().__torch_dispatch__(func, types, args, kwargs)


def _device_of(args: Any, kwargs: dict[str, Any]) -> str:
    if args and isinstance(args[0], torch.Tensor):
        return str(args[0].device.type)
    return torch.device(kwargs.get("device") or "cpu").type


def with_channels(module: nn.Module, channels: int) -> None:
    """Give a network that is made for colour another number of channels: its first convolution is made anew."""
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d) and part.in_channels == 3 and part.groups == 1:
            options = {word: getattr(part, word) for word in ("kernel_size", "stride", "padding", "dilation", "padding_mode")}
            made = nn.Conv2d(channels, part.out_channels, bias=part.bias is not None, device=part.weight.device, **options)
            parent, _, last = name.rpartition(".")
            setattr(module.get_submodule(parent), last, made)
            return
    raise ValueError(f"the network takes pictures of 3 channels, not of {channels}")


class Head(NamedTuple):
    """An auxiliary head: its name in the module, the field of the module's answer that holds its logits, and its part in the loss."""

    name: str
    field: str
    share: float


def with_heads(module: nn.Module, heads: Iterable[Head]) -> nn.Module:
    """Let a network's auxiliary heads be found by the training as our own are, and its answer be the logits alone.

    Names and weights stay as they are: `Auxiliary` modules without layers are added, which hold the heads' answers.
    """
    heads = tuple(heads)
    if not heads:
        return module
    for head in heads:
        module.add_module(f"{head.name}_answer", Auxiliary(OrderedDict(), head.share))

    def logits_alone(whole: nn.Module, inputs: object, output: Any) -> Any:
        if not isinstance(output, tuple):
            return output
        for head in heads:
            holder = whole.get_submodule(f"{head.name}_answer")
            holder.logits = getattr(output, head.field)
        return output[0]

    module.register_forward_hook(logits_alone)
    return module
