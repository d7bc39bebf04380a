"""What a picture's file comes down to: digest, size, perceptual hash, brightness, sharpness, thumbnail; from one decoding."""

from __future__ import annotations

import msgspec


class Look(msgspec.Struct, frozen=True):
    """What one look at a picture gives.

    Attributes
    ----------
    digest : bytes
        16 bytes, BLAKE2b of the file's content; of the pixels for pictures without a file of their own.
    width, height : int
        Upright size in pixels.
    size : int
        Bytes of the file; 0 for pictures without a file of their own.
    time : float
        When the picture was taken (EXIF), else when the file was changed, in seconds since 1970; NaN where unknown.
    hash : int
        Perceptual hash in [0, 2^64); 0 where unknown.
    brightness, contrast : float
        Mean and standard deviation of luma, in [0, 1].
    sharpness : float
        Standard deviation of the Laplacian of luma at thumbnail size, in [0, 1]-range units.
    """

    digest: bytes
    width: int
    height: int
    size: int
    time: float
    hash: int
    brightness: float
    contrast: float
    sharpness: float
