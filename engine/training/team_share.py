"""Which pictures of a step a process shows: of every piece of it an equal part, to within one picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from engine.data.augmentation import Portion
from engine.failure import UserError


class Share(NamedTuple):
    """A process's part of one piece of a step.

    Attributes
    ----------
    taken : slice
        Of the pictures that the process has of the step.
    portion : Portion or None
        Which of the piece these are; None: all of it.
    spare : int
        How many of them, from the first on, only stand before others, which are mixed with them.
    weight : float
        Pictures of the part, without the spare ones, by those of the step.
    """

    taken: slice
    portion: Portion | None
    spare: int
    weight: float


def pieces_of(count: int, pieces: int) -> Iterator[slice]:
    """A step of so many pictures in so many parts, as near to equal as can be."""
    size = math.ceil(count / pieces)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def shares_of(count: int, pieces: int, rank: int, size: int, mixed: bool) -> tuple[np.ndarray, list[Share]]:
    """What one of several processes shows of a step.

    Parameters
    ----------
    count : int
        Pictures of the step.
    pieces : int
        In so many parts they are shown.
    rank, size : int
        Number of the process, from 0, and how many there are.
    mixed : bool
        Whether each picture is mixed with the one before it, the first with the last.

    Returns
    -------
    int64 [n]
        The pictures that the process needs, by their numbers in the step.
    list of Share

    Raises
    ------
    UserError
        If a piece has fewer pictures than there are processes.
    """
    rows: list[np.ndarray] = []
    shares: list[Share] = []
    taken = 0
    for piece in pieces_of(count, pieces):
        whole = piece.stop - piece.start
        first, last = (whole * number // size for number in (rank, rank + 1))
        if whole < size:
            text = f"A step of {count} pictures in {pieces} parts has a part of {whole}, and {size} processes are to share it."
            raise UserError(text, "Choose a larger batch, or fewer processes.")
        own = np.arange(first - mixed, last) % whole
        rows.append(piece.start + own)
        shares.append(Share(slice(taken, taken + len(own)), Portion(whole, own), int(mixed), (last - first) / count))
        taken += len(own)
    return np.concatenate(rows).astype(np.int64), shares
