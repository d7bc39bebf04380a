"""A busy program: matrix products on all cores until it is ended, or the one that started it is gone."""

from __future__ import annotations

import sys
import threading

import numpy as np

SIDE = 1024


def main() -> None:
    """Say when it begins; end when stdin does."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    matrix = np.random.default_rng(0).standard_normal((SIDE, SIDE)).astype(np.float32)
    print("begun", flush=True)
    while not ended.is_set():
        matrix @ matrix


if __name__ == "__main__":
    main()
