"""Labels that are probably wrong, found from probabilities of classifiers that have not seen the picture.

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021: class thresholds, the confident joint,
ranking by normalised margin. The classifier is the mean of a softmax regression and of the nearest neighbours' votes on descriptors: the
first is surer of itself, the second follows odd shapes of classes, and where both agree against a label they are rarely wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.doctor.neighbours import nearest

FOLDS = 5
LEAST = 20  # labelled pictures
LEAST_OF_CLASS = 4
TRAINED_ON = 10_000  # pictures that a fold's classifier learns from, at most
NEIGHBOURS = 10
DECAY = 1e-3
STEPS = 60
SURE = 0.5  # by which the other class must be more probable than the label,
DOUBT = 0.3  # and more by this times the share of pictures that the classifier would label otherwise: a weak one must be surer
PRIOR = 0.02  # of a vote, for each class that no neighbour voted for

Vectors = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


class Suspects(NamedTuple):
    """Rows whose labels are probably wrong int64 [S], worst first; the class that they look like int64 [S]; its probability float32 [S];
    how bad float32 [S], the margin by which it beats the label, in (0, 1].
    """

    rows: npt.NDArray[np.int64]
    other: Labels
    probability: Vectors
    score: Vectors

    @staticmethod
    def none() -> Suspects:
        """No suspects."""
        return Suspects(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))


def out_of_sample(
    vectors: Vectors, labels: Labels, folds: npt.NDArray[np.int8], classes: int, token: CancelToken, progress: Progress | None = None
) -> Vectors:
    """Probabilities of each picture's classes by classifiers that were trained without the picture's fold.

    Parameters
    ----------
    vectors : float32 [N, D]
        As `engine.doctor.descriptors.reduced` gives them.
    labels : int64 [N]
        In [0, classes).
    folds : int8 [N]
        See `engine.data.splits.folds`.
    classes : int
        K, their number.
    token : CancelToken
        Checked at every step.
    progress : callable, optional
        Called with folds done and folds in all.

    Returns
    -------
    float32 [N, classes]

    Raises
    ------
    Cancelled
        If the token was cancelled.
    """
    result = np.zeros((len(vectors), classes), np.float32)
    count = int(folds.max()) + 1
    for fold in range(count):
        if progress is not None:
            progress(fold, count)
        held = np.flatnonzero(folds == fold)
        rest = np.flatnonzero(folds != fold)
        rest = rest[:: -(-len(rest) // TRAINED_ON)]
        if not len(held) or not len(rest):
            continue
        result[held] = judged(vectors[rest], labels[rest], vectors[held], classes, token)
    return result


def judged(known: Vectors, labels: Labels, asked: Vectors, classes: int, token: CancelToken) -> Vectors:
    """Probabilities float32 [n, classes] of pictures asked about [n, D], from known ones [N, D] and their labels int64 [N]."""
    both = softmax_of(known, labels, asked, classes, token) + votes_of(known, labels, asked, classes, token)
    return np.asarray(both / 2, np.float32)


def softmax_of(known: Vectors, labels: Labels, asked: Vectors, classes: int, token: CancelToken) -> Vectors:
    """Probabilities by softmax regression with L2 decay, fitted by L-BFGS. Unlike scikit-learn's it can be cancelled at every step."""
    from scipy.optimize import minimize

    count, width = known.shape
    rows = np.arange(count)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        token.check()
        weights = flat.reshape(classes, width + 1).astype(np.float32)
        shares = _softmax(known @ weights[:, :-1].T + weights[:, -1])
        value = -np.log(np.maximum(1e-12, shares[rows, labels])).mean() + DECAY / 2 * float((weights[:, :-1] ** 2).sum())
        shares[rows, labels] -= 1
        shares /= count
        slope = np.concatenate([shares.T @ known + DECAY * weights[:, :-1], shares.sum(axis=0)[:, None]], axis=1)
        return float(value), slope.ravel().astype(np.float64)

    start = np.zeros(classes * (width + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    weights = found.reshape(classes, width + 1).astype(np.float32)
    return _softmax(asked @ weights[:, :-1].T + weights[:, -1])


def votes_of(known: Vectors, labels: Labels, asked: Vectors, classes: int, token: CancelToken, neighbours: int = NEIGHBOURS) -> Vectors:
    """Probabilities by the votes of the nearest neighbours, each weighted by one over its distance."""
    result = np.empty((len(asked), classes), np.float32)
    for start, distances, rows in nearest(known, asked, min(neighbours, len(known)), token):
        weights = 1 / np.maximum(distances, 1e-6)
        votes = np.zeros((len(rows), classes))
        np.add.at(votes, (np.arange(len(rows))[:, None], labels[rows]), weights)
        votes += PRIOR * weights.mean(axis=1, keepdims=True)
        result[start : start + len(rows)] = votes / votes.sum(axis=1, keepdims=True)
    return result


def find(probabilities: Vectors, labels: Labels) -> Suspects:
    """The labels that are probably wrong.

    As many are taken as the confident joint says there are, those with the lowest margin first, and none of which the classifier is not
    sure.

    Parameters
    ----------
    probabilities : float32 [N, K]
        Out of sample.
    labels : int64 [N]
        In [0, K).
    """
    wrong = errors_expected(probabilities, labels)
    best = probabilities.argmax(axis=1).astype(np.int64)
    rows = np.arange(len(labels))
    margins = probabilities[rows, labels] - probabilities[rows, best]
    sure = SURE + DOUBT * float(np.mean(best != labels))
    order = np.argsort(margins, kind="stable")[:wrong]
    order = order[(margins[order] < -sure) & (best[order] != labels[order])]
    return Suspects(order.astype(np.int64), best[order], probabilities[order, best[order]], -margins[order])


def errors_expected(probabilities: Vectors, labels: Labels) -> int:
    """How many labels are wrong, from the confident joint calibrated to the counts of the labels (equations 1 and 3)."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, probabilities[np.arange(len(labels)), labels], classes)
    thresholds = np.where(counts > 0, sums / np.maximum(1, counts), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1)
    seen = confident.max(axis=1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[seen], confident[seen].argmax(axis=1)), 1)
    joint *= (counts / np.maximum(1, joint.sum(axis=1)))[:, None]
    return round(float(joint.sum() - np.trace(joint)))


def _softmax(logits: Vectors) -> Vectors:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
