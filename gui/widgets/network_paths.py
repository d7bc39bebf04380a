"""Plans that hold others: rows of layers, residuals, branches, auxiliary heads, frames."""

from __future__ import annotations

import math

from gui.widgets.network_plans import Cell, Gauge, Pen, Plan, Port
from gui.widgets.network_records import LINE, Frame, Tag

GAP = 24.0
"""Between the lines of a folded row."""
BEND = 14.0
"""Room beside a folded row, where the signal goes to the next line."""
PAD = 8.0
HEADER = 17.0
LANES = 10.0
"""Between branches."""


class Chain(Plan):
    """Plans one after the other, in lines no wider than the fold where that can be.

    `firsts` are their numbers among the `length` layers of the container, for places to drop.
    """

    __slots__ = ("_container", "_firsts", "_length", "_lines", "_tall")

    def __init__(self, plans: tuple[Plan, ...], firsts: tuple[int, ...], container: str, length: int, fold: float = math.inf) -> None:
        self._container, self._firsts, self._length = container, firsts, length
        self._lines: list[list[Plan]] = [[]]
        across = 0.0
        for plan in plans:
            line = self._lines[-1]
            if line and (across + plan.width > fold or line[-1].bent):
                self._lines.append([])
                across = 0.0
            self._lines[-1].append(plan)
            across += plan.width
        folded = len(self._lines) > 1
        self.width = max(36.0, *(sum(plan.width for plan in line) for line in self._lines)) + (2 * BEND if folded else 0)
        self._tall = [
            (max((plan.up for plan in line), default=12.0), max((plan.down for plan in line), default=12.0)) for line in self._lines
        ]
        self.up = self._tall[0][0]
        self.down = sum(up + down for up, down in self._tall) - self.up + GAP * (len(self._lines) - 1)
        self.bent = folded or any(plan.bent for plan in plans)

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        left = x + (BEND if len(self._lines) > 1 else 0)
        enter: Port | None = None
        last: Port | None = None
        number = 0
        ended = left
        for at, (line, (up, _)) in enumerate(zip(self._lines, self._tall, strict=True)):
            if at:
                y += self._tall[at - 1][1] + GAP + up
            across = left
            for place, plan in enumerate(line):
                start, end = plan.place(pen, across, y)
                if self._firsts[number] >= 0:
                    pen.upright(self._container, self._firsts[number], start.x - 8 if isinstance(plan, Cell) else across + 1, y)
                if last is not None and (place or not at):
                    pen.wire(last, start)
                elif last is not None:
                    between = y - up - GAP / 2
                    right = ended + 8
                    turns = ((right, last.y), (right, between), (left - 6, between), (left - 6, start.y))
                    pen.wire(last, start, *turns)
                enter, last = enter or start, end
                across += plan.width
                number += 1
            ended = across
        if enter is None or last is None:  # nothing in it: the signal passes
            pen.upright(self._container, self._length, x + self.width / 2, y)
            enter, leave = Port(x, y, False), Port(x + self.width, y, False)
            pen.wire(enter, leave)
            return enter, leave
        pen.upright(self._container, self._length, last.x + 6 if isinstance(plan, Cell) else ended - 1, last.y)
        return enter, last


