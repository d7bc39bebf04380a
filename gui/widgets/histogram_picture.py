"""A histogram as bars, with an earlier one as a line behind it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from gui.theme import colour, colours, font, px
from gui.widgets.canvas import Canvas, Row, ink
from gui.widgets.ticks import linear_ticks, plain

Bins = tuple[np.ndarray, np.ndarray]
"""Shares [B], and lowest and highest value [2]."""


class HistogramPicture(Canvas):
    """How values are distributed: shares of equal bins between the lowest and the highest."""

    file_name = "histogram"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now: Bins | None = None
        self._before: Bins | None = None
        self._title = ""
        self.setMinimumSize(px(120), px(84))

    def set_histogram(self, title: str, now: Bins | None, before: Bins | None = None) -> None:
        """Show one (None: nothing), and an earlier one of the same values behind it."""
        self._title, self._now = title, now if now is not None and np.isfinite(now[1]).all() else None
        self._before = before if before is not None and np.isfinite(before[1]).all() else None
        self.setAccessibleName(title)
        self.update()

    @property
    def shown(self) -> Bins | None:
        """What is drawn."""
        return self._now

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        words = font(11, tabular=True)
        line = QFontMetricsF(words).height()
        painter.setFont(words)
        painter.setPen(ink("muted"))
        if self._now is None:
            painter.drawText(QRectF(0, 0, size.width(), size.height()), int(Qt.AlignmentFlag.AlignCenter), self._title)
            return
        title = QFontMetricsF(words).elidedText(self._title, Qt.TextElideMode.ElideMiddle, size.width())
        painter.drawText(QRectF(0, 0, size.width(), line), int(Qt.AlignmentFlag.AlignLeft), title)
        box = QRectF(0.5, line + px(2), size.width() - 1, max(1.0, size.height() - 2 * line - px(8)))
        painter.fillRect(box, ink("raised"))
        several = [bins for bins in (self._before, self._now) if bins is not None]
        low, high = min(float(limits[0]) for _, limits in several), max(float(limits[1]) for _, limits in several)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        tallest = max(float((_density(bins, high - low)).max()) for bins in several)
        self._paint_bars(painter, box, (low, high), tallest)
        if self._before is not None:
            self._paint_outline(painter, box, (low, high), tallest)
        painter.setPen(QPen(ink("line"), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        metrics = QFontMetricsF(words)
        for value in linear_ticks(low, high, max(2, int(box.width() / metrics.horizontalAdvance("-0.0000,")))):
            x = box.left() + (value - low) / (high - low) * box.width()
            painter.setPen(QPen(ink("line"), 1))
            painter.drawLine(QPointF(x, box.bottom()), QPointF(x, box.bottom() + px(3)))
            painter.setPen(ink("muted"))
            width = metrics.horizontalAdvance(plain(value)) + 2
            start = min(max(0.0, x - width / 2), size.width() - width)
            painter.drawText(QRectF(start, box.bottom() + px(3), width, line), int(Qt.AlignmentFlag.AlignCenter), plain(value))

    def _paint_bars(self, painter: QPainter, box: QRectF, span: tuple[float, float], tallest: float) -> None:
        assert self._now is not None
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(colours().curves[1]))
        for left, right, height in _steps(self._now, span, tallest):
            x = box.left() + left * box.width()
            painter.drawRect(QRectF(x, box.bottom() - height * box.height(), max(1.0, (right - left) * box.width()), height * box.height()))

    def _paint_outline(self, painter: QPainter, box: QRectF, span: tuple[float, float], tallest: float) -> None:
        assert self._before is not None
        points = []
        for left, right, height in _steps(self._before, span, tallest):
            y = box.bottom() - height * box.height()
            points += [QPointF(box.left() + left * box.width(), y), QPointF(box.left() + right * box.width(), y)]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink("text"), 1))
        painter.drawPolyline(QPolygonF(points))

    def table(self) -> list[Row]:
        if self._now is None:
            return []
        shares, (low, high) = self._now
        edges = np.linspace(low, high, len(shares) + 1)
        rows = zip(edges[:-1].tolist(), edges[1:].tolist(), shares.tolist(), strict=True)
        return [("from", "to", "share"), *((f"{left:.6g}", f"{right:.6g}", f"{share:.6g}") for left, right, share in rows)]


def _density(bins: Bins, width: float) -> np.ndarray:
    """Shares by the width of a bin, so that histograms of different limits compare; in units of the whole width."""
    shares, (low, high) = bins
    return shares * (len(shares) * width / (high - low) if high > low else len(shares))


def _steps(bins: Bins, span: tuple[float, float], tallest: float) -> list[tuple[float, float, float]]:
    """Left, right and height of each bin as shares of the box."""
    shares, (low, high) = bins
    first, whole = span[0], span[1] - span[0]
    if high <= low:
        low, high = low - whole / len(shares) / 2, high + whole / len(shares) / 2
        shares = np.array([shares.sum()])
        heights = np.array([1.0])
    else:
        heights = _density(bins, whole) / tallest
    edges = (np.linspace(low, high, len(shares) + 1) - first) / whole
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), heights.tolist(), strict=True))
