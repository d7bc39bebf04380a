"""Where an axis writes its numbers, and how."""

from __future__ import annotations

import math

import numpy as np


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) in [low, high], about `most` of them at most."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or most < 1:
        return []
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten in [low, high], with 2 and 5 times them where there is room; both positive."""
    if not 0 < low < high:
        return []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(found) <= most:
            return found
    every = math.ceil(len(found) / most)
    return found[::every]


def plain(value: float) -> str:
    """A tick's number in few characters: 0.05, 12, 1,500, 20k, 3M, 1e-06."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 and size < 1e9:
        return f"{value / 1e6:g}M"
    if size >= 1e4 and size < 1e6:
        return f"{value / 1e3:g}k"
    if size >= 1e3 and size < 1e4:
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,g}"
    return f"{value:.4g}"


def span(values: list[np.ndarray], log: bool) -> tuple[float, float] | None:
    """Lowest and highest finite value (positive where `log`) of several arrays; None where there is none."""
    low, high = math.inf, -math.inf
    for array in values:
        kept = array[np.isfinite(array)]
        if log:
            kept = kept[kept > 0]
        if len(kept):
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
    return (low, high) if low <= high else None