class Ladder(Plan):
    """Plans in columns, each right of all that feed it: for networks whose paths are known by their rows alone."""

    __slots__ = ("_alive", "_at", "_columns", "_dead", "_fed", "_high", "_plans", "_skips")

    def __init__(self, plans: tuple[Plan, ...], fed: tuple[tuple[int, ...], ...]) -> None:
        self._plans, self._fed = plans, fed
        rank: list[int] = []
        for sources in fed:
            rank.append(1 + max((rank[source] for source in sources), default=-1))
        self._columns: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
        for number, column in enumerate(rank):
            self._columns[column].append(number)
        self._skips = sorted({source for at, sources in enumerate(fed) for source in sources if rank[at] - rank[source] > 1})
        feeding = {source for sources in fed for source in sources}
        last = len(self._columns) - 1
        # what feeds nothing, an auxiliary head, hangs below what goes on
        self._alive = [[number for number in column if number in feeding or at == last] for at, column in enumerate(self._columns)]
        self._dead = [
            [number for number in column if number not in alive] for column, alive in zip(self._columns, self._alive, strict=True)
        ]
        self._high = 8.0 * len(self._skips)
        self.width = sum(max(plans[number].width for number in column) for column in self._columns) + 16
        spans = [self._span(at) for at in range(len(self._columns))]
        self.up = max((up for up, _ in spans), default=12.0) + self._high
        self.down = max((down for _, down in spans), default=12.0)
        self._at = rank
        self.bent = False

    def _tall(self, numbers: list[int]) -> float:
        return sum(self._plans[number].up + self._plans[number].down for number in numbers) + LANES * max(0, len(numbers) - 1)

    def _span(self, column: int) -> tuple[float, float]:
        """How far a column reaches above and below the axis: one plan lies on it, several about it."""
        alive, dead = self._alive[column], self._tall(self._dead[column])
        up, down = self._tall(alive) / 2, self._tall(alive) / 2
        if len(alive) == 1:
            up, down = self._plans[alive[0]].up, self._plans[alive[0]].down
        return up, down + (dead + LANES if dead else 0)

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        ports: dict[int, tuple[Port, Port]] = {}
        edges: list[float] = []
        across = x + 8
        roof = y - self.up
        for at, column in enumerate(self._columns):
            edges.append(across + 2)
            top = y - self._span(at)[0]
            for number in (*self._alive[at], *self._dead[at]):
                plan = self._plans[number]
                ports[number] = plan.place(pen, across, top + plan.up)
                top += plan.up + plan.down + LANES
            across += max(self._plans[number].width for number in column)
        for number, sources in enumerate(self._fed):
            end = ports[number][0]
            for source in sources:
                skips = self._at[number] - self._at[source] > 1
                self._join(pen, ports[source][1], end, edges[self._at[number]], roof + 8 * self._lane(source) if skips else None)
        first, last = self._columns[0], self._columns[-1]
        enter = ports[first[0]][0] if len(first) == 1 else Port(x + 4, y, False)
        if len(first) > 1:
            for number in first:
                end = ports[number][0]
                pen.wire(enter, end, (enter.x, end.y))
        leave = ports[last[0]][1] if len(last) == 1 else Port(x + self.width, y)
        if len(last) > 1:
            for number in last:
                start = ports[number][1]
                pen.wire(start, Port(leave.x, leave.y, False), (leave.x, start.y))
        return enter, leave

    def _lane(self, source: int) -> int:
        return self._skips.index(source) if source in self._skips else 0

    def _join(self, pen: Pen, start: Port, end: Port, bend: float, roof: float | None) -> None:
        """A wire that turns where the column begins; one that passes columns by goes above them all."""
        if roof is not None:
            pen.wire(start, end, (start.x + 6, start.y), (start.x + 6, roof), (bend, roof), (bend, end.y))
        elif start.y == end.y:
            pen.wire(start, end)
        else:
            pen.wire(start, end, (bend, start.y), (bend, end.y))


class Residue(Plan):
    """A body, a shortcut above it, and the circle in which both meet."""

    __slots__ = ("_body", "_meet", "_rise", "_short")

    FORK = 14.0

    def __init__(self, body: Chain | Ladder, shortcut: Chain | Ladder, meet: Cell) -> None:
        self._body, self._short, self._meet = body, shortcut, meet
        empty = isinstance(shortcut, Chain) and not any(shortcut._lines)
        self._rise = body.up + 10 if empty else body.up + shortcut.down + 4
        self.width = self.FORK + max(body.width, 0 if empty else shortcut.width) + meet.width
        self.up = self._rise + (4 if empty else shortcut.up)
        self.down = max(body.down, meet.down)
        self.bent = False

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        fork = Port(x + 8, y, False)
        inside = self.width - self.FORK - self._meet.width
        enter, leave = self._body.place(pen, x + self.FORK + (inside - self._body.width) / 2, y)
        pen.wire(fork, enter)
        meet, out = self._meet.place(pen, x + self.FORK + inside, y)
        pen.wire(leave, meet)
        above = y - self._rise
        top = Port((meet.x + out.x) / 2, y - (out.x - meet.x) / 2)
        if isinstance(self._short, Chain) and not any(self._short._lines):
            pen.wire(fork, top, (fork.x, above), (top.x, above), round=16.0)
            pen.upright(self._short._container, 0, (fork.x + top.x) / 2, above)
            return fork, out
        enter, leave = self._short.place(pen, x + self.FORK + (inside - self._short.width) / 2, above)
        pen.wire(fork, enter, (fork.x, above), round=12.0)
        pen.wire(leave, top, (top.x, above), round=12.0)
        return fork, out


