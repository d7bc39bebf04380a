"""Stage A of the preprocessing contract: from a file to uint8 sRGB, upright, and on to the working size.

Pillow reads the header, the colour profile and the orientation, and refuses what is too large; OpenCV decodes plain JPEG, PNG and WebP,
which are most pictures; Pillow decodes the rest. Formats whose decoders start other programs (EPS) or are known for endless work (BLP) are
not asked.
"""

from __future__ import annotations

import io
import re
import stat
import threading
import warnings
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from engine.data.colour import Picture, date_of, orientation_of, srgb_profile, to_8_bits, to_srgb, upright
from engine.data.preprocessing import WHITE, Preprocessing
from engine.data.unreadable import DAMAGED, PIXEL_LIMIT, UnreadablePicture, too_large, too_many_pixels, unreadable, what_else

__all__ = [
    "Colour",
    "Header",
    "Picture",
    "Seen",
    "UnreadablePicture",
    "at_working_size",
    "centred",
    "content",
    "look_into",
    "read_header",
    "read_picture",
    "read_reduced",
    "shrunk",
    "to_working_size",
]

Colour = tuple[int, int, int]

BYTE_LIMIT = 1_000_000_000
SMALL = 128
LARGE_PIXELS = 24_000_000
_LARGE = threading.Lock()  # two pictures of the largest size at once would take more than a gigabyte
FORMATS = (
    *("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF", "HEIF"),
    *("JPEG2000", "TGA", "ICO", "SGI", "PCX", "PSD", "QOI", "DDS", "XBM"),
)
REDUCED = ((8, cv2.IMREAD_REDUCED_GRAYSCALE_8), (4, cv2.IMREAD_REDUCED_GRAYSCALE_4), (2, cv2.IMREAD_REDUCED_GRAYSCALE_2))  # in RGB below
SILENCED = ("ignore", None, Warning, re.compile(r"PIL(\.|$)"), 0)

Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT // 2  # Pillow refuses above twice this, before it decodes, embedded pictures included
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Header(msgspec.Struct, frozen=True):
    """What a file says of itself: upright size in pixels, format as Pillow names it, whether it is stored in grey."""

    width: int
    height: int
    format: str
    grey: bool


def read_picture(source: str | Path | bytes, name: str = "", ground: Colour = WHITE, towards: Preprocessing | None = None) -> Picture:
    """Decode a picture: uint8 height x width x 3, sRGB, upright; transparency lies on `ground`; the first frame of several.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or the content of one.
    name : str
        How errors name it; the file's name by default.
    ground : tuple of int
        sRGB colour, 0 to 255 each.
    towards : Preprocessing or None
        What it will be brought to; where that says so, JPEG is decoded at a fraction of its size. None: whole.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    data, label = content(source, name)
    image = _opened(data, label)
    return _upright_pixels(image, data, label, _fraction(image, data, label, towards), ground)[0]


def at_working_size(source: str | Path | bytes, preprocessing: Preprocessing, name: str = "") -> Picture:
    """Stage A whole, from a file to uint8 height x width x channels; what every path from a file to a network calls.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    return to_working_size(read_picture(source, name, preprocessing.ground, preprocessing), preprocessing)


def read_reduced(source: str | Path | bytes, side: int, name: str = "") -> tuple[Picture, int, int]:
    """A picture whose long side is at most `side`, for looking at; with the width and height of the original.

    JPEG is decoded at a fraction of its size, which is quick and differs from full decoding: never train on it.
    """
    data, label = content(source, name)
    seen = look_into(data, side, label)
    return seen.picture, seen.width, seen.height


class Seen(msgspec.Struct, frozen=True, eq=False):
    """A picture for looking at, with its original's upright size in pixels, and when it was taken as EXIF writes it ("": unsaid)."""

    picture: Picture
    width: int
    height: int
    taken: str


