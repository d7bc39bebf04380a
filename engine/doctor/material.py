"""What the doctor looks at: pictures of a project or of a source, with descriptors and figures, worked out once for each content."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.data import looks
from engine.data.colour import Picture
from engine.data.decoding import read_reduced, shrunk
from engine.data.locators import array_of, path_of, read_located
from engine.data.unreadable import UnreadablePicture
from engine.doctor import descriptors
from engine.project.ahead import in_order

if TYPE_CHECKING:
    from engine.data.sources import Source
    from engine.project.snapshot import Snapshot

CHUNK = 64
THREADS = 8
KEPT = 40_000  # pictures whose descriptors stay in memory: some 60 MB

Rows = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


class Material(msgspec.Struct, frozen=True, eq=False):
    """N pictures as the doctor sees them.

    Attributes
    ----------
    ids : int64 [N]
        In the project; row numbers where there is no project.
    names : tuple of str
        As shown.
    labels : int64 [N]
        Index into `classes`; -1 where unlabelled.
    classes : tuple of str
    class_ids : tuple of int
        Ids of the classes in the project; their indices where there is no project.
    splits : int8 [N]
        Values of Split.
    confirmed : bool [N]
        The user said that the label is right.
    digests, hashes : uint64 [N]
        0 where unknown.
    widths, heights : int64 [N]
        Upright size in pixels; 0 where unknown.
    missing : int64 [m]
        Rows whose file is not there.
    unreadable : dict of int to str
        Rows that cannot be read, with the reason as a clause; "" where it is not known.
    thumbnail : callable
        (row, side) to the picture, its long side at most `side`, uint8 [.., .., 3]; None where it cannot be read. From any thread.
    locators : tuple of str
        Relative to `root`.
    """

    ids: Rows
    names: tuple[str, ...]
    labels: Rows
    classes: tuple[str, ...]
    class_ids: tuple[int, ...]
    splits: npt.NDArray[np.int8]
    confirmed: npt.NDArray[np.bool_]
    digests: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint64]
    widths: Rows
    heights: Rows
    missing: Rows
    unreadable: dict[int, str]
    thumbnail: Callable[[int, int], Picture | None]
    locators: tuple[str, ...]
    root: str

    def usable(self) -> Rows:
        """Rows that can be looked at, ascending."""
        ok = np.ones(len(self.ids), np.bool_)
        ok[self.missing] = False
        ok[list(self.unreadable)] = False
        return np.flatnonzero(ok)


class Figures(NamedTuple):
    """Descriptors float16 [n, LENGTH], and brightness, contrast and sharpness float32 [n] as in `engine.data.looks.Look`.

    ok : bool [n] is False for pictures that cannot be read; their figures are 0.
    """

    vectors: npt.NDArray[np.float16]
    brightness: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    ok: npt.NDArray[np.bool_]

    def readable(self) -> Figures:
        """Those of the pictures that can be read."""
        ok = self.ok
        if ok.all():
            return self
        return Figures(self.vectors[ok], self.brightness[ok], self.contrast[ok], self.sharpness[ok], ok[ok])


class _Memory:
    """The figures worked out last, by content."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[npt.NDArray[np.float16], tuple[float, float, float]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: int) -> tuple[npt.NDArray[np.float16], tuple[float, float, float]] | None:
        with self._lock:
            found = self._kept.get(digest)
            if found is not None:
                self._kept.move_to_end(digest)
            return found

    def put(self, digest: int, vector: npt.NDArray[np.float16], figures: tuple[float, float, float]) -> None:
        with self._lock:
            self._kept[digest] = (vector, figures)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


_memory = _Memory()


def figures_of(material: Material, rows: Rows, token: CancelToken, progress: Progress | None = None) -> Figures:
    """Descriptors and figures of some pictures.

    Parameters
    ----------
    material : Material
        The pictures.
    rows : int64 [n]
        Which of them.
    token : CancelToken
        Checked at every picture.
    progress : callable, optional
        Called with pictures done and pictures in all.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    count = len(rows)
    vectors = np.zeros((count, descriptors.LENGTH), np.float16)
    columns = np.zeros((3, count), np.float32)
    ok = np.zeros(count, np.bool_)
    waiting: list[int] = []
    for at, row in enumerate(rows.tolist()):
        kept = _memory.get(int(material.digests[row]))
        if kept is None:
            waiting.append(at)
            continue
        vectors[at], columns[:, at], ok[at] = kept[0], kept[1], True
    for start, squares, found in _seen(material, rows, waiting, token):
        token.check()
        if progress is not None:
            progress(count - len(waiting) + start, count)
        readable = [place for place, figures in enumerate(found) if figures is not None]
        made = descriptors.describe(squares[readable]).astype(np.float16)
        for vector, place in zip(made, readable, strict=True):
            at, figures = waiting[start + place], found[place]
            if figures is None:
                continue
            vectors[at], columns[:, at], ok[at] = vector, figures, True
            digest = int(material.digests[rows[at]])
            if digest:
                _memory.put(digest, vector.copy(), figures)
    return Figures(vectors, columns[0], columns[1], columns[2], ok)


def _seen(
    material: Material, rows: Rows, waiting: Sequence[int], token: CancelToken
) -> Iterator[tuple[int, Picture, list[tuple[float, float, float] | None]]]:
    """Pictures by the chunk: where it starts in `waiting`, squares uint8 [c, SIDE, SIDE, 3], brightness, contrast and sharpness."""
    chunks = [waiting[start : start + CHUNK] for start in range(0, len(waiting), CHUNK)]

    def look(chunk: Sequence[int]) -> tuple[Picture, list[tuple[float, float, float] | None]]:
        squares = np.zeros((len(chunk), descriptors.SIDE, descriptors.SIDE, 3), np.uint8)
        found: list[tuple[float, float, float] | None] = []
        for place, at in enumerate(chunk):
            token.check()
            picture = material.thumbnail(int(rows[at]), looks.THUMBNAIL_SIDE)
            if picture is None:
                found.append(None)
                continue
            squares[place] = descriptors.squared(picture)
            look = looks.measured(picture)
            found.append((look.brightness, look.contrast, look.sharpness))
        return squares, found

    start = 0
    for chunk, (squares, found) in in_order(look, chunks, _threads(material, rows), token):
        yield start, squares, found
        start += len(chunk)


def _threads(material: Material, rows: Rows) -> int:
    """One where pictures lie in arrays: Python's share of the work is then such that threads only hinder each other."""
    files = len(rows) and material.locators[int(rows[0])].startswith("file:")
    return min(THREADS, os.cpu_count() or 1) if files else 1


