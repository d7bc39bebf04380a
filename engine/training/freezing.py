"""Layers that keep their weights while others learn."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn


def freeze(module: nn.Module, learn: Collection[str]) -> None:
    """Let only the parameters of these names learn; where none has one, those of the last layer that has any.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    learn : collection of str
        Dotted names.
    """
    named = dict(module.named_parameters())
    chosen = {name for name in named if name in learn}
    if not chosen and named:
        last = next(reversed(named)).rpartition(".")[0]
        chosen = {name for name in named if name.rpartition(".")[0] == last}
    for name, parameter in named.items():
        parameter.requires_grad_(name in chosen)


def to_training(module: nn.Module) -> None:
    """Set a module to training mode; parts that keep their weights stay as they classify, batch norm's means and dropout among them."""
    module.train()
    for part in module.modules():
        if is_frozen(part):
            part.eval()


def is_frozen(part: nn.Module) -> bool:
    """Whether a module has parameters and none of them learns."""
    parameters = list(part.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)


def learning(module: nn.Module) -> int:
    """How many values learn."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
