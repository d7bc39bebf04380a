"""How the pictures of each split come to a training: decoded first where that takes moments, else while it is under way.

What is shown at which step does not depend on the way: the same rows in the same order, the same stand-ins for pictures that cannot be
read, and mean and deviation of the same pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data import pixel_store, pixels
from engine.data.dataset import Dataset
from engine.data.filling import Filling
from engine.data.locators import located_at_working_size, parted
from engine.data.pixel_store import Rows
from engine.data.preprocessing import Preprocessing
from engine.data.unreadable import UnreadablePicture
from engine.failure import UserError
from engine.memory import memory_of
from engine.project.records import Skipped, Split
from engine.training.feeding import Feed, LaterPart, Part, Resident, stand_ins
from engine.training.preparing import Decoded, decode_splits, without
from engine.training.saved import as_tensor
from engine.training.streaming import NAMED_FILES, Streamed, Whole

PATIENCE_SECONDS = 10.0  # of decoding before the training begins
TRIED = 16  # pictures decoded to learn how long all of them take
SHARE_OF_MEMORY = 0.5  # of what is free, that pixels may take
MEASURED = 2048  # pictures of files that mean and deviation are measured on; of arrays all
READERS = 2  # threads that copy from what is mapped

Progress = Callable[[int, int], None]


class Later:
    """A split that is decoded when it is first wanted; used like `Decoded`. `pictures` counts the unreadable, too."""

    def __init__(self, pictures: int, make: Callable[[], Decoded]) -> None:
        self.pictures = pictures
        self._make = make
        self._decoded: Decoded | None = None

    def decoded(self) -> Decoded:
        """Decode it, once; raises UserError if none of it can be read."""
        if self._decoded is None:
            self._decoded = self._make()
        return self._decoded

    @property
    def rows(self) -> Rows:
        """Row numbers in the dataset, int64 [N]."""
        return self.decoded().rows

    @property
    def pixels(self) -> np.ndarray:
        """Uint8 [N, H, W, C]."""
        return self.decoded().pixels

    @property
    def labels(self) -> np.ndarray:
        """Int64 [N]."""
        return self.decoded().labels


class Streaming(NamedTuple):
    """The training split, decoded while it is shown: row numbers and labels int64 [N], and where the pixels come from."""

    rows: Rows
    labels: np.ndarray
    filling: Filling
    threads: int

    @property
    def pictures(self) -> int:
        """Pictures, without those found unreadable so far."""
        return len(self.rows) - len(self.filling.failed())


AnyPart = Decoded | Later | Streaming


class Supply(NamedTuple):
    """The splits, None where they have no pictures, and what is known to be unreadable. Close it after use."""

    training: Decoded | Streaming
    validation: Decoded | Later | None
    test: Decoded | Later | None
    failed: tuple[Skipped, ...]

    @property
    def streams(self) -> bool:
        """Whether pictures are decoded while the training is under way."""
        return isinstance(self.training, Streaming)

    @property
    def parts(self) -> dict[Split, AnyPart]:
        """The splits that have pictures."""
        parts = {Split.TRAIN: self.training, Split.VALIDATION: self.validation, Split.TEST: self.test}
        return {split: part for split, part in parts.items() if part is not None}

    def close(self) -> None:
        """Let go of files that a stream holds, if its feed has not done so."""
        if isinstance(self.training, Streaming):
            self.training.filling.close()


def supply(
    dataset: Dataset,
    preprocessing: Preprocessing,
    token: CancelToken,
    progress: Progress,
    tell: Callable[[str], None],
    streams: bool | None = None,
) -> Supply:
    """The splits of a dataset for a network's training.

    Parameters
    ----------
    dataset : Dataset
        With splits.
    preprocessing : Preprocessing
        Working size.
    token : CancelToken
        Checked before every picture.
    progress : callable
        Called with pictures done and pictures in all.
    tell : callable
        Gets sentences about pictures that are found unreadable later.
    streams : bool or None
        Whether to decode while the training is under way; None decides by how long it would take and whether there is room.

    Raises
    ------
    UserError
        If no training picture can be read.
    """
    rows = dataset.rows(Split.TRAIN)
    if streams is None:
        streams = _should_stream(dataset, preprocessing, token)
    if not streams:
        parts, failed = decode_splits(dataset, preprocessing, token, progress, _stood_in)
        return Supply(parts[Split.TRAIN], parts.get(Split.VALIDATION), parts.get(Split.TEST), failed)
    names, labels = [dataset.locators[row] for row in rows], dataset.labels[rows]
    training: Decoded | Streaming
    if pixel_store.missing(pixels.place_for(names, dataset.root, preprocessing), len(names)):
        filling = Filling(names, dataset.root, preprocessing, partial(stand_ins, labels))
        training = Streaming(rows, labels, filling, data.decoding_threads(names, dataset.root))
    else:
        found, _, ok = data.decode(dataset, rows, preprocessing, token, progress)
        training = _stood_in(rows, found, labels, ok)
    later: dict[Split, Later] = {}
    for split in (Split.VALIDATION, Split.TEST):
        rows = dataset.rows(split)
        if _any_readable(dataset, rows, preprocessing, token):
            later[split] = Later(len(rows), partial(_readable, dataset, split, preprocessing, token, progress, tell))
    return Supply(training, later.get(Split.VALIDATION), later.get(Split.TEST), ())


def feed_of(part: AnyPart, device: torch.device, token: CancelToken, tell: Callable[[str], None]) -> Feed:
    """The feed of the training split: on the device where it fits, else beside it with batches fetched ahead. Close it after use.

    Parameters
    ----------
    part : Decoded, Later or Streaming
        The split.
    device : torch.device
        Of the training.
    token : CancelToken
        Ends waiting.
    tell : callable
        Gets sentences about pictures found unreadable on the way, and about a full disk.
    """
    if isinstance(part, Streaming):
        return Streamed(part.filling, part.labels, device, part.threads, token, tell)
    part = whole(part)
    if fits(part.pixels, device):
        return Resident(Part(as_tensor(part.pixels).to(device), torch.from_numpy(part.labels).to(device)), device)
    return Streamed(Whole(part.pixels), part.labels, device, READERS, token, tell)


def part_of(part: AnyPart, device: torch.device) -> Part | LaterPart:
    """A split for validating; on the device where it fits, else beside it, and decoded when it is wanted where it is not yet."""
    if isinstance(part, Later):
        return LaterPart(lambda: placed(part, device))
    return placed(part, device)


def fits(array: np.ndarray, device: torch.device) -> bool:
    """Whether pixels may lie on the device as a whole. What lies in the processor's memory already does."""
    if device.type == "cpu" and not isinstance(array.base, np.memmap):
        return True
    return array.nbytes <= SHARE_OF_MEMORY * memory_of(device).free


