"""Figures of a classifier from its probabilities; numpy alone, all in float64 inside.

N pictures, K classes; labels int64 [N] in [0, K); probabilities float [N, K], rows sum to 1.
"""

from __future__ import annotations

import math

import numpy as np

Z_95 = 1.959963984540054  # 97.5 % quantile of the normal distribution
CALIBRATION_BINS = 15
TINY = float(np.finfo(np.float32).tiny)  # a probability of 0 costs 87 nats, not infinity


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count pictures by true and predicted class.

    Returns
    -------
    int64 [K, K]
        Rows are the true class.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    cells = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def accuracy(confusion: np.ndarray) -> float:
    """Fraction of pictures on the diagonal; NaN without pictures."""
    total = int(confusion.sum())
    return int(np.trace(confusion)) / total if total else math.nan


def wilson_interval(right: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927), within [0, 1]; (0, 1) without pictures.

    Examples
    --------
    >>> low, high = wilson_interval(90, 100)
    >>> round(low, 4), round(high, 4)
    (0.8256, 0.9448)
    """
    if total == 0:
        return 0.0, 1.0
    share = right / total
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    low = 0.0 if right == 0 else max(0.0, middle - half)
    high = 1.0 if right == total else min(1.0, middle + half)
    return low, high


def top_k(probabilities: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Fraction of pictures whose class is among the k most probable; ties count against the lower-numbered rank.

    A class is in the top k when fewer than k others are strictly more probable, or equally probable and listed before it.
    NaN without pictures.
    """
    if len(labels) == 0:
        return math.nan
    own = probabilities[np.arange(len(labels)), labels][:, None]
    before = np.arange(probabilities.shape[1])[None, :] < labels[:, None]
    rank = ((probabilities > own) | ((probabilities == own) & before)).sum(axis=1)
    return float((rank < k).mean())


def per_class(confusion: np.ndarray) -> tuple[list[float | None], list[float | None], list[float | None], list[int]]:
    """Precision, recall, F1 and support of each class; None where a figure is 0/0.

    F1 is 2 TP / (2 TP + FP + FN), so it is None only for a class that neither occurs nor is predicted.
    """
    hits = np.diag(confusion)
    predicted, support = confusion.sum(axis=0), confusion.sum(axis=1)
    return _ratios(hits, predicted), _ratios(hits, support), _ratios(2 * hits, predicted + support), [int(n) for n in support]


def _ratios(above: np.ndarray, below: np.ndarray) -> list[float | None]:
    return [int(a) / int(b) if b else None for a, b in zip(above, below, strict=True)]


def cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Loss of each picture in nats, float32 [N]: minus the logarithm of the true class's probability."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses: np.ndarray = np.maximum(-np.log(np.maximum(own, TINY)), 0).astype(np.float32)
    return losses


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error (Guo et al. 2017, equation 5) with bins of equal width; NaN without pictures.

    The mean over pictures of |accuracy - confidence| of the picture's bin; bin i holds confidences in (i / bins, (i + 1) / bins].
    """
    if len(labels) == 0:
        return math.nan
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(index, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
