"""Kernels that are measured on the training pictures before the first step, see `engine.networks.layers.Whitening`."""

from __future__ import annotations

import torch
from torch import nn

from engine.data.augmentation import Normalise
from engine.networks.modules.values import Whitening
from engine.training.feeding import Feed

MOST = 512  # pictures: of 32 pixels these are half a million patches, for a dozen directions


@torch.no_grad()
def measure(module: nn.Module, feed: Feed, normalise: Normalise) -> None:
    """Let whitening layers take their kernels from what enters them when some training pictures pass, first layers first.

    Parameters
    ----------
    module : torch.nn.Module
        Not changed where it has no such layer; else nothing but their kernels.
    feed : Feed
        Of the training pictures; those that are taken lie evenly among all, so that all classes are among them.
    normalise : Normalise
        How they enter the network.
    """
    layers = [part for part in module.modules() if isinstance(part, Whitening)]
    if not layers:
        return
    count = len(feed.labels)
    rows = torch.linspace(0, count - 1, min(MOST, count), dtype=torch.float64).long().to(feed.labels.device)
    pictures = normalise(feed.batch(rows)[0])
    hooks = [layer.register_forward_pre_hook(_measured) for layer in layers]
    training = {part: part.training for part in module.modules()}
    module.eval()  # norms keep their means
    try:
        module(pictures)
    finally:
        for hook in hooks:
            hook.remove()
        for part, was in training.items():
            part.training = was


def _measured(layer: nn.Module, entering: tuple[torch.Tensor]) -> None:
    assert isinstance(layer, Whitening)
    layer.measure(entering[0])
