"""How many of the processor's threads a training takes."""

from __future__ import annotations

import os

# Multiply-adds of a step's forward pass for which one more CPU thread pays. A rule and no measurement: the number of threads shows in
# the last bits, and the same seed should give the same weights on a busy and on a quiet machine. LeNet-5 in batches of 128 (53 million)
# takes 10.5 ms a step on one thread, and on two between 8 on a quiet machine and 16 beside one other busy program.
WORK_OF_A_THREAD = 50_000_000


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(multiply_adds: int, most: int) -> int:
    """CPU threads for a step of so many multiply-adds."""
    return max(1, min(most, round(multiply_adds / WORK_OF_A_THREAD)))


def threads_beside(live: bool, processors: int) -> int:
    """CPU threads of a training: all, but one less where a model in use classifies pictures meanwhile."""
    return max(1, processors - 1) if live else max(1, processors)
