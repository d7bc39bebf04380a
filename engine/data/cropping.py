"""Cut-outs of pictures: "crop:PATH#left,top,width,height", in pixels of the upright picture."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from engine.data.colour import Picture
from engine.data.decoding import Colour, read_picture
from engine.data.unreadable import UnreadablePicture

KEPT_BYTES = 64_000_000  # a larger picture is decoded anew for each of its cut-outs
BOX = re.compile(r"([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9})", re.ASCII)

_last = threading.local()  # cut-outs of one picture are read one after the other


def read_crop(path: Path, box: str, ground: Colour) -> Picture:
    """Cut a part out of a picture: uint8 height x width x 3.

    Parameters
    ----------
    path : Path
        The picture's file.
    box : str
        "left,top,width,height" in pixels of the upright picture; what lies outside the picture is left out.
    ground : tuple of int
        As in `read_picture`.

    Raises
    ------
    UnreadablePicture
        If the picture cannot be read, or the box lies outside it.
    """
    numbers = BOX.fullmatch(box)
    if numbers is None:
        raise UnreadablePicture(path.name, f"has no part {box!r}")
    left, top, width, height = (int(number) for number in numbers.groups())
    picture = _decoded(path, ground)
    part = picture[top : top + height, left : left + width]
    if part.size == 0:
        raise UnreadablePicture(path.name, f"has {picture.shape[1]} × {picture.shape[0]} pixels; the part {box} lies outside")
    return part.copy()


def _decoded(path: Path, ground: Colour) -> Picture:
    try:
        status = path.stat()
        key = (str(path), status.st_mtime_ns, status.st_size, ground)
    except OSError:  # the decoder says what is wrong
        return read_picture(path, ground=ground)
    if getattr(_last, "key", None) == key:
        kept: Picture = _last.picture
        return kept
    _last.key = _last.picture = None
    picture = read_picture(path, ground=ground)
    if picture.nbytes <= KEPT_BYTES:
        _last.key, _last.picture = key, picture
    return picture
