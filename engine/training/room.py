"""Whether a training has room in a device's memory, told before it is tried."""

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


def check_room(title: str, analysis: Analysis, batch: int, device: torch.device, frozen: bool) -> None:
    """Refuse a training that needs far more memory than is free.

    Parameters
    ----------
    title : str
        Of the network.
    analysis : Analysis
        Its arithmetic.
    batch : int
        Pictures a step. Devices that tell when their memory runs out get smaller parts then, so there one picture must fit.
    device : torch.device
        Where it is to be trained.
    frozen : bool
        Whether only the last layer learns: then no gradients are kept.

    Raises
    ------
    UserError
        With what it needs and what is free.
    """
    weights = analysis.parameters + analysis.auxiliary_parameters
    pictures = batch if device.type == "cpu" else 1
    values = max((row.activations for row in analysis.layers), default=0) if frozen else analysis.activations
    need = FLOAT_BYTES * ((1 if frozen else COPIES_OF_WEIGHTS) * weights + COPIES_OF_VALUES * pictures * values)
    free = memory_of(device).free
    if need > BY_FAR * free:
        raise UserError(
            f"{title} needs about {_size(need)} of memory to train, but {_size(free)} are free.",
            "Choose a smaller network, a smaller input size or a smaller batch.",
        )


def _size(number: float) -> str:
    return f"{number / GIGABYTE:,.0f} GB" if number >= 10 * GIGABYTE else f"{number / GIGABYTE:,.1f} GB"
