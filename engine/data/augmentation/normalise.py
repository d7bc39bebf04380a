"""Stage B's first half: uint8 pixels to numbers of about zero mean and unit deviation."""

from __future__ import annotations

import torch

from engine.data.preprocessing import Preprocessing


class Normalise:
    """Uint8 NHWC to float32 NCHW, (x / 255 - mean) / std.

    Parameters
    ----------
    preprocessing : Preprocessing
        Mean and standard deviation, one a channel, in units of the full range.
    device : torch.device
        Where pixels will come from.
    """

    def __init__(self, preprocessing: Preprocessing, device: torch.device, channels_last: bool = False) -> None:
        self.preprocessing = preprocessing
        mean = torch.tensor(preprocessing.mean, dtype=torch.float32, device=device).view(1, -1, 1, 1)
        std = torch.tensor(preprocessing.std, dtype=torch.float32, device=device).view(1, -1, 1, 1)
        self._scale = 1 / (255 * std)
        self._shift = mean / std
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Uint8 [B, H, W, C] to float32 [B, C, H, W] of about zero mean and unit deviation."""
        return self.finish(self.as_is(pixels))

    def as_is(self, pixels: torch.Tensor) -> torch.Tensor:
        """Uint8 [B, H, W, C] to float32 [B, C, H, W] in [0, 255], not yet normalised; a copy."""
        return pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=self._format)

    def finish(self, pictures: torch.Tensor) -> torch.Tensor:
        """Normalise what `as_is` gave, in place."""
        return pictures.mul_(self._scale).sub_(self._shift)
