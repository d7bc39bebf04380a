"""Splits of a project's pictures: for those that join, and for all anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.data.splits import assign, shares
from engine.project.records import Split

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot


def divide_joining(
    snapshot: Snapshot,
    class_id: int,
    splits: npt.NDArray[np.int8],
    keys: list[str],
    exclude: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int8]:
    """Splits for pictures that join a class, seen together with those that it has.

    Parameters
    ----------
    snapshot : Snapshot
        The project before they join.
    class_id : int
        The class that they join.
    splits : int8 [n]
        What they bring; NONE is filled in.
    keys : list of str
        See `engine.data.splits.key_of`.
    exclude : int64, optional
        Rows of the snapshot that do not count as being there: those that are labelled just now.
    """
    table = snapshot.table
    mine = table.class_ids == class_id
    if exclude is not None:
        mine[exclude] = False
    there = table.splits[mine]
    there = there[there != Split.NONE]
    together = np.concatenate([there, splits])
    labels = np.zeros(len(together), np.int64)
    assigned = assign(labels, together, [""] * len(there) + keys, shares(table.splits[table.class_ids >= 0]))
    return assigned[len(there) :]
