"""Painting of a network's drawing: the same for screen, PNG and SVG. What is too small to be read is left out."""

from __future__ import annotations

import math
from collections import defaultdict

import msgspec
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from gui.widgets.network_colours import Look, Tone
from gui.widgets.network_lettering import CAPTION, Lettering
from gui.widgets.network_records import Box, Drawing, Frame, Slot, Span, Wire
from gui.widgets.network_sight import BADGE, Sight, badge_span

SMALLEST_WORDS = 6.0
"""Height in pixels below which words are left out."""
MOST_BODIES = 400
"""Boxes in view above which they are painted flat, if no words are."""
ARROWS, BADGES = 0.3, 0.25
"""Zoom from which on they are painted."""


class Marks(msgspec.Struct, frozen=True):
    """What stands out: the selected and hovered names, and where a drop would go."""

    selected: frozenset[str] = frozenset()
    hovered: str = ""
    slot: Slot | None = None


class _Figure:
    """The outlines of a box, made once."""

    __slots__ = ("front", "roof", "rows", "side")

    def __init__(self, box: Box) -> None:
        self.front = QRectF(box.left, box.top, box.width, box.height)
        self.roof = self.side = None
        self.rows: list[QLineF] = []
        if box.depth:
            shift = QPointF(box.depth, -box.rise)
            first, second, third = self.front.topLeft(), self.front.topRight(), self.front.bottomRight()
            self.roof = QPolygonF([first, first + shift, second + shift, second])
            self.side = QPolygonF([second, second + shift, third + shift, third])
        if box.shape == "tokens":
            number = max(2, min(9, round(box.height / 8)))
            heights = (box.top + box.height * at / number for at in range(1, number))
            self.rows = [QLineF(box.left, height, self.front.right(), height) for height in heights]


