"""Stage A of the preprocessing contract: from a file to uint8 sRGB, upright, and on to the working size.

Pillow reads the header, the colour profile and the orientation, and refuses what is too large; OpenCV decodes plain JPEG, PNG and WebP,
which are most pictures; Pillow decodes the rest. Formats whose decoders start other programs (EPS) or are known for endless work (BLP) are
not asked.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, UnidentifiedImageError

from engine.data.preprocessing import Preprocessing
from engine.failure import UserError

Picture = npt.NDArray[np.uint8]

PIXEL_LIMIT = 100_000_000
BYTE_LIMIT = 1_000_000_000
FORMATS = (
    *("JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF", "HEIF"),
    *("JPEG2000", "TGA", "ICO", "SGI", "PCX", "PSD", "QOI", "DDS", "XBM"),
)
ORIENTATION_TAG = 0x0112
# Everything that Pillow's decoders raise on damaged files, as the fuzzed files of its own test suite show.
DAMAGED = (
    *(OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, AssertionError, MemoryError),
    *(EOFError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, ImageCms.PyCMSError),
)
REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))
SILENCED = ("ignore", None, Warning, re.compile(r"PIL(\.|$)"), 0)

Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT // 2  # Pillow refuses above twice this, before it decodes, embedded pictures included
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class UnreadablePicture(UserError):
    """A file that gives no picture. `reason` is a clause that follows the file's name: "is cut off"."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}.", "Remove it or save it anew as JPEG or PNG.")
        self.name = name
        self.reason = reason


class Header(msgspec.Struct, frozen=True):
    """What a file says of itself: upright size in pixels, format as Pillow names it, whether it is stored in grey."""

    width: int
    height: int
    format: str
    grey: bool


def read_picture(source: str | Path | bytes, name: str = "") -> Picture:
    """Decode a picture whole: uint8 height x width x 3, sRGB, upright; transparency lies on white; the first frame of several.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or the content of one.
    name : str
        How errors name it; the file's name by default.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    """
    return _decode(source, name, 0)


def read_reduced(source: str | Path | bytes, side: int) -> tuple[Picture, int, int]:
    """A picture whose long side is at most `side`, for looking at; with the width and height of the original.

    JPEG is decoded at a fraction of its size, which is quick and differs from full decoding: never train on it.
    """
    data, label = _content(source, "")
    picture = _decode(data, label, side)
    header = read_header(data, label)
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return picture, header.width, header.height


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
            raise _unreadable(error, label) from None
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


def _content(source: str | Path | bytes, name: str) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, name or "the picture"
    path = Path(source)
    label = name or path.name
    size = _size_of(path, label)
    if size > BYTE_LIMIT:
        raise UnreadablePicture(label, f"has {size / 1e6:,.0f} MB, more than the limit of {BYTE_LIMIT / 1e6:,.0f} MB")
    try:
        return path.read_bytes(), label
    except OSError as error:
        raise _unreadable(error, label) from None


def _size_of(path: Path, label: str) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(error, label) from None
    if path.is_dir():
        raise UnreadablePicture(label, "is a folder")
    if not path.is_file():  # a pipe or a device would be read for ever
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
        raise UnreadablePicture(label, _too_large(start, str(error))) from None
    except UnidentifiedImageError:
        raise UnreadablePicture(label, _what_else(start)) from None
    except DAMAGED as error:
        raise _unreadable(error, label) from None
    if image.width * image.height > PIXEL_LIMIT:
        image.close()
        raise UnreadablePicture(label, _pixels(image.width, image.height))
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


def _decode(source: str | Path | bytes, name: str, at_least: int) -> Picture:
    data, label = _content(source, name)
    if not data:
        raise UnreadablePicture(label, "is empty (0 bytes)")
    image = _open(io.BytesIO(data), data[:512], label)
    try:
        orientation = _orientation(image, data)
        picture = _quick(data, image, at_least)
        if picture is None:
            picture = _thorough(image)
        elif image.info.get("icc_profile"):
            picture = np.asarray(_to_srgb(Image.fromarray(picture), image.info["icc_profile"]))
        return _upright(picture, orientation)
    except DAMAGED as error:
        raise _unreadable(error, label) from None
    except cv2.error:
        raise UnreadablePicture(label, "is damaged") from None


def _quick(data: bytes, image: Image.Image, at_least: int) -> Picture | None:
    """OpenCV's decoder for plain pictures; None where Pillow must look."""
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
    flags = cv2.IMREAD_COLOR
    if at_least and image.format in ("JPEG", "MPO"):
        factor = max(image.size) // at_least
        flags = next((flag for least, flag in REDUCED if factor >= least), flags)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None or decoded.dtype != np.uint8:
        return None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _is_whole(kind: str | None, data: bytes) -> bool:
    """Whether the end of the picture is there; OpenCV fills a cut JPEG with grey and says nothing.

    A thumbnail inside the header has an end of its own, but the main picture's start of scan (FF DA) follows it.
    """
    if kind in ("JPEG", "MPO"):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    return _has_end(kind, data[-16:])


