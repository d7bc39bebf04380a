"""How long a training will still take, and how sure that is."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

BLOCKS = 12
FEWEST = 3  # blocks before anything is said of how sure it is
BLOCK_SECONDS = 0.25  # at least; an estimate looks back over twelve blocks, which grow with the time that was taken so far
SHARE_LOOKED_AT = 0.5  # of the time taken so far: less would miss that epochs end with a validation


class Estimate(NamedTuple):
    """Seconds left, and the standard deviation of what they may turn out to be; None where too little is known."""

    seconds: float
    deviation: float | None


class Remaining:
    """Forecasts from the spread of what blocks of steps took lately.

    The mean time of a step over the last blocks is carried forward. Blocks are taken as independent of each other, so that the forecast
    errs by how uncertain their mean is, and by how much the blocks to come will scatter about it: with K blocks of n steps each, a
    deviation s of their times a step, and m steps left, by s·m·√(1/K + n/m). What will change in the computer is beyond any forecast.
    """

    def __init__(self, now: float) -> None:
        self._begun = self._told = now
        self._done = 0
        self._first = True
        self._blocks: deque[tuple[int, float]] = deque()

    def reached(self, done: int, now: float) -> None:
        """So many steps are done at this time, in seconds of a clock that does not go back."""
        steps, seconds = done - self._done, now - self._told
        if steps <= 0 or seconds < max(BLOCK_SECONDS, SHARE_LOOKED_AT * (now - self._begun) / BLOCKS):
            return
        self._done, self._told = done, now
        if self._first:  # the first steps are slower than all others
            self._first = False
            self._begun = now
            return
        self._blocks.append((steps, seconds))
        while len(self._blocks) > BLOCKS:
            self._blocks.popleft()

    def paused(self, seconds: float) -> None:
        """So much of the time that has passed was no training."""
        self._begun += seconds
        self._told += seconds

    def estimate(self, left: int) -> Estimate | None:
        """Of so many steps; None before there is anything to go by."""
        steps = sum(block[0] for block in self._blocks)
        if not steps:
            return None
        mean = sum(block[1] for block in self._blocks) / steps
        count = len(self._blocks)
        if count < FEWEST:
            return Estimate(mean * left, None)
        size = steps / count
        variance = sum(block[0] / size * (block[1] / block[0] - mean) ** 2 for block in self._blocks) / (count - 1)
        return Estimate(mean * left, math.sqrt(variance) * left * math.sqrt(1 / count + size / max(left, 1)))
