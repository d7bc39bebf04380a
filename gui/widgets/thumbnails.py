"""Thumbnails in memory: asks the engine for what is looked at now, keeps what was looked at last."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap

from engine.messages import ThumbnailsReady, WantThumbnails
from gui.bridge import Bridge
from gui.state import AppState

if TYPE_CHECKING:
    import numpy as np

KEPT_BYTES = 128 * 2**20
SIDES = (96, 192, 320)
ASKED_AT_ONCE = 600


def pixmap_of(pixels: np.ndarray) -> QPixmap:
    """A pixmap of uint8 [height, width, 3]."""
    import numpy as np

    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QPixmap.fromImage(image)


class Thumbnails(QObject):
    """A cache with an owner's list of wishes; a new list takes the place of what was not answered of the old.

    Attributes
    ----------
    arrived : Signal(frozenset of int)
        Pictures that are there now.
    """

    arrived = Signal(object)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._kept: OrderedDict[int, tuple[int, QPixmap | None]] = OrderedDict()
        self._bytes = 0
        self._wishes: dict[str, tuple[int, ...]] = {}
        self._asked: set[int] = set()
        self._side = SIDES[0]
        self._folder = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(30)
        self._timer.timeout.connect(self._ask)
        bridge.thumbnails.connect(self._take)

    def get(self, image: int) -> QPixmap | None:
        """The thumbnail, if it is here; null where the picture cannot be read."""
        entry = self._kept.get(image)
        if entry is None:
            return None
        self._kept.move_to_end(image)
        return entry[1] if entry[1] is not None else QPixmap()

    def set_side(self, side: int) -> None:
        """How large thumbnails should be, in device pixels; rounded up to one of a few sizes."""
        self._side = next((size for size in SIDES if size >= side), SIDES[-1])

    def want(self, owner: str, images: tuple[int, ...]) -> None:
        """Say what `owner` shows now; most important first."""
        if self._wishes.get(owner) == images and not self._missing():
            return
        self._wishes[owner] = images
        if not self._timer.isActive():
            self._timer.start()

    def follow(self, state: AppState) -> None:
        """Forget everything when another project is open."""
        folder = state.folder
        if folder != self._folder:
            self._folder = folder
            self._kept.clear()
            self._bytes = 0
            self._asked.clear()
            self._wishes.clear()

    def _missing(self) -> tuple[int, ...]:
        wanted = dict.fromkeys(image for images in self._wishes.values() for image in images)
        return tuple(image for image in wanted if self._kept.get(image, (0, None))[0] < self._side)

    def _ask(self) -> None:
        missing = self._missing()[:ASKED_AT_ONCE]
        if missing and (set(missing) - self._asked):
            self._asked = set(missing)
            self._bridge.submit(WantThumbnails(missing, self._side))

    def _take(self, event: ThumbnailsReady) -> None:
        for image, pixels in zip(event.images, event.pictures, strict=True):
            old = self._kept.pop(image, None)
            if old is not None and old[1] is not None:
                self._bytes -= _size(old[1])
            pixmap = pixmap_of(pixels) if pixels is not None else None
            self._kept[image] = (event.side, pixmap)
            self._bytes += _size(pixmap) if pixmap is not None else 0
            self._asked.discard(image)
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, (_, pixmap) = self._kept.popitem(last=False)
            self._bytes -= _size(pixmap) if pixmap is not None else 0
        self.arrived.emit(frozenset(event.images))


def _size(pixmap: QPixmap) -> int:
    return 4 * pixmap.width() * pixmap.height()


def shared_thumbnails(bridge: Bridge) -> Thumbnails:
    """The one cache of this bridge; made on first use."""
    return bridge.findChild(Thumbnails) or Thumbnails(bridge, bridge)
