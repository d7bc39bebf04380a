"""Making pictures worse: blur, noise, erasing; pictures are float32 [B, C, H, W] in [0, 255]."""

from __future__ import annotations

import math

import torch

from engine.data.augmentation.geometry import inside
from engine.data.augmentation.portion import Portion

ERASED = 128.0
LONGEST = 3.3  # longest side of an erased rectangle through its shortest, as published by Zhong et al.
SHARP = 1e-3  # pixels; a Gaussian of this deviation changes no bit, and nothing is divided by zero


def blur(pictures: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """Gaussian blur with a deviation of its own for each picture, float32 [B] in pixels.

    Two batched matrix products, one a side. At the border the weights of what lies inside count alone, so an even surface stays even.
    """
    count, channels, height, width = pictures.shape
    down = _weights(height, deviations).unsqueeze(1) @ pictures.contiguous()
    across = _weights(width, deviations).transpose(1, 2)
    return torch.bmm(down.view(count, channels * height, width), across).view_as(down)


def _weights(side: int, deviations: torch.Tensor) -> torch.Tensor:
    """How much of each old place goes into each new one along a side, float32 [B, side, side]; rows sum to 1."""
    places = torch.arange(side, device=deviations.device, dtype=torch.float32)
    distances = (places[:, None] - places[None, :]).square()
    weights = torch.exp(-distances / (2 * deviations.clamp(min=SHARP).square()).view(-1, 1, 1))
    return weights / weights.sum(dim=2, keepdim=True)


def noise(pictures: torch.Tensor, deviations: torch.Tensor, generator: torch.Generator, portion: Portion | None = None) -> torch.Tensor:
    """Add Gaussian noise of deviations float32 [B] in grey levels, to each channel of each pixel by itself; cut to [0, 255].

    `portion` says which pictures of a batch these are, all of it by default.
    """
    these = portion or Portion(len(pictures))
    drawn = these.of(torch.randn((these.whole, *pictures.shape[1:]), generator=generator, device=pictures.device))
    return drawn.mul_(deviations.view(-1, 1, 1, 1)).add_(pictures).clamp_(0, 255)


def erase(pictures: torch.Tensor, shares: torch.Tensor, ratios: torch.Tensor, downs: torch.Tensor, acrosses: torch.Tensor) -> torch.Tensor:
    """Lay a mid-grey rectangle on each picture (Zhong et al., Random Erasing Data Augmentation, 2017).

    Parameters
    ----------
    pictures : float32 [B, C, H, W]
        Returned changed.
    shares : float32 [B]
        Area as a share of the picture's, in [0, 1); what is covered differs from it by the rounding to whole pixels alone.
    ratios, downs, acrosses : float32 [B]
        In [0, 1]: the shape, from lying to standing, and the place within the room that is left.
    """
    height, width = pictures.shape[2:]
    stretch = torch.exp((2 * ratios - 1) * math.log(LONGEST))
    tall = (shares * height * width * stretch).sqrt().round().clamp(max=height)
    tall = torch.maximum(tall, (shares * height).ceil()).clamp(min=1)  # no flatter than the picture is wide
    wide = (shares * height * width / tall).round().clamp(max=width)
    top = (downs * (height - tall)).round().long()
    left = (acrosses * (width - wide)).round().long()
    covered = inside(height, width, top, top + tall.long(), left, left + wide.long())
    return pictures.masked_fill_(covered, ERASED)
