"""The pictures that a classifier is trained and measured on: where they lie, their classes and splits, and their pixels."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.data import locators, pixels
from engine.data.colour import Picture
from engine.data.decoding import centred, read_header, to_working_size
from engine.data.pixel_store import Rows
from engine.data.preprocessing import Preprocessing
from engine.data.sources import Source
from engine.data.splits import assign, complete, settled, shares
from engine.data.unreadable import UnreadablePicture
from engine.failure import UserError
from engine.project.records import Skipped, Split

if TYPE_CHECKING:
    from engine.project.snapshot import Snapshot

CHUNK = 32
SAMPLE = 64
NAMED_CLASSES = 5
DIVISIBLE = 4  # pictures of a class that are divided into training, validation and test
SMALL_FILE = 16_000  # bytes; below, Python's share of the work is such that threads only hinder each other
MOST_THREADS = 16

Progress = Callable[[int, int], None]


class Dataset(msgspec.Struct, frozen=True, eq=False):
    """Labelled pictures. N pictures, K classes; arrays are never changed in place.

    Attributes
    ----------
    images : int64 [N]
        Ids in the project; row numbers where there is no project.
    labels : int64 [N]
        Index into `classes`.
    splits : int8 [N]
        Values of Split.
    locators : tuple of str
        Relative to `root`.
    skipped : tuple of Skipped
        Files that are no pictures.
    digest : str
        Of the project's labelled pictures, see `engine.project.digests`; empty where there is no project.
    class_ids : tuple of int
        Of `classes` in the project; empty where there is no project.
    """

    name: str
    classes: tuple[str, ...]
    images: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.int8]
    locators: tuple[str, ...]
    root: str
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str = ""
    class_ids: tuple[int, ...] = ()

    def rows(self, split: Split) -> npt.NDArray[np.int64]:
        """Rows of one split, int64, ascending."""
        return np.flatnonzero(self.splits == split).astype(np.int64)


class TypicalSize(NamedTuple):
    """Median size of the pictures; 1 channel where all are grey; `uniform` where all have this size."""

    height: int
    width: int
    channels: int
    uniform: bool


def from_source(source: Source, seed: int = 0, token: CancelToken | None = None) -> Dataset:
    """The labelled pictures of a source, with the splits that it lacks.

    Pictures are divided by their content, so that a folder and a project made from it are divided alike; where splits are lacking, each
    picture is looked at for that, once.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    rows = [row for row, item in enumerate(source.items) if item.label >= 0]
    items = [source.items[row] for row in rows]
    labels = np.array([item.label for item in items], np.int64)
    splits = np.array([item.split for item in items], np.int8)
    names = tuple(item.locator for item in items)
    return Dataset(
        name=source.name,
        classes=source.classes,
        images=np.array(rows, np.int64),
        labels=labels,
        splits=splits if settled(labels, splits) else _completed(labels, splits, names, source.root, seed, token),
        locators=names,
        root=source.root,
        skipped=source.skipped,
        warnings=source.warnings,
        digest=source.digest,
    )


def _completed(
    labels: npt.NDArray[np.int64], splits: npt.NDArray[np.int8], names: Sequence[str], root: str, seed: int, token: CancelToken | None
) -> npt.NDArray[np.int8]:
    from engine.doctor import looked, near

    digests, hashes = looked.marks_of(names, root, token)
    keys = [f"{digest:016x}" if digest else name for digest, name in zip(digests.tolist(), names, strict=True)]
    readable = np.where(digests > 0, labels, -1)  # what cannot be read has no part in how the others are divided, as in a project
    result = complete(readable, splits, keys, seed, near.groups(digests, hashes, readable))
    return assign(labels, result, keys, shares(result[readable >= 0]), seed)


def from_snapshot(snapshot: Snapshot) -> Dataset:
    """The labelled pictures of a project as it stood; classes in the project's order, those without pictures left out."""
    table = snapshot.table
    rows = np.flatnonzero(np.isin(table.class_ids, [record.id for record in snapshot.classes]))
    present = set(table.class_ids[rows].tolist())
    classes = [record for record in snapshot.classes if record.id in present]
    highest = max((record.id for record in classes), default=0)
    index = np.full(highest + 1, -1, np.int64)
    index[[record.id for record in classes]] = np.arange(len(classes))
    return Dataset(
        name=os.path.basename(snapshot.root),
        classes=tuple(record.name for record in classes),
        images=table.ids[rows].astype(np.int64),
        labels=index[table.class_ids[rows]] if len(rows) else np.zeros(0, np.int64),
        splits=table.splits[rows].astype(np.int8),
        locators=tuple(snapshot.locators[row] for row in rows),
        root=snapshot.root,
        digest=snapshot.digest(),
        class_ids=tuple(record.id for record in classes),
    )


