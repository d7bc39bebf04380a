"""Changes of a project as data: what the journal keeps, what undo and redo carry out, what the snapshot follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

Ranges = tuple[tuple[int, int], ...]


class LabelChange(msgspec.Struct, frozen=True, tag="labels"):
    """Pictures get classes (None: none) and splits; one entry of each a picture, ids ascending."""

    ids: tuple[int, ...]
    class_ids: tuple[int | None, ...]
    splits: tuple[int, ...]


class PresenceChange(msgspec.Struct, frozen=True, tag="presence"):
    """Pictures are in the project, or are not. Ids as ranges, first and last inclusive, ascending."""

    ids: Ranges
    present: bool


class ClassChange(msgspec.Struct, frozen=True, tag="class"):
    """A class has this name and is in the project, or is not."""

    id: int
    name: str
    present: bool


Change = LabelChange | PresenceChange | ClassChange

encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(tuple[Change, ...])


def decode(data: bytes) -> tuple[Change, ...]:
    """Changes as the journal keeps them.

    Raises
    ------
    msgspec.MsgspecError
        If the journal is damaged.
    """
    return _decoder.decode(data)


def to_ranges(ids: Iterable[int]) -> Ranges:
    """Ids, in any order, as ranges.

    Examples
    --------
    >>> to_ranges([5, 1, 2, 3])
    ((1, 3), (5, 5))
    """
    ordered: Sequence[int] = sorted(set(ids))
    if not ordered:
        return ()
    ends = [left for left, right in pairwise(ordered) if right != left + 1] + [ordered[-1]]
    starts = [ordered[0]] + [right for left, right in pairwise(ordered) if right != left + 1]
    return tuple(zip(starts, ends, strict=True))


def from_ranges(ranges: Ranges) -> list[int]:
    """The ids in ranges, ascending."""
    return [number for first, last in ranges for number in range(first, last + 1)]