class Join(Plan):
    """Branches below each other, and the box in which they are joined."""

    __slots__ = ("_lanes", "_meet", "_names", "_offsets", "_wide")

    FORK = 20.0

    def __init__(self, lanes: tuple[Plan, ...], names: tuple[str, ...], meet: Cell) -> None:
        self._lanes, self._names, self._meet = lanes, names, meet
        self._offsets: list[float] = []
        down = 0.0
        for lane in lanes:
            down += LINE
            self._offsets.append(down + lane.up)
            down += lane.up + lane.down + LANES
        # the axis goes through the middle one, or between the middle two
        middle = (self._offsets[0] + self._offsets[-1]) / 2
        self._offsets = [offset - middle for offset in self._offsets]
        self._wide = max(lane.width for lane in lanes)
        self.width = self.FORK + self._wide + 14 + meet.width
        self.up = max(middle, meet.up)
        self.down = max(down - LANES - middle, meet.down)
        self.bent = False

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        fork = Port(x + 8, y, False)
        meet, out = self._meet.place(pen, x + self.FORK + self._wide + 14, y)
        bend = x + self.FORK + self._wide + 8
        for lane, name, offset in zip(self._lanes, self._names, self._offsets, strict=True):
            pen.order.append(name)
            enter, leave = lane.place(pen, x + self.FORK, y + offset)
            pen.tags.append(Tag(name, name.rpartition(".")[2], x + self.FORK - 4, y + offset - lane.up - LINE))
            pen.wire(fork, enter, *(((fork.x, enter.y),) if offset else ()))
            pen.wire(leave, meet, *(((bend, leave.y), (bend, y)) if offset else ()))
        return fork, out


class Head(Plan):
    """A head that only training uses: the signal passes above it, and goes down to it as well."""

    __slots__ = ("_container", "_index", "_plan")

    FORK = 16.0

    def __init__(self, plan: Plan, container: str, index: int) -> None:
        self._plan, self._container, self._index = plan, container, index
        self.width = self.FORK + plan.width + 4
        self.up = 8.0
        self.down = 18 + plan.up + plan.down
        self.bent = False

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        fork = Port(x + 8, y, False)
        lower = y + 18 + self._plan.up
        pen.dashed += 1
        enter, _ = self._plan.place(pen, x + self.FORK, lower)
        pen.wire(fork, enter, (fork.x, enter.y))
        pen.dashed -= 1
        out = Port(x + self.width, y, False)
        pen.wire(fork, out)
        return fork, out


class Framed(Plan):
    """An open container: what is in it, within a frame that bears its name."""

    __slots__ = ("_dashed", "_name", "_plan", "_state", "_title", "_word")

    def __init__(self, plan: Plan, gauge: Gauge, name: str, title: str, word: str, state: str, dashed: bool = False) -> None:
        self._plan, self._name, self._title, self._word, self._state, self._dashed = plan, name, title, word, state, dashed
        words = gauge(title) + (gauge(word) + 8 if word else 0) + 34
        self.width = max(plan.width, words) + 2 * PAD
        self.up = plan.up + HEADER
        self.down = plan.down + 5
        self.bent = plan.bent

    def place(self, pen: Pen, x: float, y: float) -> tuple[Port, Port]:
        span = (x + 2, y - self.up, x + self.width - 2, y + self.down)
        pen.frames.append(Frame(self._name, self._title, self._word, span, pen.level, self._state, self._dashed))
        pen.order.append(self._name)
        pen.level += 1
        ports = self._plan.place(pen, x + PAD + (self.width - 2 * PAD - self._plan.width) / 2, y)
        pen.level -= 1
        return ports
