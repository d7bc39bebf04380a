"""Perceptual hashes: 64 bits that stay nearly the same when a picture is compressed, rescaled, brightened or cut a little."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from engine.data.colour import Picture

SIDE = 32
LOW = 8  # frequencies kept in each direction
MIDDLE = (LOW * LOW - 1) // 2
FLAT = 2.0  # grey levels of standard deviation; below, the bits would be noise


def perceptual_hash(picture: Picture) -> int:
    """The hash of a picture: which of its 64 lowest frequencies lie above their median.

    Parameters
    ----------
    picture : uint8 [height, width, 3] or [height, width, 1]
        Any size; a thumbnail gives nearly the same bits as the whole.

    Returns
    -------
    int
        In [0, 2^64); 0 where the picture is too flat or too small to have one. Copies differ in few bits, other pictures in about 32;
        digits and letters of 28 pixels, which are all alike for 64 bits, would not.

    Notes
    -----
    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2.1 (DCT hash).
    """
    if max(picture.shape[:2]) < SIDE:
        return 0
    if picture.ndim == 3:
        picture = picture[:, :, 0] if picture.shape[2] == 1 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if cv2.meanStdDev(grey)[1][0, 0] < FLAT:
        return 0
    frequencies = cv2.dct(grey)[:LOW, :LOW].ravel()
    bits = frequencies > np.partition(frequencies[1:], MIDDLE)[MIDDLE]  # the first is the mean brightness
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def perceptual_hashes(pictures: Picture) -> npt.NDArray[np.uint64]:
    """The hash of each of N pictures: uint8 [N, height, width, channels] to uint64 [N]."""
    return np.fromiter((perceptual_hash(picture) for picture in pictures), np.uint64, len(pictures))
