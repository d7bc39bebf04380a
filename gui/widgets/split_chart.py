"""How many pictures of each class are in each split, as stacked bars that lie."""

from __future__ import annotations

import msgspec
import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from engine.project.records import ClassRecord, ImageTable, Split
from gui.theme import colour, colours, font, px
from gui.widgets.canvas import Canvas, Row, ink
from gui.widgets.ticks import linear_ticks, plain

SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.NONE)
"""Columns of the counts, in the order of the bars."""
BAR, ROW = 14, 22
NAMES_SHARE = 0.32


def counted(images: ImageTable | None, classes: tuple[ClassRecord, ...]) -> np.ndarray:
    """Pictures of each class, and last those without one, in each of SPLITS: int64 [K + 1, 4]."""
    counts = np.zeros((len(classes) + 1, len(SPLITS)), np.int64)
    if images is None or not len(images.ids):
        return counts
    order = np.argsort([record.id for record in classes]) if classes else np.zeros(0, np.int64)
    known = np.array([classes[at].id for at in order], np.int64)
    rows = np.full(len(images.ids), len(classes), np.int64)
    if len(known):
        found = np.minimum(np.searchsorted(known, images.class_ids), len(known) - 1)
        rows = np.where(known[found] == images.class_ids, order[found], rows)
    columns = np.array([SPLITS.index(Split(value)) for value in range(len(SPLITS))])[images.splits]
    return np.bincount(rows * len(SPLITS) + columns, minlength=counts.size).reshape(counts.shape)


class Bar(msgspec.Struct, frozen=True, eq=False):
    """A class's name and colour ("" for none), and its pictures in each of SPLITS: int64 [4]."""

    name: str
    tone: str
    counts: np.ndarray


