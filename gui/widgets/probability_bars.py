"""Probabilities as bars, one a class, with the class's colour, and the verdict: a class, or unknown."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from gui.theme import class_colour, colour, font, px
from gui.widgets.canvas import Canvas, Row, ink

SHORT = 5


def verdict(probabilities: np.ndarray, threshold: float) -> int | None:
    """Index of the most probable class; None ("unknown") where its probability lies below the threshold or nothing is finite."""
    if not len(probabilities) or not np.isfinite(probabilities).all():
        return None
    best = int(np.argmax(probabilities))
    return best if float(probabilities[best]) >= threshold else None


def shown_rows(probabilities: np.ndarray, everything: bool) -> list[int]:
    """Classes to show: all in their own order (bars that do not jump before a camera), or the five most probable, highest first."""
    if everything:
        return list(range(len(probabilities)))
    return np.argsort(-probabilities, kind="stable")[:SHORT].tolist()


class ProbabilityBars(Canvas):
    """Name, bar and per cent for each class; below five, what the others have together, so that the sum is 100."""

    file_name = "probabilities"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._colours: tuple[str, ...] = ()
        self._probabilities = np.zeros(0, np.float32)
        self._threshold = 0.0
        self._everything = False
        self.setMinimumWidth(px(200))

    # ------------------------------------------------------------ setters

    def set_answer(self, names: tuple[str, ...], probabilities: np.ndarray | None, colours: tuple[str, ...] = ()) -> None:
        """Show probabilities [K] of named classes (None: nothing)."""
        rows = self._row_number()
        self._names = names if probabilities is not None else ()
        self._colours = colours
        self._probabilities = np.zeros(0, np.float32) if probabilities is None else np.asarray(probabilities)
        if rows != self._row_number():
            self.updateGeometry()
        self.update()

    def set_threshold(self, threshold: float) -> None:
        self._threshold = threshold
        self.update()

    def set_everything(self, on: bool) -> None:
        self._everything = on
        self.updateGeometry()
        self.update()

    # ------------------------------------------------------------ painting

    def rows(self) -> list[tuple[str, float, str]]:
        """What is drawn: name, probability and colour ("" for the rest)."""
        shown = shown_rows(self._probabilities, self._everything)
        rows = [(self._names[index], float(self._probabilities[index]), self._colour(index)) for index in shown]
        hidden = len(self._probabilities) - len(shown)
        if hidden > 0:
            rest = max(0.0, float(np.sum(self._probabilities, dtype=np.float64)) - sum(share for _, share, _ in rows))
            rows.append((self.tr("{number} others").format(number=hidden), rest, ""))
        return rows

    def _row_number(self) -> int:
        return len(self._probabilities) if self._everything else min(SHORT + 1, len(self._probabilities))

    def _colour(self, index: int) -> str:
        return self._colours[index] if index < len(self._colours) else class_colour(index)

    def sizeHint(self) -> QSize:
        return QSize(px(260), round(self._row_height() * max(1, self._row_number())))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _row_height(self) -> float:
        return QFontMetricsF(font(13)).height() + px(10)

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        words = font(13, tabular=True)
        metrics = QFontMetricsF(words)
        painter.setFont(words)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows = self.rows()
        height = self._row_height()
        percent_width = metrics.horizontalAdvance("100.0 %") + px(8)
        name_width = min(size.width() * 0.42, max((metrics.horizontalAdvance(name) for name, _, _ in rows), default=0.0) + px(10))
        track = QRectF(name_width, 0, max(px(24), size.width() - name_width - percent_width), px(12))
        for number, (name, share, shade) in enumerate(rows):
            top = number * height
            painter.setPen(ink("text") if shade else ink("muted"))
            line = QRectF(0, top, name_width - px(8), height)
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
            bar = QRectF(track.left(), top + (height - track.height()) / 2, track.width(), track.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink("hover"))
            painter.drawRoundedRect(bar, px(3), px(3))
            width = bar.width() * min(1.0, max(0.0, share))
            if width >= 1:
                painter.setBrush(colour(shade) if shade else ink("muted"))
                painter.drawRoundedRect(QRectF(bar.left(), bar.top(), width, bar.height()), px(3), px(3))
            painter.setPen(ink("text"))
            where = QRectF(bar.right(), top, percent_width, height)
            painter.drawText(where, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), f"{100 * share:.1f}\u202f%")
        if 0 < self._threshold < 1 and rows:
            x = track.left() + track.width() * self._threshold
            painter.fillRect(QRectF(x, 0, 1, height * len(rows)), ink("muted"))

    def table(self) -> list[Row]:
        if not len(self._probabilities):
            return []
        pairs = zip(self._names, self._probabilities.tolist(), strict=True)
        return [("class", "probability"), *((name, f"{share:.7g}") for name, share in pairs)]
