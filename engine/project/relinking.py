"""Finding files that are no longer where they were: by name, verified by content or size as far as those are known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.control import CancelToken
from engine.data.looks import DIGEST_BYTES, short_digest
from engine.data.sources import walk

Progress = Callable[[int, int], None]


class Missing(msgspec.Struct, frozen=True):
    """A file that is not where it was.

    Attributes
    ----------
    path : Path
        Where it was.
    rows : tuple of int
        Of the pictures that need it.
    digest : int
        See `engine.data.looks.short_digest`; 0 where unknown.
    size : int
        Bytes; 0 where unknown.
    """

    path: Path
    rows: tuple[int, ...]
    digest: int = 0
    size: int = 0


def find(missing: Sequence[Missing], folder: Path, token: CancelToken, progress: Progress) -> dict[Path, Path]:
    """Where missing files lie now.

    A file whose content is known is found under any name. One of which only the size is known must have its name too; one of which
    nothing is known is found by its name, and where several files have that, by the folders above it.

    Parameters
    ----------
    missing : sequence of Missing
        Files to look for.
    folder : Path
        Searched with all folders below.
    token : CancelToken
        Checked at every file.
    progress : callable
        Called with files done and files in all.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    by_name: dict[str, list[Path]] = {}
    by_size: dict[int, list[Path]] = {}
    sizes = {item.size for item in missing if item.digest}
    for path in walk(folder, token):
        by_name.setdefault(path.name.casefold(), []).append(path)
        if sizes and (size := _size(path)) in sizes:
            by_size.setdefault(size, []).append(path)
    found: dict[Path, Path] = {}
    digests: dict[Path, int] = {}
    for number, item in enumerate(missing):
        token.check()
        namesakes = by_name.get(item.path.name.casefold(), [])
        if item.digest:
            place = _of_content(item, [*namesakes, *by_size.get(item.size, [])], digests, token)
        else:
            place = _nearest(item.path, [path for path in namesakes if not item.size or _size(path) == item.size])
        if place is not None:
            found[item.path] = place
        progress(number + 1, len(missing))
    return found


def _of_content(item: Missing, candidates: Sequence[Path], digests: dict[Path, int], token: CancelToken) -> Path | None:
    for path in candidates:
        if item.size and _size(path) != item.size:
            continue
        if path not in digests:
            token.check()
            digests[path] = _digest(path)
        if digests[path] == item.digest:
            return path
    return None


def _nearest(lost: Path, candidates: Sequence[Path]) -> Path | None:
    """The one that has most folders in common, from the file upwards; None where that does not tell."""
    ranked = sorted(((_common(lost, path), path) for path in candidates), key=lambda pair: -pair[0])
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _common(first: Path, second: Path) -> int:
    count = 0
    for a, b in zip(reversed(first.parts), reversed(second.parts), strict=False):
        if a.casefold() != b.casefold():
            break
        count += 1
    return count


def _digest(path: Path) -> int:
    """0 where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return short_digest(hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).digest())
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
