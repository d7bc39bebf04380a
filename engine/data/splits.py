"""Which pictures train, which validate, which test.

Stratified (each class is divided alike), repeatable (by a seeded hash of each picture's content, not by its name or its place in a list),
incremental (a picture that has a split keeps it; new ones go where most is lacking), and without leaks: pictures of one group, as
near-duplicates are, stay together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.project.records import Split

FRACTIONS = (0.6, 0.2, 0.2)
CARVED = 0.1
NEAR = 0.05
KEY = 16  # letters of a key that count: 64 bits of a digest
# On a tie training comes first, then test: a class of two pictures can then be learned and measured.
ORDER = (Split.TRAIN, Split.TEST, Split.VALIDATION)

Labels = npt.NDArray[np.int64]
Splits = npt.NDArray[np.int8]
Groups = npt.NDArray[np.int64]


class _Unit(NamedTuple):
    """Rows that stay together, and how many of each class they are."""

    order: tuple[bytes, str, int]
    rows: list[int]
    counts: dict[int, int]


def content_key(digest: bytes) -> str:
    """What identifies a picture when data is divided: the beginning of its content's digest, whatever its name and folder."""
    return digest.hex()[:KEY]


def assign(
    labels: Labels,
    splits: Splits,
    keys: Sequence[str],
    fractions: tuple[float, float, float] = FRACTIONS,
    seed: int = 0,
    groups: Groups | None = None,
) -> Splits:
    """Give a split to every labelled picture that has none.

    Parameters
    ----------
    labels : int64 [N]
        Class of each picture; negative where it has none, and such pictures get no split.
    splits : int8 [N]
        Values of Split; those other than NONE are kept.
    keys : sequence of str, length N
        What identifies a picture, see `content_key`; the same keys and seed give the same splits in any order of rows.
    fractions : tuple of float
        Shares of training, validation and test; they add up to 1.
    seed : int
        Another seed gives another division.
    groups : int64 [N], optional
        Pictures with the same number stay together; where some of them have a split, the others follow the greater part of those.
        Negative: alone.

    Returns
    -------
    int8 [N]
        Each class meets the fractions to within one picture where none had a split before and groups allow. One picture of a class
        goes to training, the second to test.
    """
    result = np.array(splits, np.int8)
    shares = dict(zip((Split.TRAIN, Split.VALIDATION, Split.TEST), fractions, strict=True))
    _follow(labels, result, groups)
    units = _units(np.flatnonzero((result == Split.NONE) & (labels >= 0)), labels, keys, seed, groups)
    lacking: dict[int, dict[Split, float]] = {}
    for label in {label for unit in units for label in unit.counts}:
        mine = np.bincount(result[labels == label], minlength=4)
        lacking[label] = {split: shares[split] * int(mine.sum()) - int(mine[split]) for split in ORDER}
    for unit in units:
        if len(unit.counts) == 1:
            (label,) = unit.counts
            mostly = lacking[label]
            split = max(ORDER, key=mostly.__getitem__)  # the first of ORDER on a tie
        else:
            split = max(ORDER, key=lambda split: sum(lacking[label][split] * count for label, count in unit.counts.items()))
        result[unit.rows] = split
        for label, count in unit.counts.items():
            lacking[label][split] -= count
    return result


def carve_validation(
    labels: Labels, splits: Splits, keys: Sequence[str], fraction: float = CARVED, seed: int = 0, groups: Groups | None = None
) -> Splits:
    """Move a part of each class's training pictures to validation; at least one stays in training, test is not touched.

    Groups move whole, and those stay that have a picture in another split; arguments as for `assign`.
    """
    result = np.array(splits, np.int8)
    training = (labels >= 0) & (result == Split.TRAIN)
    wanted = {}
    for label in np.unique(labels[training]).tolist():
        count = int(np.count_nonzero(training & (labels == label)))
        wanted[label] = min(count - 1, round(count * fraction))
    movable = training.copy()
    if groups is not None:
        torn = np.unique(groups[(groups >= 0) & (labels >= 0) & ~training])
        movable &= ~np.isin(groups, torn)
    units = sorted(_units(np.flatnonzero(movable), labels, keys, seed, groups))
    for unit in units:
        if all(count <= wanted[label] for label, count in unit.counts.items()):
            result[unit.rows] = Split.VALIDATION
            for label, count in unit.counts.items():
                wanted[label] -= count
    return result


