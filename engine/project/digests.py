"""What the labelled pictures of a project come down to: the same digest, the same pictures with the same classes and splits.

Pictures are taken in pieces by their ids, so that a label by key costs the digest of one piece, however many pictures there are.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from engine.project.records import ImageTable

PIECE = 4096  # ids
PREFIX = "2-"
BYTES = 16

Ids = npt.NDArray[np.int64]
ClassIds = npt.NDArray[np.int32]
Splits = npt.NDArray[np.int8]


class LabelDigest:
    """The digest of one table after the other; quick where they differ in few labels."""

    def __init__(self) -> None:
        self._pieces: dict[int, bytes] = {}
        self._seen: ImageTable | None = None

    def of(self, table: ImageTable) -> str:
        """The digest of a table, see `digest`."""
        before = self._seen
        if before is None or before.ids is not table.ids:  # pictures came or went
            self._pieces = _pieces(table.ids, table.class_ids, table.splits)
        else:
            rows = np.flatnonzero((table.class_ids != before.class_ids) | (table.splits != before.splits))
            for number in np.unique(table.ids[rows] // PIECE).tolist():
                first, last = np.searchsorted(table.ids, (number * PIECE, (number + 1) * PIECE)).tolist()
                part = slice(first, last)
                self._pieces.pop(number, None)
                self._pieces.update(_pieces(table.ids[part], table.class_ids[part], table.splits[part]))
        self._seen = table
        return _joined(self._pieces)


def digest(ids: Ids, class_ids: ClassIds, splits: Splits) -> str:
    """The digest of labelled pictures.

    Parameters
    ----------
    ids : int64 [N]
        Ascending.
    class_ids : int32 [N]
        Negative where unlabelled; such pictures do not count.
    splits : int8 [N]
        Values of Split.

    Returns
    -------
    str
        PREFIX and 32 hexadecimal digits.
    """
    return _joined(_pieces(ids, class_ids, splits))


def flat_digest(ids: Ids, class_ids: ClassIds, splits: Splits) -> str:
    """The digest as the first version of the program had it, 32 hexadecimal digits: its runs are compared by that."""
    return _hashed(ids, class_ids, splits, class_ids >= 0).hex()


def is_flat(text: str) -> bool:
    """Whether that is a digest of the first version."""
    return not text.startswith(PREFIX)


def _pieces(ids: Ids, class_ids: ClassIds, splits: Splits) -> dict[int, bytes]:
    """The digests of the pieces that have labelled pictures, by number."""
    labelled = class_ids >= 0
    found: dict[int, bytes] = {}
    if not labelled.any():
        return found
    numbers = np.arange(ids[0] // PIECE, ids[-1] // PIECE + 1)
    bounds = np.append(np.searchsorted(ids, numbers * PIECE), len(ids)).tolist()
    for number, first, last in zip(numbers.tolist(), bounds[:-1], bounds[1:], strict=True):
        part = slice(first, last)
        if labelled[part].any():
            found[number] = _hashed(ids[part], class_ids[part], splits[part], labelled[part])
    return found


def _hashed(ids: Ids, class_ids: ClassIds, splits: Splits, labelled: npt.NDArray[np.bool_]) -> bytes:
    result = hashlib.blake2b(digest_size=BYTES)
    for column in (ids.astype("<i8"), class_ids.astype("<i4"), splits.astype("i1")):
        result.update(column[labelled].tobytes())
    return result.digest()


def _joined(pieces: dict[int, bytes]) -> str:
    whole = b"".join(number.to_bytes(8, "little") + pieces[number] for number in sorted(pieces))
    return PREFIX + hashlib.blake2b(whole, digest_size=BYTES).hexdigest()
