"""One picture, large: a file, something pasted, or the camera's newest frame. Files and pictures may be dropped on it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QMimeData, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui.theme import font, px
from gui.widgets.canvas import Canvas, image_of, ink


def pixels_of(image: QImage) -> np.ndarray:
    """A picture's pixels on white, uint8 [height, width, 3]."""
    if image.hasAlphaChannel():
        opaque = QImage(image.size(), QImage.Format.Format_RGB888)
        opaque.fill(Qt.GlobalColor.white)
        painter = QPainter(opaque)
        painter.drawImage(0, 0, image)
        painter.end()
        image = opaque
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def files_in(mime: QMimeData) -> tuple[str, ...]:
    """Paths of the local files that are dragged or copied."""
    return tuple(url.toLocalFile() for url in mime.urls() if url.isLocalFile())


class DropPicture(Canvas):
    """A picture at its own aspect, as large as there is room, and a drop target.

    Signals
    -------
    files_dropped(tuple of str), picture_dropped(numpy uint8 [height, width, 3])
    """

    file_name = "picture"
    files_dropped = Signal(object)
    picture_dropped = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._empty = ""
        self._over = False
        self.setAcceptDrops(True)
        self.setMinimumSize(px(240), px(200))

    def set_pixels(self, pixels: np.ndarray | None) -> None:
        """Show uint8 [height, width, 3] (None: nothing)."""
        self._image = None if pixels is None else image_of(pixels)
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    @property
    def empty(self) -> bool:
        return self._image is None

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._image is None or self._over:
            pen = QPen(ink("accent") if self._over else ink("line"), px(2))
            pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(ink("selected") if self._over else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(px(2), px(2), size.width() - px(4), size.height() - px(4)), px(8), px(8))
        if self._image is None:
            painter.setFont(font(14))
            painter.setPen(ink("muted"))
            words = QRectF(px(16), px(16), size.width() - px(32), size.height() - px(32))
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        room = QRectF(0, 0, size.width(), size.height()).adjusted(px(4), px(4), -px(4), -px(4))
        zoom = min(room.width() / self._image.width(), room.height() / self._image.height())
        width, height = self._image.width() * zoom, self._image.height() * zoom
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 4)
        painter.drawImage(QRectF(room.center().x() - width / 2, room.center().y() - height / 2, width, height), self._image)

    # ------------------------------------------------------------ dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if files_in(event.mimeData()) or event.mimeData().hasImage():
            event.acceptProposedAction()
            self._over = True
            self.update()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._over = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        self._over = False
        self.update()
        self.take(event.mimeData())
        event.acceptProposedAction()

    def take(self, mime: QMimeData) -> bool:
        """Take what was dropped or pasted; tells whether there was something."""
        files = files_in(mime)
        if files:
            self.files_dropped.emit(files)
            return True
        image = mime.imageData() if mime.hasImage() else None
        if isinstance(image, QImage) and not image.isNull():
            self.picture_dropped.emit(pixels_of(image))
            return True
        return False
