"""Names of files: their order, which are hidden, which are text, which end as pictures do."""

from __future__ import annotations

import os
import re

BAD_NAME = "has a name that is not valid text"
SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
PICTURE_ENDINGS = frozenset(
    {
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "gif", "tif", "tiff", "pbm", "pgm", "ppm", "pnm"),
        *("avif", "heic", "heif", "jp2", "j2k", "tga", "ico", "sgi", "pcx", "psd", "qoi", "dds", "xbm"),
    }
)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts "beach_2" before "beach_10"."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]+)", name.casefold()) if part)


def spelled(name: str) -> bool:
    """Whether a name is text; Linux allows names that are bytes of no encoding, which no database or window takes."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def readable(name: str) -> str:
    """A name for people, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "replace") if not spelled(name) else name


def hidden(name: str) -> bool:
    """Whether a file or folder is the system's own, or not meant to be seen."""
    return name.startswith(".") or name.casefold() in SYSTEM_FILES
