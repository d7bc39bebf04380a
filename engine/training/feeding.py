"""Where the loop gets its training pictures from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch


class Part(NamedTuple):
    """One split: pixels uint8 [N, H, W, C], labels int64 [N], on one device."""

    pixels: torch.Tensor
    labels: torch.Tensor


class LaterPart:
    """A split that is decoded when its pictures are first wanted; used like a `Part`."""

    def __init__(self, make: Callable[[], Part]) -> None:
        self._make = make
        self._part: Part | None = None

    @property
    def pixels(self) -> torch.Tensor:
        """Uint8 [N, H, W, C]."""
        return self._whole().pixels

    @property
    def labels(self) -> torch.Tensor:
        """Int64 [N]."""
        return self._whole().labels

    def _whole(self) -> Part:
        if self._part is None:
            self._part = self._make()
        return self._part


class Feed(Protocol):
    """Training pictures by their numbers.

    Attributes
    ----------
    labels : int64 [N]
        Of all pictures; numbers of pictures are wanted on its device.
    waited : float
        Seconds that the loop has waited for pictures so far.
    """

    labels: torch.Tensor
    waited: float

    def ahead(self, batches: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
        """The same row numbers in the same order, of which the feed may fetch some before they are wanted.

        So `batches` may stand further on than what was given here.
        """

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels uint8 [B, H, W, C] and labels int64 [B] of these pictures, int64 [B], on the training's device."""

    def close(self) -> None:
        """Let go of threads and files."""


class Resident:
    """Pictures that lie in memory as a whole, on the training's device where they fit there."""

    def __init__(self, part: Part, device: torch.device) -> None:
        self._pixels, self.labels = part
        self._device = device
        self.waited = 0.0

    def ahead(self, batches: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
        """As they are; see `Feed`."""
        return batches

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the arrays; see `Feed`."""
        pixels, labels = self._pixels.index_select(0, rows), self.labels.index_select(0, rows)
        if pixels.device != self._device:
            return pixels.to(self._device, non_blocking=True), labels.to(self._device, non_blocking=True)
        return pixels, labels

    def close(self) -> None:
        """Nothing to do; see `Feed`."""


def stand_ins(labels: npt.NDArray[np.int64], row: int) -> Iterator[int]:
    """Which pictures take the place of one that cannot be read, in this order, until one of them can.

    Those of its class that follow it, beginning anew after the last; then the others that follow it. So every step has as many pictures
    as ever, the other steps stay as they are, and it plays no part when the damage was found.

    Parameters
    ----------
    labels : int64 [N]
        Of all training pictures.
    row : int
        The one that cannot be read.
    """
    others = np.roll(np.arange(len(labels)), -row)[1:]
    own = labels[others] == labels[row]
    yield from others[own].tolist()
    yield from others[~own].tolist()
