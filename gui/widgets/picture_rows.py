"""Pictures in rows, pixel for pixel: first each as it is, then changed at random."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui.theme import font, px
from gui.widgets.canvas import Canvas, image_of, ink

GAP = 4
AFTER_PLAIN = 12


class PictureRows(Canvas):
    """A grid of pictures of one size, as large as fits; pixels are squares where they are enlarged.

    Signals
    -------
    row_clicked(int)
        A picture of this row was clicked.
    """

    file_name = "what the network sees"
    row_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[list[QImage]] = []
        self._size = (1, 1)
        self._empty = ""
        self._hovered: tuple[int, int] | None = None
        self.setMinimumSize(px(240), px(160))

    # ------------------------------------------------------------ setters

    def set_pictures(self, pictures: np.ndarray | None) -> None:
        """Show uint8 [rows, columns, height, width, 1 or 3]; None shows nothing."""
        if pictures is None or not pictures.size:
            self._images = []
        else:
            whole = np.broadcast_to(pictures, (*pictures.shape[:4], 3))
            self._size = (pictures.shape[2], pictures.shape[3])
            self._images = [[image_of(picture) for picture in row] for row in whole]
        self._hovered = None
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns shown."""
        return len(self._images), len(self._images[0]) if self._images else 0

    # ------------------------------------------------------------ what is drawn where

    def _zoom(self, size: QSizeF) -> float:
        """Pixels of the screen for one of a picture; whole where it enlarges, so that all squares are equal."""
        rows, columns = self.shape
        height, width = self._size
        room = QSizeF(size.width() - (columns - 1) * px(GAP) - px(AFTER_PLAIN), size.height() - self._head() - (rows - 1) * px(GAP))
        zoom = max(1e-3, min(room.width() / (columns * width), room.height() / (rows * height)))
        return float(int(zoom)) if zoom >= 2 else zoom

    def _head(self) -> float:
        return QFontMetricsF(font(11)).height() + px(4)

    def cell(self, row: int, column: int, size: QSizeF) -> QRectF:
        """Where a picture is drawn on a widget of this size."""
        zoom = self._zoom(size)
        height, width = self._size[0] * zoom, self._size[1] * zoom
        left = column * (width + px(GAP)) + (px(AFTER_PLAIN) if column else 0)
        return QRectF(left, self._head() + row * (height + px(GAP)), width, height)

    def _at(self, place: QPointF) -> tuple[int, int] | None:
        rows, columns = self.shape
        size = QSizeF(self.size())
        return next(
            ((row, column) for row in range(rows) for column in range(columns) if self.cell(row, column, size).contains(place)), None
        )

    # ------------------------------------------------------------ painting and mouse

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        painter.setFont(font(11))
        painter.setPen(ink("muted"))
        if not self._images:
            painter.drawText(
                QRectF(0, 0, size.width(), size.height()), int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty
            )
            return
        metrics = QFontMetricsF(font(11))
        first = self.cell(0, 0, size)
        painter.drawText(QPointF(0, metrics.ascent()), metrics.elidedText(self.tr("plain"), Qt.TextElideMode.ElideRight, first.width()))
        if self.shape[1] > 1:
            left = self.cell(0, 1, size).left()
            words = self.tr("changed at random, anew each time one is shown")
            words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, size.width() - left)
            painter.drawText(QPointF(left, metrics.ascent()), words)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom(size) < 2)
        for row, images in enumerate(self._images):
            for column, image in enumerate(images):
                painter.drawImage(self.cell(row, column, size), image)
        if self._hovered is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ink("accent"), px(2)))
            painter.drawRect(self.cell(*self._hovered, size).adjusted(-1, -1, 1, 1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hovered = self._at(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.PointingHandCursor if hovered is not None else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        hit = self._at(event.position())
        if hit is not None and event.button() is Qt.MouseButton.LeftButton:
            self.row_clicked.emit(hit[0])

    def has_table(self) -> bool:
        return False
