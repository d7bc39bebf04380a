"""What a unit sees: the theoretical receptive field from the architecture, the effective one from the weights (Luo et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from engine.data.augmentation import Normalise
from engine.failure import UserError
from engine.networks.arithmetic import analyse
from engine.networks.layers import Network
from engine.networks.receptive import unit_box


class Field(NamedTuple):
    """Receptive field of a unit; as in messages.UnitProbed. Row and column are those of the unit that was probed."""

    row: int
    column: int
    box: tuple[int, int, int, int]
    heat: np.ndarray
    activation: float


def layer_names(network: Network) -> tuple[str, ...]:
    """Dotted names of all layers that have an output of their own, in order."""
    return tuple(row.name for row in analyse(network).layers)


def feature_maps(module: nn.Module, normalise: Normalise, pixels: torch.Tensor, layer: str) -> np.ndarray:
    """What a layer answers to a picture.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    normalise : Normalise
        The run's.
    pixels : uint8 [H, W, C]
        On the module's device.
    layer : str
        Dotted name.

    Returns
    -------
    float32 [channels, height, width]
        A flat layer of n units gives [n, 1, 1].

    Raises
    ------
    UserError
        If there is no such layer.
    """
    with torch.inference_mode(), _listening(module, layer) as heard:
        module(normalise(pixels[None]))
    answer = heard[0][0].float()
    maps: np.ndarray = (answer if answer.ndim == 3 else answer.reshape(-1, 1, 1)).cpu().numpy().copy()
    return maps


def probe(
    module: nn.Module, network: Network, normalise: Normalise, pixels: torch.Tensor, layer: str, channel: int, row: int, column: int
) -> Field:
    """Receptive fields of one unit on one picture. Neither weights nor their gradients are changed.

    Parameters
    ----------
    module, network : torch.nn.Module, Network
        The module in evaluation mode.
    normalise : Normalise
        The run's.
    pixels : uint8 [H, W, C]
        On the module's device.
    layer : str
        Dotted name.
    channel, row, column : int
        Row or column -1 means the middle of the map. Of tokens the row is the token's number, the column 0.

    Raises
    ------
    UserError
        If there is no such layer, or no such unit in it.
    """
    analysis = analyse(network)
    shape = analysis.row(layer).output
    row, column = (shape[1] // 2 if row < 0 else row), (shape[2] // 2 if column < 0 else column)
    height, width = pixels.shape[:2]
    box = unit_box(analysis, layer, row, column, height, width)
    if not 0 <= channel < shape[0]:
        raise UserError(f"Layer {layer} has no channel {channel}.", f"Choose one from 0 to {shape[0] - 1}.")
    with torch.enable_grad(), _listening(module, layer) as heard:
        picture = normalise(pixels[None]).requires_grad_(True)
        module(picture)
        answer = heard[0]
        if answer.ndim == 4:
            unit = answer[0, channel, row, column]
        else:  # a row of values, or tokens [1, L, n]
            unit = answer[0, row, channel] if answer.ndim == 3 else answer[0, channel]
        (gradient,) = torch.autograd.grad(unit, picture)
    heat = gradient[0].abs().sum(dim=0)
    largest = float(heat.max())
    if largest > 0:
        heat = heat / largest
    return Field(row, column, box, heat.float().cpu().numpy().copy(), float(unit.detach()))


@contextmanager
def _listening(module: nn.Module, layer: str) -> Iterator[list[torch.Tensor]]:
    """Hear a layer's output while the module runs."""
    try:
        target = module.get_submodule(layer)
    except AttributeError:
        raise UserError(f"The network has no layer {layer}.", "Choose one of its layers.") from None
    heard: list[torch.Tensor] = []
    hook = target.register_forward_hook(lambda _module, _inputs, output: heard.append(output))
    try:
        yield heard
    finally:
        hook.remove()
