"""A unit's receptive field on a picture: the theoretical box, and the effective field as heat."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui.theme import colour, font, px
from gui.widgets.canvas import Canvas, Row, image_of, ink
from gui.widgets.colourmaps import VIRIDIS, magnitude

STRONGEST = 235
"""Opacity of the heat's maximum, of 255: the picture still shines through."""


def heat_pixels(heat: np.ndarray) -> np.ndarray:
    """Heat in [0, 1] as viridis, more opaque where it is hotter. uint8 [height, width, 4]."""
    clean = np.clip(np.nan_to_num(heat), 0, 1)
    opacity = (np.sqrt(clean) * STRONGEST).round().astype(np.uint8)
    return np.concatenate([magnitude(clean, 1.0), opacity[..., None]], axis=2)


def effective_size(heat: np.ndarray) -> float:
    """Side in pixels of a square as large as the area whose heat exceeds 4.55 % of the maximum.

    That is where a Gaussian has fallen by more than two standard deviations; Luo et al., Understanding the effective receptive field,
    NIPS 2016, measure the effective field so.
    """
    return math.sqrt(float((heat > (1 - 0.9545)).sum())) if heat.size and float(heat.max()) > 0 else 0.0


class HeatPicture(Canvas):
    """A picture with box and heat; a click asks for the unit that looks there.

    Signals
    -------
    pixel_clicked(int, int)
        Row and column of the picture at working size.
    """

    file_name = "receptive-field"
    pixel_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: np.ndarray | None = None
        self._heat: np.ndarray | None = None
        self._box: tuple[int, int, int, int] | None = None
        self._words: tuple[str, ...] = ()
        self._empty = ""
        self.setMinimumSize(px(120), px(120))

    # ------------------------------------------------------------ setters

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Show uint8 [height, width, 3] without a field."""
        self.set_field(picture, None, None, ())

    def set_field(
        self, picture: np.ndarray | None, heat: np.ndarray | None, box: tuple[int, int, int, int] | None, words: tuple[str, ...]
    ) -> None:
        """Show a picture, heat [height, width] in [0, 1], a box (top, left, bottom, right) and lines of words below."""
        self._picture, self._heat, self._box, self._words = picture, heat, box, words
        self.setCursor(Qt.CursorShape.ArrowCursor if picture is None else Qt.CursorShape.PointingHandCursor)
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    # ------------------------------------------------------------ painting

    def _place(self, size: QSizeF) -> QRectF:
        """Where the picture lies, with room for a frame around all of it."""
        assert self._picture is not None
        height, width = self._picture.shape[:2]
        below = QFontMetricsF(font(11)).height() * (len(self._words) + self._legend_lines(size)) + px(4)
        zoom = max(0.01, min((size.width() - px(4)) / width, (size.height() - below - px(4)) / height))
        return QRectF((size.width() - width * zoom) / 2, px(2), width * zoom, height * zoom)

    def _legend_lines(self, size: QSizeF) -> float:
        """Height of the legend in lines; in a narrow picture the frame is explained in a line of its own."""
        if self._heat is None:
            return 0.0
        return 2.8 if self._legend_wraps(size) else 1.6

    def _legend_wraps(self, size: QSizeF) -> bool:
        metrics = QFontMetricsF(font(11, tabular=True))
        return self._legend_width(metrics) + px(77) + metrics.height() * 0.5 > size.width()

    def _legend_width(self, metrics: QFontMetricsF) -> float:
        """Of its words alone; colours, frame and gaps take 77 pixels and half a line."""
        return sum(metrics.horizontalAdvance(text) for text in (self.tr("heat 0"), self.tr("1"), self.tr("theoretical")))

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if self._picture is None:
            painter.setFont(font(11))
            painter.setPen(ink("muted"))
            words = QRectF(px(8), 0, size.width() - px(16), size.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        place = self._place(size)
        zoom = place.width() / self._picture.shape[1]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 2)
        painter.drawImage(place, image_of(self._picture))
        if self._heat is not None:
            painter.drawImage(place, image_of(heat_pixels(self._heat)))
        if self._box is not None:
            self._paint_box(painter, place, zoom)
        self._paint_words(painter, size, place)

    def _paint_box(self, painter: QPainter, place: QRectF, zoom: float) -> None:
        """A light line in a dark one can be seen on every picture."""
        top, left, bottom, right = self._box or (0, 0, 0, 0)
        frame = QRectF(place.left() + left * zoom, place.top() + top * zoom, (right - left) * zoom, (bottom - top) * zoom)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shade, width in (("#000000", px(4)), ("#ffffff", px(2))):
            pen = QPen(colour(shade), width)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(frame)

    def _paint_words(self, painter: QPainter, size: QSizeF, place: QRectF) -> None:
        words = font(11, tabular=True)
        metrics = QFontMetricsF(words)
        painter.setFont(words)
        y = place.bottom() + px(4)
        if self._heat is not None:
            painter.setPen(ink("muted"))
            begin = x = max(0.0, min(place.left(), size.width() - px(77) - metrics.height() * 0.5 - self._legend_width(metrics)))
            for text, after in ((self.tr("heat 0"), True), (self.tr("1"), False)):
                painter.drawText(QRectF(x, y, size.width(), metrics.height()), int(Qt.AlignmentFlag.AlignLeft), text)
                x += metrics.horizontalAdvance(text) + px(5)
                if after:
                    painter.drawImage(QRectF(x, y + metrics.height() * 0.25, px(48), metrics.height() * 0.5), image_of(VIRIDIS[None]))
                    x += px(48) + px(5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ink("text"), px(2)))
            x += px(8)
            if self._legend_wraps(size):
                x, y = begin + px(1), y + metrics.height() * 1.2
            painter.drawRect(QRectF(x, y + metrics.height() * 0.25, metrics.height() * 0.5, metrics.height() * 0.5))
            painter.setPen(ink("muted"))
            where = QRectF(x + metrics.height() * 0.5 + px(6), y, size.width(), metrics.height())
            painter.drawText(where, int(Qt.AlignmentFlag.AlignLeft), self.tr("theoretical"))
            y += metrics.height() * 1.4
        painter.setPen(ink("text"))
        for line in self._words:
            elided = metrics.elidedText(line, Qt.TextElideMode.ElideRight, size.width())
            painter.drawText(QRectF(0, y, size.width(), metrics.height()), int(Qt.AlignmentFlag.AlignHCenter), elided)
            y += metrics.height()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._picture is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        place = self._place(QSizeF(self.size()))
        if place.contains(event.position()):
            zoom = place.width() / self._picture.shape[1]
            row, column = (event.position().y() - place.top()) / zoom, (event.position().x() - place.left()) / zoom
            self.pixel_clicked.emit(int(row), int(column))

    def table(self) -> list[Row]:
        if self._heat is None:
            return []
        return [tuple(f"{value:.6g}" for value in row) for row in self._heat.tolist()]
