"""A picture with what a unit sees of it: the box exact to the pixel, the part of its window that lies in the padding hatched."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QMouseEvent, QPainter, QPen, QRegion
from PySide6.QtWidgets import QToolTip, QWidget

from gui.fields import Seen
from gui.theme import colour, font, px
from gui.widgets.canvas import Canvas, Row, image_of, ink
from gui.widgets.colourmaps import VIRIDIS
from gui.widgets.heat_picture import heat_pixels

MARGIN = 0.12
"""Room around the picture for the padding, in sides of the picture."""
GRID_FROM = 10
"""Pixels on the screen from which the picture's own pixels are told apart by lines."""


class ReceptivePicture(Canvas):
    """Picture, box, centre and, where it was asked for, the effective field as heat.

    Signals
    -------
    pixel_clicked(float, float)
        Point (y, x) of the picture, in its pixels.
    """

    file_name = "receptive-field"
    pixel_clicked = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: np.ndarray | None = None
        self._image: QImage | None = None
        self._seen: Seen | None = None
        self._heat: np.ndarray | None = None
        self._heat_image: QImage | None = None
        self._empty = ""
        self.setMinimumSize(px(140), px(96))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Picture with the receptive field"))

    # ------------------------------------------------------------ setters

    def set_picture(self, picture: np.ndarray | None) -> None:
        """Show uint8 [height, width, 3]; a field shown before stays."""
        self._picture = picture
        self._image = image_of(picture) if picture is not None else None
        self.update()

    def set_seen(self, seen: Seen | None, words: str = "") -> None:
        """Draw what a unit sees; `words` are read to those who cannot see the drawing. Heat shown before goes."""
        self._seen = seen
        self.setAccessibleDescription(words)
        self.set_heat(None)

    def set_heat(self, heat: np.ndarray | None) -> None:
        """Draw the effective field, float [height, width] in [0, 1], over the picture."""
        self._heat = heat
        self._heat_image = image_of(heat_pixels(heat)) if heat is not None else None
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    # ------------------------------------------------------------ measures

    def place(self, size: QSizeF) -> QRectF:
        """Where the picture lies; its pixels are whole pixels of the screen once they are three or more."""
        assert self._picture is not None
        height, width = self._picture.shape[:2]
        below = QFontMetricsF(font(11)).height() + px(4)
        zoom = min(size.width() / width, (size.height() - below) / height) / (1 + 2 * MARGIN)
        zoom = float(math.floor(zoom)) if zoom >= 3 else max(zoom, 0.01)
        left, top = (size.width() - width * zoom) / 2, (size.height() - below - height * zoom) / 2
        return QRectF(round(left), round(top), width * zoom, height * zoom)

    def rect_of(self, box: tuple[int, int, int, int], size: QSizeF) -> QRectF:
        """A box (top, left, bottom, right) of the picture's pixels on the screen."""
        place = self.place(size)
        assert self._picture is not None
        zoom = place.width() / self._picture.shape[1]
        top, left, bottom, right = box
        return QRectF(place.left() + left * zoom, place.top() + top * zoom, (right - left) * zoom, (bottom - top) * zoom)

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if self._picture is None or self._image is None:
            painter.setFont(font(13))
            painter.setPen(ink("muted"))
            words = QRectF(px(8), 0, size.width() - px(16), size.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        place = self.place(size)
        zoom = place.width() / self._picture.shape[1]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < 2)
        painter.drawImage(place, self._image)
        if self._heat_image is not None:
            painter.drawImage(place, self._heat_image)
        if zoom >= GRID_FROM:
            self._paint_grid(painter, place, zoom)
        if self._seen is not None:
            self._paint_seen(painter, size, place, self._seen)
        self._paint_legend(painter, size)

    def _paint_grid(self, painter: QPainter, place: QRectF, zoom: float) -> None:
        painter.setPen(QPen(QColor(0, 0, 0, 46), 1))
        for step in range(1, round(place.width() / zoom)):
            painter.drawLine(QPointF(place.left() + step * zoom, place.top()), QPointF(place.left() + step * zoom, place.bottom()))
        for step in range(1, round(place.height() / zoom)):
            painter.drawLine(QPointF(place.left(), place.top() + step * zoom), QPointF(place.right(), place.top() + step * zoom))

    def _paint_seen(self, painter: QPainter, size: QSizeF, place: QRectF, seen: Seen) -> None:
        box, window = self.rect_of(seen.box, size), self.rect_of(seen.window, size)
        if not box.isEmpty() and self._heat is None:
            painter.save()
            painter.setClipRegion(QRegion(place.toRect()).subtracted(QRegion(box.toRect())))
            painter.fillRect(place, QColor(0, 0, 0, 110))
            painter.restore()
        if not place.contains(window) and not box.isEmpty():
            self._paint_padding(painter, size, place, window)
        if box.isEmpty():
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shade, width in (("#000000", px(4)), ("#ffffff", px(2))):
            pen = QPen(colour(shade), width)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(box)
        height, wide = (self._picture.shape[:2]) if self._picture is not None else (0, 0)
        y, x = seen.centre
        if 0 <= y <= height and 0 <= x <= wide:
            zoom = place.width() / max(1, wide)
            self._paint_centre(painter, QPointF(place.left() + x * zoom, place.top() + y * zoom))

    def _paint_padding(self, painter: QPainter, size: QSizeF, place: QRectF, window: QRectF) -> None:
        room = QRectF(0, 0, size.width(), size.height() - QFontMetricsF(font(11)).height() - px(4))
        shown = window.intersected(room)
        painter.save()
        painter.setClipRegion(QRegion(shown.toAlignedRect()).subtracted(QRegion(place.toRect())))
        painter.fillRect(shown, ink("hover"))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink("muted"))
        brush = painter.brush()
        brush.setStyle(Qt.BrushStyle.BDiagPattern)
        painter.fillRect(shown, brush)
        painter.restore()
        painter.save()
        painter.setClipRect(room)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink("muted"), px(1.5), Qt.PenStyle.DashLine))
        painter.drawRect(window)
        painter.restore()

    def _paint_centre(self, painter: QPainter, at: QPointF) -> None:
        for shade, width in (("#000000", px(3)), ("#ffffff", px(1))):
            painter.setPen(QPen(colour(shade), width))
            painter.drawLine(at - QPointF(px(5), 0), at + QPointF(px(5), 0))
            painter.drawLine(at - QPointF(0, px(5)), at + QPointF(0, px(5)))

    def _paint_legend(self, painter: QPainter, size: QSizeF) -> None:
        """What box, hatching and colours mean, in one line at the foot."""
        words = font(11)
        metrics = QFontMetricsF(words)
        line = metrics.height()
        y, x = size.height() - line, float(px(2))
        entries = [("box", self.tr("may see")), ("padding", self.tr("padding"))]
        if self._heat is not None:
            entries.append(("heat", self.tr("does see (0 to 1)")))
        painter.setFont(words)
        for kind, text in entries:
            mark = QRectF(x, y + line * 0.2, line * (2.6 if kind == "heat" else 0.8), line * 0.6)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if kind == "heat":
                painter.drawImage(mark, image_of(VIRIDIS[None]))
            else:
                solid = kind == "box"
                painter.setPen(QPen(ink("text" if solid else "muted"), px(1.5), Qt.PenStyle.SolidLine if solid else Qt.PenStyle.DashLine))
                painter.drawRect(mark)
            painter.setPen(ink("muted"))
            x = mark.right() + px(5)
            painter.drawText(QRectF(x, y, size.width(), line), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
            x += metrics.horizontalAdvance(text) + px(14)

    # ------------------------------------------------------------ mouse

    def _pixel(self, position: QPointF) -> tuple[float, float] | None:
        if self._picture is None:
            return None
        place = self.place(QSizeF(self.size()))
        if not place.contains(position):
            return None
        zoom = place.width() / self._picture.shape[1]
        return (position.y() - place.top()) / zoom, (position.x() - place.left()) / zoom

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._pixel(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if found is None else Qt.CursorShape.CrossCursor)
        if found is None:
            QToolTip.hideText()
            return
        words = self.tr("row {row}, column {column}").format(row=int(found[0]), column=int(found[1]))
        QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._pixel(event.position())
        if found is not None and event.button() is Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.pixel_clicked.emit(*found)

    def table(self) -> list[Row]:
        if self._heat is not None:
            return [tuple(f"{value:.6g}" for value in row) for row in self._heat.tolist()]
        if self._seen is None:
            return []
        header = ("", "top", "left", "bottom", "right")
        return [header, ("box", *self._seen.box), ("window", *self._seen.window)]
