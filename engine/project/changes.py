"""Changes of a project as data: what the journal keeps, what undo and redo carry out, what the snapshot follows."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

Ranges = tuple[tuple[int, int], ...]

PACKED_BYTES = 4096  # longer entries are packed: dividing half a million pictures would take 10 MB of journal otherwise


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
    """A class has this name and is in the project, or is not. Colour, place and key where they are not None."""

    id: int
    name: str
    present: bool
    colour: str | None = None
    place: int | None = None
    key: str | None = None


class FlagChange(msgspec.Struct, frozen=True, tag="flags"):
    """Pictures get these marks of the user's (bits of USER_FLAGS; other bits stay); one entry a picture, ids ascending."""

    ids: tuple[int, ...]
    flags: tuple[int, ...]


class NoteChange(msgspec.Struct, frozen=True, tag="note"):
    """A picture gets this note; "" takes it away."""

    id: int
    text: str


class LocatorChange(msgspec.Struct, frozen=True, tag="locators"):
    """Pictures lie elsewhere; one locator a picture, ids ascending."""

    ids: tuple[int, ...]
    locators: tuple[str, ...]


class MetaChange(msgspec.Struct, frozen=True, tag="meta"):
    """A fact about the project is another; "" where it is as in a new project."""

    key: str
    value: str


Change = LabelChange | PresenceChange | ClassChange | FlagChange | NoteChange | LocatorChange | MetaChange

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Change, ...])


def encode(steps: Sequence[Change]) -> bytes:
    """Changes as the journal keeps them: JSON, packed by zlib where it is long."""
    plain = _encoder.encode(steps)
    return plain if len(plain) < PACKED_BYTES else zlib.compress(plain, 1)


def decode(data: bytes) -> tuple[Change, ...]:
    """Changes as the journal keeps them; also those of earlier versions.

    Raises
    ------
    msgspec.MsgspecError
        If the journal is damaged.
    """
    if data[:1] == b"[":
        return _decoder.decode(data)
    try:
        return _decoder.decode(zlib.decompress(data))
    except zlib.error as error:
        raise msgspec.DecodeError(str(error)) from None


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


def appended(ranges: Ranges, more: Ranges) -> Ranges:
    """Ranges behind ranges: all of `more` lies above; those that touch become one.

    Examples
    --------
    >>> appended(((1, 3),), ((4, 6), (9, 9)))
    ((1, 6), (9, 9))
    """
    if ranges and more and more[0][0] == ranges[-1][1] + 1:
        return (*ranges[:-1], (ranges[-1][0], more[0][1]), *more[1:])
    return ranges + more
