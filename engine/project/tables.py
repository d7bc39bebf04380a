"""Tables of pictures: made, cut, joined, changed; always a new table, never in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.project.records import ImageTable

if TYPE_CHECKING:
    import numpy as np

TYPES = {
    "ids": "i8",
    "class_ids": "i4",
    "splits": "i1",
    "flags": "u1",
    "widths": "i4",
    "heights": "i4",
    "sizes": "i8",
    "times": "f8",
}
UNKNOWN = {"class_ids": -1, "times": float("nan")}


def table(ids: Sequence[int] | np.ndarray, names: Sequence[str], **columns: Sequence[float] | np.ndarray) -> ImageTable:
    """A table from the columns that are known; the others say unknown, unlabelled, without split, unmarked.

    Parameters
    ----------
    ids : sequence of int
        Ascending.
    names : sequence of str
        As many as ids.
    **columns
        Other fields of ImageTable by name.

    Raises
    ------
    ValueError
        If a column is unknown or of another length.
    """
    import numpy as np

    if unknown := set(columns) - set(TYPES):
        raise ValueError(f"no columns of pictures: {sorted(unknown)}")
    count = len(ids)
    made: dict[str, Any] = {"ids": np.asarray(ids, TYPES["ids"])}
    for name, kind in TYPES.items():
        if name != "ids":
            values = columns.get(name)
            made[name] = np.full(count, UNKNOWN.get(name, 0), kind) if values is None else np.asarray(values, kind)
    if any(len(column) != count for column in made.values()) or len(names) != count:
        raise ValueError("columns of different lengths")
    return ImageTable(names=tuple(names), **made)


def taken(whole: ImageTable, rows: np.ndarray) -> ImageTable:
    """These rows of a table; rows int64 [n], ascending."""
    names = whole.names
    columns = {name: getattr(whole, name)[rows] for name in TYPES}
    return ImageTable(names=tuple([names[row] for row in rows.tolist()]), **columns)


def joined(first: ImageTable, second: ImageTable) -> ImageTable:
    """The rows of one table behind those of the other; whether ids then ascend is the caller's care."""
    import numpy as np

    columns = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in TYPES}
    return ImageTable(names=first.names + second.names, **columns)


def merged(old: ImageTable | None, new: ImageTable) -> ImageTable:
    """Both tables in one, ids ascending; where both have a picture the new row counts."""
    import numpy as np

    if old is None or not len(old.ids):
        return new
    if not len(new.ids):
        return old
    both = joined(old, new)
    if new.ids[0] > old.ids[-1]:
        return both
    order = np.argsort(both.ids, kind="stable")
    last = np.append(np.diff(both.ids[order]) != 0, True)
    return taken(both, order[last])


def changed(whole: ImageTable, ids: np.ndarray, **columns: np.ndarray) -> ImageTable:
    """The table with other values for some pictures; ids int64 [n] ascending, ids that are not there are passed over."""
    import msgspec
    import numpy as np

    if not len(whole.ids):
        return whole
    rows = np.minimum(np.searchsorted(whole.ids, ids), len(whole.ids) - 1)
    known = whole.ids[rows] == ids
    made: dict[str, Any] = {}
    for name, values in columns.items():
        column = getattr(whole, name).copy()
        column[rows[known]] = np.asarray(values)[known]
        made[name] = column
    return msgspec.structs.replace(whole, **made)
