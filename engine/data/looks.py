"""What a picture's file comes down to: digest, size, perceptual hash, brightness, sharpness, thumbnail; from one decoding."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.colour import Picture
from engine.data.decoding import content, look_into, shrunk
from engine.data.hashes import perceptual_hash

THUMBNAIL_SIDE = 128
EXACT_SIDE = 64  # pictures up to this size are kept without loss: at that size every pixel is seen
QUALITY = 88
DIGEST_BYTES = 16


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


def look_at(source: Path | bytes, name: str = "", time: float = math.nan) -> tuple[Look, bytes]:
    """Look at a file once.

    Parameters
    ----------
    source : Path or bytes
        A file, or the content of one.
    name : str
        How errors name it; the file's name by default.
    time : float
        When the file was changed, in seconds since 1970, for pictures that do not say when they were taken; NaN lets a path be asked.

    Returns
    -------
    tuple of (Look, bytes)
        The look, and the thumbnail as a file (JPEG or PNG) whose long side is at most THUMBNAIL_SIDE.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    data, label = content(source, name)
    if math.isnan(time) and isinstance(source, Path):
        time = modified(source)
    return look_into_content(data, label, digest_of(data), time)


def look_into_content(data: bytes, name: str, digest: bytes, time: float) -> tuple[Look, bytes]:
    """As `look_at`, where the content and its digest are at hand."""
    seen = look_into(data, THUMBNAIL_SIDE, name)
    taken = seconds_of(seen.taken)
    look = _look(seen.picture, digest, seen.width, seen.height, len(data), time if math.isnan(taken) else taken)
    return look, encoded(seen.picture)


def look_of_pixels(picture: Picture) -> tuple[Look, bytes]:
    """Look at a picture in memory: uint8 height x width x 3, sRGB. Its digest is that of its shape and pixels."""
    small = shrunk(picture, THUMBNAIL_SIDE)
    return measured(picture), encoded(small)


def measured(picture: Picture) -> Look:
    """As `look_of_pixels`, without a thumbnail."""
    height, width = picture.shape[:2]
    return _look(shrunk(picture, THUMBNAIL_SIDE), digest_of_pixels(picture), width, height, 0, math.nan)


def digest_of(data: bytes) -> bytes:
    """16 bytes, BLAKE2b (RFC 7693)."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def digest_of_pixels(picture: Picture) -> bytes:
    """16 bytes, BLAKE2b of the shape and pixels of a picture, uint8 height x width x 3."""
    height, width = picture.shape[:2]
    hashed = hashlib.blake2b(f"{width}x{height}:".encode(), digest_size=DIGEST_BYTES)
    hashed.update(np.ascontiguousarray(picture).data)
    return hashed.digest()


def short_digest(digest: bytes) -> int:
    """The first eight bytes of a digest as a number in [0, 2^64), as snapshots keep it."""
    return int.from_bytes(digest[:8], "big")


def encoded(thumbnail: Picture) -> bytes:
    """A thumbnail as a file."""
    turned = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2BGR)
    if max(thumbnail.shape[:2]) <= EXACT_SIDE:
        return cv2.imencode(".png", turned, (cv2.IMWRITE_PNG_COMPRESSION, 1))[1].tobytes()
    return cv2.imencode(".jpg", turned, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


def decoded(thumbnail: bytes) -> Picture | None:
    """A thumbnail back from `encoded`: uint8 height x width x 3; None where the bytes are none."""
    found = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_COLOR) if thumbnail else None
    return None if found is None else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


# ---------------------------------------------------------------- figures


def _look(small: Picture, digest: bytes, width: int, height: int, size: int, taken: float) -> Look:
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    brightness, contrast = spread(luma)
    edges = cv2.Laplacian(luma, cv2.CV_16S)
    return Look(
        digest=digest,
        width=width,
        height=height,
        size=size,
        time=taken,
        hash=perceptual_hash(luma[:, :, None]),
        brightness=brightness,
        contrast=contrast,
        sharpness=spread(edges)[1],
    )


def spread(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Mean and standard deviation of 8-bit levels or their differences, as shares of the full range."""
    mean, deviation = cv2.meanStdDev(values)
    return float(mean.flat[0]) / 255.0, float(deviation.flat[0]) / 255.0


# ---------------------------------------------------------------- times


def seconds_of(taken: str) -> float:
    """EXIF's "2024:05:31 17:02:11" in seconds since 1970, in this machine's time zone; NaN where it is no date."""
    try:
        return datetime.strptime(taken.strip("\0 "), "%Y:%m:%d %H:%M:%S").timestamp() if taken else math.nan
    except (ValueError, OverflowError, OSError):
        return math.nan


def modified(path: Path) -> float:
    """When a file was changed, in seconds since 1970; NaN where it cannot be told."""
    try:
        return path.stat().st_mtime
    except OSError:
        return math.nan
