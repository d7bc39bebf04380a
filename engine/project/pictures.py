"""The pictures lane: thumbnails in parcels, and single pictures large. JPEG is decoded at a fraction of its size."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cv2

from engine import messages
from engine.control import CancelToken
from engine.data.decoding import Picture, UnreadablePicture, read_reduced
from engine.data.locators import path_of, read_located
from engine.failure import UserError
from engine.messages import PictureReady, ThumbnailsReady

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot
    from engine.session import Emit, Session

PARCEL = 32
PARCEL_SECONDS = 0.05
THREADS = 2
CACHE_BYTES = 64_000_000
MISSING_BYTES = 64


class ThumbnailCache:
    """The thumbnails used last, up to a number of bytes; None is kept for pictures that cannot be read."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[tuple[str, str, int], Picture | None] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str, int]) -> tuple[bool, Picture | None]:
        """Whether it is kept, and what."""
        with self._lock:
            if key not in self._kept:
                return False, None
            self._kept.move_to_end(key)
            return True, self._kept[key]

    def put(self, key: tuple[str, str, int], picture: Picture | None) -> None:
        """Keep a thumbnail; the one used longest ago makes room."""
        with self._lock:
            self._bytes += _bytes(picture) - (_bytes(self._kept.pop(key)) if key in self._kept else 0)
            self._kept[key] = picture
            while self._bytes > self._limit:
                self._bytes -= _bytes(self._kept.popitem(last=False)[1])


def _bytes(picture: Picture | None) -> int:
    return MISSING_BYTES if picture is None else picture.nbytes + MISSING_BYTES


_cache = ThumbnailCache(CACHE_BYTES)


def want_thumbnails(session: Session, command: messages.WantThumbnails, token: CancelToken, emit: Emit) -> None:
    """Thumbnails of pictures, those in the cache first come with the first parcel."""
    snapshot = session.opened().snapshot
    images: list[int] = []
    pictures: list[Picture | None] = []
    told = time.monotonic()
    for image, picture in _thumbnails(snapshot, command, token):
        images.append(image)
        pictures.append(picture)
        if len(images) == PARCEL or time.monotonic() - told > PARCEL_SECONDS:
            emit(ThumbnailsReady(side=command.side, images=tuple(images), pictures=tuple(pictures)))
            images, pictures, told = [], [], time.monotonic()
    if images:
        emit(ThumbnailsReady(side=command.side, images=tuple(images), pictures=tuple(pictures)))


def _thumbnails(snapshot: Snapshot, command: messages.WantThumbnails, token: CancelToken) -> Iterator[tuple[int, Picture | None]]:
    """Each picture's thumbnail, in the order asked for; pictures that have left the project are passed over."""
    wanted: list[tuple[int, str]] = []
    for image in command.images:
        row = snapshot.row(image)
        if row is not None:
            wanted.append((image, snapshot.locators[row]))

    def one(locator: str) -> Picture | None:
        token.check()
        return thumbnail(locator, snapshot.root, command.side)

    if all(not locator.startswith("file:") for _, locator in wanted):
        for image, locator in wanted:
            yield image, one(locator)
        return
    with ThreadPoolExecutor(THREADS, thread_name_prefix="fovea-thumbnails") as pool:
        futures = [pool.submit(one, locator) for _, locator in wanted]
        try:
            for (image, _), future in zip(wanted, futures, strict=True):
                yield image, future.result()
        finally:
            for future in futures:
                future.cancel()


def thumbnail(locator: str, root: str, side: int) -> Picture | None:
    """A picture whose long side is at most `side`; smaller ones as they are; None where it cannot be read."""
    key = (root, locator, side)
    kept, picture = _cache.get(key)
    if kept:
        return picture
    try:
        picture = _reduced(locator, root, side)[0]
    except UnreadablePicture:
        picture = None
    _cache.put(key, picture)
    return picture


def _reduced(locator: str, root: str, side: int) -> tuple[Picture, int, int]:
    path = path_of(locator, root)
    if path is not None and locator.startswith("file:"):
        return read_reduced(path, side)
    picture = read_located(locator, root)
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return picture, width, height


def want_picture(session: Session, command: messages.WantPicture, token: CancelToken, emit: Emit) -> None:
    """One picture, large."""
    snapshot = session.opened().snapshot
    row = snapshot.row(command.image)
    if row is None:
        raise UserError("This picture is no longer in the project.", "Undo brings removed pictures back.")
    locator = snapshot.locators[row]
    path = path_of(locator, snapshot.root)
    shown = str(path) if path is not None else ""
    try:
        pixels, width, height = _reduced(locator, snapshot.root, command.side)
    except UnreadablePicture as error:
        emit(PictureReady(image=command.image, pixels=None, original_width=0, original_height=0, path=shown, error=error.message))
        return
    token.check()
    emit(PictureReady(image=command.image, pixels=pixels, original_width=width, original_height=height, path=shown))
