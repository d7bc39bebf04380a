"""What of a network's drawing is seen, what lies under a point, and what lies next to it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import msgspec

from gui.widgets.network_records import BUCKET, Box, Drawing, Frame, Point, Slot, Span, Tag, Wire

HEADER = 17.0
BADGE = 11.0
"""Side of the small square that opens and closes."""
REACH = 60.0
"""Farthest from a place to drop at which it is meant."""


class Hit(msgspec.Struct, frozen=True):
    """What lies under a point: "badge" opens or closes, all else selects."""

    name: str
    part: Literal["box", "note", "frame", "tag", "badge"]


class Seen(msgspec.Struct, frozen=True, eq=False):
    """What a part of the drawing shows."""

    boxes: list[Box]
    frames: list[Frame]
    wires: list[Wire]
    tags: list[Tag]


class Sight:
    """Finds things of a drawing by place and by name."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self._buckets: dict[tuple[int, int], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for number, box in enumerate(drawing.boxes):
            for bucket in _buckets(box.span()):
                self._buckets[bucket][0].append(number)
        for number, wire in enumerate(drawing.wires):
            for bucket in _buckets(span_of(wire)):
                self._buckets[bucket][1].append(number)
        self._spans: dict[str, Span] = {}
        self._framed = {frame.name for frame in drawing.frames}
        for frame in drawing.frames:
            self._spans[frame.name] = frame.span
        for box in drawing.boxes:
            self._spans.setdefault(box.name, box.body_span())
            for number, note in enumerate(box.notes):
                self._spans[note.name] = box.body_span() if box.shape == "plate" and not number else box.note_span(number)
        for tag in drawing.tags:
            self._spans[tag.name] = tag_span(tag)

    def seen(self, span: Span) -> Seen:
        """What touches a part of the drawing, each once, in order."""
        drawing = self.drawing
        whole = span[0] <= 0 and span[1] <= 0 and span[2] >= drawing.width and span[3] >= drawing.height
        if whole:
            return Seen(list(drawing.boxes), list(drawing.frames), list(drawing.wires), list(drawing.tags))
        boxes: set[int] = set()
        wires: set[int] = set()
        for bucket in _buckets(span):
            if bucket in self._buckets:
                boxes.update(self._buckets[bucket][0])
                wires.update(self._buckets[bucket][1])
        return Seen(
            [drawing.boxes[number] for number in sorted(boxes)],
            [frame for frame in drawing.frames if _touch(frame.span, span)],
            [drawing.wires[number] for number in sorted(wires)],
            [tag for tag in drawing.tags if _touch(tag_span(tag), span)],
        )

    def span(self, name: str) -> Span | None:
        """What a layer or container covers; None where it does not show."""
        return self._spans.get(name)

    def grip(self, name: str) -> Point | None:
        """Where something is taken hold of: the middle of a layer, the title of an open container; None where it does not show."""
        span = self._spans.get(name)
        if span is None:
            return None
        if name in self._framed:
            return span[0] + BADGE + 24, span[1] + HEADER / 2
        return (span[0] + span[2]) / 2, (span[1] + span[3]) / 2

    def shown(self, name: str) -> str:
        """The name itself where it shows, else that of the closed container that holds it; "" where there is none."""
        while name and name not in self._spans:
            name = name.rpartition(".")[0]
        return name

    def at(self, x: float, y: float) -> Hit | None:
        """What lies under a point."""
        numbers = self._buckets.get((math.floor(x / BUCKET), math.floor(y / BUCKET)), ([], []))[0]
        boxes = [self.drawing.boxes[number] for number in numbers]
        for box in boxes:
            if box.shape == "closed" and inside(badge_span(box), x, y):
                return Hit(box.name, "badge")
        for box in reversed(boxes):
            if box.name and inside(_larger(box.body_span(), 3), x, y):
                return Hit(box.name, "box")
        for box in boxes:
            for number, note in enumerate(box.notes):
                if inside(box.note_span(number), x, y):
                    return Hit(note.name, "note")
        for tag in self.drawing.tags:
            if inside(tag_span(tag), x, y):
                return Hit(tag.name, "tag")
        for frame in reversed(self.drawing.frames):
            left, top, right, _ = frame.span
            if inside((left, top, right, top + HEADER), x, y):
                return Hit(frame.name, "badge" if x < left + BADGE + 6 else "frame")
        for box in boxes:
            middle = box.middle
            words = (box.left - box.lead, middle[1] - 16, box.left, middle[1] + 16)
            captions = (middle[0] - 36, box.bottom, middle[0] + 36, box.note_span(0)[1])
            if box.name and (inside(words, x, y) or inside(captions, x, y)):
                return Hit(box.name, "box")
        return None

    def slot_at(self, x: float, y: float) -> Slot | None:
        """The place to drop that is nearest, if near."""
        slots = self.drawing.slots
        best = min(slots, key=lambda slot: _distance(slot, x, y), default=None)
        return best if best is not None and _distance(best, x, y) <= REACH else None

    def next(self, name: str, step: int) -> str:
        """The next on the signal's way, or the one before; the first or last where none is given."""
        order = self.drawing.order
        if not order:
            return ""
        if name not in order:
            return order[0 if step > 0 else -1]
        return order[min(max(order.index(name) + step, 0), len(order) - 1)]

    def beside(self, name: str, down: bool) -> str:
        """The nearest above or below; the name itself where there is none."""
        here = self._spans.get(name)
        if here is None:
            return self.next(name, 1)
        x, y = (here[0] + here[2]) / 2, (here[1] + here[3]) / 2
        best, least = name, math.inf
        for other in self.drawing.order:
            left, top, right, bottom = self._spans[other]
            across, along = (left + right) / 2 - x, (top + bottom) / 2 - y
            if other == name or (along if down else -along) < 6:
                continue
            far = abs(along) + 2.5 * abs(across)
            if far < least:
                best, least = other, far
        return best


def badge_span(box: Box) -> Span:
    """The square on a closed container that opens it."""
    return box.left + 2, box.top + 2, box.left + 2 + BADGE, box.top + 2 + BADGE


def tag_span(tag: Tag) -> Span:
    """What the name of a branch covers."""
    return tag.left, tag.top, tag.left + max(24.0, 6.0 * len(tag.text)), tag.top + 12


def span_of(wire: Wire) -> Span:
    """What a wire covers."""
    across, down = [point[0] for point in wire.points], [point[1] for point in wire.points]
    return min(across), min(down), max(across), max(down)


def inside(span: Span, x: float, y: float) -> bool:
    """Whether a point lies in a rectangle."""
    return span[0] <= x <= span[2] and span[1] <= y <= span[3]


def _larger(span: Span, by: float) -> Span:
    return span[0] - by, span[1] - by, span[2] + by, span[3] + by


def _touch(one: Span, other: Span) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _buckets(span: Span) -> Iterator[tuple[int, int]]:
    for column in range(math.floor(span[0] / BUCKET), math.floor(span[2] / BUCKET) + 1):
        for row in range(math.floor(span[1] / BUCKET), math.floor(span[3] / BUCKET) + 1):
            yield column, row


def _distance(slot: Slot, x: float, y: float) -> float:
    (x0, y0), (x1, y1) = slot.start, slot.end
    return math.hypot(max(x0 - x, 0, x - x1), max(y0 - y, 0, y - y1))
