"""Pictures by their addresses, as a browser gives them when one is dragged: http, https, data; judged by content, not by name."""

from __future__ import annotations

import binascii
import time
from base64 import b64decode
from pathlib import PurePosixPath
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from engine.control import CancelToken
from engine.data.decoding import read_header
from engine.data.streaming import Refused, Stream
from engine.data.unreadable import UnreadablePicture

BYTE_LIMIT = 100_000_000
SECONDS = 60.0
NAME_LENGTH = 100
ENDINGS = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "HEIF": ".heic",
}


def fetch_picture(address: str, token: CancelToken) -> tuple[str, bytes]:
    """The picture at an address: a name for its file, and its content.

    Parameters
    ----------
    address : str
        http, https or data.
    token : CancelToken
        Looked at some 30 times a second.

    Raises
    ------
    UnreadablePicture
        With the reason as a clause.
    Cancelled
    """
    scheme = address.strip().partition(":")[0].lower()
    if scheme == "data":
        name, content = "picture", _inline(address)
    elif scheme in ("http", "https"):
        name, content = _named(address), _fetched(address, token)
    elif scheme == "file":
        raise UnreadablePicture(shown(address), "is the address of a file on this computer; drop the file itself")
    else:
        raise UnreadablePicture(shown(address), "is no address of a picture on the web")
    header = read_header(content, shown(address))
    ending = ENDINGS.get(header.format, f".{header.format.lower()}")
    stem = PurePosixPath(name).stem[:NAME_LENGTH] or "picture"
    return f"{stem}{ending}", content


def shown(address: str) -> str:
    """An address as reports name it: short, and never the content of a data address."""
    text = address.strip()
    if text.lower().startswith("data:"):
        return text.partition(",")[0][:40]
    return text if len(text) <= 120 else f"{text[:80]}…{text[-30:]}"


def _named(address: str) -> str:
    return PurePosixPath(unquote(urlsplit(address.strip()).path)).name or "picture"


def _inline(address: str) -> bytes:
    head, comma, body = address.strip().partition(",")
    if not comma:
        raise UnreadablePicture(shown(address), "is cut off")
    if len(body) > 2 * BYTE_LIMIT:
        raise UnreadablePicture(shown(address), f"is larger than the limit of {BYTE_LIMIT / 1e6:,.0f} MB")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return b64decode(unquote(body).strip() + "=" * (-len(unquote(body).strip()) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadablePicture(shown(address), "is no true base64") from None


def _fetched(address: str, token: CancelToken) -> bytes:
    deadline = time.monotonic() + SECONDS
    content = bytearray()
    try:
        with Stream(address, {"Accept": "image/*,*/*;q=0.5"}, silence=SECONDS / 2) as stream:
            answer = stream.begin(token)
            if answer.kind.startswith("text/html"):
                raise UnreadablePicture(shown(address), "is a web page, not a picture")
            if answer.length is not None and answer.length > BYTE_LIMIT:
                raise _too_large(address)
            for piece in stream.pieces(token):
                content += piece
                if len(content) > BYTE_LIMIT:
                    raise _too_large(address)
                if time.monotonic() > deadline:
                    raise UnreadablePicture(shown(address), f"did not come within {SECONDS:.0f} s")
            if answer.length is not None and len(content) < answer.length:
                raise UnreadablePicture(shown(address), "was cut off on its way")
    except Refused as refusal:
        raise UnreadablePicture(shown(address), f"cannot be fetched: the server {refusal}") from None
    return bytes(content)


def _too_large(address: str) -> UnreadablePicture:
    return UnreadablePicture(shown(address), f"is larger than the limit of {BYTE_LIMIT / 1e6:,.0f} MB")
