"""Kernels that are measured on the training pictures before the first step, see `engine.networks.layers.Whitening`."""

from __future__ import annotations

import torch
from torch import nn

from engine.data.augmentation import Normalise
from engine.networks.modules.values import Whitening
from engine.training.feeding import Feed

MOST = 2048  # pictures: of 32 pixels these are two million patches, for a dozen directions


def measure(module: nn.Module, feed: Feed, normalise: Normalise) -> None:
    """Let whitening layers that see the pictures themselves take their kernels from some of these.

    Parameters
    ----------
    module : torch.nn.Module
        Not changed where it has no such layer.
    feed : Feed
        Of the training pictures; as many as are taken lie evenly among all, so that all classes are among them.
    normalise : Normalise
        How they enter the network.
    """
    layers = [part for part in module.modules() if isinstance(part, Whitening)]
    if not layers:
        return
    count = len(feed.labels)
    rows = torch.linspace(0, count - 1, min(MOST, count), dtype=torch.float64, device=feed.labels.device).long()
    pictures = normalise(feed.batch(rows)[0])
    for layer in layers:
        if layer.weight.shape[1] == pictures.shape[1]:
            layer.measure(pictures)