def check_trainable(dataset: Dataset) -> list[str]:
    """What speaks against training on this data.

    Returns
    -------
    list of str
        Warnings, a sentence each.

    Raises
    ------
    UserError
        If nothing can be learned from it.
    """
    if len(dataset.labels) == 0:
        raise UserError("No picture has a label yet.", "Label some: select pictures and press a class's number.")
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    if np.count_nonzero(counts) == 1:
        only = dataset.classes[int(counts.argmax())]
        raise UserError(f'All labelled pictures are in one class, "{only}".', "Add pictures of at least one other class.")
    training = np.bincount(dataset.labels[dataset.splits == Split.TRAIN], minlength=len(dataset.classes))
    if not training.any():
        raise UserError("No picture is in the training split.", "Add pictures, or put some of them into train/.")
    warnings = [*dataset.warnings]
    for name, count, trained in zip(dataset.classes, counts.tolist(), training.tolist(), strict=True):
        if count == 1:
            warnings.append(f'The class "{name}" has a single picture: what is learned of it cannot be tested.')
        elif count and not trained:
            warnings.append(f'The class "{name}" has no picture in the training split and cannot be learned.')
    return warnings


def division_warnings(dataset: Dataset) -> list[str]:
    """What the division leaves unmeasured: the classes without validation and without test pictures, a sentence for each split."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    warnings: list[str] = []
    for split in (Split.VALIDATION, Split.TEST):
        there = np.bincount(dataset.labels[dataset.splits == split], minlength=len(dataset.classes))
        lacking = np.flatnonzero((counts > 0) & (there == 0)).tolist()
        if lacking:
            named = ", ".join(f'"{dataset.classes[row]}" ({counts[row]:,} in all)' for row in lacking[:NAMED_CLASSES])
            more = f" and {len(lacking) - NAMED_CLASSES:,} more" if len(lacking) > NAMED_CLASSES else ""
            reason = f" Too few: a class of {DIVISIBLE} is in every split." if (counts[lacking] < DIVISIBLE).all() else ""
            warnings.append(f"No pictures for {split.name.lower()}: {named}{more}.{reason}")
    return warnings


def typical_size(dataset: Dataset) -> TypicalSize:
    """Size and channels from a sample of the pictures, spread over the data."""
    rows = np.unique(np.linspace(0, len(dataset.locators) - 1, min(SAMPLE, len(dataset.locators))).astype(np.int64))
    whole = locators.array_of([dataset.locators[row] for row in rows], dataset.root)
    if whole is not None:
        colourless = whole.shape[3] == 1 or all(_is_grey(picture) for picture in whole)
        return TypicalSize(whole.shape[1], whole.shape[2], 1 if colourless else 3, True)
    sizes: list[tuple[int, int]] = []
    grey = True
    for row in rows:
        locator = dataset.locators[row]
        path = locators.path_of(locator, dataset.root)
        try:
            if path is None or not locator.startswith("file:"):
                picture = locators.read_located(locator, dataset.root)
                sizes.append((picture.shape[0], picture.shape[1]))
                continue
            header = read_header(path)
            sizes.append((header.height, header.width))
            if grey and not header.grey:
                grey = _is_grey(locators.read_located(locator, dataset.root))
        except UnreadablePicture:
            continue
    if not sizes:
        raise UserError("None of the pictures can be read.", "Check that the files are still where they were.")
    height, width = (int(np.median([size[axis] for size in sizes])) for axis in (0, 1))
    return TypicalSize(height, width, 1 if grey else 3, len(set(sizes)) == 1)


def _is_grey(picture: Picture) -> bool:
    return bool((picture[:, :, 0] == picture[:, :, 1]).all() and (picture[:, :, 1] == picture[:, :, 2]).all())


def decode(
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    preprocessing: Preprocessing,
    token: CancelToken | None = None,
    progress: Progress | None = None,
) -> tuple[Picture, tuple[Skipped, ...], npt.NDArray[np.bool_]]:
    """Pixels of some pictures at working size (stage A).

    Files decoded once are kept in the cache folder and mapped into memory the next time; what was cancelled or killed goes on where it was.

    Parameters
    ----------
    dataset : Dataset
        Where the pictures lie.
    rows : int64 [n]
        Which pictures.
    preprocessing : Preprocessing
        Size, channels and resize mode; its normalisation plays no part here.
    token : CancelToken, optional
        Checked before every picture.
    progress : callable, optional
        Called with pictures done and pictures in all, at most some ten times a second.

    Returns
    -------
    pixels : uint8 [n, height, width, channels]
        Black where a picture could not be read.
    failed : tuple of Skipped
        Those, with reasons.
    ok : bool [n]
        False for those.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    token = token or CancelToken()
    names = [dataset.locators[row] for row in rows]
    whole = locators.array_of(names, dataset.root)
    if whole is not None:
        return _fitted(whole, preprocessing, token), (), np.ones(len(names), np.bool_)
    place = pixels.place_for(names, dataset.root, preprocessing)
    kept = pixels.load(place)
    if kept is not None:
        return kept
    shape = (len(names), preprocessing.height, preprocessing.width, preprocessing.channels)
    with pixels.Sink(place, shape) as sink:
        failed: list[Skipped] = []
        ok = np.ones(len(names), np.bool_)
        told = time.monotonic()
        missing = sink.missing()
        done = len(names) - len(missing)
        for chosen, block, problems in _blocks(names, missing, dataset.root, preprocessing, token):
            for row, problem in problems:
                ok[row] = False
                failed.append(problem)
            readable = ok[chosen]
            sink.write(chosen[readable], block[readable])
            done += len(chosen)
            if progress is not None and time.monotonic() - told > 0.1:
                told = time.monotonic()
                progress(done, len(names))
        return sink.finish(tuple(failed), ok, unchanged=pixels.place_for(names, dataset.root, preprocessing) == place)


