"""Several preprocessing contracts side by side: the same pictures at several working sizes, in one array a row a picture.

Members of an ensemble may have been trained at different sizes. Whoever reads pictures for a run asks it for its contracts and hands the
pixels on as they come out of `pack`; so one contract and several look the same on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from engine.data.colour import Picture
from engine.data.preprocessing import Preprocessing


def stage_a(preprocessing: Preprocessing) -> Preprocessing:
    """The part of a contract that decides how pixels at working size look; normalisation is stage B's."""
    flat = (0.5,) * preprocessing.channels
    return replace(preprocessing, mean=flat, std=flat)


def distinct(contracts: Sequence[Preprocessing]) -> tuple[Preprocessing, ...]:
    """The contracts, each once as far as stage A goes, in order.

    Examples
    --------
    >>> grey = Preprocessing(28, 28, 1)
    >>> len(distinct([grey, replace(grey, mean=(0.1,)), replace(grey, height=32)]))
    2
    """
    found: dict[Preprocessing, Preprocessing] = {}
    for contract in contracts:
        found.setdefault(stage_a(contract), contract)
    return tuple(found.values())


def pack(parts: Sequence[Picture]) -> Picture:
    """Pixels of the same N pictures by several contracts as one array.

    Parameters
    ----------
    parts : sequence of uint8 [N, height, width, channels]
        One a contract.

    Returns
    -------
    uint8 [N, height, width, channels] or [N, bytes]
        A single part as it is; several flattened, one after the other.
    """
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part.reshape(len(part), math.prod(part.shape[1:])) for part in parts], axis=1)


def unpack(pixels: Picture, contracts: Sequence[Preprocessing]) -> tuple[Picture, ...]:
    """The parts that were packed, uint8 [N, height, width, channels] each; views where there is one contract."""
    if len(contracts) == 1:
        return (pixels,)
    sizes = [contract.height * contract.width * contract.channels for contract in contracts]
    ends = np.cumsum(sizes).tolist()
    return tuple(
        np.ascontiguousarray(pixels[:, end - size : end]).reshape(len(pixels), contract.height, contract.width, contract.channels)
        for contract, size, end in zip(contracts, sizes, ends, strict=True)
    )


def blank(count: int, contracts: Sequence[Preprocessing]) -> Picture:
    """So many black pictures, packed."""
    return pack([np.zeros((count, contract.height, contract.width, contract.channels), np.uint8) for contract in contracts])
