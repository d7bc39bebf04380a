"""What the layout of a network gives to those who paint it: boxes, frames, wires, words and places to drop, in pixels of the design."""

from __future__ import annotations

from typing import Literal

import msgspec

Point = tuple[float, float]
Span = tuple[float, float, float, float]
"""left, top, right, bottom."""

SKEW = 0.36
"""How far a pixel of depth goes up."""
LINE, NOTE_LINE = 13.0, 12.0
"""Height of a line of words, and of a note."""
BUCKET = 400.0
"""Side of the squares in which what is seen is looked up."""


class Note(msgspec.Struct, frozen=True, gc=False):
    """A quiet layer, written below a box."""

    name: str
    text: str
    state: str = ""


class Box(msgspec.Struct, frozen=True, eq=False):
    """A signal, drawn as what it is: maps as a body, a row of values as a bar, tokens as a sheet; or a circle in which paths meet.

    Attributes
    ----------
    name : str
        Dotted name of the layer that ends in it; "" for the picture.
    shape : {"maps", "flat", "tokens", "plate", "sum", "closed"}
        Plate: quiet layers where a path begins; closed: a container that is not open.
    left, top, width, height, depth : float
        Of the front.
    above, below : str
        The operation on the wire that leads to it, and its window.
    lead, aside : float
        Length of that wire, and how far from the box the words on it begin: they give way to captions.
    captions : tuple of str
        Lines below.
    state : {"", "wrong", "unknown"}
    """

    name: str
    shape: Literal["maps", "flat", "tokens", "plate", "sum", "closed"]
    tone: str
    left: float
    top: float
    width: float
    height: float
    depth: float
    above: str = ""
    below: str = ""
    lead: float = 0.0
    captions: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    state: str = ""
    dashed: bool = False
    aside: float = 0.0

    @property
    def rise(self) -> float:
        """How far the body reaches above its front."""
        return self.depth * SKEW

    @property
    def middle(self) -> Point:
        """Where words are centred, and where wires meet it."""
        return self.left + (self.width + self.depth) / 2, self.top + (self.height - self.rise) / 2

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def body_span(self) -> Span:
        """What the box itself covers."""
        return self.left, self.top - self.rise, self.left + self.width + self.depth, self.bottom

    def note_span(self, number: int) -> Span:
        """What a note covers."""
        top = self.bottom + 3 + LINE * len(self.captions) + NOTE_LINE * number
        return self.middle[0] - 40, top, self.middle[0] + 40, top + NOTE_LINE

    def span(self) -> Span:
        """What the box, its words and its wire cover."""
        left, top, right, bottom = self.body_span()
        below = 3 + LINE * len(self.captions) + NOTE_LINE * len(self.notes)
        return min(left - self.lead, self.middle[0] - 50), top - 4, max(right, self.middle[0] + 50), bottom + below


class Frame(msgspec.Struct, frozen=True, eq=False):
    """An open container."""

    name: str
    title: str
    word: str
    span: Span
    level: int
    state: str = ""
    dashed: bool = False


class Tag(msgspec.Struct, frozen=True, eq=False):
    """The name of a branch, where it begins."""

    name: str
    text: str
    left: float
    top: float


class Wire(msgspec.Struct, frozen=True, eq=False):
    """A path of the signal: a line with round corners, perhaps with an arrow at its end."""

    points: tuple[Point, ...]
    arrow: bool = True
    dashed: bool = False
    round: float = 6.0


class Slot(msgspec.Struct, frozen=True, eq=False):
    """A place where a layer can be dropped: before number `index` of a container. The line from start to end marks it."""

    container: str
    index: int
    start: Point
    end: Point


class Drawing(msgspec.Struct, frozen=True, eq=False):
    """A network laid out.

    Attributes
    ----------
    order : tuple of str
        Names of all that can be selected, as the signal comes to them.
    folded : float
        Width at which long rows of layers go on in the next line.
    """

    boxes: tuple[Box, ...] = ()
    frames: tuple[Frame, ...] = ()
    wires: tuple[Wire, ...] = ()
    tags: tuple[Tag, ...] = ()
    slots: tuple[Slot, ...] = ()
    order: tuple[str, ...] = ()
    width: float = 0.0
    height: float = 0.0
    folded: float = 0.0
