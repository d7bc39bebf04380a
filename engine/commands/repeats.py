"""Rows of a network's table in which what follows itself unchanged is told once: a thousand layers fit on a few pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from engine.networks.arithmetic import LayerRow


class Repeat(msgspec.Struct, frozen=True):
    """Blocks like the one before them.

    Attributes
    ----------
    like : str
        Dotted name of the block that they are like.
    places : tuple of str
        Dotted names of the blocks, without that one.
    parameters, multiply_adds : int
        Of one of them.
    last : LayerRow
        The last row of the last one.
    """

    like: str
    places: tuple[str, ...]
    parameters: int
    multiply_adds: int
    last: LayerRow


def folded(rows: Sequence[LayerRow], depth: int = 0) -> list[LayerRow | Repeat]:
    """Rows, with blocks that follow one like them told together.

    Parameters
    ----------
    rows : sequence of LayerRow
        Of a network, or of a part of it.
    depth : int
        Parts of the names that they have in common.

    Returns
    -------
    list of LayerRow or Repeat
        In order. Blocks are alike if their layers are, whatever receptive fields they have.
    """
    found: list[LayerRow | Repeat] = []
    for _, alike in groupby(_blocks(rows, depth), key=lambda block: _signature(block, depth)):
        first, *others = alike
        found.extend(folded(first, depth + 1) if len(first) > 1 else first)
        if not others:
            continue
        if len(first) == 1:
            for block in others:
                found.extend(block)
            continue
        places = tuple(_place(block, depth) for block in others)
        main = [row for row in first if not row.auxiliary]
        parameters, work = sum(row.parameters for row in main), sum(row.multiply_adds for row in main)
        found.append(Repeat(_place(first, depth), places, parameters, work, others[-1][-1]))
    return found


def _blocks(rows: Sequence[LayerRow], depth: int) -> Iterator[list[LayerRow]]:
    """Runs of rows within the same container."""
    for _, block in groupby(rows, key=lambda row: row.name.split(".")[: depth + 1]):
        yield list(block)


def _place(block: Sequence[LayerRow], depth: int) -> str:
    return ".".join(block[0].name.split(".")[: depth + 1])


def _signature(block: Sequence[LayerRow], depth: int) -> tuple[object, ...]:
    """What must agree: everything but the block's own name and where its fields lie."""
    return tuple(
        (*row.name.split(".")[depth + 1 :], row.kind, row.detail, row.input, row.output, row.parameters, row.auxiliary) for row in block
    )
