"""Whether two pictures show the same: compared closely, after one was laid over the other.

A hash calls pictures alike that share their coarse shape, as crops of the sun or faces before one wall do. So candidates are compared by
their gradients at thumbnail size, at the place and scale where they fit best.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.data import hashes
from engine.data.colour import Picture
from engine.doctor import near
from engine.doctor.material import Material

SIDE = 96
EDGE = 9  # pixels that one may be shifted against the other, in each direction
SCALES = (1.0, 0.96, 1.04, 0.92, 1.087)  # of one against the other: copies with up to 4 % cut from each edge are found
BLUR = 2.4
FLOOR = 4.0  # of a gradient's strength, in grey levels: weaker ones are noise
ALIKE = 0.9  # correlation of gradients; tests/doctor/test_twins.py has the figures
CERTAIN = 0.98
HOPELESS = 0.4  # correlation of grey levels at the best place, below which gradients are not asked
MOST = 20_000  # pairs compared

Grey = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


class Twins(NamedTuple):
    """Pairs int64 [P, 2] that show the same, the smaller row first; how many candidates were left out for want of time."""

    pairs: Rows
    left_out: int


def find(material: Material, more: Rows, token: CancelToken, progress: Callable[[int, int], None] | None = None) -> Twins:
    """Near-duplicates among the pictures that can be looked at, equal ones left aside.

    Parameters
    ----------
    material : Material
        Pictures smaller than 32 pixels are not compared: at that size different ones look alike.
    more : int64 [M, 2]
        Pairs to be compared beside those that perceptual hashes suggest: the nearest neighbours by descriptors.
    token : CancelToken
        Checked at every pair.
    progress : callable, optional
        Called with pairs done and pairs in all.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    usable = np.zeros(len(material.ids), np.bool_)
    usable[material.usable()] = True
    usable &= np.maximum(material.widths, material.heights) >= hashes.SIDE
    # of equal pictures one stands for all, so that a crowd of copies is not compared with another crowd
    _, first = np.unique(material.digests, return_index=True)
    single = np.zeros(len(usable), np.bool_)
    single[first] = True
    usable &= single | (material.digests == 0)
    rows = np.flatnonzero(usable)
    suggested = near.pairs(material.hashes[rows], near.LIMITS[0])
    candidates = np.concatenate([rows[suggested], np.sort(more, axis=1)]) if len(more) else rows[suggested]
    candidates = np.unique(candidates[usable[candidates].all(axis=1)], axis=0)
    left_out = max(0, len(candidates) - MOST)
    candidates = candidates[:MOST]

    @lru_cache(maxsize=2048)
    def grey(row: int) -> Grey | None:
        picture = material.thumbnail(row, 128)
        return None if picture is None else flattened(picture)

    found = []
    for number, (left, right) in enumerate(candidates.tolist()):
        token.check()
        if progress is not None:
            progress(number, len(candidates))
        one, other = grey(left), grey(right)
        if one is not None and other is not None and likeness(one, other) >= ALIKE:
            found.append((left, right))
    return Twins(np.array(found, np.int64).reshape(-1, 2), left_out)


def flattened(picture: Picture) -> Grey:
    """A thumbnail, uint8 [.., .., 3], as it is compared: luma, squashed to SIDE x SIDE."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    shrinks = max(luma.shape) > SIDE
    return np.asarray(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.float32)


def likeness(one: Grey, other: Grey) -> float:
    """Correlation of the gradients of two pictures, in [-1, 1], where the first fits best on the second; as `flattened` makes them."""
    inner = one[EDGE:-EDGE, EDGE:-EDGE]
    mine = _gradients(one)[EDGE:-EDGE, EDGE:-EDGE].ravel()
    length = float(np.linalg.norm(mine))
    best, likest = HOPELESS, -1.0
    for scale in SCALES:
        side = round(SIDE * scale)
        sized = other if side == SIDE else cv2.resize(other, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        _, value, _, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(sized, inner, cv2.TM_CCOEFF_NORMED))
        if value <= best:
            continue
        best = value
        theirs = _gradients(sized)[top : top + len(inner), left : left + len(inner)].ravel()
        likest = float(mine @ theirs) / max(1e-3, length * float(np.linalg.norm(theirs)))
        if likest >= CERTAIN:
            break
    return likest


def _gradients(grey: Grey) -> Grey:
    """Gradients [SIDE, SIDE, 2] of the square root of their strength, so that one dark spot does not outweigh all around it."""
    blurred = cv2.GaussianBlur(grey, (0, 0), BLUR)
    dx, dy = cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    weight = 1 / np.sqrt(np.sqrt(dx * dx + dy * dy) + FLOOR)
    return np.stack([dx * weight, dy * weight], axis=2)
