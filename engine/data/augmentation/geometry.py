"""Moving pictures: affine maps and the one sampling that carries them out, and rectangles."""

from __future__ import annotations

import torch
from torch.nn import functional


def affine(
    scale_across: torch.Tensor,
    scale_down: torch.Tensor,
    across: torch.Tensor,
    down: torch.Tensor,
    degrees: torch.Tensor | None = None,
    aspect: float = 1.0,
) -> torch.Tensor:
    """Maps that tell for each place of the new picture the place of the old one; both run from -1 to 1 along each side.

    Parameters
    ----------
    scale_across, scale_down : float32 [B]
        Share of the old picture's width and height that the new one shows; negative mirrors.
    across, down : float32 [B]
        Where its middle lies.
    degrees : float32 [B] or None
        Rotation of what is seen, anticlockwise, about the middle.
    aspect : float
        Height through width.

    Returns
    -------
    float32 [B, 2, 3]
        As `sample` and torch's affine_grid take them.
    """
    if degrees is None:
        zero = torch.zeros_like(across)
        return torch.stack([scale_across, zero, across, zero, scale_down, down], dim=1).view(-1, 2, 3)
    turn = torch.deg2rad(degrees)
    cosine, sine = torch.cos(turn), torch.sin(turn)
    rows = [scale_across * cosine, -scale_down * sine * aspect, across, scale_across * sine / aspect, scale_down * cosine, down]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def sample(pictures: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Pictures float32 [B, C, H, W] under maps [B, 2, 3]; bilinear, and the border repeats its last pixel."""
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def shifted(pictures: torch.Tensor, down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """Pictures float32 [B, C, H, W] moved by whole pixels, int64 [B] each; beyond the border they are continued as in a mirror."""
    count, _, height, width = pictures.shape
    rows = mirrored(torch.arange(height, device=down.device) - down[:, None], height)
    columns = mirrored(torch.arange(width, device=across.device) - across[:, None], width)
    places = torch.arange(count, device=down.device)[:, None, None], rows[:, :, None], columns[:, None, :]
    moved = pictures.permute(0, 2, 3, 1)[places].permute(0, 3, 1, 2)
    last = pictures.is_contiguous(memory_format=torch.channels_last) and not pictures.is_contiguous()
    return moved if last else moved.contiguous()


def mirrored(places: torch.Tensor, size: int) -> torch.Tensor:
    """Places int64 on a line of `size` pixels that goes on as in mirrors at its end pixels, which are not repeated."""
    if size == 1:
        return torch.zeros_like(places)
    period = 2 * (size - 1)
    within = places.remainder(period)
    return torch.minimum(within, period - within)


def inside(height: int, width: int, top: torch.Tensor, bottom: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Which pixels lie in rectangles, bool [B, 1, height, width].

    Parameters
    ----------
    height, width : int
        Of the pictures, in pixels.
    top, bottom, left, right : int64 [B]
        First row and column inside, and first ones beyond.
    """
    rows = torch.arange(height, device=top.device)
    columns = torch.arange(width, device=top.device)
    down = (rows >= top[:, None]) & (rows < bottom[:, None])
    across = (columns >= left[:, None]) & (columns < right[:, None])
    return (down[:, :, None] & across[:, None, :])[:, None]