class SplitChart(Canvas):
    """Bars of classes; a bar's parts are splits.

    Attributes
    ----------
    part_clicked : Signal(int, int)
        Row of the bar, and value of Split.
    """

    file_name = "splits"
    ground = "panel"
    part_clicked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._hovered: tuple[int, int] | None = None
        self.setAccessibleName(self.tr("Pictures by class and split"))

    def set_bars(self, bars: tuple[Bar, ...]) -> None:
        """Show these classes from above to below."""
        self._bars, self._hovered = bars, None
        self._fit()
        self.update()

    def restyle(self) -> None:
        self._fit()
        super().restyle()

    def _fit(self) -> None:
        self.setFixedHeight(round(self._head() + len(self._bars) * px(ROW) + px(8)))

    def split_names(self) -> tuple[str, ...]:
        """Words for SPLITS."""
        return self.tr("training"), self.tr("validation"), self.tr("test"), self.tr("none")

    @staticmethod
    def tones() -> tuple[QColor, ...]:
        """Colours for SPLITS."""
        curves = colours().curves
        return colour(curves[1]), colour(curves[0]), colour(curves[2]), ink("disabled")

    # ------------------------------------------------------------ places

    def _line(self) -> float:
        return QFontMetricsF(font(11)).height()

    def _head(self) -> float:
        """Room above the bars: legend, title of the axis, its numbers."""
        return 3 * self._line() + px(18)

    def _box(self, size: QSizeF) -> QRectF:
        metrics = QFontMetricsF(font(11))
        widest = max((metrics.horizontalAdvance(bar.name) for bar in self._bars), default=0.0)
        left = min(widest, size.width() * NAMES_SHARE) + px(20)
        return QRectF(left, self._head(), max(1.0, size.width() - left - px(16)), len(self._bars) * px(ROW))

    def _most(self) -> int:
        return max((int(bar.counts.sum()) for bar in self._bars), default=0) or 1

    def _part(self, box: QRectF, row: int, column: int) -> QRectF:
        scale = box.width() / self._most()
        before = float(self._bars[row].counts[:column].sum())
        top = box.top() + row * px(ROW) + (px(ROW) - px(BAR)) / 2
        return QRectF(box.left() + before * scale, top, float(self._bars[row].counts[column]) * scale, px(BAR))

    def part_at(self, point: QPointF) -> tuple[int, int] | None:
        """Row and column of SPLITS under a point; column -1 on the name or beside the bar."""
        box = self._box(QSizeF(self.size()))
        row = int((point.y() - box.top()) // px(ROW))
        if not 0 <= row < len(self._bars):
            return None
        inside = (column for column in range(len(SPLITS)) if self._part(box, row, column).adjusted(0, -4, 0, 4).contains(point))
        return row, next(inside, -1)

    def sentence(self, row: int) -> str:
        """A class in words: "cat: 60 training, 20 validation, 20 test"."""
        bar = self._bars[row]
        parts = [f"{number:,} {name}" for number, name in zip(bar.counts.tolist(), self.split_names(), strict=True) if number]
        return f"{bar.name}: {', '.join(parts) or '0'}"

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if not self._bars:
            return
        box = self._box(size)
        self._paint_legend(painter)
        self._paint_axis(painter, box)
        words = font(11)
        metrics = QFontMetricsF(words)
        painter.setFont(words)
        tones = self.tones()
        for row, bar in enumerate(self._bars):
            top = box.top() + row * px(ROW)
            if self._hovered is not None and self._hovered[0] == row:
                painter.fillRect(QRectF(0, top, size.width(), px(ROW)), ink("hover"))
            if bar.tone:
                painter.fillRect(QRectF(px(2), top + px(ROW) / 2 - px(4), px(8), px(8)), colour(bar.tone))
            painter.setPen(ink("text" if bar.tone else "muted"))
            room = QRectF(px(14), top, box.left() - px(20), px(ROW))
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
            for column in range(len(SPLITS)):
                if bar.counts[column]:
                    painter.fillRect(self._part(box, row, column), tones[column])

    def _paint_legend(self, painter: QPainter) -> None:
        words = font(11)
        metrics = QFontMetricsF(words)
        painter.setFont(words)
        left = float(px(2))
        used = [sum(int(bar.counts[column]) for bar in self._bars) for column in range(len(SPLITS))]
        for column, (name, tone) in enumerate(zip(self.split_names(), self.tones(), strict=True)):
            if not used[column]:
                continue
            painter.fillRect(QRectF(left, self._line() / 2 - px(4), px(8), px(8)), tone)
            painter.setPen(ink("text"))
            painter.drawText(QPointF(left + px(12), metrics.ascent()), name)
            left += px(24) + metrics.horizontalAdvance(name)

    def _paint_axis(self, painter: QPainter, box: QRectF) -> None:
        figures = font(11, tabular=True)
        line = self._line()
        painter.setFont(font(11))
        painter.setPen(ink("text"))
        title = QRectF(box.left(), line + px(4), box.width(), line)
        painter.drawText(title, int(Qt.AlignmentFlag.AlignCenter), self.tr("pictures"))
        painter.drawText(QRectF(px(2), line + px(4), box.left(), line), int(Qt.AlignmentFlag.AlignLeft), self.tr("class"))
        painter.setFont(figures)
        most = self._most()
        widest = QFontMetricsF(figures).horizontalAdvance(plain(float(most))) + px(10)
        for value in linear_ticks(0.0, float(most), max(2, int(box.width() / widest / 1.5))):
            if value != int(value):
                continue
            x = box.left() + value / most * box.width()
            painter.setPen(QPen(ink("grid"), 1))
            painter.drawLine(QLineF(x, box.top() - px(2), x, box.bottom()))
            painter.setPen(ink("muted"))
            where = QRectF(x - widest / 2, 2 * line + px(8), widest, line)
            painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), plain(value))

    # ------------------------------------------------------------ mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        part = self.part_at(event.position())
        if part == self._hovered:
            return
        self._hovered = part
        self.setCursor(Qt.CursorShape.PointingHandCursor if part is not None and part[1] >= 0 else Qt.CursorShape.ArrowCursor)
        if part is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.sentence(part[0]), self)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        part = self.part_at(event.position())
        if part is not None and part[1] >= 0 and event.button() is Qt.MouseButton.LeftButton:
            self.part_clicked.emit(part[0], int(SPLITS[part[1]]))

    # ------------------------------------------------------------ numbers

    def table(self) -> list[Row]:
        if not self._bars:
            return []
        return [(self.tr("class"), *self.split_names()), *((bar.name, *bar.counts.tolist()) for bar in self._bars)]

    def has_table(self) -> bool:
        return bool(self._bars)
