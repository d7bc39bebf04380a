"""Painting of a network's drawing: the same for screen, PNG and SVG. What is too small to be read is left out."""

from __future__ import annotations

import math

import msgspec
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPainter, QPainterPath, QPen, QPolygonF

from gui.theme import set_tabular
from gui.widgets.network_colours import Look, Tone
from gui.widgets.network_records import LINE, NOTE_LINE, Box, Drawing, Frame, Slot, Span, Wire
from gui.widgets.network_sight import BADGE, Seen, Sight, badge_span

SMALLEST_WORDS = 6.0
"""Height in pixels below which words are left out."""
CAPTION, SMALL = 11, 10
MOST_BODIES = 900
"""Boxes in view above which they are painted as flat rectangles, a call a colour."""
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class Marks(msgspec.Struct, frozen=True):
    """What stands out: the selected and hovered names, and where a drop would go."""

    selected: str = ""
    hovered: str = ""
    slot: Slot | None = None


def words(size: float, bold: bool = False) -> QFont:
    """A font of the drawing; its size is in pixels of the design, for the painter is scaled as a whole."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    made.setPixelSize(round(size))
    made.setBold(bold)
    set_tabular(made)
    return made


class NetworkPainter:
    """Paints one drawing in one scheme of colours."""

    def __init__(self, drawing: Drawing, look: Look) -> None:
        self.drawing = drawing
        self.sight = Sight(drawing)
        self.look = look
        self._flat: dict[str, list[QRectF]] = {}
        for box in drawing.boxes:
            left, top, right, bottom = box.body_span()
            self._flat.setdefault(box.state or box.tone, []).append(QRectF(left, top, right - left, bottom - top))
        self._lines = [QLineF(*wire.points[at], *wire.points[at + 1]) for wire in drawing.wires for at in range(len(wire.points) - 1)]

    # ------------------------------------------------------------ all

    def paint(self, painter: QPainter, span: Span, zoom: float, marks: Marks | None = None) -> None:
        """Paint what touches a part of the drawing; the painter's unit is a pixel of the design, `zoom` of them a pixel of the device."""
        marks = marks or Marks()
        seen = self.sight.seen(span)
        self._paint_frames(painter, seen.frames, marks, zoom)
        if len(seen.boxes) > MOST_BODIES:
            self._paint_flat(painter)
        else:
            self._paint_wires(painter, seen.wires, zoom)
            self._paint_halo(painter, marks.selected, zoom)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for box in seen.boxes:
                self._paint_box(painter, box, marks, zoom)
        if len(seen.boxes) > MOST_BODIES:
            self._paint_halo(painter, marks.selected, zoom)
        if CAPTION * zoom >= SMALLEST_WORDS and len(seen.boxes) <= MOST_BODIES:
            self._paint_words(painter, seen, marks)
        if marks.slot is not None:
            self._paint_slot(painter, marks.slot, zoom)

    def _paint_flat(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(self.look.frame_line, 0))
        painter.drawLines(self._lines)
        painter.setPen(Qt.PenStyle.NoPen)
        for name, rectangles in self._flat.items():
            painter.setBrush(self._tone(name).line)
            painter.drawRects(rectangles)

    def _tone(self, name: str) -> Tone:
        return self.look.wrong if name == "wrong" else self.look.unknown if name == "unknown" else self.look.tones[name]

    # ------------------------------------------------------------ frames, marks

    def _paint_frames(self, painter: QPainter, frames: list[Frame], marks: Marks, zoom: float) -> None:
        look = self.look
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(frames) < 200)
        for frame in frames:
            left, top, right, bottom = frame.span
            chosen = frame.name == marks.selected
            line = look.error if frame.state == "wrong" else look.accent if chosen else look.muted if frame.name == marks.hovered else None
            pen = QPen(line or look.frame_line, 2 / zoom if chosen and zoom < 1 else 2 if line and line is not look.muted else 1)
            if frame.dashed:
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(look.frames[frame.level % 2])
            painter.drawRoundedRect(QRectF(left, top, right - left, bottom - top), 6, 6)

    def _paint_halo(self, painter: QPainter, name: str, zoom: float) -> None:
        span = self.sight.span(name) if name else None
        if span is None or any(frame.name == name for frame in self.drawing.frames):
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

    def _paint_wires(self, painter: QPainter, wires: list[Wire], zoom: float) -> None:
        arrows = zoom >= 0.3
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        solid, dashed = QPen(self.look.wire, max(1.0, 0.7 / zoom)), QPen(self.look.wire, max(1.0, 0.7 / zoom))
        dashed.setDashPattern([4, 3])
        tips = []
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for wire in wires:
            painter.setPen(dashed if wire.dashed else solid)
            if len(wire.points) == 2:
                painter.drawLine(QPointF(*wire.points[0]), QPointF(*wire.points[1]))
            else:
                painter.drawPath(_rounded(wire))
            if wire.arrow and arrows:
                tips.append(_tip(wire))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.look.wire)
        for tip in tips:
            painter.drawPolygon(tip)

    # ------------------------------------------------------------ boxes

    def _paint_box(self, painter: QPainter, box: Box, marks: Marks, zoom: float) -> None:
        tone = self._tone(box.state or box.tone)
        hovered = bool(box.name) and box.name == marks.hovered
        pen = QPen(self.look.text if hovered else self.look.error if box.state == "wrong" else tone.line, 2 if box.state == "wrong" else 1)
        if box.dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        front = QRectF(box.left, box.top, box.width, box.height)
        if box.shape == "sum":
            painter.setBrush(tone.roof)
            painter.drawEllipse(front)
            x, y = box.middle
            painter.drawLine(QPointF(x - 5, y), QPointF(x + 5, y))
            painter.drawLine(QPointF(x, y - 5), QPointF(x, y + 5))
            return
        if box.depth:
            shift = QPointF(box.depth, -box.rise)
            corners = front.topLeft(), front.topRight(), front.bottomRight()
            painter.setBrush(tone.roof)
            painter.drawPolygon(QPolygonF([corners[0], corners[0] + shift, corners[1] + shift, corners[1]]))
            painter.setBrush(tone.side)
            painter.drawPolygon(QPolygonF([corners[1], corners[1] + shift, corners[2] + shift, corners[2]]))
        painter.setBrush(tone.front)
        painter.drawRect(front)
        if box.shape == "tokens" and zoom > 0.25:
            rows = max(2, min(9, round(box.height / 8)))
            painter.drawLines([QLineF(box.left, box.top + box.height * at / rows, front.right(), box.top + box.height * at / rows) for at in range(1, rows)])
        if box.shape == "closed" and zoom > 0.25:
            self._paint_badge(painter, badge_span(box), True)

    def _paint_badge(self, painter: QPainter, span: Span, closed: bool) -> None:
        painter.setPen(QPen(self.look.muted, 1))
        painter.setBrush(self.look.raised)
        left, top, right, bottom = span
        painter.drawRoundedRect(QRectF(left, top, right - left, bottom - top), 2, 2)
        painter.setPen(QPen(self.look.text, 1.2))
        x, y = (left + right) / 2, (top + bottom) / 2
        painter.drawLine(QPointF(x - 3, y), QPointF(x + 3, y))
        if closed:
            painter.drawLine(QPointF(x, y - 3), QPointF(x, y + 3))

    # ------------------------------------------------------------ words

    def _paint_words(self, painter: QPainter, seen: Seen, marks: Marks) -> None:
        look = self.look
        painter.setFont(words(CAPTION))
        for frame in seen.frames:
            left, top, right, _ = frame.span
            self._paint_badge(painter, (left + 4, top + 3, left + 4 + BADGE, top + 3 + BADGE), False)
            painter.setPen(look.error if frame.state == "wrong" else look.text)
            where = QRectF(left + BADGE + 9, top + 1, right - left - BADGE - 12, 15)
            taken = painter.boundingRect(where, _LEFT, frame.title)
            painter.drawText(where, _LEFT, frame.title)
            if frame.word:
                painter.setPen(look.muted)
                painter.drawText(where.adjusted(taken.width() + 8, 0, 0, 0), _LEFT, frame.word)
        for box in seen.boxes:
            self._paint_box_words(painter, box)
        painter.setFont(words(SMALL))
        for box in seen.boxes:
            for number, note in enumerate(box.notes):
                left, top, right, bottom = box.note_span(number)
                if note.name in (marks.selected, marks.hovered) and box.shape != "plate":
                    painter.setPen(QPen(look.accent if note.name == marks.selected else look.muted, 1))
                    painter.setBrush(look.halo if note.name == marks.selected else Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(QRectF(left, top, right - left, bottom - top), 3, 3)
                painter.setPen(self._ink(note.state, look.muted))
                painter.drawText(QRectF(left - 40, top, right - left + 80, NOTE_LINE), _CENTRE, note.text)
        for tag in seen.tags:
            painter.setPen(look.accent_text if tag.name == marks.selected else look.text if tag.name == marks.hovered else look.muted)
            painter.drawText(QPointF(tag.left, tag.top + 10), tag.text)

    def _paint_box_words(self, painter: QPainter, box: Box) -> None:
        x, y = box.middle
        if box.lead:
            wire = box.left - 8 - (box.lead - 12) / 2
            painter.setPen(self._ink(box.state, self.look.text))
            painter.drawText(QRectF(wire - 60, y - LINE - 2, 120, LINE), _CENTRE, box.above)
            if box.below:
                painter.setPen(self._ink(box.state, self.look.muted))
                painter.drawText(QRectF(wire - 60, y + 2, 120, LINE), _CENTRE, box.below)
        for number, text in enumerate(box.captions):
            first = number == 0 and box.tone in ("group", "input")
            painter.setPen(self._ink(box.state, self.look.text if first else self.look.muted))
            painter.drawText(QRectF(x - 90, box.bottom + 3 + LINE * number, 180, LINE), _CENTRE, text)

    def _ink(self, state: str, usual: QColor) -> QColor:
        return self.look.error if state == "wrong" else self.look.disabled if state == "unknown" else usual


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
