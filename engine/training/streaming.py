"""Training pictures that do not lie in memory as a whole: threads fetch the next batches while a step is computed.

The order is the sampler's, looked at ahead of time, so timing changes nothing in what is shown. At most DEEPEST batches and about
AHEAD_BYTES are held, but always three: one in use and two under way. Decoding takes, beside these, the largest picture once for each
thread (pictures beyond 24 million pixels are decoded one at a time).
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from engine.control import Cancelled, CancelToken
from engine.data.colour import Picture
from engine.data.pixel_store import PARCEL, Rows
from engine.project.records import Skipped

AHEAD_BYTES = 256_000_000
SHALLOWEST, DEEPEST = 3, 16
POLL_SECONDS = 0.02
NAMED_FILES = 5


class Pictures(Protocol):
    """Where the pixels come from, see `engine.data.filling.Filling`."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""

    @property
    def failure(self) -> str:
        """Why decoded pictures are not kept, as a clause; empty if they are."""

    def failed(self) -> tuple[Skipped, ...]:
        """Pictures that could not be read so far."""

    def ready(self, rows: Rows) -> bool:
        """Whether these need no decoding."""

    def fetch(self, rows: Rows, into: Picture, check: Callable[[], None]) -> Rows:
        """Write pixels uint8 [n, H, W, C]; gives the numbers of the pictures that these are, int64 [n]."""

    def close(self) -> None:
        """Let go of files."""


class Whole:
    """Pixels uint8 [N, H, W, C] that are all there, in memory or mapped into it."""

    failure = ""

    def __init__(self, pixels: Picture) -> None:
        self._pixels = pixels
        self.shape: tuple[int, int, int] = (pixels.shape[1], pixels.shape[2], pixels.shape[3])

    def failed(self) -> tuple[Skipped, ...]:
        """None."""
        return ()

    def ready(self, rows: Rows) -> bool:
        """Always."""
        return True

    def fetch(self, rows: Rows, into: Picture, check: Callable[[], None]) -> Rows:
        """Copy them."""
        np.take(self._pixels, rows, axis=0, out=into, mode="clip")
        return rows

    def close(self) -> None:
        """Nothing is open."""


class _Batch(NamedTuple):
    rows: torch.Tensor
    pixels: torch.Tensor
    shown: Rows
    parcels: list[Future[None]]


class Streamed:
    """A feed that fetches ahead; see `engine.training.feeding.Feed`.

    Parameters
    ----------
    pictures : Pictures
        Closed with the feed.
    labels : int64 [N]
        Of all training pictures.
    device : torch.device
        Where batches are wanted.
    threads : int
        That fetch.
    token : CancelToken
        Ends waiting and decoding.
    tell : callable
        Gets sentences about what could not be read or kept, on the thread that asks for batches.
    """

    def __init__(
        self,
        pictures: Pictures,
        labels: npt.NDArray[np.int64],
        device: torch.device,
        threads: int,
        token: CancelToken,
        tell: Callable[[str], None],
    ) -> None:
        self.labels = torch.from_numpy(labels)
        self.waited = 0.0
        self._pictures, self._numbers, self._device, self._threads = pictures, labels, device, threads
        self._token, self._tell = token, tell
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="fovea-feed")
        self._coming: deque[_Batch] = deque()
        self._closed = False
        self._told, self._told_failure = 0, False
        self._hashes = np.zeros(len(labels), np.uint64)

    def ahead(self, batches: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
        """See `Feed`; only one order can be followed at a time."""
        self._coming.clear()
        under_way: deque[torch.Tensor] = deque()
        for rows in batches:
            self._coming.append(self._begin(rows))
            under_way.append(rows)
            if len(under_way) >= self.depth(len(rows)):
                yield under_way.popleft()
        yield from under_way

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Feed`. Raises Cancelled if the token was cancelled, UserError if no picture can be read."""
        coming = self._coming.popleft() if self._coming and self._coming[0].rows is rows else self._begin(rows)
        begun = time.perf_counter()
        left = coming.parcels
        while left:
            done, _ = wait(left, timeout=POLL_SECONDS)
            self._token.check()
            for parcel in done:
                parcel.result()
            left = [parcel for parcel in left if parcel not in done]
        self.waited += time.perf_counter() - begun
        self._say()
        labels = torch.from_numpy(self._numbers[coming.shown])
        return coming.pixels.to(self._device, non_blocking=True), labels.to(self._device)

    def seen(self) -> npt.NDArray[np.uint64]:
        """Hashes of the pictures that were shown so far, see `engine.training.seen`: ascending, each once."""
        return np.unique(self._hashes[self._hashes != 0])

    def close(self) -> None:
        """See `Feed`; waits for the pictures that are being decoded."""
        if self._closed:
            return
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._coming.clear()
        self._say()
        more = len(self._pictures.failed()) - NAMED_FILES
        if more > 0:
            self._tell(f"{more:,} more pictures could not be read.")
        self._pictures.close()

    def depth(self, batch: int) -> int:
        """Batches of so many pictures that are held at most."""
        return max(SHALLOWEST, min(DEEPEST, AHEAD_BYTES // max(1, batch * int(np.prod(self._pictures.shape)))))

    def _begin(self, rows: torch.Tensor) -> _Batch:
        numbers = rows.numpy()
        shape = (len(numbers), *self._pictures.shape)
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=self._device.type == "cuda")
        into, shown = pixels.numpy(), np.empty(len(numbers), np.int64)
        size = len(numbers) if self._pictures.ready(numbers) else PARCEL
        parts = [slice(start, start + size) for start in range(0, len(numbers), size)]
        return _Batch(rows, pixels, shown, [self._pool.submit(self._fetch, numbers[part], into[part], shown[part]) for part in parts])

    def _fetch(self, rows: Rows, into: Picture, shown: Rows) -> None:
        self._check()
        shown[:] = self._pictures.fetch(rows, into, self._check)
        for place in np.flatnonzero(self._hashes[shown] == 0).tolist():
            digest = hashlib.blake2b(into[place].data, digest_size=8).digest()
            self._hashes[shown[place]] = int.from_bytes(digest, "little")

    def _check(self) -> None:
        self._token.check()
        if self._closed:
            raise Cancelled

    def _say(self) -> None:
        failed = self._pictures.failed()
        for problem in failed[self._told : NAMED_FILES]:
            self._tell(f"{problem.file} {problem.reason}. Another picture takes its place.")
        self._told = max(self._told, len(failed))
        if self._pictures.failure and not self._told_failure:
            self._told_failure = True
            self._tell(f"Decoded pictures are not kept ({self._pictures.failure}): later epochs read their files anew.")
