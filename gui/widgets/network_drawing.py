"""A network drawn: its feature maps as boxes, sides to scale, channels as depth, with what stands between them written."""

from __future__ import annotations

import itertools
import math

import msgspec
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from engine.networks.arithmetic import Analysis, LayerRow
from gui.theme import font, px
from gui.widgets.basics import count
from gui.widgets.canvas import Canvas, Row, between, ink
from gui.widgets.network_words import is_quiet, operation, size_text

SKEW = 0.42
"""How far a pixel of depth goes to the right and up."""
MOST_BOXES = 12
"""Boxes that are drawn; of deeper networks signals of one size are drawn once."""
MOST_LANES, MOST_NOTES, MOST_LINES = 4, 3, 12
"""Branches drawn above each other, notes below a box, and lines of its tooltip."""


class Box(msgspec.Struct, frozen=True):
    """A signal in the drawing.

    Attributes
    ----------
    layers : tuple of str
        The layers that end in it, the first of which made it.
    shape : (channels, height, width)
        Of tokens (values, tokens, 1).
    flat, tokens : bool
        Whether it is a row of values; whether it is tokens.
    lanes : int
        Branches that are joined in it.
    shortcut : bool
        Whether a shortcut leads past the layers that make it.
    """

    layers: tuple[str, ...]
    title: str
    shape: tuple[int, int, int]
    flat: bool
    tip: str
    notes: tuple[str, ...] = ()
    tokens: bool = False
    lanes: int = 1
    shortcut: bool = False


def boxes_of(analysis: Analysis, input_title: str, most: int = MOST_BOXES) -> tuple[Box, ...]:
    """The input and the signals through which all paths go, one box for each that a layer changes.

    Layers that leave it as it is are notes of the box before them. What lies between two such signals, in branches or beside a
    shortcut, belongs to the box in which it ends; auxiliary heads are left out. Where there are more than `most`, those of equal size
    become one, and if that is not enough, only some are shown.
    """
    channels, height, width = analysis.input
    boxes = [Box((), input_title, analysis.input, False, f"{input_title}: {channels} × {height} × {width}")]
    within: list[str] = []
    for row, alone in zip(analysis.layers, _on_all_paths(analysis.layers), strict=True):
        if not alone:
            within.append(row.name)
        elif not within and is_quiet(row, None):
            boxes[-1] = _with(boxes[-1], (row.name,), (row.kind,), _tip(row))
        else:
            lanes = min(len(row.sources), MOST_LANES) if row.kind == "Join" else 1
            names = (row.name, *within)
            boxes.append(Box(names, _title(row), row.output, row.flat, _tip(row), (), row.form == "tokens", lanes, row.kind == "Sum"))
            within = []
    if within:
        boxes[-1] = _with(boxes[-1], tuple(within), (), "")
    return _fewer(boxes, most)


def _on_all_paths(rows: tuple[LayerRow, ...]) -> list[bool]:
    """For each row, whether every path through the network goes through it."""
    last = [-1] * (len(rows) + 1)  # the last row that each feeds; the picture comes first
    for number, row in enumerate(rows):
        if not row.auxiliary:
            for source in row.sources or (number - 1,):
                last[source + 1] = max(last[source + 1], number)
    found = []
    farthest = last[0]
    for number, row in enumerate(rows):
        found.append(farthest <= number and not row.auxiliary)
        if not row.auxiliary:
            farthest = max(farthest, last[number + 1])
    return found


def _with(box: Box, layers: tuple[str, ...], notes: tuple[str, ...], tip: str) -> Box:
    """A box with more layers that end in it."""
    lines = [line for line in (box.tip, tip) if line]
    if len(box.tip.splitlines()) >= MOST_LINES:
        lines = [box.tip] if box.tip.endswith("…") else [box.tip, "…"]
    kept = tuple(dict.fromkeys((*box.notes, *notes)))[:MOST_NOTES]
    return msgspec.structs.replace(box, layers=(*box.layers, *layers), notes=kept, tip="\n".join(lines))


def _fewer(boxes: list[Box], most: int) -> tuple[Box, ...]:
    if len(boxes) <= most:
        return tuple(boxes)
    merged = boxes[:1]
    for box in boxes[1:]:
        last = merged[-1]
        if box.shape == last.shape and box.flat == last.flat and len(merged) > 1:
            last = _with(last, box.layers, box.notes, box.tip)
            merged[-1] = msgspec.structs.replace(last, lanes=max(last.lanes, box.lanes), shortcut=last.shortcut or box.shortcut)
        else:
            merged.append(box)
    if len(merged) <= most:
        return tuple(merged)
    kept = sorted({round(place * (len(merged) - 1) / (most - 1)) for place in range(most)})
    found = []
    for first, following in itertools.pairwise([*kept, len(merged)]):
        box = merged[first]
        for other in merged[first + 1 : following]:
            box = _with(box, other.layers, (), "")
        found.append(box)
    return tuple(found)


def _title(row: LayerRow) -> str:
    name, window = operation(row, None)
    return f"{name} {window}".strip()


