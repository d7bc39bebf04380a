"""How layers fare while they learn, in words and curves, from the statistics of trainings. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication

from engine.messages import LayerStatistics
from gui.widgets.basics import count
from gui.widgets.curve_records import Series

FAR = 100.0
"""From this ratio of the gradients of two layers on, one of them hardly learns, or leaps, at a rate that suits the other."""
ALIKE = 1.1
"""Up to this ratio of the largest gradient to the smallest they are called alike."""
MANY = 0.5
"""Share of units of a layer that are dead, or of answers that are saturated, from which on it is said."""


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("Health", text)


def ends(statistics: LayerStatistics) -> tuple[int, int] | None:
    """The first and the last layer whose gradients are compared: the one that classifies has another task and is left out where it can."""
    learning = np.flatnonzero(np.isfinite(statistics.gradient_norms)).tolist()
    if len(learning) < 2:
        return None
    return learning[0], learning[-2] if len(learning) > 2 else learning[-1]


def ratio(statistics: LayerStatistics) -> float | None:
    """The first layer's gradient norm by the last one's; None where one layer learns, or no gradient arrives anywhere."""
    pair = ends(statistics)
    if pair is None:
        return None
    first, last = (float(statistics.gradient_norms[at]) for at in pair)
    if last == 0:
        return None if first == 0 else math.inf
    return first / last


def sentences(statistics: LayerStatistics) -> list[str]:
    """What is to be said of a network's gradients, and of its activations where something is wrong with them."""
    return [text for text in (_of_gradients(statistics), *_of_activations(statistics)) if text]


def _of_gradients(statistics: LayerStatistics) -> str:
    found, pair = ratio(statistics), ends(statistics)
    if found is None or pair is None:
        return ""
    first, last = (statistics.layers[at] for at in pair)
    if found > FAR:
        words = tr("The gradient grows {ratio} times from {last} back to {first}: it explodes towards the picture.")
        return words.format(ratio=_size(found), first=first, last=last)
    if found == 0:
        return tr("No gradient arrives at {first} any more: it has vanished on the way back.").format(first=first)
    if found < 1 / FAR:
        words = tr("Of the gradient of {last}, {first} gets 1/{ratio}: it vanishes on the way back.")
        return words.format(ratio=_size(1 / found), first=first, last=last)
    return _span(statistics)


def _span(statistics: LayerStatistics) -> str:
    """The largest gradient against the smallest: what the curve over all layers spans."""
    norms = np.where(np.isfinite(statistics.gradient_norms), statistics.gradient_norms, np.nan)
    large, small = int(np.nanargmax(norms)), int(np.nanargmin(norms))
    names = {"large": statistics.layers[large], "small": statistics.layers[small]}
    if norms[small] == 0:
        return tr("The gradient is largest in {large}; in {small} none arrives.").format(**names)
    factor = float(norms[large] / norms[small])
    if factor < ALIKE:
        return tr("The gradients of all layers are alike.")
    ratio = f"{factor:.2g}" if factor < FAR else _size(factor)
    return tr("The gradient is largest in {large}, {ratio} times that of {small}, the smallest.").format(ratio=ratio, **names)


def _of_activations(statistics: LayerStatistics) -> list[str]:
    found = []
    none = np.full(len(statistics.activations), np.nan)
    saturated = none if statistics.saturated is None else statistics.saturated
    for shares, words in (
        (statistics.dead, tr("{share} of the units of {layer} are dead: they answer 0 to every picture.")),
        (saturated, tr("{share} of the answers of {layer} are saturated: hardly any gradient gets through.")),
    ):
        if np.isfinite(shares).any() and float(np.nanmax(shares)) >= MANY:
            worst = int(np.nanargmax(shares))
            found.append(words.format(share=f"{100 * float(shares[worst]):.0f}\u202f%", layer=statistics.activations[worst]))
    return found


def _size(value: float) -> str:
    return f"{value:.1e}" if value >= 1e6 else count(round(value))


def figures(statistics: LayerStatistics) -> str:
    """Speed, waiting and memory in a line."""
    parts = [
        tr("{speed} pictures/s").format(speed=count(round(statistics.images_per_second))),
        tr("waiting for data {share}").format(share=f"{100 * statistics.waiting:.0f}\u202f%"),
    ]
    if statistics.memory is not None:
        parts.append(tr("{size} GB of memory").format(size=f"{statistics.memory / 1e9:.2f}"))
    return " · ".join(parts)


def nearest(several: Sequence[LayerStatistics], step: int) -> LayerStatistics | None:
    """Those that were taken closest to a step."""
    return min(several, key=lambda one: abs(one.step - step), default=None)


def by_layer(name: str, shade: str, values: np.ndarray, bold: bool = True) -> Series:
    """A curve over layers, numbered from 1."""
    return Series(name, shade, np.arange(1, len(values) + 1, dtype=np.float64), np.asarray(values, np.float64), bold=bold)
