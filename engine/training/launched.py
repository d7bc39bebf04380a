"""Whether this process was started as one of several, which `torchrun` says by the environment. Loads no torch."""

from __future__ import annotations

import os

TOGETHER = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def together() -> bool:
    """Whether it was, or by a program that would start it again."""
    return all(os.environ.get(name) for name in TOGETHER)


def restarts_left() -> bool:
    """Whether the processes are started again when one of them has died."""
    try:
        return int(os.environ["TORCHELASTIC_RESTART_COUNT"]) < int(os.environ["TORCHELASTIC_MAX_RESTARTS"])
    except (KeyError, ValueError):
        return False


def quietly() -> None:
    """Let torch tell of connections that fail by errors alone, which are then told in a sentence. Call before torch loads."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")
