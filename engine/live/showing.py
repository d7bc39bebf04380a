"""Pictures on their way to the window."""

from __future__ import annotations

import cv2
import numpy as np

from engine.data.decoding import Picture


def small(picture: Picture, side: int) -> Picture:
    """A picture of three channels whose larger side is at most `side` pixels; one that is smaller stays as it is."""
    if picture.ndim == 2 or picture.shape[2] == 1:
        picture = np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=2)
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return smaller
