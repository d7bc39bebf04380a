"""From uint8 pixels to a network's input, in batches on the device: normalise, and for training shift, crop, flip, colour.

One bilinear sampling grid does shift, crop and flip at once. Everything random comes from one generator of its own,
so that the same seed on the same device gives the same pictures whatever else draws random numbers.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from engine.data.preprocessing import Preprocessing
from engine.training.recipe import Augmentation

GREY = (0.299, 0.587, 0.114)  # ITU-R 601 luma


class Normalise:
    """Stage B's first half: uint8 NHWC to float32 NCHW, (x / 255 - mean) / std.

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
        pictures = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=self._format)
        return pictures.mul_(self._scale).sub_(self._shift)

    def as_is(self, pixels: torch.Tensor) -> torch.Tensor:
        """Uint8 [B, H, W, C] to float32 [B, C, H, W] in [0, 255], not yet normalised."""
        return pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=self._format)

    def finish(self, pictures: torch.Tensor) -> torch.Tensor:
        """Normalise what `as_is` gave, in place."""
        return pictures.mul_(self._scale).sub_(self._shift)


class Augment:
    """Normalise with random changes. Costs nothing beyond Normalise when every change is off.

    Parameters
    ----------
    normalise : Normalise
    augmentation : Augmentation
    seed : int
        Seeds the generator that all changes draw from.
    device : torch.device
    """

    def __init__(self, normalise: Normalise, augmentation: Augmentation, seed: int, device: torch.device) -> None:
        self._normalise = normalise
        self._augmentation = augmentation
        self._device = device
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(seed)
        self._moves = augmentation.shift > 0 or augmentation.crop < 1
        self._off = not (self._moves or augmentation.flip or augmentation.colour > 0)

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Uint8 [B, H, W, C] to float32 [B, C, H, W]."""
        if self._off:
            return self._normalise(pixels)
        pictures = self._normalise.as_is(pixels)
        if self._moves:
            pictures = self._move(pictures)
        elif self._augmentation.flip:
            mirrored = self._uniform(len(pictures)) < 0.5
            pictures = torch.where(mirrored.view(-1, 1, 1, 1), pictures.flip(3), pictures)
        if self._augmentation.colour > 0:
            pictures = self._colour(pictures)
        return self._normalise.finish(pictures)

    def _uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.rand(count, generator=self._generator, device=self._device).mul_(high - low).add_(low)

    def _move(self, pictures: torch.Tensor) -> torch.Tensor:
        """Shift, crop and flip; the border repeats its last pixel."""
        count = len(pictures)
        choice = self._augmentation
        scale = self._uniform(count, choice.crop, 1.0)
        room = 1 - scale  # a crop lies anywhere inside the picture; the shift moves it further
        across = self._uniform(count, -1.0, 1.0) * (room + 2 * choice.shift)
        down = self._uniform(count, -1.0, 1.0) * (room + 2 * choice.shift)
        mirror = torch.where(self._uniform(count) < 0.5, -1.0, 1.0) if choice.flip else torch.ones_like(scale)
        zero = torch.zeros_like(scale)
        theta = torch.stack([scale * mirror, zero, across, zero, scale, down], dim=1).view(count, 2, 3)
        grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
        return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def _colour(self, pictures: torch.Tensor) -> torch.Tensor:
        """Brightness, contrast and (for colour pictures) saturation, each by a factor in [1 - c, 1 + c]; cut to [0, 255]."""
        count, channels = pictures.shape[:2]
        most = self._augmentation.colour
        brightness, contrast, saturation = (self._uniform(count, 1 - most, 1 + most).view(-1, 1, 1, 1) for _ in range(3))
        pictures = pictures * brightness
        middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
        pictures = (pictures - middle) * contrast + middle
        if channels == 3:
            weights = torch.tensor(GREY, device=pictures.device).view(1, 3, 1, 1)
            grey = (pictures * weights).sum(dim=1, keepdim=True)
            pictures = (pictures - grey) * saturation + grey
        return pictures.clamp_(0, 255)