def _has_end(kind: str | None, tail: bytes) -> bool:
    if kind == "JPEG":
        return tail.endswith(b"\xff\xd9")
    return kind != "PNG" or b"IEND" in tail


def _thorough(image: Image.Image) -> Picture:
    """Pillow's decoder, and the way from any of its modes to sRGB."""
    image.load()
    if image.width * image.height > PIXEL_LIMIT:  # an ICO may hold a picture larger than it says
        raise Image.DecompressionBombError
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return np.repeat(_to_8_bits(np.asarray(image), mode)[:, :, None], 3, axis=2)
    profile = image.info.get("icc_profile")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        straight = image.convert("RGBA")
        colours = straight.convert("RGB")
        if profile:
            colours = _to_srgb(colours, profile)
        white = Image.new("RGB", image.size, "white")
        return np.array(Image.composite(colours, white, straight.getchannel("A")))
    if mode == "LAB":
        return np.array(ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), _srgb(), outputMode="RGB"))
    return np.array((_to_srgb(image, profile) if profile else image).convert("RGB"))


def _to_8_bits(values: npt.NDArray[Any], mode: str) -> Picture:
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


# ---------------------------------------------------------------- orientation and colour


def _orientation(image: Image.Image, data: bytes = b"") -> int:
    """EXIF's orientation, 1 to 8. `data` is the whole file where it is at hand."""
    if image.format == "PNG" and "exif" not in image.info and b"eXIf" not in data and b"Raw profile" not in data:
        return 1  # asking Pillow would decode the picture, to look behind it
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except DAMAGED:  # damaged EXIF does not make the picture unreadable
        return 1
    if image.format == "TIFF":  # Pillow turns a TIFF itself when it loads it
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(picture: Picture, orientation: int) -> Picture:
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
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    """The way from a profile to sRGB; None where it is sRGB already, fits the picture's mode not, or is damaged."""
    try:
        opened = ImageCms.getOpenProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        if "srgb" in ImageCms.getProfileDescription(opened).lower() or space != {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}.get(mode):
            return None
        return ImageCms.buildTransform(opened, _srgb(), mode, "RGB")
    except DAMAGED:
        return None


def _to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    transform = _transform(profile, image.mode) if isinstance(profile, bytes) else None
    if transform is None:
        return image
    converted = ImageCms.applyTransform(image, transform)
    return image if converted is None else converted


# ---------------------------------------------------------------- words


def _header(image: Image.Image, label: str) -> Header:
    orientation = _orientation(image)
    width, height = image.size if orientation < 5 else (image.height, image.width)
    grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16")
    return Header(width, height, image.format or "", grey)


def _pixels(width: int, height: int) -> str:
    return f"has {width:,} × {height:,} pixels, more than the limit of {PIXEL_LIMIT // 1_000_000} million"


def _too_large(start: bytes, error: str) -> str:
    if start.startswith(b"\x89PNG") and len(start) >= 24:
        width, height = struct.unpack(">II", start[16:24])
        return _pixels(width, height)
    count = re.search(r"\((\d+) pixels\)", error)
    size = f"has {int(count[1]) / 1e6:,.0f} million pixels, " if count else "has "
    return f"{size}more than the limit of {PIXEL_LIMIT // 1_000_000} million"


def _what_else(start: bytes) -> str:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        text = start[: error.start].decode() if error.start > len(start) - 4 else "\0"  # a letter may be cut at the end
    if "\0" not in text:
        return "is not a picture (it holds text)"
    return "is not a picture of a known kind"


def _unreadable(error: BaseException, label: str) -> UnreadablePicture:
    text = str(error).strip().split("\n")[0]
    if isinstance(error, FileNotFoundError):
        return UnreadablePicture(label, "is not there")
    if isinstance(error, PermissionError):
        return UnreadablePicture(label, "may not be read (its permissions forbid it)")
    if isinstance(error, Image.DecompressionBombError):
        return UnreadablePicture(label, _too_large(b"", text))
    if isinstance(error, MemoryError):
        return UnreadablePicture(label, "needs more memory than there is")
    if isinstance(error, EOFError) or re.search(r"truncat|not enough|overrun|end of file|eof", text, re.IGNORECASE):
        return UnreadablePicture(label, "is cut off")
    return UnreadablePicture(label, f"is damaged ({text})" if text else "is damaged")