def complete(
    labels: Labels,
    splits: Splits,
    keys: Sequence[str],
    seed: int = 0,
    groups: Groups | None = None,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> Splits:
    """Splits for data as it comes: what a source brings is kept, what it lacks is added; arguments as for `assign`.

    A source with a test part gets its validation from its training part; one with validation but no test stays without test; one
    without any is divided by the fractions.
    """
    labelled = np.asarray(splits)[labels >= 0]
    if (labelled == Split.NONE).all():
        return assign(labels, splits, keys, fractions, seed, groups)
    result = np.array(splits, np.int8)
    if lacks_validation(labelled):
        result = carve_validation(labels, result, keys, seed=seed, groups=groups)
    return assign(labels, result, keys, shares(result[labels >= 0], fractions), seed, groups)


def lacks_validation(splits: Splits) -> bool:
    """Whether there is a test part, and no validation part."""
    return bool((splits == Split.TEST).any() and not (splits == Split.VALIDATION).any())


def settled(labels: Labels, splits: Splits) -> bool:
    """Whether `complete` would leave all as it is, so that nothing needs to be known of the pictures."""
    labelled = np.asarray(splits)[labels >= 0]
    return not (labelled == Split.NONE).any() and not lacks_validation(labelled)


def folds(labels: Labels, keys: Sequence[str], k: int, seed: int = 0, groups: Groups | None = None) -> npt.NDArray[np.int8]:
    """Divide all labelled pictures into parts of equal size, each of which can be held out in turn.

    Parameters
    ----------
    labels, keys, seed, groups
        As for `assign`.
    k : int
        Number of folds, in [2, 127].

    Returns
    -------
    int8 [N]
        0 to k - 1; -1 where unlabelled. Without groups, folds differ by one picture at most, over all and in each class.
    """
    if not 2 <= k <= 127:
        raise ValueError(f"{k} folds are not from 2 to 127")
    result = np.full(len(labels), -1, np.int8)
    filled: dict[int, npt.NDArray[np.int64]] = {}
    sizes = np.zeros(k, np.int64)
    units = _units(np.flatnonzero(labels >= 0), labels, keys, seed, groups)
    # class by class, so that each begins with folds as equal as the last has left them
    units.sort(key=lambda unit: (-len(unit.rows), min(unit.counts)))
    for unit in units:
        load = np.zeros(k, np.float64)
        for label, count in unit.counts.items():
            load += filled.setdefault(label, np.zeros(k, np.int64)) * float(count)
        fold = int(np.lexsort((sizes, load))[0])  # the emptiest for its classes, then over all
        result[unit.rows] = fold
        sizes[fold] += len(unit.rows)
        for label, count in unit.counts.items():
            filled[label][fold] += count
    return result


def shares(splits: Splits, usual: tuple[float, float, float] = FRACTIONS) -> tuple[float, float, float]:
    """The shares in which data is divided already, so that additions do not shift them.

    `usual` where there are fewer than 100 pictures, or where the shares are those but for rounding.
    """
    counts = np.bincount(splits, minlength=4)[[Split.TRAIN, Split.VALIDATION, Split.TEST]]
    total = int(counts.sum())
    if total < 100 or counts[0] == 0:
        return usual
    train, validation, test = (counts / total).tolist()
    near = all(abs(share - wanted) < NEAR for share, wanted in zip((train, validation, test), usual, strict=True))
    return usual if near else (train, validation, test)


def _follow(labels: Labels, result: Splits, groups: Groups | None) -> None:
    """Pictures without a split go where the others of their group are."""
    if groups is None:
        return
    waiting = (result == Split.NONE) & (labels >= 0) & (groups >= 0)
    there = (result != Split.NONE) & (groups >= 0)
    if not waiting.any() or not there.any():
        return
    numbers, index = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(numbers), 4), np.int64)
    np.add.at(counts, (index[there], result[there]), 1)
    follows = waiting & counts[index].any(axis=1)
    order = np.array(ORDER, np.int8)
    result[follows] = order[counts[index[follows]][:, order].argmax(axis=1)]


def _units(rows: npt.NDArray[np.intp], labels: Labels, keys: Sequence[str], seed: int, groups: Groups | None) -> list[_Unit]:
    """What is divided: groups, the largest first, so that single pictures level what they leave uneven; then the single ones, shuffled."""
    salt = str(seed).encode()

    def shuffled(row: int) -> tuple[bytes, str, int]:
        key = keys[row]
        return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), key=salt, digest_size=8).digest(), key, row

    together: dict[int, list[int]] = {}
    single: list[_Unit] = []
    for row in rows.tolist():
        group = -1 if groups is None else int(groups[row])
        if group < 0:
            single.append(_Unit(shuffled(row), [row], {int(labels[row]): 1}))
        else:
            together.setdefault(group, []).append(row)
    several: list[_Unit] = []
    for members in together.values():
        counts: dict[int, int] = {}
        for row in members:
            counts[int(labels[row])] = counts.get(int(labels[row]), 0) + 1
        (several if len(members) > 1 else single).append(_Unit(min(map(shuffled, members)), members, counts))
    several.sort(key=lambda unit: (-len(unit.rows), unit.order[:2]))
    single.sort(key=lambda unit: unit.order)
    return several + single