def _tip(row: LayerRow) -> str:
    parts = [f"{row.name}: {row.kind.lower()}{', ' + row.detail if row.detail else ''}"]
    if row.size_formula:
        parts.append(f"size {row.size_formula}")
    if row.formula:
        parts.append(f"parameters {row.formula}")
    if row.multiply_adds:
        parts.append(f"multiply-adds {count(row.multiply_adds)}")
    return "\n".join(parts)


class NetworkDrawing(Canvas):
    """Boxes from left to right. Small ones (in cards) have no words and cannot be clicked.

    Signals
    -------
    layer_clicked(str)
        Dotted name.
    """

    file_name = "network"
    layer_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None, small: bool = False) -> None:
        super().__init__(parent)
        self._boxes: tuple[Box, ...] = ()
        self._small = small
        self._selected = ""
        self._hovered = -1
        self._empty = ""
        if small:
            self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAccessibleName(self.tr("Drawing of the network"))

    # ------------------------------------------------------------ setters

    def set_boxes(self, boxes: tuple[Box, ...]) -> None:
        self._boxes = boxes
        self._hovered = -1
        self.updateGeometry()
        self.update()

    def select(self, layer: str) -> None:
        self._selected = layer
        self.update()

    def set_empty_text(self, text: str) -> None:
        self._empty = text
        self.update()

    # ------------------------------------------------------------ measures

    def sizeHint(self) -> QSize:
        return QSize(px(96), px(56)) if self._small else QSize(px(84) * max(4, len(self._boxes)), px(240))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(80), px(48)) if self._small else QSize(round(self._needed()), px(210))

    def _needed(self) -> float:
        """Width at which no word touches its neighbour's."""
        words = font(11, tabular=True)
        metrics = QFontMetricsF(words)
        return sum(self._word_width(metrics, box) + px(10) for box in self._boxes) + px(16)

    def _word_width(self, metrics: QFontMetricsF, box: Box) -> float:
        return max(px(44), *(metrics.horizontalAdvance(text) for text in (box.title, _shape_words(box), *box.notes)))

    def _sides(self, box: Box, height: float, depth: float) -> tuple[float, float]:
        """Height of a box's front and its depth to the right, in pixels."""
        channels, rows, _ = box.shape
        if box.flat:
            # rows of values are far longer than maps are high: the root of their length, within the same bounds
            longest = max((other.shape[0] for other in self._boxes if other.flat), default=1)
            return max(px(10), height * 0.85 * math.sqrt(channels / longest)), px(4 if self._small else 8)
        tallest = max(other.shape[1] for other in self._boxes)
        deepest = max((other.shape[0] for other in self._boxes if not other.flat), default=1)
        return max(px(3), height * rows / tallest), max(px(2), depth * math.sqrt(channels / deepest))

    def _places(self, size: QSizeF) -> list[tuple[QRectF, float]]:
        """Front face and depth of each box."""
        metrics = QFontMetricsF(font(11, tabular=True))
        above, below = (0, 0) if self._small else (metrics.height() * 1.6, metrics.height() * (2.5 + self._notes()))
        weights = [1.0 if self._small else self._word_width(metrics, box) + px(10) for box in self._boxes]
        share = (size.width() - px(4 if self._small else 16)) / max(1e-9, sum(weights))
        if not self._small:
            share = min(share, 1.9)
        room = size.height() - above - below - px(4)
        cell = min(weights) * share
        depth = min(cell * 0.55, room * 0.4)
        # a square map seen from the side: its width is drawn at two fifths
        height = max(px(8), min(room - depth * SKEW, (cell - depth) / 0.35 if self._small else room))
        left = (size.width() - sum(weights) * share) / 2
        places = []
        for box, weight in zip(self._boxes, weights, strict=True):
            tall, deep = self._sides(box, height, depth)
            wide = (
                px(3 if self._small else 7)
                if box.flat
                else max(px(3), min(tall * 0.35 * box.shape[2] / box.shape[1], weight * share - deep - px(4)))
            )
            middle = left + weight * share / 2
            top = above + (room - tall + deep * SKEW) / 2
            places.append((QRectF(middle - (wide + deep) / 2, top, wide, tall), deep))
            left += weight * share
        return places

    def _notes(self) -> int:
        return max((len(box.notes) for box in self._boxes), default=0)

    # ------------------------------------------------------------ painting

    def paintEvent(self, event: object) -> None:
        if not self._small:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        self.paint(painter, QSizeF(self.size()))
        painter.end()

    def paint(self, painter: QPainter, size: QSizeF) -> None:
        if not self._boxes:
            painter.setFont(font(11 if self._small else 13))
            painter.setPen(ink("muted"))
            words = QRectF(px(8), 0, size.width() - px(16), size.height())
            painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places = self._places(size)
        for number, (box, (front, depth)) in enumerate(zip(self._boxes, places, strict=True)):
            chosen = bool(self._selected) and self._selected in box.layers
            self._paint_lanes(painter, box, front, depth, chosen, number == self._hovered)
        if self._small:
            return
        self._paint_arrows(painter, places)
        self._paint_words(painter, size, places)

    def _paint_lanes(self, painter: QPainter, box: Box, front: QRectF, depth: float, chosen: bool, hovered: bool) -> None:
        """A box; where branches are joined, one for each, above each other; where a shortcut leads past it, with an arc."""
        if box.shortcut:
            rise = depth * SKEW
            painter.setPen(QPen(ink("muted"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            arc = QPainterPath(QPointF(front.left(), front.top() - 1))
            top = front.top() - rise - px(7)
            arc.cubicTo(QPointF(front.left(), top), QPointF(front.right() + depth, top), QPointF(front.right() + depth, front.top() - rise))
            painter.drawPath(arc)
        if box.lanes == 1:
            self._paint_box(painter, front, depth, chosen, hovered)
            return
        step = max(front.height() / box.lanes, px(4))
        top = front.center().y() - step * box.lanes / 2
        for lane in range(box.lanes):
            part = QRectF(front.left(), top + lane * step, front.width(), step * 0.7)
            self._paint_box(painter, part, min(depth, step * 0.6 / SKEW), chosen, hovered)

    def _paint_box(self, painter: QPainter, front: QRectF, depth: float, chosen: bool, hovered: bool) -> None:
        base = ink("accent") if chosen else between(ink("surface"), ink("text"), 0.34 if hovered else 0.2)
        line = ink("text") if hovered or chosen else ink("muted")
        painter.setPen(QPen(line, 1))
        shift = QPointF(depth, -depth * SKEW)
        roof = QPolygonF([front.topLeft(), front.topLeft() + shift, front.topRight() + shift, front.topRight()])
        side = QPolygonF([front.topRight(), front.topRight() + shift, front.bottomRight() + shift, front.bottomRight()])
        painter.setBrush(between(base, ink("raised"), 0.45))
        painter.drawPolygon(roof)
        painter.setBrush(between(base, ink("text"), 0.14))
        painter.drawPolygon(side)
        painter.setBrush(base)
        painter.drawRect(front)

    def _paint_arrows(self, painter: QPainter, places: list[tuple[QRectF, float]]) -> None:
        painter.setPen(QPen(ink("muted"), 1))
        painter.setBrush(ink("muted"))
        for (front, depth), (following, _) in itertools.pairwise(places):
            start, end = front.right() + depth + px(4), following.left() - px(4)
            y = (front.center().y() - depth * SKEW / 2 + following.center().y()) / 2
            if end - start < px(6):
                continue
            painter.drawLine(QPointF(start, y), QPointF(end - px(3), y))
            painter.drawPolygon(QPolygonF([QPointF(end, y), QPointF(end - px(5), y - px(3)), QPointF(end - px(5), y + px(3))]))

    def _paint_words(self, painter: QPainter, size: QSizeF, places: list[tuple[QRectF, float]]) -> None:
        words = font(11, tabular=True)
        metrics = QFontMetricsF(words)
        line = metrics.height()
        painter.setFont(words)
        base = size.height() - line * (2.2 + self._notes())
        for box, (front, depth) in zip(self._boxes, places, strict=True):
            middle = front.center().x() + depth / 2
            lines = [(box.title, "text"), (_shape_words(box), "muted"), *((note, "muted") for note in box.notes)]
            for number, (text, tone) in enumerate(lines):
                painter.setPen(ink(tone))
                where = QRectF(middle - px(120), base + number * line, px(240), line)
                painter.drawText(where, int(Qt.AlignmentFlag.AlignCenter), text)
        painter.setPen(ink("muted"))
        legend = self.tr("height: side of the map, to scale · depth: square root of the channels")
        painter.drawText(QRectF(px(8), px(2), size.width() - px(16), line), int(Qt.AlignmentFlag.AlignLeft), legend)

    # ------------------------------------------------------------ mouse

    def box_at(self, x: float, y: float) -> int:
        """Number of the box under a point; -1 where there is none."""
        for number, (front, depth) in enumerate(self._places(QSizeF(self.size()))):
            if front.adjusted(-px(4), -depth * SKEW - px(4), depth + px(4), px(4)).contains(QPointF(x, y)):
                return number
        return -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        number = self.box_at(event.position().x(), event.position().y())
        if number == self._hovered:
            return
        self._hovered = number
        self.setCursor(Qt.CursorShape.PointingHandCursor if number > 0 else Qt.CursorShape.ArrowCursor)
        if number < 0:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self._boxes[number].tip, self)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self.box_at(event.position().x(), event.position().y())
        if number > 0 and event.button() is Qt.MouseButton.LeftButton:
            self.layer_clicked.emit(self._boxes[number].layers[0])

    def table(self) -> list[Row]:
        if not self._boxes:
            return []
        return [("layers", "kind", "channels", "height", "width"), *((" ".join(box.layers), box.title, *box.shape) for box in self._boxes)]


def _shape_words(box: Box) -> str:
    channels, height, width = box.shape
    if box.tokens:
        return size_text(box.shape, "tokens")
    return count(channels) if box.flat else f"{channels}@{height}×{width}"
