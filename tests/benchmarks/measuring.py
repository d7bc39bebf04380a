"""How figures are taken: ours and the peer's in turns, A B A B, in one process; a row tells the ratios and their spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Row(NamedTuple):
    """One figure: what was measured, in which unit, ours and the peer's at the median, and the ratios of all pairs.

    Above 1 ours is better. `peer` is a word; `theirs` NaN and `ratios` empty where there is no peer.
    """

    name: str
    unit: str
    ours: float
    peer: str
    theirs: float
    ratios: tuple[float, ...]


Benchmark = Callable[[bool], Iterator[Row]]  # True: quick


def in_turns(ours: Callable[[], float], theirs: Callable[[], float], repeats: int) -> tuple[float, float, tuple[float, ...]]:
    """Medians of both rates and the ratio of each pair, after one unmeasured turn of each."""
    ours()
    theirs()
    pairs = [(ours(), theirs()) for _ in range(repeats)]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second), tuple(a / b for a, b in pairs)


def table(rows: list[Row]) -> str:
    """Rows as text."""
    lines = [f"{'figure':44} {'ours':>10} {'peer':>10} {'unit':10} {'ratio min/median/max':22} peer is"]
    for row in rows:
        theirs = f"{row.theirs:10,.0f}" if row.ratios else f"{'-':>10}"
        spread = f"{min(row.ratios):.2f} / {statistics.median(row.ratios):.2f} / {max(row.ratios):.2f}" if row.ratios else "-"
        lines.append(f"{row.name:44} {row.ours:10,.0f} {theirs} {row.unit:10} {spread:22} {row.peer}")
    return "\n".join(lines)
