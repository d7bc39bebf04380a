"""What a file says about its pixels, followed: orientation, colour profile, depth."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from engine.data.unreadable import DAMAGED

Picture = npt.NDArray[np.uint8]

ORIENTATION_TAG = 0x0112
DATE_TAG = 0x0132
EXIF_PART, ORIGINAL_DATE_TAG = 0x8769, 0x9003


def orientation_of(image: Image.Image, data: bytes = b"") -> int:
    """EXIF's orientation, 1 to 8. `data` is the whole file where it is at hand."""
    if image.format == "PNG" and "exif" not in image.info and not _says_more_behind(data):
        return 1  # asking Pillow would decode the picture, to look behind it
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except DAMAGED:  # damaged EXIF does not make the picture unreadable
        return 1
    if image.format == "TIFF":  # Pillow turns a TIFF itself when it loads it
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _says_more_behind(data: bytes) -> bool:
    """Whether a PNG's EXIF stands behind its pixels; only the heads of its chunks are looked at."""
    place, behind = 8, False
    while place + 8 <= len(data):
        kind = data[place + 4 : place + 8]
        behind = behind or kind == b"IDAT"
        if behind and kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            return True
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return False


def date_of(image: Image.Image) -> str:
    """When EXIF says that the picture was taken, "2024:05:31 17:02:11"; empty where it does not say."""
    if not image.info.get("exif"):
        return ""
    try:
        exif = image.getexif()
        date = exif.get_ifd(EXIF_PART).get(ORIGINAL_DATE_TAG) or exif.get(DATE_TAG)
    except DAMAGED:
        return ""
    return date if isinstance(date, str) else ""


def upright(picture: Picture, orientation: int) -> Picture:
    """Undo the camera's position, as EXIF 2.3, tag 0112h numbers it."""
    turned = picture
    if orientation in (5, 6, 7, 8):
        turned = turned.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    return np.ascontiguousarray(turned)


@lru_cache(maxsize=1)
def srgb_profile() -> Any:
    """The profile of sRGB, made once."""
    return ImageCms.createProfile("sRGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    """The way from a profile to sRGB; None where it is sRGB already, fits the picture's mode not, or is damaged."""
    try:
        opened = ImageCms.getOpenProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        if "srgb" in ImageCms.getProfileDescription(opened).lower() or space != {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}.get(mode):
            return None
        return ImageCms.buildTransform(opened, srgb_profile(), mode, "RGB")
    except DAMAGED:
        return None


def to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    """Follow an ICC profile to sRGB; the picture itself where the profile does not fit, is damaged, or is sRGB already."""
    transform = _transform(profile, image.mode) if isinstance(profile, bytes) else None
    if transform is None:
        return image
    converted = ImageCms.applyTransform(image, transform)
    return image if converted is None else converted


def to_8_bits(values: npt.NDArray[Any], mode: str) -> Picture:
    """16-bit values by their full range; 32-bit and float ones by the range that they show they use."""
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if mode.startswith("I;16") or (mode == "I" and low >= 0 and 255 < high <= 65535):
        numbers /= 257.0
    elif mode == "F" and low >= 0 and high <= 1:
        numbers *= 255.0
    elif low < 0 or high > 255:
        numbers = (numbers - low) * (255.0 / (high - low))
    return np.rint(numbers).astype(np.uint8)
