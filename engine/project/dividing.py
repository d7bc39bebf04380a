"""Splits of a project's pictures: for those that join, and for all anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.data.splits import CARVED, KEY, assign, carve_validation, complete, folds, lacks_validation, shares
from engine.doctor import near
from engine.project.records import Division, Split

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot

Rows = npt.NDArray[np.int64]
Splits = npt.NDArray[np.int8]
Hashes = npt.NDArray[np.uint64]
USUAL = Division()
TWIN = near.LIMITS[0]
OVERFULL = 0.2  # share of a class above what a split should have, from which near-duplicates no longer follow each other into it
WHOLE = 0.5  # a split that its source filled to this part of what it should have is left as it is


def divide_joining(
    snapshot: Snapshot,
    class_ids: Rows,
    splits: Splits,
    keys: list[str],
    hashes: Hashes,
    exclude: Rows | None = None,
    division: Division = USUAL,
) -> Splits:
    """Splits for pictures that join, seen together with those that are there; none of those moves.

    Where no picture is labelled yet, this is what `engine.data.splits.complete` gives: a folder and a project made of it are divided alike,
    as long as all of it joins at once.

    Parameters
    ----------
    snapshot : Snapshot
        The project before they join.
    class_ids : int64 [n]
        The class that each joins; negative: none, and no split.
    splits : int8 [n]
        What they bring; NONE is filled in.
    keys : list of str, length n
        See `engine.data.splits.content_key`; "" where the content is not known.
    hashes : uint64 [n]
        Perceptual hashes; 0 where unknown.
    exclude : int64, optional
        Rows of the snapshot that do not count as being there: those that are labelled just now.
    division : Division
        The project's; its fractions count while there are few pictures, later the shares in which they are divided.
    """
    table = snapshot.table
    there = (table.class_ids >= 0) & (table.splits != Split.NONE)
    if exclude is not None:
        there[exclude] = False
    keys = [key[:KEY] for key in keys]
    joining = np.asarray(class_ids, np.int64)
    result = np.array(splits, np.int8)
    digests = np.array([_number(key) for key in keys], np.uint64)
    groups = near.groups(digests, hashes, joining)
    fractions = _fractions(division)
    if not there.any():
        return complete(joining, result, keys, division.seed, groups, fractions)
    if lacks_validation(result[joining >= 0]):
        result = carve_validation(joining, result, keys, seed=division.seed, groups=groups)
    planned = shares(table.splits[there], fractions)
    rows = np.flatnonzero(there)
    _follow_twins(result, joining, (digests, hashes), snapshot, rows, planned)
    mine = rows[np.isin(table.class_ids[rows], joining[joining >= 0])]
    together = np.concatenate([table.splits[mine], result])
    labels = np.concatenate([table.class_ids[mine].astype(np.int64), joining])
    apart = np.concatenate([np.full(len(mine), -1, np.int64), groups])
    return assign(labels, together, [""] * len(mine) + keys, planned, division.seed, apart)[len(mine) :]


def redivide(snapshot: Snapshot, own_splits: Splits, division: Division) -> Splits:
    """New splits for all labelled pictures; near-duplicates stay together.

    Parameters
    ----------
    snapshot : Snapshot
        The project.
    own_splits : int8 [N]
        The splits that pictures came with, which they keep; NONE: none. A test part alone gets its validation from the training part.
    division : Division
        Where sources filled validation or test to half of what it should have, or more, nothing is added to it. Own splits keep out of
        folds.

    Returns
    -------
    int8 [N]
        Unlabelled pictures keep what they have.
    """
    table = snapshot.table
    labels = table.class_ids.astype(np.int64)
    labelled = labels >= 0
    own = labelled & (own_splits != Split.NONE)
    digests, hashes = _known(snapshot.digests, len(labels)), _known(snapshot.hashes, len(labels))
    keys = [f"{number:016x}" if number else locator for number, locator in zip(digests.tolist(), snapshot.locators, strict=True)]
    groups = near.groups(digests, hashes, labels)
    result = np.where(own, own_splits, np.where(labelled, np.int8(Split.NONE), table.splits)).astype(np.int8)
    if not division.folds:
        fractions = _open_fractions(result[own], int(labelled.sum()), division.fractions)
        result = assign(labels, result, keys, fractions, division.seed, groups)
        wanted = lacks_validation(result[labelled]) and division.fractions[1] > 0
        return carve_validation(labels, result, keys, seed=division.seed, groups=groups) if wanted else result
    free = np.where(own, -1, labels)
    held = folds(free, keys, division.folds, division.seed, groups) == division.fold
    result[free >= 0] = Split.TRAIN
    result[held] = Split.TEST
    return carve_validation(free, result, keys, seed=division.seed, groups=groups)


def _open_fractions(own: Splits, total: int, fractions: tuple[float, float, float]) -> tuple[float, float, float]:
    """The fractions, with those of the parts that a source brought whole given to training."""
    train, validation, test = fractions
    counts = np.bincount(own, minlength=4)
    if test and counts[Split.TEST] >= WHOLE * test * total:
        train, test = train + test, 0.0
    if validation and counts[Split.VALIDATION] >= WHOLE * validation * total:
        train, validation = train + validation, 0.0
    return train, validation, test


def _follow_twins(
    result: Splits, joining: Rows, marks: tuple[Hashes, Hashes], snapshot: Snapshot, rows: Rows, planned: tuple[float, float, float]
) -> None:
    """Pictures without a split go where a picture of the project lies that is the same, or nearly so."""
    open_rows = np.flatnonzero((result == Split.NONE) & (joining >= 0))
    if not len(open_rows):
        return
    digests, hashes = (column[open_rows] for column in marks)
    splits = snapshot.table.splits[rows]
    count = len(snapshot.table.ids)
    same = near.first_twin(digests, _known(snapshot.digests, count)[rows], 0)
    twin = near.first_twin(hashes, _known(snapshot.hashes, count)[rows], TWIN)
    if not (same >= 0).any() and not (twin >= 0).any():
        return
    overfull = _overfull(snapshot.table.class_ids[rows], splits, planned)
    for at, row in enumerate(open_rows.tolist()):
        if same[at] >= 0:
            result[row] = splits[same[at]]
        elif twin[at] >= 0 and (int(joining[row]), int(splits[twin[at]])) not in overfull:
            result[row] = splits[twin[at]]


def _overfull(class_ids: npt.NDArray[np.int32], splits: Splits, planned: tuple[float, float, float]) -> set[tuple[int, int]]:
    """Classes, with the split that holds far more of them than planned, as happens to a film of one thing."""
    found: set[tuple[int, int]] = set()
    counts = np.zeros((int(class_ids.max()) + 1, 4), np.int64)
    np.add.at(counts, (class_ids, splits), 1)
    for split, share in zip((Split.TRAIN, Split.VALIDATION, Split.TEST), planned, strict=True):
        totals = counts.sum(axis=1)
        too_many = (totals >= near.FEW) & (counts[:, split] > (share + OVERFULL) * totals)
        found.update((label, int(split)) for label in np.flatnonzero(too_many).tolist())
    return found


def _fractions(division: Division) -> tuple[float, float, float]:
    """Shares of training, validation and test."""
    if not division.folds:
        return division.fractions
    rest = 1 - 1 / division.folds
    return rest * (1 - CARVED), rest * CARVED, 1 / division.folds


def _known(marks: Hashes, count: int) -> Hashes:
    """Digests or hashes of a snapshot; 0 where it has none."""
    return marks if len(marks) == count else np.zeros(count, np.uint64)


def _number(key: str) -> int:
    """The digest that a key begins; 0 for keys of another kind."""
    try:
        return int(key, 16) if len(key) == KEY else 0
    except ValueError:
        return 0
