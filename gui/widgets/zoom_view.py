"""A picture that can be zoomed and moved, and tells the pixel under the pointer."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QNativeGestureEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import colour, colours, font

SQUARES_FROM = 2.0
"""Device pixels a picture pixel from which on pixels are shown as squares."""
LARGEST_ZOOM = 64.0
NOTCH = 1.25
"""Enlargement by one notch of the wheel, or by one press of +."""
LARGEST_ASKED = 8192
"""Longest side in pixels that is asked for; a picture of 8192 squared takes 200 MB."""


class ZoomView(QWidget):
    """Shows a picture fitted, or enlarged about a point of it.

    Positions are in pixels of the original picture, also while only a reduced one is here. `zoom` is device pixels a picture pixel, so
    that 1 is 100 % on every screen.

    Attributes
    ----------
    larger_wanted : Signal(int)
        More pixels are needed than are here: longest side that would be good.
    pointed : Signal(str)
        The pixel under the pointer in words; "" where there is none.
    zoomed : Signal(float)
    missed : Signal
        A click beside the picture.
    """

    larger_wanted = Signal(int)
    pointed = Signal(str)
    zoomed = Signal(float)
    missed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._key: object = None
        self._original = (0, 0)
        self._exact = False
        self._words = ""
        self._zoom: float | None = None
        self._centre = QPointF()
        self._asked: tuple[object, int] | None = None
        self._pressed: QPointF | None = None
        self._dragged = False
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    # ------------------------------------------------------------ what is shown

    def set_picture(
        self, key: object, image: QImage | None, original: tuple[int, int] = (0, 0), exact: bool = False, words: str = ""
    ) -> None:
        """Show a picture.

        Parameters
        ----------
        key
            Which picture it is; what arrives later of the same one keeps zoom and place, and never has fewer pixels than were here.
        image : QImage or None
            Perhaps reduced.
        original : tuple of int
            Width and height of the original; (0, 0) where unknown. Another picture of the same size keeps zoom and place as well, so that
            two can be compared.
        exact : bool
            The image has the picture's own pixel values, if reduced; otherwise it only stands in for it and no values are told.
        words : str
            Shown where there is no image.
        """
        if image is not None and image.isNull():
            image = None
        known = original if all(original) else (image.width(), image.height()) if image is not None else (0, 0)
        same = key == self._key
        here = self._image.width() if self._image is not None and self._exact else 0
        if same and known == self._original and image is not None and here >= image.width():
            self._words = words
            return
        if known != self._original and not (same and _aspect_close(known, self._original) and self._zoom is None):
            self._zoom = None
        self._key, self._image, self._original, self._exact, self._words = key, image, known, exact, words
        if not same:
            self.pointed.emit("")
        self._settle()

    @property
    def image(self) -> QImage | None:
        return self._image

    @property
    def reduced(self) -> tuple[int, int] | None:
        """Width and height of what is here where that is less than the original."""
        if self._image is None or self._image.width() >= self._original[0]:
            return None
        return self._image.width(), self._image.height()

    # ------------------------------------------------------------ zoom and place

    @property
    def fitted(self) -> bool:
        return self._zoom is None

    @property
    def zoom(self) -> float:
        """Device pixels a pixel of the original."""
        return self._fit() if self._zoom is None else self._zoom

    def _fit(self) -> float:
        width, height = self._original
        if not width or not height:
            return 1.0
        ratio = self.devicePixelRatioF()
        return max(1e-6, min(self.width() * ratio / width, self.height() * ratio / height))

    def fit(self) -> None:
        """Show the whole picture as large as there is room."""
        self._zoom = None
        self._settle()

    def set_zoom(self, zoom: float, about: QPointF | None = None) -> None:
        """Zoom, keeping what is at `about` (a point of the widget; None: its middle) where it is."""
        if self._image is None:
            return
        spot = about if about is not None else QPointF(self.rect().center())
        before = self.position_at(spot)
        fit = self._fit()
        self._zoom = min(max(zoom, min(fit, 1.0)), max(LARGEST_ZOOM, 2 * fit))
        step = self._zoom / self.devicePixelRatioF()
        middle = QPointF(self.width() / 2, self.height() / 2)
        self._centre = before - (spot - middle) / step
        self._settle()

    def _settle(self) -> None:
        """Keep the picture in view, and ask for more pixels where they are needed."""
        width, height = self._original
        if self._zoom is None:
            self._centre = QPointF(width / 2, height / 2)
        step = self.zoom / self.devicePixelRatioF()
        self._centre = QPointF(_kept(self._centre.x(), width, self.width() / step), _kept(self._centre.y(), height, self.height() / step))
        self.zoomed.emit(self.zoom)
        self._ask()
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._movable() else Qt.CursorShape.ArrowCursor)
        self.update()

    def _movable(self) -> bool:
        place = self.place()
        return place.width() > self.width() + 1 or place.height() > self.height() + 1

    def _ask(self) -> None:
        if self._image is None or not self._exact or self.reduced is None:
            return
        longest = min(max(self._original), LARGEST_ASKED)
        here = max(self._image.width(), self._image.height())
        if here < longest and self.zoom * max(self._original) > here * 1.05 and self._asked != (self._key, longest):
            self._asked = (self._key, longest)
            self.larger_wanted.emit(longest)

    def place(self) -> QRectF:
        """Where the whole picture is, in pixels of the widget; it may reach beyond."""
        step = self.zoom / self.devicePixelRatioF()
        left = self.width() / 2 - self._centre.x() * step
        top = self.height() / 2 - self._centre.y() * step
        return QRectF(left, top, self._original[0] * step, self._original[1] * step)

    def position_at(self, point: QPointF) -> QPointF:
        """The point of the original under a point of the widget."""
        place = self.place()
        step = self.zoom / self.devicePixelRatioF()
        return (point - place.topLeft()) / step

    def words_at(self, point: QPointF) -> str:
        """The pixel under a point of the widget: place in the original, red, green, blue from 0 to 255, and hexadecimal."""
        if self._image is None or not self._exact:
            return ""
        where = self.position_at(point)
        x, y = math.floor(where.x()), math.floor(where.y())
        if not (0 <= x < self._original[0] and 0 <= y < self._original[1]):
            return ""
        column = min(int(where.x() * self._image.width() / self._original[0]), self._image.width() - 1)
        row = min(int(where.y() * self._image.height() / self._original[1]), self._image.height() - 1)
        tone = self._image.pixelColor(column, row)
        return f"x {x}  y {y}   R {tone.red()}  G {tone.green()}  B {tone.blue()}   {tone.name()}"

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._image is None:
            painter.setPen(colour(colours().muted))
            painter.setFont(font(14))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words)
        else:
            self._paint_seen(painter, self._image)
        painter.end()

    def _paint_seen(self, painter: QPainter, image: QImage) -> None:
        """Paint only those pixels that are seen: Qt is slow and inexact on rectangles far larger than the widget."""
        place = self.place()
        across, down = place.width() / image.width(), place.height() / image.height()
        seen = place.intersected(QRectF(self.rect()))
        if seen.isEmpty():
            return
        left = max(0, math.floor((seen.left() - place.left()) / across))
        top = max(0, math.floor((seen.top() - place.top()) / down))
        right = min(image.width(), math.ceil((seen.right() - place.left()) / across))
        bottom = min(image.height(), math.ceil((seen.bottom() - place.top()) / down))
        source = QRectF(left, top, right - left, bottom - top)
        target = QRectF(place.left() + left * across, place.top() + top * down, source.width() * across, source.height() * down)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, across * self.devicePixelRatioF() < SQUARES_FROM)
        painter.drawImage(target, image, source)

    # ------------------------------------------------------------ mouse

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y() or event.angleDelta().x()
        if turned:
            self.set_zoom(self.zoom * NOTCH ** (turned / 120), event.position())
            self.pointed.emit(self.words_at(event.position()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.set_zoom(self.zoom * (1 + event.value()), event.position())
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed, self._dragged = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and event.buttons():
            moved = event.position() - self._pressed
            if self._movable() and (self._dragged or moved.manhattanLength() > 3):
                self._dragged = True
                self._pressed = event.position()
                self._zoom = self.zoom
                self._centre -= moved / (self.zoom / self.devicePixelRatioF())
                self._settle()
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self.pointed.emit(self.words_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and not self._dragged and not self.place().contains(event.position()):
            self.missed.emit()
        self._pressed = None
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._movable() else Qt.CursorShape.ArrowCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.fitted:
            self.set_zoom(1.0, event.position())
        else:
            self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit("")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle()


def _kept(centre: float, length: float, seen: float) -> float:
    """A centre so that no room is lost beside a picture of this length of which `seen` pixels fit."""
    return length / 2 if seen >= length else min(max(centre, seen / 2), length - seen / 2)


def _aspect_close(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes are of the same shape, as a picture and its thumbnail."""
    return all(one) and all(other) and abs(one[0] / one[1] - other[0] / other[1]) < 0.05 * one[0] / one[1]
