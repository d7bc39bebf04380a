"""One thread for numpy's linear algebra: several, waiting for each other beside a training, take twenty times as long as one."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def one_thread() -> None:
    """Let numpy's and scipy's OpenBLAS work in the calling thread alone, from now on; torch has its own."""
    import scipy.linalg  # noqa: F401  (its library must be loaded to be told)
    from threadpoolctl import ThreadpoolController

    ThreadpoolController().select(internal_api="openblas").limit(limits=1)