def _fitted(whole: Picture, preprocessing: Preprocessing, token: CancelToken) -> Picture:
    """Pictures of one array [n, h, w, 1 or 3] at working size."""
    target = (preprocessing.height, preprocessing.width)
    channels: Literal[1, 3] = 3 if whole.shape[3] == preprocessing.channels == 3 else 1
    if whole.shape[3] == channels and (whole.shape[1:3] == target or preprocessing.resize == "centre"):
        fitted = centred(whole, *target)
    else:
        plain = msgspec.structs.replace(preprocessing, channels=channels)
        fitted = np.empty((len(whole), *target, channels), np.uint8)
        for row, picture in enumerate(whole):
            if row % 1024 == 0:
                token.check()
            fitted[row] = to_working_size(picture, plain)
    return np.repeat(fitted, 3, axis=3) if preprocessing.channels > channels else fitted


Block = tuple[Rows, Picture, list[tuple[int, Skipped]]]


def _blocks(names: Sequence[str], rows: Rows, root: str, preprocessing: Preprocessing, token: CancelToken) -> pixels.Blocks:
    """Decoded parcels of CHUNK pictures, in order; a few ahead of the reader."""
    parcels = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]

    def block(chosen: Rows) -> Block:
        pictures = np.zeros((len(chosen), preprocessing.height, preprocessing.width, preprocessing.channels), np.uint8)
        problems: list[tuple[int, Skipped]] = []
        for place, row in enumerate(chosen.tolist()):
            token.check()
            try:
                pictures[place] = locators.located_at_working_size(names[row], root, preprocessing)
            except UnreadablePicture as error:
                problems.append((row, Skipped(names[row].removeprefix("file:"), error.reason)))
        return chosen, pictures, problems

    workers = decoding_threads(names, root)
    if workers == 1:
        yield from map(block, parcels)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="fovea-decode") as pool:
        ahead = [pool.submit(block, chosen) for chosen in parcels[: 2 * workers]]
        try:
            for chosen in parcels[2 * workers :]:
                token.check()
                yield ahead.pop(0).result()
                ahead.append(pool.submit(block, chosen))
            for future in ahead:
                token.check()
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def decoding_threads(names: Sequence[str], root: str) -> int:
    """How many threads decode these pictures soonest: one for small files, else as many as there are processors, up to MOST_THREADS."""
    sizes = []
    for name in names[:: max(1, len(names) // 16)]:
        path = locators.path_of(name, root)
        try:
            sizes.append(path.stat().st_size if path else 0)
        except OSError:
            continue
    if not sizes or np.mean(sizes) < SMALL_FILE:
        return 1
    return min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def measure(pictures: Picture) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in units of the full range [0, 1], exactly, by counting values.

    Parameters
    ----------
    pictures : uint8 array
        [N, height, width, channels].

    Returns
    -------
    tuple of (tuple of float, tuple of float)
        A channel without contrast gets the deviation of one grey level, so that dividing by it is safe.
    """
    channels = pictures.shape[3]
    counts = np.zeros((channels, 256), np.int64)
    step = max(1, 4_000_000 // max(1, pictures[0].size if len(pictures) else 1))
    for start in range(0, len(pictures), step):
        part = pictures[start : start + step]
        for channel in range(channels):
            counts[channel] += np.bincount(part[..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255.0
    total = np.maximum(1, counts.sum(axis=1))
    mean = counts @ values / total
    deviation = np.sqrt(np.maximum(0.0, counts @ values**2 / total - mean**2))
    return tuple(mean.tolist()), tuple(np.maximum(deviation, 1 / 255).tolist())
