"""Work done ahead in threads, and answered in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from engine.control import CancelToken

AHEAD = 16  # jobs begun or done before they are asked for, a thread
POLL_SECONDS = 0.05  # within which a cancelled job notices

A = TypeVar("A")
B = TypeVar("B")


def in_order(work: Callable[[A], B], jobs: Iterable[A], threads: int, token: CancelToken) -> Iterator[tuple[A, B]]:
    """Jobs with what `work` gives for them, in the order of the jobs, worked out ahead in threads.

    Nobody waits for threads that are in the middle of a large picture when all this ends early: they end by themselves.

    Raises
    ------
    Cancelled
        Within 0.1 s after the token was cancelled.
    """
    waiting: deque[tuple[A, Future[B]]] = deque()
    source = iter(jobs)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="fovea-import")
    try:
        while True:
            while len(waiting) < AHEAD * threads:
                token.check()
                try:
                    job = next(source)
                except StopIteration:
                    break
                waiting.append((job, pool.submit(work, job)))
            if not waiting:
                return
            job, future = waiting.popleft()
            while not future.done():
                token.check()
                wait((future,), POLL_SECONDS, FIRST_COMPLETED)
            yield job, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