def of_project(snapshot: Snapshot) -> Material:
    """A project's pictures, with what was known of their files when they were looked for last; see `checked`."""
    from engine.project.pictures import thumbnail_at
    from engine.project.records import Flag

    table = snapshot.table
    count = len(table.ids)
    index = {record.id: number for number, record in enumerate(snapshot.classes)}
    labels = np.fromiter((index.get(number, -1) for number in table.class_ids.tolist()), np.int64, count)
    gone = (table.flags & int(Flag.MISSING)) > 0
    marked = ((table.flags & int(Flag.UNREADABLE)) > 0) & ~gone
    known = len(snapshot.digests) == count
    return Material(
        ids=table.ids,
        names=table.names,
        labels=labels,
        classes=tuple(record.name for record in snapshot.classes),
        class_ids=tuple(record.id for record in snapshot.classes),
        splits=table.splits,
        confirmed=(table.flags & int(Flag.CONFIRMED)) > 0,
        digests=snapshot.digests if known else np.zeros(count, np.uint64),
        hashes=snapshot.hashes if known else np.zeros(count, np.uint64),
        widths=table.widths.astype(np.int64),
        heights=table.heights.astype(np.int64),
        missing=np.flatnonzero(gone),
        unreadable=dict.fromkeys(np.flatnonzero(marked).tolist(), ""),
        thumbnail=lambda row, side: thumbnail_at(snapshot, row, side),
        locators=snapshot.locators,
        root=snapshot.root,
    )


def checked(material: Material, token: CancelToken) -> Material:
    """With the files that are missing now.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    there: dict[Path | None, bool] = {None: True}
    gone = []
    for row, locator in enumerate(material.locators):
        path = path_of(locator, material.root)
        if path not in there:
            token.check()
            there[path] = path.exists() if path is not None else True
        if not there[path]:
            gone.append(row)
    lost = set(gone)
    unreadable = {row: reason for row, reason in material.unreadable.items() if row not in lost}
    return msgspec.structs.replace(material, missing=np.array(gone, np.int64), unreadable=unreadable)


def of_source(source: Source, token: CancelToken, progress: Progress | None = None) -> Material:
    """The pictures of a source, with the splits that a training would give them; each file is looked at, once.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    from engine.data.dataset import from_source
    from engine.doctor.looked import look_through

    locators = tuple(item.locator for item in source.items)
    looked = look_through(locators, source.root, token, progress)
    count = len(locators)
    splits = np.zeros(count, np.int8)
    dataset = from_source(source, token=token)
    splits[dataset.images] = dataset.splits
    missing = {row for row in looked.failed if _gone(locators[row], source.root)}
    return Material(
        ids=np.arange(count, dtype=np.int64),
        names=tuple(item.locator.removeprefix("file:") if item.locator.startswith("file:") else item.name for item in source.items),
        labels=np.array([item.label for item in source.items], np.int64),
        classes=source.classes,
        class_ids=tuple(range(len(source.classes))),
        splits=splits,
        confirmed=np.zeros(count, np.bool_),
        digests=looked.digests,
        hashes=looked.hashes,
        widths=looked.widths.astype(np.int64),
        heights=looked.heights.astype(np.int64),
        missing=np.array(sorted(missing), np.int64),
        unreadable={row: skipped.reason for row, skipped in looked.failed.items() if row not in missing},
        thumbnail=_thumbnails(locators, source.root),
        locators=locators,
        root=source.root,
    )


def _thumbnails(locators: Sequence[str], root: str) -> Callable[[int, int], Picture | None]:
    """Pictures of a source, out of arrays where they lie in some."""
    whole = array_of(locators, root)

    def thumbnail(row: int, side: int) -> Picture | None:
        if whole is not None:
            picture = whole[row]
            return shrunk(np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture, side)
        path = path_of(locators[row], root)
        try:
            if path is not None and locators[row].startswith("file:"):
                return read_reduced(path, side)[0]
            return shrunk(read_located(locators[row], root), side)
        except UnreadablePicture:
            return None

    return thumbnail


def _gone(locator: str, root: str) -> bool:
    path = path_of(locator, root)
    return path is not None and not path.exists()
