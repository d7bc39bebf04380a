"""Plans of what a network's drawing is made of: a plan knows its size about the signal's axis, then it is placed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gui.widgets.network_records import LINE, NOTE_LINE, Box, Drawing, Frame, Point, Slot, Tag, Wire

MARK = 20.0
"""Half the length of the line that marks a place to drop."""


class Gauge:
    """Widths of words, each measured once."""

    def __init__(self, measure: Callable[[str], float]) -> None:
        self._measure = measure
        self._known: dict[str, float] = {"": 0.0}

    def __call__(self, text: str) -> float:
        if text not in self._known:
            self._known[text] = self._measure(text)
        return self._known[text]


class Port(msgspec.Struct, frozen=True, gc=False):
    """Where the signal enters a plan, or leaves it; `arrow`: whether a wire that comes ends in an arrow."""

    x: float
    y: float
    arrow: bool = True


class Pen:
    """Takes down what the plans place."""

    def __init__(self, editable: bool = False) -> None:
        self.editable = editable
        self.boxes: list[Box] = []
        self.frames: list[Frame] = []
        self.wires: list[Wire] = []
        self.tags: list[Tag] = []
        self.slots: list[Slot] = []
        self.order: list[str] = []
        self.level = 0
        self.dashed = 0

    def wire(self, start: Port, end: Port, *between: Point, round: float = 6.0) -> None:
        """A wire by way of some points."""
        points = ((start.x, start.y), *between, (end.x, end.y))
        self.wires.append(Wire(points, end.arrow, self.dashed > 0, round))

    def slot(self, container: str, index: int, start: Point, end: Point) -> None:
        if self.editable:
            self.slots.append(Slot(container, index, start, end))

    def upright(self, container: str, index: int, x: float, y: float) -> None:
        """A place to drop that an upright line marks."""
        self.slot(container, index, (x, y - MARK), (x, y + MARK))

    def drawing(self, width: float, height: float, folded: float) -> Drawing:
        order = tuple(dict.fromkeys(name for name in self.order if name))
        lists = (tuple(made) for made in (self.boxes, self.frames, self.wires, self.tags, self.slots))
        return Drawing(*lists, order, width, height, folded)


class Plan:
    """Something that has a place on the signal's path.

    Attributes
    ----------
    width : float
    up, down : float
        How far it reaches above and below the axis on which the signal enters.
    bent : bool
        Whether the signal leaves it in another line than it enters.
    """

    __slots__ = ("bent", "down", "up", "width")

    width: float
    up: float
    down: float
    bent: bool

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        """Take it down with its left edge at x and its axis at y; where the signal enters and leaves."""
        raise AssertionError(f"{type(self).__name__} cannot be placed")


class Cell(Plan):
    """A box with the wire that leads to it and the words below it; `number`: its place in its container."""

    __slots__ = ("_box", "_container", "_lead", "_number")

    def __init__(self, gauge: Gauge, box: Box, container: str, number: int, lead: float = 20.0) -> None:
        wide = box.width + box.depth
        words = max(gauge(box.above), gauge(box.below))
        lead = max(lead, words + 14 if words else 0.0)
        below = max((gauge(text) for text in (*box.captions, *(note.text for note in box.notes))), default=0.0)
        over = (below - wide) / 2 + 3
        half = (box.height + box.rise) / 2
        aside = max(0.0, over - 8) if box.below and half < LINE + 2 else 0.0  # the captions of a low box are beside the words
        self._lead = max(lead + aside, over)
        self._box = msgspec.structs.replace(box, lead=self._lead if words else 0.0, aside=aside)
        self._container, self._number = container, number
        self.width = self._lead + wide + max(4.0, over)
        self.up = max(half, LINE + 4 if words else 0.0) + 2
        self.down = max(half + 3 + LINE * len(box.captions) + NOTE_LINE * len(box.notes), LINE + 4 if box.below else 0.0) + 2
        self.bent = False

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        left = x + self._lead
        box = self._box
        placed = Box(
            box.name,
            box.shape,
            box.tone,
            left,
            y - (box.height - box.rise) / 2,
            box.width,
            box.height,
            box.depth,
            box.above,
            box.below,
            box.lead,
            box.captions,
            box.notes,
            box.state,
            box.dashed or pen.dashed > 0,
            box.aside,
        )
        pen.boxes.append(placed)
        pen.order.extend((box.name, *(note.name for note in box.notes)))
        if pen.editable:
            first = self._number if placed.shape == "plate" else self._number + 1
            for number in range(len(box.notes)):
                start, top, end, _ = placed.note_span(number)
                pen.slot(self._container, first + number, (start, top), (end, top))
        return Port(left, y), Port(left + box.width + box.depth, y)
