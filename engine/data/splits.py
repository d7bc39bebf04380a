"""Which pictures train, which validate, which test.

Stratified (each class is divided alike), repeatable (by a seeded hash of each picture's key, not by its place in a list), and incremental
(a picture that has a split keeps it; new ones go where most is lacking).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.project.records import Split

FRACTIONS = (0.6, 0.2, 0.2)
CARVED = 0.1
NEAR = 0.05
# On a tie training comes first, then test: a class of two pictures can then be learned and measured.
ORDER = (Split.TRAIN, Split.TEST, Split.VALIDATION)

Labels = npt.NDArray[np.int64]
Splits = npt.NDArray[np.int8]


def key_of(locator: str, class_name: str, name: str) -> str:
    """What identifies a picture when data is divided.

    A file counts by its class and its own name, wherever it lies: so a folder and a project made from it are divided alike, although
    the project's copies lie elsewhere and under other names. Pictures that come with the program or in raw files count by their locator.
    """
    return f"file:{class_name}/{name}" if locator.startswith("file:") else locator


def assign(labels: Labels, splits: Splits, keys: Sequence[str], fractions: tuple[float, float, float] = FRACTIONS, seed: int = 0) -> Splits:
    """Give a split to every labelled picture that has none.

    Parameters
    ----------
    labels : int64 [N]
        Class of each picture; negative where it has none, and such pictures get no split.
    splits : int8 [N]
        Values of Split; those other than NONE are kept.
    keys : sequence of str, length N
        What identifies a picture, see `key_of`; the same keys and seed give the same splits in any order of rows.
    fractions : tuple of float
        Shares of training, validation and test; they add up to 1.
    seed : int
        Another seed gives another division.

    Returns
    -------
    int8 [N]
        Each class meets the fractions to within one picture where none had a split before. One picture of a class goes to training,
        the second to test.
    """
    result = np.array(splits, np.int8)
    open_rows = np.flatnonzero((result == Split.NONE) & (labels >= 0))
    shares = dict(zip((Split.TRAIN, Split.VALIDATION, Split.TEST), fractions, strict=True))
    for label in np.unique(labels[open_rows]):
        rows = open_rows[labels[open_rows] == label]
        mine = result[labels == label]
        total = int(np.count_nonzero(mine != Split.NONE)) + len(rows)
        lacking = {split: shares[split] * total - int(np.count_nonzero(mine == split)) for split in ORDER}
        for row in _shuffled(rows, keys, seed):
            split = max(ORDER, key=lacking.__getitem__)  # the first of ORDER on a tie
            result[row] = split
            lacking[split] -= 1
    return result


def carve_validation(labels: Labels, splits: Splits, keys: Sequence[str], fraction: float = CARVED, seed: int = 0) -> Splits:
    """Move a part of each class's training pictures to validation; at least one stays in training, test is not touched."""
    result = np.array(splits, np.int8)
    for label in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero((labels == label) & (result == Split.TRAIN))
        count = min(len(rows) - 1, round(len(rows) * fraction))
        if count > 0:
            result[_shuffled(rows, keys, seed)[:count]] = Split.VALIDATION
    return result


def complete(labels: Labels, splits: Splits, keys: Sequence[str], seed: int = 0) -> Splits:
    """Splits for data as it comes: what a source brings is kept, what it lacks is added.

    A source with a test part gets its validation from its training part; one with validation but no test stays without test; one
    without any is divided by FRACTIONS.
    """
    labelled = np.asarray(splits)[labels >= 0]
    if (labelled == Split.NONE).all():
        return assign(labels, splits, keys, seed=seed)
    result = np.array(splits, np.int8)
    if (labelled == Split.TEST).any() and not (labelled == Split.VALIDATION).any():
        result = carve_validation(labels, result, keys, seed=seed)
    return assign(labels, result, keys, shares(result[labels >= 0]), seed)


def shares(splits: Splits) -> tuple[float, float, float]:
    """The shares in which data is divided already, so that additions do not shift them.

    FRACTIONS where there are fewer than 100 pictures, or where the shares are those but for rounding.
    """
    counts = [int(np.count_nonzero(splits == split)) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
    total = sum(counts)
    if total < 100 or counts[0] == 0:
        return FRACTIONS
    found = (counts[0] / total, counts[1] / total, counts[2] / total)
    near = all(abs(share - usual) < NEAR for share, usual in zip(found, FRACTIONS, strict=True))
    return FRACTIONS if near else found


def _shuffled(rows: npt.NDArray[np.intp], keys: Sequence[str], seed: int) -> list[int]:
    salt = str(seed).encode()
    digests = [
        (hashlib.blake2b(keys[row].encode("utf-8", "surrogateescape"), key=salt, digest_size=8).digest(), keys[row], int(row))
        for row in rows
    ]
    return [row for _, _, row in sorted(digests)]
