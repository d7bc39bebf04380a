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
from engine.networks.arithmetic import LayerRow
from engine.networks.layers import AnyNetwork, NamedNetwork
from engine.networks.receptive import unit_box
from engine.networks.resolve import analysis_of


class Field(NamedTuple):
    """Receptive field of a unit; as in messages.UnitProbed. Row and column are those of the unit that was probed."""

    row: int
    column: int
    box: tuple[int, int, int, int]
    heat: np.ndarray
    activation: float


VALUES = ("Learned values", "Class token", "Position")
"""Rows of other libraries' networks that are no modules: values that are added or put before others."""


def layer_names(network: AnyNetwork) -> tuple[str, ...]:
    """Dotted names of all layers that answer when the network is used, in order; the second call of a module is "name:2"."""
    rows = (row for row in analysis_of(network).layers if not row.auxiliary)
    if isinstance(network, NamedNetwork):
        rows = (row for row in rows if row.sources and row.kind not in VALUES)
    return tuple(row.name for row in rows)


def feature_maps(
    module: nn.Module, normalise: Normalise, pixels: torch.Tensor, layer: str, network: AnyNetwork | None = None
) -> np.ndarray:
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
    network : Network or NamedNetwork, optional
        Tells where tokens come from.

    Returns
    -------
    float32 [channels, height, width]
        A flat layer of n units gives [n, 1, 1]; tokens lie at their places in the picture where these are known, without class tokens,
        else [n, tokens, 1].

    Raises
    ------
    UserError
        If there is no such layer.
    """
    row = None if network is None else analysis_of(network).row(layer)
    with torch.inference_mode(), _listening(module, layer) as heard:
        module(normalise(pixels[None]))
    answer = _as_maps(_only(heard, layer)[0].float(), row)
    maps: np.ndarray = answer.cpu().numpy().copy()
    return maps


def _as_maps(answer: torch.Tensor, row: LayerRow | None) -> torch.Tensor:
    if answer.ndim == 3:
        last = row is not None and tuple(answer.shape) != row.output and tuple(answer.permute(2, 0, 1).shape) == row.output
        return answer.permute(2, 0, 1) if last else answer
    if answer.ndim == 2 and row is not None and _has_places(row):
        return answer[row.extra :].T.reshape(-1, *row.places)
    return answer.T[..., None] if answer.ndim == 2 else answer.reshape(-1, 1, 1)


def _has_places(row: LayerRow) -> bool:
    """Whether a layer gives tokens of which it is known where they come from."""
    return row.form == "tokens" and row.places[0] * row.places[1] + row.extra == row.output[1]


def probe_on_map(
    module: nn.Module, network: AnyNetwork, normalise: Normalise, pixels: torch.Tensor, layer: str, channel: int, row: int, column: int
) -> Field:
    """As `probe`, of a unit by its place in what `feature_maps` gives: tokens by the row and column that they come from."""
    found = analysis_of(network).row(layer)
    if not _has_places(found):
        return probe(module, network, normalise, pixels, layer, channel, row, column)
    rows, columns = found.places
    row, column = (rows // 2 if row < 0 else row), (columns // 2 if column < 0 else column)
    if row >= rows or column >= columns:
        raise UserError(f"Layer {layer} has no unit at row {row}, column {column}.", f"Its maps are {rows}×{columns}.")
    field = probe(module, network, normalise, pixels, layer, channel, found.extra + row * columns + column, 0)
    return field._replace(row=row, column=column)


def probe(
    module: nn.Module, network: AnyNetwork, normalise: Normalise, pixels: torch.Tensor, layer: str, channel: int, row: int, column: int
) -> Field:
    """Receptive fields of one unit on one picture. Neither weights nor their gradients are changed.

    Parameters
    ----------
    module, network : torch.nn.Module, Network or NamedNetwork
        The module in evaluation mode. The theoretical field of a network of another library is not known: its box holds the pixels that
        do move the unit.
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
    analysis = analysis_of(network)
    found = analysis.row(layer)
    shape = found.output
    row, column = (shape[1] // 2 if row < 0 else row), (shape[2] // 2 if column < 0 else column)
    if not (row < shape[1] and column < shape[2]):
        raise UserError(f"Layer {layer} has no unit at row {row}, column {column}.", f"Its maps are {shape[1]}×{shape[2]}.")
    if not 0 <= channel < shape[0]:
        raise UserError(f"Layer {layer} has no channel {channel}.", f"Choose one from 0 to {shape[0] - 1}.")
    with torch.enable_grad(), _listening(module, layer) as heard:
        picture = normalise(pixels[None]).requires_grad_(True)
        module(picture)
        answer = _only(heard, layer)[0]
        if answer.ndim == 3:
            unit = _as_maps(answer, found)[channel, row, column]
        else:  # tokens [L, n], or a row of values
            unit = answer[row, channel] if answer.ndim == 2 else answer[channel]
        (gradient,) = torch.autograd.grad(unit, picture)
    heat = gradient[0].abs().sum(dim=0)
    height, width = pixels.shape[:2]
    box = _moved_by(heat) if isinstance(network, NamedNetwork) else unit_box(analysis, layer, row, column, height, width)
    largest = float(heat.max())
    if largest > 0:
        heat = heat / largest
    return Field(row, column, box, heat.float().cpu().numpy().copy(), float(unit.detach()))


def _moved_by(heat: torch.Tensor) -> tuple[int, int, int, int]:
    """The smallest box around all pixels that are not 0: top, left, bottom, right; all 0 where every one is."""
    rows, columns = (heat.any(dim=axis).nonzero().flatten().tolist() for axis in (1, 0))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if rows else (0, 0, 0, 0)


def _only(heard: list[torch.Tensor], layer: str) -> torch.Tensor:
    """What a layer has answered.

    Raises
    ------
    UserError
        If it was not asked, as auxiliary heads are not.
    """
    if not heard:
        raise UserError(f"Layer {layer} takes no part in classifying.", "Choose one of the others.")
    return heard[0]


@contextmanager
def _listening(module: nn.Module, layer: str) -> Iterator[list[torch.Tensor]]:
    """Hear a layer's output while the module runs; of "name:2" the second of several."""
    name, _, number = layer.partition(":")
    wanted = int(number) if number.isdigit() else 1
    try:
        target = module.get_submodule(name)
    except AttributeError:
        raise UserError(f"The network has no layer {layer}.", "Choose one of its layers.") from None
    heard: list[torch.Tensor] = []
    calls = 0

    def listen(_module: nn.Module, _inputs: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        nonlocal calls
        calls += 1
        if calls == wanted:  # a copy, for layers that follow may change it in place
            heard.append((output[0] if isinstance(output, tuple) else output).clone())

    hook = target.register_forward_hook(listen)
    try:
        yield heard
    finally:
        hook.remove()
