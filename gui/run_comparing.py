"""Runs against each other in numbers: which of two is right on which pictures, and whether that may be chance. No widgets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from PySide6.QtCore import QCoreApplication

from engine.project.records import Evaluation
from gui.widgets.basics import count, percent

LEVEL = 0.05
"""Chance of an error that is put up with in all comparisons together."""


class Paired(msgspec.Struct, frozen=True):
    """Two runs on the same pictures.

    Attributes
    ----------
    pictures : int
        That both were measured on, with the same label.
    only_first, only_second : int
        On which one of them alone is right.
    p : float
        Chance of a difference at least as large, were both equally good: McNemar's test, exact and two-sided.
    """

    pictures: int
    only_first: int
    only_second: int
    p: float


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p of McNemar's test (1947): each of the pictures on which runs differ is a toss of a fair coin.

    Examples
    --------
    >>> round(mcnemar(1, 8), 6), mcnemar(3, 3), mcnemar(0, 0)
    (0.039062, 1.0, 1.0)
    """
    tosses, least = only_first + only_second, min(only_first, only_second)
    if 2 * least == tosses:
        return 1.0
    term = math.exp(math.lgamma(tosses + 1) - math.lgamma(least + 1) - math.lgamma(tosses - least + 1) - tosses * math.log(2))
    total, heads = 0.0, least
    while term > 0 and term > total * 1e-17:
        total += term
        term *= heads / (tosses - heads + 1)
        heads -= 1
    return min(1.0, 2 * total)


def paired(first: Evaluation, second: Evaluation) -> Paired:
    """Compare two evaluations on the pictures that both have, by their ids."""
    _, rows, others = np.intersect1d(first.images, second.images, assume_unique=True, return_indices=True)
    names_first = np.array(first.classes, object)[first.labels[rows]]
    names_second = np.array(second.classes, object)[second.labels[others]]
    same = names_first == names_second
    rows, others = rows[same], others[same]
    right_first = first.predicted[rows] == first.labels[rows]
    right_second = second.predicted[others] == second.labels[others]
    one, other = int((right_first & ~right_second).sum()), int((right_second & ~right_first).sum())
    return Paired(len(rows), one, other, mcnemar(one, other))


def verdict(name: str, best: str, found: Paired, comparisons: int) -> str:
    """What a comparison with the best run says, in a sentence."""
    if not found.pictures:
        return tr("{0} and {1} were not measured on the same pictures.").format(name, best)
    words = tr("{name} is right on {one} pictures where {best} is wrong, and wrong on {other} where it is right").format(
        name=name, best=best, one=count(found.only_second), other=count(found.only_first)
    )
    chance = tr("p = {0:.2g}").format(found.p) if found.p >= 1e-4 else tr("p < 0.0001")
    if found.p < LEVEL / max(1, comparisons):
        return tr("{0}: that is hardly chance ({1}).").format(words, chance)
    return tr("{0}: that may well be chance ({1}).").format(words, chance)


def recalls(evaluations: Sequence[Evaluation]) -> list[tuple[str, list[float | None], float]]:
    """Recall by class: name, a value a run (None where it does not know the class, or none of it was measured), and the largest difference.

    Classes on which runs differ most come first.
    """
    names = list(dict.fromkeys(name for evaluation in evaluations for name in evaluation.classes))
    rows = []
    for name in names:
        values = [evaluation.recall[evaluation.classes.index(name)] if name in evaluation.classes else None for evaluation in evaluations]
        known = [value for value in values if value is not None]
        rows.append((name, values, max(known) - min(known) if known else 0.0))
    return sorted(rows, key=lambda row: -row[2])


def with_interval(evaluation: Evaluation) -> str:
    """Accuracy and its 95 % interval."""
    low, high = evaluation.interval
    return tr("{0} ({1} to {2})").format(percent(evaluation.accuracy), percent(low), percent(high))


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("run_comparing", text)
