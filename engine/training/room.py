"""Whether a network has room in a device's memory, told before it is tried."""

from __future__ import annotations

import torch

from engine.failure import UserError
from engine.memory import memory_of
from engine.networks.arithmetic import Analysis

FLOAT_BYTES = 4
COPIES_OF_WEIGHTS = 4  # weights, gradients, and the two averages of AdamW
COPIES_OF_VALUES = 2  # what the layers gave, and its gradients
BY_FAR = 1.2  # times the free memory; the estimate leaves out what layers compute in place
GIGABYTE = 1e9


def bytes_needed(analysis: Analysis, batch: int) -> int:
    """Bytes that training with AdamW takes at the least: weights, gradients, averages, and the values that layers keep."""
    weights = analysis.parameters + analysis.auxiliary_parameters
    return FLOAT_BYTES * (COPIES_OF_WEIGHTS * weights + COPIES_OF_VALUES * batch * analysis.activations)


def bytes_to_classify(analysis: Analysis, batch: int) -> int:
    """Bytes that classifying takes at the least, or training the last layer alone: weights, and what two layers give."""
    largest = max((row.activations for row in analysis.layers), default=0)
    return FLOAT_BYTES * (analysis.parameters + analysis.auxiliary_parameters + 2 * batch * largest)


def check_room(title: str, analysis: Analysis, batch: int, device: torch.device, learns: bool = True) -> None:
    """Refuse what needs far more memory than is free, before it is tried.

    Parameters
    ----------
    title : str
        Of the network.
    analysis : Analysis
        Its arithmetic.
    batch : int
        Pictures a step. Devices that tell when their memory runs out get smaller parts then, so there one picture must fit.
    device : torch.device
        Where the network shall be.
    learns : bool
        Whether all of it is trained; else it classifies, or its last layer alone learns.

    Raises
    ------
    UserError
        With what it needs and what is free.
    """
    pictures = batch if device.type == "cpu" else 1
    need = bytes_needed(analysis, pictures) if learns else bytes_to_classify(analysis, pictures)
    free = memory_of(device).free
    if need > BY_FAR * free:
        raise UserError(
            f"{title} needs about {_size(need)} of memory, but {_size(free)} are free.",
            "Choose a smaller network, a smaller input size or a smaller batch.",
        )


def _size(number: float) -> str:
    return f"{number / GIGABYTE:,.0f} GB" if number >= 10 * GIGABYTE else f"{number / GIGABYTE:,.1f} GB"
