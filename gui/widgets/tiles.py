"""How one picture of the grid is painted: thumbnail, class, marks, and what is suggested."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPixmap

from engine.project.records import ClassRecord, Flag
from gui.icons import icon
from gui.theme import colour, colours, font, px
from gui.widgets.basics import percent
from gui.widgets.picture_model import PictureModel
from gui.widgets.thumbnails import Thumbnails

COARSE = 3.0
"""Enlargement from which on the picture's own pixels are shown as squares."""
MARKS = ((Flag.FLAGGED, "ph.flag"), (Flag.SKIPPED, "ph.skip-forward"), (Flag.CONFIRMED, "ph.check"), (Flag.NOTED, "ph.note"))
"""Marks of the user's that stand in a corner, and their icons."""


def paint_fitted(painter: QPainter, pixmap: QPixmap, area: QRect) -> QRect:
    """Paint a pixmap as large as it fits, in the middle; small ones with their pixels as squares. Gives where it is."""
    size = pixmap.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRect(
        area.x() + (area.width() - size.width()) // 2, area.y() + (area.height() - size.height()) // 2, size.width(), size.height()
    )
    coarse = size.width() > COARSE * pixmap.width()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not coarse)
    painter.drawPixmap(place, pixmap)
    return place


class Tiles:
    """Paints the tiles of a grid; what a scheme and a scale need is made once.

    Attributes
    ----------
    caption : int
        Height of the line below the picture, in pixels; 0 for none.
    """

    def __init__(self, model: PictureModel, thumbnails: Thumbnails) -> None:
        self._model = model
        self._thumbnails = thumbnails
        self.caption = 0
        self.dress()

    def dress(self) -> None:
        """Take over colours and scale."""
        tones = colours()
        self._selected, self._hover, self._panel = colour(tones.selected), colour(tones.hover), colour(tones.panel)
        self._accent, self._muted, self._text, self._error = (colour(name) for name in (tones.accent, tones.muted, tones.text, tones.error))
        self._font = font(11)
        self._metrics = QFontMetrics(self._font)
        self._colours: dict[str, QColor] = {}
        self._elided: dict[tuple[str, int], str] = {}
        self._icons: dict[str, QPixmap] = {}
        self._unlabelled = QCoreApplication.translate("Tiles", "unlabelled")

    def begin(self, painter: QPainter) -> None:
        """Set what all tiles share."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)

    def paint(self, painter: QPainter, area: QRect, row: int, selected: bool, focused: bool, hovered: bool) -> None:
        """Paint the picture of a row into `area`."""
        radius = px(6)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._selected if selected else self._hover)
            painter.drawRoundedRect(area, radius, radius)
        pad = px(4)
        side = area.width() - 2 * pad
        picture = QRect(area.x() + pad, area.y() + pad, side, area.height() - 2 * pad - self.caption)
        flags = self._model.flags_at(row)
        place = self._paint_picture(painter, picture, row, flags)
        record = self._model.class_at(row)
        suggestion = self._model.suggestion_at(row) if record is None else None
        shown = suggestion.record if suggestion is not None else record
        if self.caption:
            words = f"{shown.name}? {percent(suggestion.probability, 0)}" if suggestion is not None and shown is not None else ""
            line = QRect(picture.left(), picture.bottom() + 1, side, self.caption)
            self._paint_caption(painter, line, shown, words or (shown.name if shown is not None else ""), suggestion is not None)
        elif record is not None:
            painter.fillRect(QRect(picture.left(), picture.bottom() - px(3), side, px(4)), self._colour(record.colour))
        if flags:
            self._paint_marks(painter, place, flags)
        if suggestion is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._colour(suggestion.record.colour), px(2), Qt.PenStyle.DashLine))
            painter.drawRoundedRect(QRectF(place).adjusted(1, 1, -1, -1), px(3), px(3))
        if selected or focused:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._accent if selected else self._muted, px(2) if selected else 1))
            painter.drawRoundedRect(QRectF(area).adjusted(1, 1, -1, -1), radius, radius)

    def _colour(self, name: str) -> QColor:
        made = self._colours.get(name)
        if made is None:
            made = self._colours[name] = colour(name)
        return made

    def _paint_picture(self, painter: QPainter, area: QRect, row: int, flags: Flag) -> QRect:
        """Paint the thumbnail, or what is wrong; gives where the picture is."""
        place = area
        pixmap = self._thumbnails.get(self._model.id_at(row))
        if pixmap is not None and not pixmap.isNull():
            if flags & Flag.MISSING:
                painter.setOpacity(0.4)  # the thumbnail outlives its file
            place = paint_fitted(painter, pixmap, area)
            painter.setOpacity(1.0)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._panel)
            painter.drawRoundedRect(area, px(3), px(3))
        words = ""
        if flags & Flag.MISSING:
            words = QCoreApplication.translate("Tiles", "file is missing")
        elif flags & Flag.UNREADABLE or (pixmap is not None and pixmap.isNull()):
            words = QCoreApplication.translate("Tiles", "cannot be read")
        if words:
            painter.setPen(self._error)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)
        return place

    def _paint_caption(self, painter: QPainter, area: QRect, record: ClassRecord | None, words: str, asked: bool) -> None:
        dot = px(8)
        place = QRectF(area.left(), area.center().y() - dot / 2 + 1, dot, dot)
        if record is not None and not asked:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colour(record.colour))
        else:
            painter.setPen(QPen(self._muted if record is None else self._colour(record.colour), 1 if record is None else px(2)))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place)
        painter.setPen(self._text if record is not None else self._muted)
        line = area.adjusted(dot + px(5), 0, 0, 0)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._fitted(words, line.width()))

    def _fitted(self, words: str, width: int) -> str:
        words = words or self._unlabelled
        key = (words, width)
        shown = self._elided.get(key)
        if shown is None:
            if len(self._elided) > 5000:
                self._elided.clear()
            shown = self._elided[key] = self._metrics.elidedText(words, Qt.TextElideMode.ElideRight, width)
        return shown

    def _paint_marks(self, painter: QPainter, area: QRect, flags: Flag) -> None:
        """Small icons in the upper right corner, one a mark."""
        side, gap = px(16), px(2)
        right = area.right() - gap
        for flag, glyph in MARKS:
            if flags & flag:
                place = QRect(right - side, area.top() + gap, side, side)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(self._panel)
                painter.drawRoundedRect(place, px(4), px(4))
                painter.drawPixmap(place.adjusted(px(2), px(2), -px(2), -px(2)), self._icon(glyph, painter))
                right -= side + gap

    def _icon(self, glyph: str, painter: QPainter) -> QPixmap:
        made = self._icons.get(glyph)
        if made is None:
            tone = colours().accent_text if glyph == "ph.flag" else colours().text
            ratio = painter.device().devicePixelRatioF()
            made = self._icons[glyph] = icon(glyph, tone).pixmap(round(px(12) * ratio), round(px(12) * ratio))
        return made
