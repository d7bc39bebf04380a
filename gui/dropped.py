"""What is dragged or copied from elsewhere: files, a picture, or addresses of pictures, as browsers give them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QImage

from gui.widgets.picture_model import MIME, paths_of

if TYPE_CHECKING:
    import numpy as np

SCHEMES = ("http", "https", "data")
MOST_ADDRESSES = 1000
NAME_LENGTH = 80
_ADDRESS = re.compile(r"(?:https?://\S+|data:image/\S+)", re.IGNORECASE)


class Dropped(msgspec.Struct, frozen=True, eq=False):
    """What there is to take; of files, a picture and addresses only the best is given.

    Attributes
    ----------
    paths : tuple of str
        Local files and folders.
    image : QImage or None
        A picture.
    name : str
        Its name, as far as its address tells; "" where it does not.
    addresses : tuple of str
        http, https and data addresses.
    """

    paths: tuple[str, ...] = ()
    image: QImage | None = None
    name: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.paths or self.addresses or self.image is not None)

    def pixels(self) -> np.ndarray:
        """The picture on white, uint8 [height, width, 3]."""
        from gui.widgets.drop_picture import pixels_of

        assert self.image is not None
        return pixels_of(self.image)


def may_hold(mime: QMimeData) -> bool:
    """Whether something could be taken; asked while it is dragged, so nothing is read but what is short."""
    if mime.hasFormat(MIME):
        return False
    return bool(paths_of(mime)) or mime.hasImage() or bool(addresses_of(mime))


def read(mime: QMimeData) -> Dropped:
    """What was dropped or pasted. Pictures of the project itself are nothing."""
    if mime.hasFormat(MIME):
        return Dropped()
    paths = paths_of(mime)
    if paths:
        return Dropped(paths=paths)
    addresses = addresses_of(mime)
    image = mime.imageData() if mime.hasImage() else None
    if isinstance(image, QImage) and not image.isNull():
        return Dropped(image=image, name=name_in(addresses[0]) if addresses else "")
    return Dropped(addresses=addresses)


def addresses_of(mime: QMimeData) -> tuple[str, ...]:
    """Addresses of pictures: those of <img> in HTML, for the list of addresses then names the page a picture leads to; else that list;
    else what looks like an address in plain text, a line each.
    """
    found = _pictures_in(mime.html()) if mime.hasHtml() else []
    if not found:
        found = [url.toString() for url in mime.urls() if url.scheme().lower() in SCHEMES]
    if not found and mime.hasText():
        lines = [line.strip() for line in mime.text().splitlines()[:MOST_ADDRESSES]]
        found = [line for line in lines if _ADDRESS.fullmatch(line)]
    return tuple(dict.fromkeys(found))[:MOST_ADDRESSES]


def name_in(address: str) -> str:
    """The name of the file that an address ends in; "" where there is none.

    Examples
    --------
    >>> name_in("https://example.org/a/red%20fox.jpg?size=3"), name_in("data:image/png;base64,AAAA")
    ('red fox.jpg', '')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return PurePosixPath(unquote(parts.path)).name[:NAME_LENGTH] if parts.scheme in ("http", "https") else ""


class _Pictures(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        source = dict(attrs).get("src") if tag == "img" else None
        if source and _ADDRESS.fullmatch(source):
            self.found.append(source)


def _pictures_in(html: str) -> list[str]:
    parser = _Pictures()
    parser.feed(html)
    return parser.found