class Measured(NamedTuple):
    """Mean and deviation of each channel, in units of the full range, and on how many pictures they were measured."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    pictures: int


def measure(part: Decoded | Streaming, files: bool, token: CancelToken, progress: Progress) -> Measured:
    """Mean and deviation of the training pictures: of arrays all, of files at most MEASURED, spread evenly.

    The same pictures are measured whether they are decoded already or not.
    """
    count = len(part.labels)
    rows = np.arange(count) if not files or count <= MEASURED else np.linspace(0, count - 1, MEASURED).round().astype(np.int64)
    if isinstance(part, Decoded):
        chosen = part.pixels if len(rows) == count else part.pixels[rows]
    else:
        chosen = _fetched(part, rows, token, progress)
    mean, deviation = data.measure(chosen)
    return Measured(mean, deviation, len(rows))


def of_files(dataset: Dataset) -> bool:
    """Whether pictures are files of their own, or cut from such, rather than rows of arrays."""
    return any(parted(locator)[0] in ("file", "crop") for locator in dataset.locators[:1])


def whole(part: AnyPart) -> Decoded:
    """All of a split, decoded now where it is not yet."""
    if isinstance(part, Streaming):
        raise TypeError("what is decoded on the way is never there as a whole")
    return part.decoded() if isinstance(part, Later) else part


def placed(part: AnyPart, device: torch.device) -> Part:
    """Pixels and labels on the device; where they do not fit, beside it."""
    part = whole(part)
    pictures, labels = as_tensor(part.pixels), torch.from_numpy(part.labels)
    return Part(pictures.to(device), labels.to(device)) if fits(part.pixels, device) else Part(pictures, labels)


def _fetched(part: Streaming, rows: Rows, token: CancelToken, progress: Progress) -> np.ndarray:
    pictures = np.empty((len(rows), *part.filling.shape), np.uint8)
    size = pixel_store.PARCEL
    with ThreadPoolExecutor(part.threads, thread_name_prefix="fovea-decode") as pool:
        starts = range(0, len(rows), size)
        parcels = [
            pool.submit(part.filling.fetch, rows[start : start + size], pictures[start : start + size], token.check) for start in starts
        ]
        try:
            for start, parcel in zip(starts, parcels, strict=True):
                parcel.result()
                progress(min(start + size, len(rows)), len(rows))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return pictures


def _stood_in(rows: Rows, found: np.ndarray, labels: np.ndarray, ok: np.ndarray) -> Decoded:
    """Other pictures take the places of those that cannot be read, as they do where that is found on the way."""
    shown = np.arange(len(rows))
    for bad in np.flatnonzero(~ok).tolist():
        shown[bad] = next(row for row in stand_ins(labels, bad) if ok[row])
        found[bad] = found[shown[bad]]  # mapped copy-on-write: the file stays as it is
    return Decoded(rows, found, labels[shown], int(np.count_nonzero(~ok)))


def _readable(
    dataset: Dataset, split: Split, preprocessing: Preprocessing, token: CancelToken, progress: Progress, tell: Callable[[str], None]
) -> Decoded:
    rows = dataset.rows(split)
    found, failed, ok = data.decode(dataset, rows, preprocessing, token, progress)
    for text in sentences(failed):
        tell(text)
    if not ok.any():
        raise UserError(f"None of the {split.name.lower()} pictures can be read.", "Check that the files are still where they were.")
    return without(rows, found, dataset.labels[rows], ok)


def sentences(failed: Sequence[Skipped]) -> list[str]:
    """What is said of pictures that could not be read: the first by name, of the others how many."""
    named = [f"{problem.file} {problem.reason}." for problem in failed[:NAMED_FILES]]
    more = len(failed) - NAMED_FILES
    return named if more <= 0 else [*named, f"{more:,} more pictures could not be read."]


def _any_readable(dataset: Dataset, rows: Rows, preprocessing: Preprocessing, token: CancelToken) -> bool:
    for row in rows.tolist():
        token.check()
        try:
            located_at_working_size(dataset.locators[row], dataset.root, preprocessing)
        except UnreadablePicture:
            continue
        return True
    return False


def _should_stream(dataset: Dataset, preprocessing: Preprocessing, token: CancelToken) -> bool:
    if not of_files(dataset):
        return False
    left, size, room = 0, preprocessing.height * preprocessing.width * preprocessing.channels, True
    for split in (Split.TRAIN, Split.VALIDATION, Split.TEST):
        rows = dataset.rows(split)
        if not len(rows):
            continue
        place = pixels.place_for([dataset.locators[row] for row in rows], dataset.root, preprocessing)
        missing = pixel_store.missing(place, len(rows))
        left += missing
        room = room and pixel_store.has_room(place, missing * size)
    if not left:
        return False
    if not room and left * size > SHARE_OF_MEMORY * memory_of(torch.device("cpu")).free:
        return True
    names = [dataset.locators[row] for row in dataset.rows(Split.TRAIN)]
    return left * _seconds_each(names, dataset.root, preprocessing, token) / data.decoding_threads(names, dataset.root) > PATIENCE_SECONDS


def _seconds_each(names: Sequence[str], root: str, preprocessing: Preprocessing, token: CancelToken) -> float:
    """Time to decode one picture in one thread, at the median."""
    seconds = []
    for name in [names[row] for row in np.linspace(0, len(names) - 1, min(TRIED, len(names))).astype(int)]:
        token.check()
        begun = time.perf_counter()
        try:
            located_at_working_size(name, root, preprocessing)
        except UnreadablePicture:
            continue
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds)) if seconds else 0.0
