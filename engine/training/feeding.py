"""Where the loop gets its training pictures from."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch


class Part(NamedTuple):
    """One split: pixels uint8 [N, H, W, C], labels int64 [N], on one device."""

    pixels: torch.Tensor
    labels: torch.Tensor


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

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels uint8 [B, H, W, C] and labels int64 [B] of these pictures, int64 [B], on the training's device."""


class Resident:
    """Pictures that lie in memory as a whole, on the training's device where they fit there."""

    def __init__(self, part: Part, device: torch.device) -> None:
        self._pixels, self.labels = part
        self._device = device
        self.waited = 0.0

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of the arrays; see `Feed`."""
        pixels, labels = self._pixels.index_select(0, rows), self.labels.index_select(0, rows)
        if pixels.device != self._device:
            return pixels.to(self._device, non_blocking=True), labels.to(self._device, non_blocking=True)
        return pixels, labels
