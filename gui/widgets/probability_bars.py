"""What a classifier answers: one bar a class, most probable first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

from gui.theme import colour, font, px
from gui.widgets.canvas import Canvas, Row, ink

ROW = 30
BAR = 6


def per_cent(probability: float) -> str:
    """A probability in words that never claim certainty.

    Examples
    --------
    >>> per_cent(0.5), per_cent(0.9999), per_cent(0.0001)
    ('50.0 %', '> 99.9 %', '< 0.1 %')
    """
    if 0.9995 <= probability < 1:
        return "> 99.9 %"
    if 0 < probability < 0.0005:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


class ProbabilityBars(Canvas):
    """Bars of the most probable classes. A line marks the threshold under which the answer is "unknown"."""

    file_name = "probabilities"

    def __init__(self, most: int = 10) -> None:
        super().__init__()
        self._most = most
        self._names: tuple[str, ...] = ()
        self._probabilities = np.zeros(0, np.float32)
        self._colours: Sequence[str] = ()
        self._threshold = 0.0
        self._order: list[int] = []
        self.setMinimumWidth(px(200))

    def set_answer(self, names: tuple[str, ...], probabilities: np.ndarray, colours: Sequence[str]) -> None:
        """Show these; probabilities float [K], colours "#rrggbb" a class, in the order of `names`."""
        grown = len(names) != len(self._names)
        self._names, self._probabilities, self._colours = names, probabilities, colours
        self._order = np.argsort(-probabilities, kind="stable")[: self._most].tolist()
        self.setAccessibleName(", ".join(f"{names[at]} {per_cent(float(probabilities[at]))}" for at in self._order[:5]))
        if grown:
            self.updateGeometry()
        self.update()

    def set_threshold(self, threshold: float) -> None:
        """Mark this probability, in [0, 1]; 0 marks nothing."""
        self._threshold = threshold
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._names, self._order = (), []
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(px(260), px(ROW * max(2, min(self._most, len(self._names)))))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(200), self.sizeHint().height())

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        words, bold = font(13, tabular=True), font(13, QFont.Weight.DemiBold, tabular=True)
        for row, at in enumerate(self._order):
            probability = float(self._probabilities[at])
            top = row * px(ROW)
            face = bold if row == 0 else words
            metrics = QFontMetricsF(face)
            number = per_cent(probability)
            painter.setFont(face)
            painter.setPen(ink("text"))
            base = top + metrics.ascent()
            wide = metrics.horizontalAdvance(number)
            painter.drawText(QPointF(size.width() - wide, base), number)
            name = metrics.elidedText(self._names[at], Qt.TextElideMode.ElideRight, size.width() - wide - px(12))
            painter.drawText(QPointF(0, base), name)
            groove = QRectF(0, top + metrics.height() + px(1), size.width(), px(BAR))
            self._bar(painter, groove, probability, self._colours[at])

    def _bar(self, painter: QPainter, groove: QRectF, probability: float, tone: str) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = groove.height() / 2
        painter.setBrush(ink("hover"))
        painter.drawRoundedRect(groove, radius, radius)
        filled = QRectF(groove)
        filled.setWidth(groove.width() * min(max(probability, 0.0), 1.0))
        if filled.width() >= 1:
            painter.setBrush(colour(tone))
            painter.drawRoundedRect(filled, min(radius, filled.width() / 2), radius)
        if self._threshold > 0:
            x = groove.width() * self._threshold
            painter.setBrush(ink("text"))
            painter.drawRect(QRectF(x, groove.top() - px(1), max(1, px(1)), groove.height() + px(2)))

    def table(self) -> list[Row]:
        if not self._order:
            return []
        return [("class", "probability"), *((self._names[at], f"{self._probabilities[at]:.6f}") for at in self._order)]
