"""Tensors as tiles: filters and feature maps, side by side, each pixel of which can be asked for its number and clicked."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.theme import font, px
from gui.widgets.canvas import Canvas, Row, image_of, ink
from gui.widgets.colourmaps import DIVERGING, VIRIDIS, magnitude, signed

GAP = 4


def tile_pixels(tensor: np.ndarray, extreme: float) -> np.ndarray:
    """Colour tiles.

    Parameters
    ----------
    tensor : float array [N, height, width, 1 or 3]
        Three channels are drawn as colour, mid grey zero; one by `signed` where there are negative numbers, else by `magnitude`.
    extreme : float
        Largest magnitude, shared by all tiles so that they compare.

    Returns
    -------
    uint8 array [N, height, width, 3]
    """
    if tensor.shape[-1] == 3:
        share = np.clip(np.nan_to_num(tensor) / extreme, -1, 1) if extreme > 0 else np.zeros_like(tensor)
        return ((share + 1) * 127.5).round().astype(np.uint8)
    values = tensor[..., 0]
    return signed(values, extreme) if float(np.nanmin(values, initial=0.0)) < 0 else magnitude(values, extreme)


class TensorPictures(Canvas):
    """Tiles of one size in rows, at the largest whole or half zoom that shows all of them.

    Signals
    -------
    pixel_clicked(int, int, int)
        Tile, row and column.
    """

    file_name = "tiles"
    pixel_clicked = Signal(int, int, int)

    def __init__(self, word: str, parent: QWidget | None = None, most: int = 256, side: int = 96) -> None:
        super().__init__(parent)
        self._word = word
        self._most = most
        self._side = side
        self._tensor = np.zeros((0, 1, 1, 1), np.float32)
        self._images: list[QImage] = []
        self._extreme = 0.0
        self._negative = False
        self._empty = ""
        self._selected: tuple[int, int, int] | None = None
        self._hovered: tuple[int, int, int] | None = None
        self.setMinimumSize(px(120), px(96))

    # ------------------------------------------------------------ setters

    def set_tensor(self, tensor: np.ndarray | None) -> None:
        """Show [N, height, width, 1 or 3] (None: nothing); beyond `most` tiles the rest is counted, not drawn."""
        self._tensor = np.zeros((0, 1, 1, 1), np.float32) if tensor is None else np.asarray(tensor, np.float32)
        finite = np.abs(self._tensor[np.isfinite(self._tensor)])
        self._extreme = float(finite.max(initial=0.0))
        self._negative = bool((self._tensor < 0).any())
        pixels = tile_pixels(self._tensor[: self._most], self._extreme) if len(self._tensor) else ()
        self._images = [image_of(tile) for tile in pixels]
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    def select(self, pixel: tuple[int, int, int] | None) -> None:
        """Mark a pixel: tile, row, column."""
        self._selected = pixel
        self.update()

    # ------------------------------------------------------------ what is drawn where

    def _layout(self, size: QSizeF) -> tuple[int, float]:
        """Tiles a row, and pixels of the screen for one of the tensor."""
        _, height, width, _ = self._tensor.shape
        number = max(1, len(self._images))
        room = QSizeF(size.width(), max(1.0, size.height() - self._legend_height(size)))
        best, columns = 0.0, 1
        for across in range(1, number + 1):
            rows = math.ceil(number / across)
            zoom = min((room.width() - (across - 1) * px(GAP)) / (across * width), (room.height() - (rows - 1) * px(GAP)) / (rows * height))
            if zoom > best:
                best, columns = zoom, across
        largest = px(self._side) / max(height, width) if number > 1 else px(320) / max(height, width)
        return columns, max(0.25, min(best, largest))

    def _legend_height(self, size: QSizeF) -> float:
        return QFontMetricsF(font(11)).height() * (2 if self._legend_wraps(size) else 1) + px(8)

    def _limits(self) -> tuple[str, str]:
        """What the ends of the colours mean."""
        return (f"-{self._extreme:.3g}" if self._negative else "0"), f"{self._extreme:.3g}"

    def _sizes(self) -> str:
        """How many pictures, and how large."""
        number, height, width, _ = self._tensor.shape
        text = self.tr("{number} {word}, {width} × {height}").format(number=number, word=self._word, width=width, height=height)
        hidden = number - len(self._images)
        return text + self.tr(" ({hidden} not drawn)").format(hidden=hidden) if hidden > 0 else text

    def _legend_wraps(self, size: QSizeF) -> bool:
        """Whether sizes have a line of their own, since beside the colours they would be cut off."""
        if self._tensor.shape[-1] != 1:
            return False
        metrics = QFontMetricsF(font(11, tabular=True))
        return sum(metrics.horizontalAdvance(text) for text in (*self._limits(), self._sizes())) + px(86) > size.width()

    def _tile(self, index: int, columns: int, zoom: float) -> QRectF:
        _, height, width, _ = self._tensor.shape
        row, column = divmod(index, columns)
        return QRectF(column * (width * zoom + px(GAP)), row * (height * zoom + px(GAP)), width * zoom, height * zoom)

    def pixel_at(self, x: float, y: float) -> tuple[int, int, int] | None:
        """Tile, row and column under a point of the widget."""
        if not self._images:
            return None
        columns, zoom = self._layout(QSizeF(self.size()))
        _, height, width, _ = self._tensor.shape
        column, row = int(x // (width * zoom + px(GAP))), int(y // (height * zoom + px(GAP)))
        index = row * columns + column
        if x < 0 or y < 0 or column >= columns or index >= len(self._images):
            return None
        tile = self._tile(index, columns, zoom)
        if not tile.contains(QPointF(x, y)):
            return None
        return index, min(int((y - tile.top()) / zoom), height - 1), min(int((x - tile.left()) / zoom), width - 1)

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if not self._images:
            painter.setFont(font(11))
            painter.setPen(ink("muted"))
            words = QRectF(px(8), 0, size.width() - px(16), size.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        columns, zoom = self._layout(size)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 1)
        for index, image in enumerate(self._images):
            painter.drawImage(self._tile(index, columns, zoom), image)
        for pixel, shade in ((self._hovered, ink("text")), (self._selected, ink("accent"))):
            if pixel is not None and pixel[0] < len(self._images):
                self._paint_frame(painter, pixel, columns, zoom, shade)
        self._paint_legend(painter, size)

    def _paint_frame(self, painter: QPainter, pixel: tuple[int, int, int], columns: int, zoom: float, shade: object) -> None:
        tile = self._tile(pixel[0], columns, zoom)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(shade, px(2)))
        painter.drawRect(tile.adjusted(-1, -1, 1, 1))
        if zoom >= 3:
            painter.setPen(QPen(shade, 1))
            painter.drawRect(QRectF(tile.left() + pixel[2] * zoom, tile.top() + pixel[1] * zoom, zoom, zoom))

    def _paint_legend(self, painter: QPainter, size: QSizeF) -> None:
        words = font(11, tabular=True)
        metrics = QFontMetricsF(words)
        painter.setFont(words)
        painter.setPen(ink("muted"))
        wraps = self._legend_wraps(size)
        top = size.height() - metrics.height() * (2 if wraps else 1)
        low, high = self._limits()
        x = 0.0
        if self._tensor.shape[-1] == 1:
            painter.drawText(QPointF(x, top + metrics.ascent()), low)
            x += metrics.horizontalAdvance(low) + px(5)
            bar = QRectF(x, top + metrics.height() * 0.25, px(64), metrics.height() * 0.5)
            painter.drawImage(bar, image_of((DIVERGING if self._negative else VIRIDIS)[None, :, :]))
            x += bar.width() + px(5)
            painter.drawText(QPointF(x, top + metrics.ascent()), high)
            x += metrics.horizontalAdvance(high) + px(12)
        text = self._sizes()
        if wraps:
            x, top = 0.0, top + metrics.height()
        painter.drawText(QPointF(x, top + metrics.ascent()), metrics.elidedText(text, Qt.TextElideMode.ElideRight, size.width() - x))

    # ------------------------------------------------------------ mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        pixel = self.pixel_at(event.position().x(), event.position().y())
        if pixel == self._hovered:
            return
        self._hovered = pixel
        if pixel is None:
            QToolTip.hideText()
        else:
            index, row, column = pixel
            numbers = ", ".join(f"{value:.4g}" for value in self._tensor[index, row, column])
            text = self.tr("no. {index}, row {row}, column {column}: {numbers}")
            QToolTip.showText(event.globalPosition().toPoint(), text.format(index=index, row=row, column=column, numbers=numbers), self)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        pixel = self.pixel_at(event.position().x(), event.position().y())
        if pixel is not None and event.button() is Qt.MouseButton.LeftButton:
            self.pixel_clicked.emit(*pixel)

    # ------------------------------------------------------------ numbers

    def table(self) -> list[Row]:
        if not self._images:
            return []
        places = np.ndindex(*self._tensor.shape)
        values = self._tensor.ravel().tolist()
        return [
            ("tile", "row", "column", "channel", "value"),
            *((*place, f"{value:.7g}") for place, value in zip(places, values, strict=True)),
        ]

    def has_table(self) -> bool:
        return bool(self._images)