class NetworkPainter:
    """Paints one drawing in one scheme of colours."""

    def __init__(self, drawing: Drawing, look: Look) -> None:
        self.drawing = drawing
        self.sight = Sight(drawing)
        self.look = look
        self._lettering = Lettering()
        self._figures: dict[int, _Figure] = {}
        self._paths: dict[int, QLineF | QPainterPath] = {}
        self._tips: dict[int, QPolygonF] = {}
        self._frames = {frame.name for frame in drawing.frames}
        self._notes = {note.name for box in drawing.boxes for note in box.notes} - {box.name for box in drawing.boxes}

    # ------------------------------------------------------------ all

    def paint(self, painter: QPainter, span: Span, zoom: float, marks: Marks | None = None) -> None:
        """Paint what touches a part of the drawing; the painter's unit is a pixel of the design, `zoom` of them a pixel of the device."""
        marks = marks or Marks()
        seen = self.sight.seen(span)
        written = CAPTION * zoom >= SMALLEST_WORDS
        flat = len(seen.boxes) > MOST_BODIES and not written
        self._paint_frames(painter, seen.frames, marks, zoom)
        self._paint_wires(painter, seen.wires, zoom, flat)
        for name in marks.selected:
            self._paint_halo(painter, name, zoom)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not flat)
        sorted_out: dict[tuple[str, str, bool], list[Box]] = defaultdict(list)
        for box in seen.boxes:
            sorted_out[box.state or box.tone, box.state, box.dashed].append(box)
        for (name, state, dashed), boxes in sorted_out.items():
            self._paint_boxes(painter, boxes, self._tone(name), state, dashed and not flat, flat)
        if zoom > BADGES and not flat:
            self._paint_badges(painter, [badge_span(box) for box in seen.boxes if box.shape == "closed"], closed=True)
        self._paint_hovered(painter, seen.boxes, marks.hovered)
        if written:
            heads = [(frame.span[0] + 4, frame.span[1] + 3) for frame in seen.frames]
            self._paint_badges(painter, [(x, y, x + BADGE, y + BADGE) for x, y in heads], closed=False)
            self._paint_note_marks(painter, seen.boxes, marks)
            self._lettering.paint(painter, self.look, seen.boxes, seen.frames, seen.tags)
        if marks.slot is not None:
            self._paint_slot(painter, marks.slot, zoom)

    def _tone(self, name: str) -> Tone:
        return self.look.wrong if name == "wrong" else self.look.unknown if name == "unknown" else self.look.tones[name]

    # ------------------------------------------------------------ frames, marks

    def _paint_frames(self, painter: QPainter, frames: list[Frame], marks: Marks, zoom: float) -> None:
        look = self.look
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(frames) < 200)
        for frame in frames:
            left, top, right, bottom = frame.span
            chosen = frame.name in marks.selected
            line = look.error if frame.state == "wrong" else look.accent if chosen else look.muted if frame.name == marks.hovered else None
            pen = QPen(line or look.frame_line, 2 / zoom if chosen and zoom < 1 else 2 if line and line is not look.muted else 1)
            if frame.dashed:
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(look.frames[frame.level % 2])
            painter.drawRoundedRect(QRectF(left, top, right - left, bottom - top), 6, 6)

    def _paint_halo(self, painter: QPainter, name: str, zoom: float) -> None:
        span = self.sight.span(name) if name else None
        if span is None or name in self._frames or name in self._notes:  # those have marks of their own
            return
        margin = max(3.0, 2 / zoom)
        around = QRectF(span[0] - margin, span[1] - margin, span[2] - span[0] + 2 * margin, span[3] - span[1] + 2 * margin)
        painter.setPen(QPen(self.look.accent, max(2.0, 1.5 / zoom)))
        painter.setBrush(self.look.halo)
        painter.drawRoundedRect(around, 4, 4)

    def _paint_slot(self, painter: QPainter, slot: Slot, zoom: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        pen = QPen(self.look.accent, max(3.0, 2 / zoom))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        start, end = QPointF(*slot.start), QPointF(*slot.end)
        painter.drawLine(start, end)
        painter.setBrush(self.look.accent)
        for point in (start, end):
            painter.drawEllipse(point, 2.5, 2.5)

    # ------------------------------------------------------------ wires

    def _paint_wires(self, painter: QPainter, wires: list[Wire], zoom: float, flat: bool) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not flat)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(self.look.wire, 0 if flat else max(1.0, 0.7 / zoom))
        for dashed in (False, True):
            if dashed:
                pen.setDashPattern([4, 3])
            painter.setPen(pen)
            paths = [self._path(wire) for wire in wires if wire.dashed == dashed]
            painter.drawLines([path for path in paths if isinstance(path, QLineF)])
            for path in paths:
                if isinstance(path, QPainterPath):
                    painter.drawPath(path)
        if zoom < ARROWS or flat:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.look.wire)
        for wire in wires:
            if wire.arrow:
                painter.drawPolygon(self._tip(wire))

    def _path(self, wire: Wire) -> QLineF | QPainterPath:
        if id(wire) not in self._paths:
            straight = len(wire.points) == 2
            self._paths[id(wire)] = QLineF(*wire.points[0], *wire.points[1]) if straight else _rounded(wire)
        return self._paths[id(wire)]

    def _tip(self, wire: Wire) -> QPolygonF:
        if id(wire) not in self._tips:
            self._tips[id(wire)] = _tip(wire)
        return self._tips[id(wire)]

    # ------------------------------------------------------------ boxes

    def _figure(self, box: Box) -> _Figure:
        if id(box) not in self._figures:
            self._figures[id(box)] = _Figure(box)
        return self._figures[id(box)]

    def _paint_boxes(self, painter: QPainter, boxes: list[Box], tone: Tone, state: str, dashed: bool, flat: bool) -> None:
        """Boxes of one colour: all roofs, then all sides, then all fronts, for a change of brush costs as much as a box."""
        if flat:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tone.line)
            painter.drawRects([self._figure(box).front.adjusted(0, 0, box.depth, 0) for box in boxes])
            return
        pen = QPen(self.look.error if state == "wrong" else tone.line, 2 if state == "wrong" else 1)
        if dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        meetings = [box for box in boxes if box.shape == "sum"]
        figures = [self._figure(box) for box in boxes if box.shape != "sum"]
        for brush, outlines in ((tone.roof, (figure.roof for figure in figures)), (tone.side, (figure.side for figure in figures))):
            painter.setBrush(brush)
            for outline in outlines:
                if outline is not None:
                    painter.drawPolygon(outline)
        painter.setBrush(tone.front)
        painter.drawRects([figure.front for figure in figures])
        painter.drawLines([line for figure in figures for line in figure.rows])
        for box in meetings:
            painter.drawEllipse(self._figure(box).front)
            x, y = box.middle
            painter.drawLines([QLineF(x - 5, y, x + 5, y), QLineF(x, y - 5, x, y + 5)])

    def _paint_hovered(self, painter: QPainter, boxes: list[Box], name: str) -> None:
        painter.setPen(QPen(self.look.text, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for box in boxes:
            if name and box.name == name:
                figure = self._figure(box)
                (painter.drawEllipse if box.shape == "sum" else painter.drawRect)(figure.front)
                for outline in (figure.roof, figure.side):
                    if outline is not None:
                        painter.drawPolygon(outline)

    def _paint_badges(self, painter: QPainter, spans: list[Span], closed: bool) -> None:
        painter.setPen(QPen(self.look.muted, 1))
        painter.setBrush(self.look.raised)
        signs = []
        for left, top, right, bottom in spans:
            painter.drawRoundedRect(QRectF(left, top, right - left, bottom - top), 2, 2)
            x, y = (left + right) / 2, (top + bottom) / 2
            signs.append(QLineF(x - 3, y, x + 3, y))
            if closed:
                signs.append(QLineF(x, y - 3, x, y + 3))
        painter.setPen(QPen(self.look.text, 1.2))
        painter.drawLines(signs)

    def _paint_note_marks(self, painter: QPainter, boxes: list[Box], marks: Marks) -> None:
        look = self.look
        for box in boxes:
            for number, note in enumerate(box.notes):
                chosen = note.name in marks.selected
                if not (chosen or note.name == marks.hovered) or (box.shape == "plate" and not number):
                    continue
                left, top, right, bottom = box.note_span(number)
                painter.setPen(QPen(look.accent if chosen else look.muted, 1))
                painter.setBrush(look.halo if chosen else Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(left, top, right - left, bottom - top), 3, 3)


def _rounded(wire: Wire) -> QPainterPath:
    points = wire.points
    path = QPainterPath(QPointF(*points[0]))
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(wire.round, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        path.lineTo(_towards(corner, before, radius))
        path.quadTo(QPointF(*corner), _towards(corner, after, radius))
    path.lineTo(QPointF(*points[-1]))
    return path


def _towards(start: tuple[float, float], end: tuple[float, float], by: float) -> QPointF:
    far = math.dist(start, end)
    share = by / far if far else 0.0
    return QPointF(start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def _tip(wire: Wire) -> QPolygonF:
    (x0, y0), (x, y) = wire.points[-2:]
    far = math.hypot(x - x0, y - y0) or 1.0
    dx, dy = (x - x0) / far, (y - y0) / far
    back = QPointF(x - 6 * dx, y - 6 * dy)
    aside = QPointF(-3 * dy, 3 * dx)
    return QPolygonF([QPointF(x, y), back + aside, back - aside])
