"""RandAugment: two operations a picture, drawn from fourteen, all of one strength (Cubuk et al., RandAugment, 2019, arXiv 1909.13719).

The range of each operation is that of AutoAugment (Cubuk et al., 2018, arXiv 1805.09501, table 6), reached at magnitude 30. Operations
are those of Pillow's ImageOps and ImageEnhance, on floats: pictures are float32 [B, C, H, W] in [0, 255].
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from engine.data.augmentation.colour import grey_of
from engine.data.augmentation.geometry import affine, sample
from engine.data.augmentation.portion import Portion

PER_PICTURE = 2
GREATEST = 30.0
GEOMETRIC = ("rotate", "shear x", "shear y", "translate x", "translate y")
ROTATION = 30.0  # degrees
SHEAR = 0.3
TRANSLATION = 150 / 331  # of the side: 150 pixels of 331
ENHANCEMENT = 0.9  # factors from 0.1 to 1.9
LOST_BITS = 4
OPERATIONS = (
    *GEOMETRIC,
    *("autocontrast", "equalise", "solarise", "posterise", "colour", "contrast", "brightness", "sharpness", "identity"),
)


def rand_augment(pictures: torch.Tensor, magnitude: float, choices: np.random.Generator, portion: Portion | None = None) -> torch.Tensor:
    """Give each picture two operations; which and in which direction is drawn on the host, so that no device is waited for.

    Parameters
    ----------
    pictures : float32 [B, C, H, W]
        In [0, 255]; may be changed in place.
    magnitude : float
        From 0 to 30.
    choices : numpy.random.Generator
        Draws operations and directions.
    portion : Portion or None
        Which pictures of a batch these are; None: all of it.
    """
    strength, at_hand = magnitude / GREATEST, portion or Portion(len(pictures))
    for _ in range(PER_PICTURE):
        drawn = at_hand.of_array(choices.integers(0, len(OPERATIONS), at_hand.whole))
        amounts = at_hand.of_array(strength * (choices.integers(0, 2, at_hand.whole) * 2.0 - 1.0))
        moved = np.flatnonzero(drawn < len(GEOMETRIC))
        if len(moved):
            index, these = _taken(pictures, moved)
            pictures.index_copy_(0, index, _move(these, drawn[moved], amounts[moved]))
        for number in range(len(GEOMETRIC), len(OPERATIONS) - 1):
            rows = np.flatnonzero(drawn == number)
            if len(rows):
                index, these = _taken(pictures, rows)
                by = torch.from_numpy(amounts[rows]).to(pictures)
                pictures.index_copy_(0, index, _changed(OPERATIONS[number], these, by, strength))
    return pictures


def _taken(pictures: torch.Tensor, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    index = torch.from_numpy(rows).to(pictures.device)
    return index, pictures.index_select(0, index)


def _changed(operation: str, pictures: torch.Tensor, amounts: torch.Tensor, strength: float) -> torch.Tensor:
    """One operation that moves nothing; amounts float32 [B] are strength or its negative."""
    match operation:
        case "autocontrast":
            return autocontrast(pictures)
        case "equalise":
            return equalise(pictures)
        case "solarise":
            return solarise(pictures, strength)
        case "posterise":
            return posterise(pictures, strength)
        case "colour":
            return enhance(pictures, grey_of(pictures), amounts)
        case "contrast":
            return enhance(pictures, grey_of(pictures).mean(dim=(1, 2, 3), keepdim=True).round(), amounts)
        case "brightness":
            return enhance(pictures, torch.zeros_like(pictures[:, :1]), amounts)
        case "sharpness":
            return enhance(pictures, smooth(pictures), amounts)
    raise ValueError(f"no operation {operation}")


def _move(pictures: torch.Tensor, operations: np.ndarray, amounts: np.ndarray) -> torch.Tensor:
    """Rotate, shear and translate in one sampling; amounts float64 [B] in [-1, 1]."""
    height, width = pictures.shape[2:]
    by = {name: torch.from_numpy(np.where(operations == number, amounts, 0.0)).to(pictures) for number, name in enumerate(GEOMETRIC)}
    one = torch.ones_like(by["rotate"])
    right, down = (2 * TRANSLATION * by[f"translate {axis}"] for axis in "xy")
    theta = affine(one, one, right, down, ROTATION * by["rotate"], height / width)
    theta[:, 0, 1] += SHEAR * by["shear x"] * height / width
    theta[:, 1, 0] += SHEAR * by["shear y"] * width / height
    return sample(pictures, theta)


def autocontrast(pictures: torch.Tensor) -> torch.Tensor:
    """Stretch each channel to the full range; an even one stays as it is."""
    low, high = pictures.amin(dim=(2, 3), keepdim=True), pictures.amax(dim=(2, 3), keepdim=True)
    span = high - low
    return torch.where(span > 0, ((pictures - low) * (255 / span.clamp(min=1e-6))).clamp(max=255), pictures)


def equalise(pictures: torch.Tensor) -> torch.Tensor:
    """Spread the values of each channel evenly over the range, by the table that Pillow's ImageOps.equalize makes."""
    values = _whole(pictures).flatten(2).flatten(0, 1)
    counts = torch.zeros(len(values), 256, dtype=torch.int64, device=values.device)
    counts.scatter_add_(1, values, torch.ones_like(values))
    levels = torch.arange(256, device=values.device)
    highest = torch.where(counts > 0, levels, 0).amax(dim=1, keepdim=True)
    step = (values.shape[1] - counts.gather(1, highest)) // 255
    before = counts.cumsum(1) - counts
    table = torch.where(step > 0, (before + step // 2) // step.clamp(min=1), levels).clamp(max=255)
    return table.gather(1, values).view_as(pictures).to(pictures.dtype)


def solarise(pictures: torch.Tensor, strength: float) -> torch.Tensor:
    """Invert what is at least as bright as a threshold, which falls from 255 to 0 as strength rises from 0 to 1."""
    return torch.where(pictures >= 255 * (1 - strength), 255 - pictures, pictures)


def posterise(pictures: torch.Tensor, strength: float) -> torch.Tensor:
    """Drop the lowest bits of each value: none at strength 0, four at strength 1."""
    lost = round(LOST_BITS * strength)
    return ((_whole(pictures) >> lost) << lost).to(pictures.dtype)


def enhance(pictures: torch.Tensor, dull: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    """Away from a dull version of the pictures or towards it, by factors 1 + 0.9 · amount; amounts float32 [B] in [-1, 1]."""
    factors = (1 + ENHANCEMENT * amounts).view(-1, 1, 1, 1)
    return ((pictures - dull) * factors + dull).clamp_(0, 255)


def smooth(pictures: torch.Tensor) -> torch.Tensor:
    """The mean of 3 x 3 pixels, the middle one counting five times, as in Pillow's SMOOTH; border pixels stay."""
    kernel = torch.ones(1, 1, 3, 3, device=pictures.device, dtype=pictures.dtype)
    kernel[..., 1, 1] = 5
    result = pictures.clone()
    if min(pictures.shape[2:]) >= 3:
        planes = pictures.flatten(0, 1).unsqueeze(1)
        inner = functional.conv2d(planes, kernel / kernel.sum())
        result[:, :, 1:-1, 1:-1] = inner.view(*pictures.shape[:2], *inner.shape[2:])
    return result


def _whole(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.round().clamp(0, 255).to(torch.int64)
