"""From records to a torch module: the only part of a network that needs torch."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from engine.networks import modules
from engine.networks.arithmetic import LayerRow, NetworkError, analyse
from engine.networks.kinds import call_of
from engine.networks.layers import (
    AnyNetwork,
    Auxiliary,
    Branches,
    Conv,
    Layer,
    Linear,
    NamedNetwork,
    Residual,
    Sequence,
    SimpleCells,
    Whitening,
    children,
    walk,
)

MOST_FILTERS_SHOWN = 64


def build(network: AnyNetwork, seed: int = 0) -> nn.Module:
    """Build the module of a network on the CPU, initialised with a seed; torch's global generator is not touched.

    Returns
    -------
    torch.nn.Module
        float32 [N, C, H, W] to logits float32 [N, K]. `get_submodule` finds every layer by its dotted name.

    Raises
    ------
    NetworkError
        As `analyse`, and for a layer name that a torch module has as an attribute.
    """
    if isinstance(network, NamedNetwork):
        from engine.networks.libraries import make

        return make(network, seed)
    module = skeleton(network).to_empty(device="cpu")
    initialise(module, seed)
    return module


def build_empty(network: AnyNetwork) -> nn.Module:
    """Build the module on the CPU for weights that are loaded next.

    Raises
    ------
    NetworkError
        As `build`.
    """
    if isinstance(network, NamedNetwork):
        from engine.networks.libraries import make

        return make(network, None)
    return build(network)


def skeleton(network: AnyNetwork) -> nn.Module:
    """Build the module on the meta device: shapes without memory.

    Raises
    ------
    NetworkError
        As `build`.
    """
    if isinstance(network, NamedNetwork):
        from engine.networks.libraries import make_skeleton

        return make_skeleton(network)
    rows = analyse(network).by_name()
    for name, layer in walk(network.body):
        if hasattr(nn.Sequential, layer.name) or layer.name in ("training", "share", "logits"):
            raise NetworkError(f'A layer cannot be called "{name}": the word has a meaning in torch.', "Give it another name.")
    with torch.device("meta"):
        return _module(network.body, "", rows)


def initialise(module: nn.Module, seed: int) -> None:
    """Fill all weights anew: the same seed gives the same weights, on every device and beside any other thread.

    Weights are drawn from N(0, gain² / fan_in) with the gain of the activation that follows (√2 for ReLU: He et al. 2015,
    equation 10; 5/3 for tanh, 1 for sigmoid and for the last layer); biases are 0; batch and layer norm start as the identity;
    modules of our own say themselves how they begin. Exported scripts carry this function's source.
    """
    generator = torch.Generator().manual_seed(seed)
    parts = [part for part in module.modules() if not any(part.children())]
    with torch.no_grad():
        for place, leaf in enumerate(parts):
            if isinstance(leaf, nn.Conv2d | nn.Linear):
                fan_in = leaf.weight[0].numel()
                values = torch.randn(leaf.weight.shape, generator=generator)
                leaf.weight.copy_(values * (_gain(parts[place + 1 :]) / math.sqrt(fan_in)))
                if leaf.bias is not None:
                    leaf.bias.zero_()
            elif isinstance(leaf, nn.BatchNorm1d | nn.BatchNorm2d):
                leaf.reset_running_stats()
                leaf.weight.fill_(1)
                leaf.bias.zero_()
            elif isinstance(leaf, nn.LayerNorm):
                leaf.weight.fill_(1)
                leaf.bias.zero_()
            else:
                begin = getattr(leaf, "initialise", None)
                if begin is not None:
                    begin(generator)


def first_filters(network: AnyNetwork, module: nn.Module) -> np.ndarray | None:
    """The weights that look at the picture itself, as pictures.

    Returns
    -------
    float32 [filters, height, width, 1 or 3], or None
        A copy of at most 64 filters: kernels of the first convolution or layer of S cells, or rows of the first linear layer where
        that sees the whole picture. None where the weights do not form pictures of one or three channels.
    """
    if isinstance(network, NamedNetwork):
        first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
        return None if first is None else _as_pictures(first.weight)
    for name, layer in walk(network.body):
        if not isinstance(layer, Conv | Linear | SimpleCells | Whitening):
            continue
        weight: torch.Tensor = module.get_submodule(name).weight  # type: ignore[assignment]
        if isinstance(layer, Linear):
            if weight.shape[1] != math.prod(network.input):
                return None
            weight = weight[:MOST_FILTERS_SHOWN].reshape(-1, *network.input)
        return _as_pictures(weight)
    return None


def _as_pictures(weight: torch.Tensor) -> np.ndarray | None:
    if weight.shape[1] not in (1, 3):
        return None
    filters = weight.detach()[:MOST_FILTERS_SHOWN].to("cpu", torch.float32)
    return filters.permute(0, 2, 3, 1).contiguous().clone().numpy()


def _gain(following: list[nn.Module]) -> float:
    for module in following:
        if isinstance(module, nn.Conv2d | nn.Linear):
            break
        if isinstance(module, nn.ReLU | nn.ReLU6 | nn.GELU | nn.SiLU | nn.Hardswish):
            return math.sqrt(2.0)
        if isinstance(module, nn.LeakyReLU):
            return math.sqrt(2.0 / (1 + module.negative_slope**2))
        if isinstance(module, nn.Tanh):
            return 5 / 3
        own = getattr(module, "gain", None)
        if own is not None:
            return float(own)
    return 1.0


def _module(layer: Layer, prefix: str, rows: dict[str, LayerRow]) -> nn.Module:
    """The module of a layer whose dotted name is `prefix`."""
    parts = {name: _module(child, f"{prefix}.{name}" if prefix else name, rows) for name, child in children(layer)}
    if isinstance(layer, Sequence):
        return nn.Sequential(OrderedDict(parts))
    if isinstance(layer, Residual):
        return modules.containers.Residual(_part(parts, "body."), _part(parts, "shortcut."), layer.scale)
    if isinstance(layer, Branches):
        return modules.containers.Branches(OrderedDict(parts))
    if isinstance(layer, Auxiliary):
        return modules.containers.Auxiliary(OrderedDict(parts), layer.share)
    call = call_of(layer, rows[prefix].entering)
    made = modules.CLASSES[call.name] if call.own else getattr(nn, call.name)
    module: nn.Module = made(*call.arguments, **call.options)
    return module


def _part(parts: dict[str, nn.Module], prefix: str) -> nn.Sequential:
    return nn.Sequential(OrderedDict((name.removeprefix(prefix), part) for name, part in parts.items() if name.startswith(prefix)))
