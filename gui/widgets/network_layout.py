"""Where everything of a network's drawing lies. Plain numbers: no widgets, no painter; widths of words come from outside.

A plan knows its size about the axis on which the signal comes; then it is placed, and tells where the signal enters and leaves. Paths run
from left to right; branches lie below each other; where a row of layers is wider than the fold, it goes on in the next line, as text
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.networks.arithmetic import PICTURE
from gui.widgets.network_outline import Node, Outline, Part
from gui.widgets.network_paths import PAD, Chain, Framed, Head, Join, Ladder, Residue
from gui.widgets.network_plans import Cell, Gauge, Pen, Plan
from gui.widgets.network_records import Box, Drawing, Note
from gui.widgets.network_shapes import scale_of
from gui.widgets.network_words import container_word, layers_text, note, operation, size_text, tone_of

MARGIN = 14.0
READABLE = 0.62
"""Smallest zoom at which words can be read with some ease; the fold is chosen so that rows fit at this zoom."""
MANY = 600
"""Boxes from which on the fold is estimated instead of tried."""
HIGHEST = 2.0
"""Of a drawing that does not fit: largest height for its width."""

Measure = Callable[[str], float]
"""Width of a word at the size of captions, in pixels of the design."""


def lay_out(
    outline: Outline,
    opened: frozenset[str],
    measure: Measure,
    view: tuple[float, float],
    input_title: str = "input",
    editable: bool = False,
) -> Drawing:
    """The drawing of a network with some of its containers open.

    Parameters
    ----------
    outline : Outline
        The network.
    opened : frozenset of str
        Names of open containers; others are one block.
    measure : callable
        Width of a word at the size of captions.
    view : (width, height)
        Room at zoom 1; long rows are folded so that as much as possible can be read in it.
    input_title : str
        What the picture is called.
    editable : bool
        With places to drop, and frames also about containers of one layer.
    """
    maker = _Maker(outline, opened, measure, input_title, editable)
    fold = _fold(maker, view)
    plan = maker.body(fold)
    pen = Pen(editable)
    plan.place(pen, MARGIN, MARGIN + plan.up)
    return pen.drawing(plan.width + 2 * MARGIN, plan.up + plan.down + 2 * MARGIN, fold)


def _fold(maker: _Maker, view: tuple[float, float]) -> float:
    """The width at which rows are folded so that the drawing is largest in the view."""
    strip = maker.body(math.inf)

    def zoom(plan: Plan) -> float:
        return min(view[0] / (plan.width + 2 * MARGIN), view[1] / (plan.up + plan.down + 2 * MARGIN), 1.0)

    if zoom(strip) >= 0.9:
        return math.inf
    area = strip.width * (strip.up + strip.down + 26)
    even = math.sqrt(area * view[0] / max(1.0, view[1]))
    if maker.boxes < MANY:
        tries = [math.inf, *(view[0] / step - 2 * MARGIN for step in (1.0, 0.9, 0.8, 0.72, READABLE)), even]
        best = max(tries, key=lambda fold: zoom(maker.body(fold)))
        if zoom(maker.body(best)) >= READABLE:
            return best
    return max(min(even, view[0] / READABLE - 2 * MARGIN), math.sqrt(area / HIGHEST))


class _Maker:
    """Makes the plans of a network; those of single boxes once for all folds."""

    def __init__(self, outline: Outline, opened: frozenset[str], measure: Measure, input_title: str, editable: bool) -> None:
        self.outline = outline
        self.opened = opened
        self.gauge = Gauge(measure)
        self.scale = scale_of(outline.rows, outline.input)
        self.input_title = input_title
        self.editable = editable
        self._cells: dict[str, Plan] = {}

    def body(self, fold: float) -> Plan:
        """The whole network, the picture first."""
        return self.part(self.outline.body(), fold, first=True)

    # ------------------------------------------------------------ a row of layers

    def part(self, part: Part, fold: float = math.inf, first: bool = False, bare: bool = False) -> Plan:
        """The layers of a part, one after the other, or as their rows say."""
        links = self.outline.links(part)
        heads = _dead_ends(links)
        groups = self.gathered(part, links, first)
        plans = tuple(self.group(part, host, quiet, fold, bare) for host, quiet in groups)
        if _straight(links, heads):
            plans = tuple(
                Head(plan, part.container, host) if host in heads and part.nodes[host].form != "head" else plan
                for plan, (host, _) in zip(plans, groups, strict=True)
            )
            firsts = tuple(host if host is not None else quiet[0] for host, quiet in groups)
            return Chain(plans, firsts, part.container, len(part.nodes), fold)
        place = {node: at for at, (host, quiet) in enumerate(groups) for node in ((host, *quiet) if host is not None else quiet)}
        fed: list[set[int]] = [set() for _ in plans]
        for number, sources in enumerate(links):
            fed[place[number]].update(place[source] for source in sources)
            if first and not sources:
                fed[place[number]].add(0)
        return Ladder(plans, tuple(tuple(sorted(sources - {at})) for at, sources in enumerate(fed)))

    def gathered(self, part: Part, links: tuple[tuple[int, ...], ...], first: bool) -> list[tuple[int | None, list[int]]]:
        """Each layer with the quiet ones that are written below it; PICTURE is the picture, None quiet ones without a box before them."""
        groups: list[tuple[int | None, list[int]]] = [(PICTURE, [])] if first else []
        for number, node in enumerate(part.nodes):
            if not node.quiet:
                groups.append((number, []))
                continue
            host = groups[-1][0] if groups else None
            carried = host is None or host == PICTURE or self.carries_notes(part.nodes[host])
            if groups and carried and (number == 0 or links[number] == (number - 1,)):
                groups[-1][1].append(number)
            else:
                groups.append((None, [number]))
        return groups

    def group(self, part: Part, host: int | None, quiet: list[int], fold: float, bare: bool) -> Plan:
        nodes = [part.nodes[number] for number in quiet]
        notes = tuple(Note(node.name, note(node.row, node.layer), self.state(node)) for node in nodes)
        if host is None:
            return self.plate(nodes[0], notes, part.container, quiet[0])
        if host == PICTURE:
            return self.kept("input", lambda: self.input_cell(notes, part.container))
        return self.plan(part.nodes[host], notes, fold, part.container, host, bare)

    def carries_notes(self, node: Node) -> bool:
        """Whether quiet layers after it are written below it."""
        return node.form in ("layer", "sum", "join") or node.name not in self.opened

    def plan(self, node: Node, notes: tuple[Note, ...], fold: float, container: str, index: int, bare: bool) -> Plan:
        """A layer or a container, open or closed."""
        if node.form == "layer":
            return self.kept(f"layer {node.name}", lambda: self.cell(node, notes, container, index))
        lonely = node.form == "chain" and not self.editable and len(self.outline.parts(node)[0].nodes) == 1
        if lonely and self.outline.fused(node) is None:
            return self.part(self.outline.parts(node)[0], fold)
        if bare or node.name in self.opened:
            return self.open(node, notes, fold, container, index, bare)
        return self.kept(node.name, lambda: self.closed(node, notes, container, index))

    def kept(self, key: str, make: Callable[[], Plan]) -> Plan:
        if key not in self._cells:
            self._cells[key] = make()
        return self._cells[key]

    @property
    def boxes(self) -> int:
        return len(self._cells)

    # ------------------------------------------------------------ single boxes

    def input_cell(self, notes: tuple[Note, ...], container: str) -> Plan:
        shape = self.outline.input
        kind, width, height, depth = self.scale.box(shape, "maps")
        captions = (self.input_title, size_text(shape, "maps")) if any(shape) else (self.input_title,)
        return Cell(self.gauge, Box("", kind, "input", 0, 0, width, height, depth, captions=captions, notes=notes), container, -1, lead=4)

    def cell(self, node: Node, notes: tuple[Note, ...], container: str, index: int) -> Plan:
        row = node.row
        above, below = operation(row, node.layer)
        if row is None:
            kind, width, height, depth = "maps", 18.0, 34.0, 8.0
            captions: tuple[str, ...] = ()
        else:
            kind, width, height, depth = self.scale.box(row.output, row.form)
            captions = (size_text(row.output, row.form),)
        box = Box(
            node.name, kind, tone_of(row, node.layer), 0, 0, width, height, depth, above, below, 0.0, captions, notes, self.state(node)
        )
        return Cell(self.gauge, box, container, index)

    def plate(self, node: Node, notes: tuple[Note, ...], container: str, index: int) -> Plan:
        """Quiet layers where a path begins: there is no box before them that could carry them."""
        height = 40.0 if node.row is None else max(24.0, self.scale.box(node.row.output, node.row.form)[2])
        box = Box(node.name, "plate", "quiet", 0, 0, 5.0, height, 0.0, notes=notes, state=self.state(node))
        return self.kept(f"plate {node.name}", lambda: Cell(self.gauge, box, container, index))

    def closed(self, node: Node, notes: tuple[Note, ...], container: str, index: int) -> Plan:
        end = self.outline.output(node)
        size = size_text(end.output, end.form) if end is not None else ""
        _, width, height, depth = self.scale.box(end.output, end.form) if end is not None else ("", 18.0, 34.0, 8.0)
        captions = (node.title, *((size,) if size and node.form != "head" else ()), layers_text(self.outline.size(node)))
        box = Box(
            name=node.name,
            shape="closed",
            tone="group",
            left=0,
            top=0,
            width=max(26.0, width),
            height=max(26.0, height),
            depth=max(8.0, depth),
            captions=captions,
            notes=notes,
            state=self.state(node, closed=True),
            dashed=node.form == "head",
        )
        cell = Cell(self.gauge, box, container, index)
        return Head(cell, container, index) if node.form == "head" else cell

    # ------------------------------------------------------------ open containers

    def open(self, node: Node, notes: tuple[Note, ...], fold: float, container: str, index: int, bare: bool) -> Plan:
        parts = self.outline.parts(node)
        state = self.state(node)
        if node.form == "head":
            inside = self.part(parts[0])
            return Head(Framed(inside, self.gauge, node.name, node.title, container_word("head"), state, dashed=True), container, index)
        if node.form == "chain":
            only = self.outline.fused(node)
            word = container_word(only.form) if only is not None else ""
            return Framed(self.part(parts[0], fold - 2 * PAD, bare=only is not None), self.gauge, node.name, node.title, word, state)
        plan = self.kept(f"within {node.name}", lambda: self.meeting(node, notes, parts, container, index))
        # a block of nothing but a residual has one frame, not two
        return plan if bare else Framed(plan, self.gauge, node.name, node.title, container_word(node.form), state)

    def meeting(self, node: Node, notes: tuple[Note, ...], parts: tuple[Part, ...], container: str, index: int) -> Plan:
        row = node.row
        if node.form == "sum":
            box = Box(node.name, "sum", "meet", 0, 0, 18.0, 18.0, 0.0, notes=notes, state=self.state(node))
            return Residue(self.part(parts[0]), self.part(parts[1]), Cell(self.gauge, box, container, index, lead=18))
        kind, width, height, depth = self.scale.box(row.output, row.form) if row is not None else ("maps", 18.0, 34.0, 8.0)
        captions = (size_text(row.output, row.form),) if row is not None else ()
        box = Box(node.name, kind, "meet", 0, 0, width, height, depth, "join", "", 0.0, captions, notes, self.state(node))
        return Join(
            tuple(self.part(part) for part in parts), tuple(part.container for part in parts), Cell(self.gauge, box, container, index)
        )

    def state(self, node: Node, closed: bool = False) -> str:
        if self.outline.wrong(node.name, closed):
            return "wrong"
        if self.outline.error is None or (node.form in ("chain", "head") and not closed):
            return ""
        known = self.outline.output(node) if closed else node.row
        return "" if known is not None else "unknown"


def _dead_ends(links: tuple[tuple[int, ...], ...]) -> set[int]:
    """The numbers of nodes that feed no other, but for the last: heads that only training uses."""
    feeding = {source for sources in links for source in sources}
    return {number for number in range(len(links) - 1) if number not in feeding}


def _straight(links: tuple[tuple[int, ...], ...], heads: set[int]) -> bool:
    """Whether nodes come one after the other, but for heads, which hang from the one before them."""
    before: tuple[int, ...] = ()
    for number, sources in enumerate(links):
        if sources != before:
            return False
        if number not in heads:
            before = (number,)
    return True
