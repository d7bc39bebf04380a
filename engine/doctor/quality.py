"""Pictures that stand out: dark, bright, blurred, tiny, oddly shaped, or unlike all others.

Each is judged twice: against this data, by median and median absolute deviation, so that pictures of the night are not all dark; and
against a bound of its own, so that the palest of many good pictures is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.doctor.material import Figures, Material
from engine.doctor.neighbours import nearest

DARK, BRIGHT = 0.12, 0.93  # brightness; of an underexposed photograph, of a nearly white one
FLAT = 0.12  # contrast; a white digit on black is dark in the mean, yet plain to see
THIRD = 1 / 3  # of what others have before black, or before white
SOFT = 0.09  # sharpness a contrast; photographs have 0.2 to 2, the same ones blurred by 2 % of their side 0.02 to 0.08
SMALLEST_TO_BLUR = 64  # pixels; smaller pictures are too coarse to tell
TINY = 48  # pixels of the short side
QUARTER = 0.25  # of the usual short side
ODD = 2.5  # times as wide, or as narrow, as usual
FAR = 3.5  # deviations of the distance to the nearest others; of 2,340 photographs 2 lie further, of drawings among them most
NEAREST = 3
COMPARED = 8000  # pictures among which the nearest are looked for
ENOUGH = 30  # pictures, to say what is usual
MAD = 1.4826  # from the median absolute deviation to the standard deviation of a normal distribution


class Odd(NamedTuple):
    """Rows of the material that stand out, worst first, and how bad each is, in [0, 1]."""

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


def deviations(values: npt.NDArray[np.float64], least: float) -> npt.NDArray[np.float64]:
    """How many robust deviations each value lies above the median; a deviation is never below `least`."""
    median = np.median(values)
    return np.asarray((values - median) / max(least, MAD * float(np.median(np.abs(values - median)))), np.float64)


def odd_light(rows: npt.NDArray[np.int64], figures: Figures) -> tuple[Odd, Odd]:
    """Pictures that are too dark, and too bright."""
    light = figures.brightness.astype(np.float64)
    if not len(light):
        return _worst(rows, light, light > 0), _worst(rows, light, light > 0)
    usual, above = float(np.median(light)), deviations(light, 0.02)
    flat = figures.contrast < FLAT
    dark = flat & (light < DARK) & (light < THIRD * usual) & (above < -2)
    bright = flat & (light > BRIGHT) & (1 - light < THIRD * (1 - usual)) & (above > 2)
    return _worst(rows, 1 - light / DARK, dark), _worst(rows, (light - BRIGHT) / (1 - BRIGHT), bright)


def blurred(rows: npt.NDArray[np.int64], figures: Figures, material: Material) -> Odd:
    """Pictures without sharp edges, though others have them."""
    side = np.maximum(material.widths, material.heights)[rows]
    # of a flat picture nothing can be said: contrast of two in a hundred counts as none
    sharp = (figures.sharpness / (figures.contrast + 0.02)).astype(np.float64)
    judged = side >= SMALLEST_TO_BLUR
    if np.count_nonzero(judged) < 2:
        return _worst(rows, sharp, np.zeros(len(rows), np.bool_))
    softness = np.zeros(len(rows))
    softness[judged] = -deviations(np.log(sharp[judged] + 1e-3), 0.2)
    return _worst(rows, 1 - sharp / SOFT, judged & (sharp < SOFT) & (softness > 2))


def tiny(rows: npt.NDArray[np.int64], material: Material) -> Odd:
    """Pictures far smaller than the others."""
    short = np.minimum(material.widths, material.heights)[rows].astype(np.float64)
    known = short > 0
    usual = float(np.median(short[known])) if known.any() else 0.0
    return _worst(rows, 1 - short / TINY, known & (short < TINY) & (short < QUARTER * usual))


def odd_aspect(rows: npt.NDArray[np.int64], material: Material) -> Odd:
    """Pictures far wider or narrower than the others."""
    width, height = material.widths[rows], material.heights[rows]
    known = (width > 0) & (height > 0)
    shape = np.zeros(len(rows))
    shape[known] = np.log(width[known] / height[known])
    if not known.any():
        return _worst(rows, shape, known)
    away = np.abs(shape - np.median(shape[known]))
    steady = np.abs(deviations(shape[known], 0.05))
    odd = known & (away > np.log(ODD))
    odd[known] &= steady > 4
    return _worst(rows, 1 - np.log(ODD) / np.maximum(away, np.log(ODD)), odd)


def outliers(rows: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32], token: CancelToken) -> Odd:
    """Pictures whose nearest others are far away; vectors float32 [n, D] as `engine.doctor.descriptors.reduced` gives them.

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    distance = np.zeros(len(rows))
    if len(rows) < ENOUGH:
        return _worst(rows, distance, distance > 0)
    step = -(-len(rows) // COMPARED)
    known = vectors[::step]
    # a picture that is among the compared ones finds itself first
    for start, found, _ in nearest(known, vectors, NEAREST + 1, token):
        distance[start : start + len(found)] = found[:, -NEAREST:].mean(axis=1)
    far = deviations(distance, 0.02 * float(np.median(distance)) + 1e-6)
    return _worst(rows, 1 - FAR / np.maximum(far, FAR), far > FAR)


def _worst(rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]) -> Odd:
    found = np.flatnonzero(chosen)
    found = found[np.argsort(-scores[found], kind="stable")]
    return Odd(rows[found], np.clip(scores[found], 0.0, 1.0))
