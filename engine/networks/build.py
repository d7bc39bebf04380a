"""From records to a torch module: the only part of a network that needs torch."""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import singledispatch

import numpy as np
import torch
from torch import nn

from engine.networks.arithmetic import Analysis, LayerRow, NetworkError, analyse
from engine.networks.layers import Activation, Conv, Dropout, Flatten, GlobalPool, Layer, Linear, Network, Norm, Pool, Sequence, walk

MOST_FILTERS_SHOWN = 64


def build(network: Network) -> nn.Module:
    """Build the module of a network on the CPU, initialised with seed 0; torch's global generator is not touched.

    Returns
    -------
    torch.nn.Module
        float32 [N, C, H, W] to logits float32 [N, K]. `get_submodule` finds every layer by its dotted name.

    Raises
    ------
    NetworkError
        As `analyse`, and for a layer name that a torch module has as an attribute.
    """
    module = skeleton(network).to_empty(device="cpu")
    initialise(module, seed=0)
    return module


def skeleton(network: Network) -> nn.Module:
    """Build the module on the meta device: shapes without memory.

    Raises
    ------
    NetworkError
        As `build`.
    """
    analysis = analyse(network)
    for name, layer in walk(network.body):
        if hasattr(nn.Sequential, layer.name) or layer.name == "training":
            raise NetworkError(f'A layer cannot be called "{name}": the word has a meaning in torch.', "Give it another name.")
    return _sequence(network.body, "", analysis)


def initialise(module: nn.Module, seed: int) -> None:
    """Fill all weights anew: the same seed gives the same weights, on every device and beside any other thread.

    Weights are drawn from N(0, gain² / fan_in) with the gain of the activation that follows (√2 for ReLU: He et al. 2015,
    equation 10; 5/3 for tanh, 1 for sigmoid and for the last layer); biases are 0; batch norm starts as the identity.
    """
    generator = torch.Generator().manual_seed(seed)
    leaves = [leaf for leaf in module.modules() if not any(leaf.children())]
    with torch.no_grad():
        for place, leaf in enumerate(leaves):
            if isinstance(leaf, nn.Conv2d | nn.Linear):
                fan_in = leaf.weight[0].numel()
                values = torch.randn(leaf.weight.shape, generator=generator)
                leaf.weight.copy_(values * (_gain(leaves[place + 1 :]) / math.sqrt(fan_in)))
                if leaf.bias is not None:
                    leaf.bias.zero_()
            elif isinstance(leaf, nn.BatchNorm1d | nn.BatchNorm2d):
                leaf.reset_running_stats()
                leaf.weight.fill_(1)
                leaf.bias.zero_()


def first_filters(network: Network, module: nn.Module) -> np.ndarray | None:
    """The weights that look at the picture itself, as pictures.

    Returns
    -------
    float32 [filters, height, width, 1 or 3], or None
        A copy of at most 64 filters: kernels of the first convolution, or rows of the first linear layer where that sees the
        whole picture. None where the weights do not form pictures of one or three channels.
    """
    for name, layer in walk(network.body):
        if not isinstance(layer, Conv | Linear):
            continue
        weight = module.get_parameter(f"{name}.weight").detach()[:MOST_FILTERS_SHOWN].to("cpu", torch.float32)
        if isinstance(layer, Linear):
            if weight.shape[1] != math.prod(network.input):
                return None
            weight = weight.reshape(-1, *network.input)
        if weight.shape[1] not in (1, 3):
            return None
        return weight.permute(0, 2, 3, 1).contiguous().clone().numpy()
    return None


def _gain(following: list[nn.Module]) -> float:
    for module in following:
        if isinstance(module, nn.Conv2d | nn.Linear):
            break
        if isinstance(module, nn.ReLU):
            return math.sqrt(2.0)
        if isinstance(module, nn.LeakyReLU):
            return math.sqrt(2.0 / (1 + module.negative_slope**2))
        if isinstance(module, nn.Tanh):
            return 5 / 3
    return 1.0


def _sequence(sequence: Sequence, prefix: str, analysis: Analysis) -> nn.Module:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in sequence.layers:
        name = prefix + layer.name
        if isinstance(layer, Sequence):
            modules[layer.name] = _sequence(layer, f"{name}.", analysis)
        else:
            modules[layer.name] = _module(layer, analysis.row(name))
    return nn.Sequential(modules)


@singledispatch
def _module(layer: Layer, row: LayerRow) -> nn.Module:
    raise TypeError(f"no module for {type(layer).__name__}")


@_module.register
def _conv(layer: Conv, row: LayerRow) -> nn.Module:
    return nn.Conv2d(
        row.input[0],
        layer.filters,
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        groups=layer.groups,
        bias=layer.bias,
        device="meta",
    )


@_module.register
def _pool(layer: Pool, row: LayerRow) -> nn.Module:
    if layer.kind == "max":
        return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
    return nn.AvgPool2d(layer.kernel, layer.stride, layer.padding)


@_module.register
def _global_pool(layer: GlobalPool, row: LayerRow) -> nn.Module:
    return nn.AdaptiveMaxPool2d(1) if layer.kind == "max" else nn.AdaptiveAvgPool2d(1)


@_module.register
def _linear(layer: Linear, row: LayerRow) -> nn.Module:
    return nn.Linear(row.input[0], layer.units, bias=layer.bias, device="meta")


@_module.register
def _activation(layer: Activation, row: LayerRow) -> nn.Module:
    modules: dict[str, nn.Module] = {
        "relu": nn.ReLU(),
        "tanh": nn.Tanh(),
        "sigmoid": nn.Sigmoid(),
        "leaky-relu": nn.LeakyReLU(layer.slope),
    }
    return modules[layer.kind]


@_module.register
def _norm(layer: Norm, row: LayerRow) -> nn.Module:
    return nn.BatchNorm1d(row.input[0], device="meta") if row.flat else nn.BatchNorm2d(row.input[0], device="meta")


@_module.register
def _dropout(layer: Dropout, row: LayerRow) -> nn.Module:
    return nn.Dropout(layer.rate)


@_module.register
def _flatten(layer: Flatten, row: LayerRow) -> nn.Module:
    return nn.Flatten()
