"""Numbers to colours: viridis for magnitudes, blue-grey-orange for signed values with a neutral zero."""

from __future__ import annotations

import numpy as np

# Ten points of viridis (van der Walt and Smith, 2015, CC0), interpolated linearly between.
_VIRIDIS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
# Blue and orange differ for every common colour blindness; equal steps of lightness on both sides of the neutral grey.
_DIVERGING = ("0b3c6f", "2166ac", "6aa6d6", "b9d3e8", "f0f0ee", "f4cfa4", "e59a4a", "c0600f", "7a3300")


def _table(anchors: tuple[str, ...]) -> np.ndarray:
    colours = np.array([[int(anchor[i : i + 2], 16) for i in (0, 2, 4)] for anchor in anchors], dtype=np.float64)
    places = np.linspace(0, 1, len(anchors))
    steps = np.linspace(0, 1, 256)
    return np.stack([np.interp(steps, places, colours[:, channel]) for channel in range(3)], axis=1).round().astype(np.uint8)


VIRIDIS = _table(_VIRIDIS)
DIVERGING = _table(_DIVERGING)


def magnitude(values: np.ndarray, highest: float | None = None) -> np.ndarray:
    """Colour values from 0 to `highest` (default: their maximum) in viridis.

    Parameters
    ----------
    values : array of any shape
        Not finite values are drawn as 0.
    highest : float, optional
        What the brightest colour stands for.

    Returns
    -------
    uint8 array, shape of `values` + (3,)
    """
    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(finite.max(initial=0.0)) if highest is None else highest
    scaled = np.clip(finite / top, 0, 1) if top > 0 else np.zeros_like(finite)
    return VIRIDIS[(scaled * 255).round().astype(np.uint8)]


def signed(values: np.ndarray, extreme: float | None = None) -> np.ndarray:
    """Colour values from -extreme to +extreme (default: their largest magnitude), zero a neutral grey.

    Returns
    -------
    uint8 array, shape of `values` + (3,)
    """
    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(np.abs(finite).max(initial=0.0)) if extreme is None else extreme
    scaled = np.clip(finite / top, -1, 1) if top > 0 else np.zeros_like(finite)
    return DIVERGING[((scaled + 1) * 127.5).round().astype(np.uint8)]
