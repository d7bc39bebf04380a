"""The torch modules that torch itself lacks, by name. No name of another part of the program is used in them."""

from __future__ import annotations

from torch import nn

from engine.networks.modules import containers, historic, neocognitron, tokens, values

CLASSES: dict[str, type[nn.Module]] = {
    name: value
    for family in (containers, values, tokens, historic, neocognitron)
    for name, value in vars(family).items()
    if isinstance(value, type) and value.__module__ == family.__name__
}
