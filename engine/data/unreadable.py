"""Why a file gives no picture, in a clause that follows its name."""

from __future__ import annotations

import re
import struct
import zlib

from PIL import Image, ImageCms

from engine.failure import UserError

PIXEL_LIMIT = 100_000_000
# Everything that Pillow's decoders raise on damaged files, as the fuzzed files of its own test suite show.
DAMAGED = (
    *(OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, AssertionError, MemoryError),
    *(EOFError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, ImageCms.PyCMSError),
)


class UnreadablePicture(UserError):
    """A file that gives no picture. `reason` is a clause that follows the file's name: "is cut off"."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}.", "Remove it or save it anew as JPEG or PNG.")
        self.name = name
        self.reason = reason


def too_many_pixels(width: int, height: int) -> str:
    """The clause for a picture beyond the limit."""
    return f"has {width:,} × {height:,} pixels, more than the limit of {PIXEL_LIMIT // 1_000_000} million"


def too_large(start: bytes, error: str) -> str:
    """The clause where Pillow refused; PNG says its sides in its first bytes."""
    if start.startswith(b"\x89PNG") and len(start) >= 24:
        width, height = struct.unpack(">II", start[16:24])
        return too_many_pixels(width, height)
    count = re.search(r"\((\d+) pixels\)", error)
    size = f"has {int(count[1]) / 1e6:,.0f} million pixels, " if count else "has "
    return f"{size}more than the limit of {PIXEL_LIMIT // 1_000_000} million"


def what_else(start: bytes) -> str:
    """The clause for a file that begins as no picture does."""
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        text = start[: error.start].decode() if error.start > len(start) - 4 else "\0"  # a letter may be cut at the end
    if "\0" not in text:
        return "is not a picture (it holds text)"
    return "is not a picture of a known kind"


def unreadable(error: BaseException, label: str) -> UnreadablePicture:
    """An exception of a decoder or of the system, as a reason."""
    text = str(error).strip().split("\n")[0]
    if isinstance(error, FileNotFoundError):
        return UnreadablePicture(label, "is not there")
    if isinstance(error, PermissionError):
        return UnreadablePicture(label, "may not be read (its permissions forbid it)")
    if isinstance(error, Image.DecompressionBombError):
        return UnreadablePicture(label, too_large(b"", text))
    if isinstance(error, MemoryError):
        return UnreadablePicture(label, "needs more memory than there is")
    if isinstance(error, EOFError) or re.search(r"truncat|not enough|overrun|end of file|eof", text, re.IGNORECASE):
        return UnreadablePicture(label, "is cut off")
    return UnreadablePicture(label, f"is damaged ({text})" if text else "is damaged")
