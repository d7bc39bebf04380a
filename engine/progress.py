"""How far a long task is, told at most ten times a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.messages import JobProgress

if TYPE_CHECKING:
    from engine.session import Emit

PROGRESS_SECONDS = 0.1


class Progress:
    """Tells it as events; speed and time left are worked out from when the text last changed."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._begun = self._told = time.monotonic()
        self._text = ""

    def tell(self, done: int, total: int, text: str) -> None:
        """Say that so many pictures or files of all are done."""
        now = time.monotonic()
        if text != self._text:
            self._text, self._begun = text, now
        if now - self._told < PROGRESS_SECONDS or total == 0:
            return
        self._told = now
        speed = done / max(1e-6, now - self._begun)
        left = (total - done) / speed if done else None
        self._emit(JobProgress(fraction=done / total, text=f"{text}: {done:,} of {total:,}", seconds_left=left, images_per_second=speed))
