"""The pictures lane: thumbnails in parcels, and single pictures large. JPEG is decoded at a fraction of its size."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine import messages
from engine.control import CancelToken
from engine.data.decoding import Picture, UnreadablePicture, content, look_into, read_reduced, shrunk
from engine.data.locators import parted, path_of, read_located
from engine.data.looks import THUMBNAIL_SIDE, decoded, digest_of, digest_of_pixels, encoded, short_digest
from engine.failure import UserError
from engine.messages import PictureReady, ThumbnailsReady
from engine.project.ahead import in_order
from engine.project.thumbnails import thumbnails_of

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot
    from engine.session import Emit, Session

PARCEL = 32
PARCEL_SECONDS = 0.05
THREADS = 2
CACHE_BYTES = 64_000_000
MISSING_BYTES = 64
WRITTEN = 256  # thumbnails put into the project's file at once
KEPT_KINDS = ("file", "crop")  # pictures of arrays are read as quickly as their thumbnails would be


Key = tuple[str, str, int, int]  # project, locator, digest, side


class ThumbnailCache:
    """The thumbnails used last, up to a number of bytes; None is kept for pictures that cannot be read."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[Key, Picture | None] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> tuple[bool, Picture | None]:
        """Whether it is kept, and what."""
        with self._lock:
            if key not in self._kept:
                return False, None
            self._kept.move_to_end(key)
            return True, self._kept[key]

    def put(self, key: Key, picture: Picture | None) -> None:
        """Keep a thumbnail; the one used longest ago makes room."""
        with self._lock:
            self._bytes += _bytes(picture) - (_bytes(self._kept.pop(key)) if key in self._kept else 0)
            self._kept[key] = picture
            while self._bytes > self._limit:
                self._bytes -= _bytes(self._kept.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _bytes(picture: Picture | None) -> int:
    return MISSING_BYTES if picture is None else picture.nbytes + MISSING_BYTES


_cache = ThumbnailCache(CACHE_BYTES)


def forget() -> None:
    """Empty the memory of thumbnails used last."""
    _cache.clear()


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


def thumbnail_at(snapshot: Snapshot, row: int, side: int = THUMBNAIL_SIDE) -> Picture | None:
    """The picture of a row, its long side at most `side`; smaller ones as they are; None where it cannot be read. Any thread may ask."""
    wanted = _Wanted(snapshot, row, side)
    kept, picture = _cache.get(wanted.key)
    return picture if kept else wanted.made(thumbnails_of(snapshot.root).get([wanted.digest]).get(wanted.digest, b""))[0]


class _Wanted:
    """A thumbnail that somebody asked for."""

    def __init__(self, snapshot: Snapshot, row: int, side: int) -> None:
        self.locator, self.root, self.side = snapshot.locators[row], snapshot.root, side
        known = side <= THUMBNAIL_SIDE and row < len(snapshot.digests) and parted(self.locator)[0] in KEPT_KINDS
        self.digest = int(snapshot.digests[row]) if known else 0
        self.key = (self.root, self.locator, self.digest, side)

    def made(self, kept: bytes) -> tuple[Picture | None, bytes]:
        """The thumbnail, from what the project keeps of it if anything; and what it should keep from now on, if anything."""
        picture, fresh = decoded(kept), b""
        if picture is None:
            try:
                picture, fresh = self._from_original()
            except UnreadablePicture:
                picture = None
        if picture is not None:
            picture = shrunk(picture, self.side)
        _cache.put(self.key, picture)
        return picture, fresh

    def _from_original(self) -> tuple[Picture, bytes]:
        if not self.digest:
            return _reduced(self.locator, self.root, self.side)[0], b""
        path = path_of(self.locator, self.root)
        if path is not None and parted(self.locator)[0] == "file":
            data, name = content(path)
            picture, found = look_into(data, THUMBNAIL_SIDE, name).picture, short_digest(digest_of(data))
        else:
            whole = read_located(self.locator, self.root)
            picture, found = shrunk(whole, THUMBNAIL_SIDE), short_digest(digest_of_pixels(whole))
        return picture, encoded(picture) if found == self.digest else b""


def _thumbnails(snapshot: Snapshot, command: messages.WantThumbnails, token: CancelToken) -> Iterator[tuple[int, Picture | None]]:
    """Each picture's thumbnail, in the order asked for; pictures that have left the project are passed over."""
    rows = ((image, snapshot.row(image)) for image in command.images)
    asked = [(image, _Wanted(snapshot, row, command.side)) for image, row in rows if row is not None]
    file = thumbnails_of(snapshot.root)

    def jobs() -> Iterator[tuple[int, _Wanted, bytes]]:
        for start in range(0, len(asked), PARCEL):
            part = asked[start : start + PARCEL]
            kept = file.get(wanted.digest for _, wanted in part if not _cache.get(wanted.key)[0])
            for image, wanted in part:
                yield image, wanted, kept.get(wanted.digest, b"")

    def one(job: tuple[int, _Wanted, bytes]) -> tuple[Picture | None, bytes]:
        token.check()
        _, wanted, kept = job
        there, picture = _cache.get(wanted.key)
        return (picture, b"") if there else wanted.made(kept)

    if all(parted(wanted.locator)[0] not in KEPT_KINDS for _, wanted in asked):
        for job in jobs():  # out of arrays: quicker than handing it to another thread
            yield job[0], one(job)[0]
        return
    fresh: dict[int, bytes] = {}
    try:
        for (image, wanted, _), (picture, made) in in_order(one, jobs(), THREADS, token):
            if made:
                fresh[wanted.digest] = made
            yield image, picture
            if len(fresh) >= WRITTEN:
                file.put(fresh)
                fresh = {}
    finally:
        file.put(fresh)


def _reduced(locator: str, root: str, side: int) -> tuple[Picture, int, int]:
    path = path_of(locator, root)
    if path is not None and locator.startswith("file:"):
        return read_reduced(path, side)
    picture = read_located(locator, root)
    return shrunk(picture, side), picture.shape[1], picture.shape[0]


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
