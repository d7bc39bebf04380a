"""Where the parameters, or the work, of networks sit: a bar a network, cut into its layers."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.comparing import Group, Part, largest
from gui.network_figures import scale_of
from gui.theme import colour, colours, font, px, readable_on
from gui.widgets.axes import RIGHT_MARGIN
from gui.widgets.basics import count, percent
from gui.widgets.canvas import Canvas, Row, between, ink
from gui.widgets.ticks import linear_ticks

LEFT = 12
THINNEST, THICKEST = 10, 72


class Bar(msgspec.Struct, frozen=True):
    """A network's bar: title, colour of its mark, its parts, and a word in their place where there are none."""

    title: str
    colour: str
    parts: tuple[Part, ...]
    note: str = ""

    @property
    def total(self) -> int:
        return sum(part.value for part in self.parts)


class LayerBars(Canvas):
    """Bars below each other, on one scale or each as long as the others; pointing at a part tells its arithmetic."""

    file_name = "layers"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._unit = ""
        self._shares = False
        self._hovered: tuple[int, int] | None = None
        self.setMinimumSize(px(280), px(140))
        self.setAccessibleName(self.tr("Layers of the networks compared"))

    # ------------------------------------------------------------ setters

    def set_bars(self, bars: tuple[Bar, ...], unit: str) -> None:
        """Show these; `unit` is what is counted, for example "parameters"."""
        self._bars, self._unit = bars, unit
        self._hovered = None
        self.setMinimumHeight(round(self._needed()))
        self.update()

    def set_shares(self, on: bool) -> None:
        """Draw every bar over the whole width, so that shares compare; else on one scale."""
        self._shares = on
        self.update()

    def restyle(self) -> None:
        self.setMinimumHeight(round(self._needed()))
        super().restyle()

    # ------------------------------------------------------------ measures

    def _line(self) -> float:
        return QFontMetricsF(font(11)).height()

    def _needed(self) -> float:
        return max(1, len(self._bars)) * (self._line() + px(THINNEST) + px(8)) + self._foot() + self._head()

    def _foot(self) -> float:
        return 2 * self._line() + px(12)

    def _head(self) -> float:
        return self._line() + px(8)

    def _across(self, size: QSizeF) -> QRectF:
        left, top = px(LEFT), self._head()
        return QRectF(left, top, max(1.0, size.width() - left - px(RIGHT_MARGIN) - px(16)), max(1.0, size.height() - top - self._foot()))

    def places(self, size: QSizeF) -> list[list[QRectF]]:
        """Where each part of each bar lies."""
        box = self._across(size)
        step = box.height() / max(1, len(self._bars))
        thick = min(max(step - self._line() - px(8), px(THINNEST)), px(THICKEST))
        longest = max((bar.total for bar in self._bars), default=0) or 1
        found = []
        for row, bar in enumerate(self._bars):
            top = box.top() + row * step + self._line() + px(3)
            scale = box.width() / ((bar.total if self._shares else longest) or 1)
            x, inside = box.left(), []
            for part in bar.parts:
                inside.append(QRectF(x, top, part.value * scale, thick))
                x += part.value * scale
            found.append(inside)
        return found

    # ------------------------------------------------------------ painting

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if not self._bars:
            return
        self._paint_axis(painter, size)
        places = self.places(size)
        box = self._across(size)
        step = box.height() / len(self._bars)
        for row, (bar, inside) in enumerate(zip(self._bars, places, strict=True)):
            top = box.top() + row * step
            self._paint_title(painter, bar, top, size)
            for number, (part, where) in enumerate(zip(bar.parts, inside, strict=True)):
                self._paint_part(painter, part, where, (row, number) == self._hovered)
        self._paint_legend(painter, size)

    def _paint_axis(self, painter: QPainter, size: QSizeF) -> None:
        box = self._across(size)
        high = 100.0 if self._shares else float(max((bar.total for bar in self._bars), default=0) or 1)
        figures = font(11, tabular=True)
        metrics = QFontMetricsF(figures)
        painter.setFont(figures)
        for value in linear_ticks(0, high, max(2, int(box.width() / metrics.horizontalAdvance("000.0 M00")))):
            x = box.left() + value / high * box.width()
            painter.setPen(QPen(ink("grid"), 1))
            painter.drawLine(QLineF(x, box.top(), x, box.bottom() + px(4)))
            painter.setPen(ink("muted"))
            text = f"{value:g}" if self._shares else _tick(value)
            wide = metrics.horizontalAdvance(text) + 4
            start = min(max(0.0, x - wide / 2), size.width() - wide)
            painter.drawText(QRectF(start, box.bottom() + px(4), wide, metrics.height()), int(Qt.AlignmentFlag.AlignCenter), text)
        painter.setFont(font(11))
        painter.setPen(ink("text"))
        title = self.tr("share of its {unit} (%)").format(unit=self._unit) if self._shares else self._unit
        where = QRectF(box.left(), box.bottom() + px(5) + metrics.height(), box.width(), self._line() + 2)
        painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), title)

    def _paint_title(self, painter: QPainter, bar: Bar, top: float, size: QSizeF) -> None:
        line = self._line()
        mark = QRectF(px(LEFT), top + line * 0.22, line * 0.55, line * 0.55)
        painter.fillRect(mark, colour(bar.colour))
        name = font(11)
        name.setBold(True)
        painter.setFont(name)
        painter.setPen(ink("text"))
        x = mark.right() + px(6)
        painter.drawText(QRectF(x, top, size.width(), line), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), bar.title)
        x += QFontMetricsF(name).horizontalAdvance(bar.title) + px(10)
        painter.setFont(font(11, tabular=True))
        painter.setPen(ink("muted"))
        room = size.width() - x - px(4)
        text = QFontMetricsF(font(11, tabular=True)).elidedText(self._words(bar), Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(x, top, room, line), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)

    def _words(self, bar: Bar) -> str:
        most = largest(bar.parts)
        if most is None:
            return bar.note
        words = self.tr("{total}, of which {share} in {name}")
        return words.format(total=count(bar.total), share=percent(most.share, 0), name=most.name)

    def _paint_part(self, painter: QPainter, part: Part, where: QRectF, hovered: bool) -> None:
        shade = self._shade(part.group)
        painter.fillRect(where, between(shade, ink("text"), 0.22) if hovered else shade)
        if where.width() >= px(3):
            painter.fillRect(QRectF(where.right() - 1, where.top(), 1, where.height()), ink("surface"))
        words = font(11, tabular=True)
        metrics = QFontMetricsF(words)
        for text in (f"{part.name}  {scale_of(part.value)}", part.name):
            if metrics.horizontalAdvance(text) + px(8) <= where.width() and metrics.height() <= where.height() + px(4):
                painter.setFont(words)
                painter.setPen(colour(readable_on(shade.name())))
                painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), text)
                return

    def _shade(self, group: Group) -> QColor:
        """Greys, for colours are the networks' here: dark ones first seen are the linear layers, where parameters sit."""
        tones = colours()
        return colour({"convolution": tones.curves[6], "linear": tones.text, "attention": tones.curves[3], "other": tones.line}[group])

    def _paint_legend(self, painter: QPainter, size: QSizeF) -> None:
        words = {
            "convolution": self.tr("convolutions"),
            "linear": self.tr("linear layers"),
            "attention": self.tr("attention"),
            "other": self.tr("others"),
        }
        shown = {part.group for bar in self._bars for part in bar.parts}
        metrics = QFontMetricsF(font(11))
        painter.setFont(font(11))
        x, line = float(px(LEFT)), self._line()
        for group, text in words.items():
            if group not in shown:
                continue
            painter.fillRect(QRectF(x, px(2) + line * 0.22, line * 0.9, line * 0.55), self._shade(group))
            x += line * 0.9 + px(5)
            painter.setPen(ink("muted"))
            painter.drawText(QRectF(x, px(2), size.width(), line), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
            x += metrics.horizontalAdvance(text) + px(14)

    # ------------------------------------------------------------ mouse

    def part_at(self, point: QPointF) -> tuple[int, int] | None:
        """Numbers of the bar and of its part under a point."""
        for row, inside in enumerate(self.places(QSizeF(self.size()))):
            for number, where in enumerate(inside):
                if where.contains(point):
                    return row, number
        return None

    def words_at(self, row: int, number: int) -> str:
        """The arithmetic of a part."""
        bar = self._bars[row]
        part = bar.parts[number]
        value = f"{count(part.value)} {self._unit} · {percent(part.share)}"
        return "\n".join(text for text in (f"{bar.title}: {part.name}", part.formula, value) if text)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.part_at(event.position())
        if found == self._hovered:
            return
        self._hovered = found
        if found is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.words_at(*found), self)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def table(self) -> list[Row]:
        rows = [(bar.title, part.name, part.group, part.value, f"{part.share:.6g}") for bar in self._bars for part in bar.parts]
        return [("network", "layer", "kind", self._unit, "share"), *rows] if rows else []


def _tick(value: float) -> str:
    """0, 20 k, 60 M, 2.5 G.

    Examples
    --------
    >>> _tick(0), _tick(2.5e9), _tick(60e6), _tick(500)
    ('0', '2.5 G', '60 M', '500')
    """
    for power, prefix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= power:
            return f"{value / power:g}{prefix}"
    return f"{value:g}"
