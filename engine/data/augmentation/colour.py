"""Changing colours of batches; pictures are float32 [B, C, H, W] in [0, 255]."""

from __future__ import annotations

import torch

GREY = (0.299, 0.587, 0.114)  # ITU-R 601 luma


def grey_of(pictures: torch.Tensor) -> torch.Tensor:
    """Luma, float32 [B, 1, H, W]; grey pictures are that already."""
    if pictures.shape[1] == 1:
        return pictures
    weights = torch.tensor(GREY, device=pictures.device).view(1, 3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True)


def jitter(pictures: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast and (of colour pictures) saturation times a factor each, float32 [B]; cut to [0, 255]."""
    brightness, contrast, saturation = (factor.view(-1, 1, 1, 1) for factor in (brightness, contrast, saturation))
    pictures = pictures * brightness
    middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = (pictures - middle) * contrast + middle
    if pictures.shape[1] == 3:
        grey = grey_of(pictures)
        pictures = (pictures - grey) * saturation + grey
    return pictures.clamp_(0, 255)
