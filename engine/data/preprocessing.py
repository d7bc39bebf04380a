"""The preprocessing contract: what happens between a file and the network, saved with each run and used everywhere."""

from __future__ import annotations

from typing import Literal

import msgspec

ResizeMode = Literal["squash", "crop", "pad", "centre"]
RESIZE_MODES: tuple[ResizeMode, ...] = ("squash", "crop", "pad", "centre")
WHITE = (255, 255, 255)
LARGEST_MARGIN = 4 / 3  # pictures are framed in black, not scaled, where that adds at most a third to their side


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a picture to the network's input.

    Stage A (engine.data.decoding) turns a file or frame into uint8 height x width x channels at working size;
    stage B (on the device) turns uint8 into (x / 255 - mean) / std and further into probabilities.

    Attributes
    ----------
    height, width : int
        Working size in pixels.
    channels : {1, 3}
        1 is grey (ITU-R 601 luma), 3 is sRGB.
    resize : {"squash", "crop", "pad", "centre"}
        squash: both sides scaled to fit, aspect lost. crop: scaled so that the short side fits, middle cut out.
        pad: scaled so that the long side fits, black added. centre: not scaled; black added or edges cut.
    mean, std : tuple of float
        One a channel, in units of the full range [0, 1], measured on the training pictures.
    ground : tuple of int
        sRGB colour, 0 to 255 each, on which transparent pictures lie.
    reduced : bool
        Whether JPEG is decoded at a half, a quarter or an eighth of its size where that is still as large as the working size. That takes a
        half of the time or less, and differs from full decoding by some levels; so it is one or the other for all that a run sees.
    """

    height: int
    width: int
    channels: Literal[1, 3]
    resize: ResizeMode = "squash"
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.5,)
    ground: tuple[int, int, int] = WHITE
    reduced: bool = False


def suited_reduction(height: int, width: int, resize: ResizeMode, to_height: int, to_width: int) -> bool:
    """Whether pictures of this size in pixels are large enough for the working size to be decoded at a fraction of it."""
    return resize != "centre" and min(height / to_height, width / to_width) >= 2


def suited_resize(height: int, width: int, uniform: bool, to_height: int, to_width: int) -> ResizeMode:
    """How pictures come to a working size where nobody chose: framed in black where a thin frame is enough, else squashed.

    Parameters
    ----------
    height, width : int
        Of the pictures, in pixels.
    uniform : bool
        Whether all have this size.
    to_height, to_width : int
        Working size in pixels.
    """
    thin = height <= to_height <= height * LARGEST_MARGIN and width <= to_width <= width * LARGEST_MARGIN
    return "centre" if uniform and thin else "squash"