def look_into(data: bytes, side: int, name: str = "") -> Seen:
    """Header, date and reduced picture from the content of a file, in one go; see `read_reduced`.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    image = _opened(data, name or "the picture")
    across, up = image.size
    factor = max(image.size) // side  # others than JPEG are decoded whole and halved once, which averages four pixels each
    factor = factor if image.format in ("JPEG", "MPO") else min(factor, 2)
    picture, orientation = _upright_pixels(image, data, name or "the picture", factor, WHITE)
    if orientation >= 5:
        across, up = up, across
    return Seen(shrunk(picture, side), across, up, date_of(image))


def shrunk(picture: Picture, side: int) -> Picture:
    """The picture with its long side at most `side`, for looking at; smaller ones as they are: uint8 height x width x 3.

    Averaging squares of four pixels first is three times quicker than averaging any areas, and gives the same but for a few levels. Small
    ones are then interpolated, for nobody sees the difference.
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while min(picture.shape[:2]) >= 2 and max(picture.shape[:2]) >= 2 * side:
        height, width = picture.shape[:2]
        even = picture[: height // 2 * 2, : width // 2 * 2]
        picture = np.asarray(cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    how = cv2.INTER_LINEAR if side <= SMALL and min(picture.shape[:2]) > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def read_header(source: str | Path | bytes, name: str = "") -> Header:
    """Size and format without decoding; catches what is no picture, is too large, or is a JPEG or PNG without its end.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    if not isinstance(source, bytes):
        path = Path(source)
        label = name or path.name
        size = _size_of(path, label)
        try:
            with path.open("rb") as stream:
                image = _open(stream, stream.read(512), label)
                stream.seek(max(0, size - 16))
                ended = _has_end(image.format, stream.read(16))
                header = _header(image, label)
        except OSError as error:
            raise unreadable(error, label) from None
        if not ended:  # rare: let the decoder judge
            read_picture(path, label)
        return header
    return _header(_open(io.BytesIO(source), source[:512], name or "the picture"), name or "the picture")


def to_working_size(picture: Picture, preprocessing: Preprocessing) -> Picture:
    """Bring a picture to the contract's size: uint8 height x width x channels.

    Parameters
    ----------
    picture : uint8 [any height, any width, 3] or [.., .., 1]
        sRGB, or grey.
    preprocessing : Preprocessing
        Grey is ITU-R 601 luma, taken before scaling. Scaling averages areas when it shrinks, and is bilinear when it enlarges.
    """
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if preprocessing.channels == 1 and picture.shape[2] == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None]
    elif preprocessing.channels == 3 and picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    height, width = picture.shape[:2]
    target = (preprocessing.height, preprocessing.width)
    if preprocessing.resize == "squash":
        return _scaled(picture, target[0], target[1])
    if preprocessing.resize == "crop":
        scale = max(target[0] / height, target[1] / width)
        picture = _scaled(picture, max(target[0], round(height * scale)), max(target[1], round(width * scale)))
    elif preprocessing.resize == "pad":
        scale = min(target[0] / height, target[1] / width)
        picture = _scaled(picture, min(target[0], max(1, round(height * scale))), min(target[1], max(1, round(width * scale))))
    fitted: Picture = centred(picture[None], target[0], target[1])[0]
    return fitted


def centred(pictures: Picture, height: int, width: int) -> Picture:
    """Cut the edges or add black on all sides alike: uint8 [N, h, w, C] to [N, height, width, C]."""
    count, h, w, channels = pictures.shape
    top, left = (h - height) // 2, (w - width) // 2
    if top >= 0 and left >= 0:
        return np.ascontiguousarray(pictures[:, top : top + height, left : left + width])
    result = np.zeros((count, height, width, channels), np.uint8)
    inner = pictures[:, max(0, top) : max(0, top) + height, max(0, left) : max(0, left) + width]
    y, x = (height - inner.shape[1]) // 2, (width - inner.shape[2]) // 2
    result[:, y : y + inner.shape[1], x : x + inner.shape[2]] = inner
    return result


def _scaled(picture: Picture, height: int, width: int) -> Picture:
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    shrinks = height < picture.shape[0] or width < picture.shape[1]
    scaled = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.ascontiguousarray(scaled.reshape(height, width, picture.shape[2]))  # OpenCV drops a single channel


# ---------------------------------------------------------------- reading


def content(source: str | Path | bytes, name: str = "") -> tuple[bytes, str]:
    """A file's bytes, and how errors name it.

    Raises
    ------
    UnreadablePicture
        If it is not there, is no file, is empty or is far too large.
    """
    if isinstance(source, bytes):
        return source, name or "the picture"
    path = source if isinstance(source, Path) else Path(source)
    label = name or path.name
    size = _size_of(path, label)
    if size > BYTE_LIMIT:
        raise UnreadablePicture(label, f"has {size / 1e6:,.0f} MB, more than the limit of {BYTE_LIMIT / 1e6:,.0f} MB")
    try:
        return path.read_bytes(), label
    except OSError as error:
        raise unreadable(error, label) from None


def _size_of(path: Path, label: str) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(error, label) from None
    if stat.S_ISDIR(status.st_mode):
        raise UnreadablePicture(label, "is a folder")
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device would be read for ever
        raise UnreadablePicture(label, "is not a file")
    if status.st_size == 0:
        raise UnreadablePicture(label, "is empty (0 bytes)")
    return status.st_size


def _open(stream: Any, start: bytes, label: str) -> Image.Image:
    """Let Pillow read the header."""
    if SILENCED not in warnings.filters:  # once; what Pillow warns of is judged here
        warnings.filterwarnings("ignore", module=SILENCED[3].pattern)
    if start[4:8] == b"ftyp" and b"avi" not in start[8:32]:
        _register_heif()
    stream.seek(0)
    try:
        image = Image.open(stream, formats=[name for name in FORMATS if name in _known_formats()])
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(label, too_large(start, str(error))) from None
    except UnidentifiedImageError:
        raise UnreadablePicture(label, what_else(start)) from None
    except DAMAGED as error:
        raise unreadable(error, label) from None
    if image.width * image.height > PIXEL_LIMIT:
        image.close()
        raise UnreadablePicture(label, too_many_pixels(image.width, image.height))
    if image.width < 1 or image.height < 1:
        raise UnreadablePicture(label, "has no pixels")
    return image


@lru_cache(maxsize=1)
def _register_heif() -> None:
    import pi_heif

    pi_heif.register_heif_opener(thumbnails=False)
    _known_formats.cache_clear()


@lru_cache(maxsize=1)
def _known_formats() -> frozenset[str]:
    Image.init()
    return frozenset(Image.OPEN)


def _fraction(image: Image.Image, data: bytes, label: str, towards: Preprocessing | None) -> int:
    """By how much a picture can be decoded smaller and still be as large as what it is brought to."""
    if towards is None or not towards.reduced or towards.resize == "centre" or image.format not in ("JPEG", "MPO"):
        return 1
    try:
        width, height = image.size if orientation_of(image, data) < 5 else (image.height, image.width)
    except DAMAGED as error:
        raise unreadable(error, label) from None
    return max(1, min(width // towards.width, height // towards.height))


def _opened(data: bytes, label: str) -> Image.Image:
    if not data:
        raise UnreadablePicture(label, "is empty (0 bytes)")
    return _open(io.BytesIO(data), data[:512], label)


def _upright_pixels(image: Image.Image, data: bytes, label: str, factor: int, ground: Colour) -> tuple[Picture, int]:
    """The picture, and the orientation that was undone."""
    with _LARGE if image.width * image.height > LARGE_PIXELS else nullcontext():
        try:
            orientation = orientation_of(image, data)
            picture = _quick(data, image, factor)
            if picture is None:
                picture = _thorough(image, ground)
            elif image.info.get("icc_profile"):
                picture = np.asarray(to_srgb(Image.fromarray(picture), image.info["icc_profile"]))
            return upright(picture, orientation), orientation
        except DAMAGED as error:
            raise unreadable(error, label) from None
        except cv2.error:
            raise UnreadablePicture(label, "is damaged") from None


def _quick(data: bytes, image: Image.Image, factor: int) -> Picture | None:
    """OpenCV's decoder for plain pictures, smaller by the largest of REDUCED up to a factor; None where Pillow must look."""
    if image.mode not in ("RGB", "L") or image.format not in ("JPEG", "MPO", "PNG", "WEBP"):
        return None
    if (
        "transparency" in image.info
        or (image.format != "MPO" and getattr(image, "is_animated", False))
        or not _is_whole(image.format, data)
    ):
        return None
    if image.format == "PNG" and data[24] != 8:  # bit depth
        return None
    flags = cv2.IMREAD_COLOR_RGB | next((flag for least, flag in REDUCED if factor >= least), 0)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None or decoded.dtype != np.uint8:
        return None
    return np.asarray(decoded, np.uint8)


def _is_whole(kind: str | None, data: bytes) -> bool:
    """Whether the end of the picture is there; OpenCV fills a cut JPEG with grey and says nothing.

    A thumbnail inside the header has an end of its own, but the main picture's start of scan (FF DA) follows it.
    """
    if kind in ("JPEG", "MPO"):
        return data.endswith(b"\xff\xd9") or data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    return _has_end(kind, data[-16:])


def _has_end(kind: str | None, tail: bytes) -> bool:
    if kind == "JPEG":
        return tail.endswith(b"\xff\xd9")
    return kind != "PNG" or b"IEND" in tail


def _thorough(image: Image.Image, ground: Colour) -> Picture:
    """Pillow's decoder, and the way from any of its modes to sRGB."""
    image.load()
    if image.width * image.height > PIXEL_LIMIT:  # an ICO may hold a picture larger than it says
        raise Image.DecompressionBombError
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return np.repeat(to_8_bits(np.asarray(image), mode)[:, :, None], 3, axis=2)
    profile = image.info.get("icc_profile")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        straight = image.convert("RGBA")
        colours = straight.convert("RGB")
        if profile:
            colours = to_srgb(colours, profile)
        return np.array(Image.composite(colours, Image.new("RGB", image.size, ground), straight.getchannel("A")))
    if mode == "LAB":
        return np.array(ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), srgb_profile(), outputMode="RGB"))
    return np.array((to_srgb(image, profile) if profile else image).convert("RGB"))


def _header(image: Image.Image, label: str) -> Header:
    orientation = orientation_of(image)
    width, height = image.size if orientation < 5 else (image.height, image.width)
    grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16")
    return Header(width, height, image.format or "", grey)
