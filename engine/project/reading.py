"""Pictures out of the database, straight into columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.project import tables
from engine.project.changes import Ranges
from engine.project.records import ImageTable

# As few Python objects as possible are alive at once: a thousand rows at a time are read twice as fast as all of them.
CHUNK = 1000
# Column of the result, expression, and what stands for it in a database of an earlier version that has no such column.
EXPRESSIONS = (
    ("id", "id", "0"),
    ("class_id", "coalesce(class_id, -1)", "-1"),
    ("split", "split", "0"),
    ("flags", "flags", "0"),
    ("width", "coalesce(width, 0)", "0"),
    ("height", "coalesce(height, 0)", "0"),
    ("bytes", "coalesce(bytes, 0)", "0"),
    ("time", "time", "NULL"),
    ("hash", "coalesce(hash, 0)", "0"),
    ("digest", "coalesce(substr(digest, 1, 8), zeroblob(8))", "zeroblob(8)"),
    ("name", "name", "''"),
    ("locator", "locator", "''"),
)
KINDS = ("i8", "i4", "i1", "u1", "i4", "i4", "i8", "f8", "i8")
Columns = list[npt.NDArray[np.generic]]


class Pictures(msgspec.Struct, frozen=True, eq=False):
    """Some pictures of a project; row i of the table has locator, digest and hash i. See `engine.project.snapshot.Snapshot`."""

    table: ImageTable
    locators: tuple[str, ...]
    digests: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint64]
    notes: dict[int, str]


def read_pictures(database: sqlite3.Connection, ranges: Ranges | None = None) -> Pictures:
    """The pictures that are in a project, by ascending id; only those in `ranges`, if given. Also of earlier versions."""
    there = {row[1] for row in database.execute("PRAGMA table_info(images)")}
    wanted = ", ".join(expression if name in there else instead for name, expression, instead in EXPRESSIONS)
    chunks = [_columns(rows) for rows in _chunks(database, f"SELECT {wanted} FROM images WHERE removed = 0", ranges)]
    chunks = chunks or [_columns([])]
    ids, classes, splits, flags, widths, heights, sizes, times, hashes = (
        np.concatenate([chunk[0][number] for chunk in chunks]) for number in range(len(KINDS))
    )
    table = tables.table(
        ids,
        tuple(chain.from_iterable(chunk[2] for chunk in chunks)),
        class_ids=classes,
        splits=splits,
        flags=flags,
        widths=widths,
        heights=heights,
        sizes=sizes,
        times=times,
    )
    notes: dict[int, str] = {}
    if "note" in there:
        query = "SELECT id, note FROM images WHERE removed = 0 AND flags & 8 <> 0"
        notes.update(row for rows in _chunks(database, query, ranges) for row in rows)
    return Pictures(
        table,
        tuple(chain.from_iterable(chunk[3] for chunk in chunks)),
        np.concatenate([chunk[1] for chunk in chunks]),
        hashes.view(np.uint64),
        notes,
    )


def _chunks(database: sqlite3.Connection, query: str, ranges: Ranges | None) -> Iterator[list[tuple[Any, ...]]]:
    if ranges is None:
        cursors: Iterator[sqlite3.Cursor] = iter([database.execute(f"{query} ORDER BY id")])
    else:
        cursors = (database.execute(f"{query} AND id BETWEEN ? AND ? ORDER BY id", pair) for pair in ranges)
    waiting: list[tuple[Any, ...]] = []
    for cursor in cursors:
        while rows := cursor.fetchmany(CHUNK):
            waiting += rows
            if len(waiting) >= CHUNK:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[Columns, npt.NDArray[np.uint64], tuple[str, ...], tuple[str, ...]]:
    """Numbers, digests, names and locators of some rows."""
    columns = tuple(zip(*rows, strict=True)) or ((),) * len(EXPRESSIONS)
    numbers: Columns = [np.array(column, kind) for column, kind in zip(columns, KINDS, strict=False)]
    digests = np.frombuffer(b"".join(columns[-3]), ">u8").astype(np.uint64)
    return numbers, digests, columns[-2], columns[-1]
