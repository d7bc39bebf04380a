"""One picture as large as there is room for it, never cut, small pictures with sharp pixels."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QImage, QPainter

from gui.theme import font, px
from gui.widgets.canvas import Canvas, image_of, ink

SHARP_BELOW = 128
"""Pictures with fewer pixels a side are enlarged without smoothing, so that one sees what the network sees."""


class PictureView(Canvas):
    """Shows a picture, or a sentence where there is none."""

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self._image: QImage | None = None
        self._empty = empty
        self.setMinimumSize(px(240), px(200))

    def set_picture(self, pixels: np.ndarray | None) -> None:
        """Show uint8 height x width x 3, or nothing."""
        self._image = None if pixels is None else image_of(pixels)
        self.update()

    def set_empty(self, words: str) -> None:
        """The sentence shown without a picture."""
        self._empty = words
        self.update()

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if self._image is None:
            painter.setFont(font(13))
            painter.setPen(ink("muted"))
            room = QRectF(px(24), px(24), size.width() - px(48), size.height() - px(48))
            painter.drawText(room, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        width, height = self._image.width(), self._image.height()
        zoom = min(size.width() / width, size.height() / height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, max(width, height) >= SHARP_BELOW)
        place = QRectF((size.width() - width * zoom) / 2, (size.height() - height * zoom) / 2, width * zoom, height * zoom)
        painter.drawImage(place, self._image)
