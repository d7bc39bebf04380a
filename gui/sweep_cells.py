"""From the trainings of a sweep to small plots and the words beneath their titles. No widgets."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import msgspec
from PySide6.QtCore import QCoreApplication

from engine.project.records import RunHistory
from gui.theme import colours
from gui.training_curves import best_epoch, panels
from gui.widgets.basics import count, percent
from gui.widgets.curve_records import Panel
from gui.widgets.small_multiples import Cell
from gui.widgets.sweep_words import value_words

EQUAL = 1e-6
"""Figures that are nearer to each other are the same, one kept with more digits than the other."""


class Member(msgspec.Struct, frozen=True, eq=False):
    """One training of a sweep.

    Attributes
    ----------
    field, value, seed
        What is varied, and its value here.
    job : int
        In this sitting; 0 for a run of an earlier one.
    run : str
        Id, "" before it began.
    network : str
    open, running : bool
        Whether its job is not closed, and whether it is under way.
    outcome, failure : str
        How it ended and, where it failed, why.
    history : RunHistory or None
    accuracy, loss : float or None
        On the validation pictures: in [0, 1], the best of its epochs so far, and the loss of that epoch.
    """

    field: str
    value: str
    seed: int
    job: int
    run: str
    network: str
    open: bool = False
    running: bool = False
    outcome: str = ""
    failure: str = ""
    history: RunHistory | None = None
    accuracy: float | None = None
    loss: float | None = None


class Winner(msgspec.Struct, frozen=True):
    """The value that reached most, "" for none; what its title says, and a sentence where accuracies alone do not tell."""

    value: str = ""
    mark: str = ""
    words: str = ""


def tr(text: str) -> str:
    """A sentence in the user's language."""
    return QCoreApplication.translate("sweep_cells", text)


def cell_of(value: str, members: Sequence[Member], best: str) -> Cell:
    """The plot of one value; several trainings of it lie over each other in colours of their own; `best` marks the best of all."""
    drawn = [member for member in members if member.history is not None]
    named = [(tr("seed {0}").format(member.seed) if len(members) > 1 else "", member.history) for member in drawn if member.history]
    words = "" if drawn else _why_empty(members[0])
    caption = _caption(members) if drawn else ""
    return Cell(value_words(members[0].field, value), caption, _panels(named), words, best)


def _panels(named: list[tuple[str, RunHistory]]) -> tuple[Panel, ...]:
    titles = (tr("loss (nats)"), tr("accuracy (%)"), tr("training"), tr("validation"))
    return panels(named, colours().curves, titles)


def _why_empty(member: Member) -> str:
    if member.open:
        return tr("prepares") if member.running else tr("waits for its turn")
    if member.failure:
        return member.failure
    words = {"failed": tr("failed"), "cancelled": tr("taken back")}
    return words.get(member.outcome, "")


def _caption(members: Sequence[Member]) -> str:
    """Accuracy and epochs of one training, mean and standard deviation of several; before it what went wrong."""
    if len(members) > 1:
        return spread([member.accuracy for member in members if member.accuracy is not None])
    member = members[0]
    parts = []
    if member.outcome == "failed":
        parts.append(tr("failed"))
    elif member.outcome == "cancelled":
        parts.append(tr("stopped"))
    if member.accuracy is not None:
        parts.append(percent(member.accuracy))
    if member.history is not None and len(member.history.epoch_steps):
        epochs = len(member.history.epoch_steps)
        words = tr("1 epoch") if epochs == 1 else tr("best of {0} epochs")
        parts.append(words.format(count(epochs)))
    if member.failure:
        parts.append(member.failure)
    return ", ".join(parts)


def loss_of(history: RunHistory) -> float | None:
    """The validation loss of the weights that are kept."""
    epoch = best_epoch(history)
    loss = float(history.validation_losses[epoch - 1]) if epoch else math.nan
    return loss if math.isfinite(loss) else None


def winner(values: Mapping[str, Sequence[Member]]) -> Winner:
    """The value with the highest accuracy in the mean; where several have it the one with the lowest loss, if that tells them apart."""
    means = {value: mean for value, members in values.items() if (mean := _mean([member.accuracy for member in members])) is not None}
    if len(means) < 2:
        return Winner()
    highest = max(means.values())
    first = [value for value, mean in means.items() if highest - mean < EQUAL]
    if len(first) == 1:
        return Winner(first[0], tr("best"))
    losses = {value: _mean([member.loss for member in values[value]]) for value in first}
    known = sorted((loss, value) for value, loss in losses.items() if loss is not None)
    if len(known) < len(first):
        return Winner(words=tr("The highest accuracies are equal."))
    if known[1][0] - known[0][0] < EQUAL:
        return Winner(words=tr("None is best: the highest accuracies are equal, and so are their losses."))
    if len(first) == len(means):
        return Winner(known[0][1], tr("best by loss"), tr("Best by validation loss: accuracies are equal."))
    return Winner(known[0][1], tr("best by loss"), tr("Best by validation loss: the highest accuracies are equal."))


def _mean(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return statistics.fmean(known) if known else None


def spread(accuracies: Sequence[float]) -> str:
    """Mean and standard deviation of some accuracies, in words."""
    if not accuracies:
        return ""
    if len(accuracies) == 1:
        return percent(accuracies[0])
    mean, deviation = statistics.fmean(accuracies), statistics.stdev(accuracies)
    return tr("{mean} ± {deviation}, mean of {number}").format(
        mean=f"{100 * mean:.1f}", deviation=percent(deviation), number=len(accuracies)
    )


def summary(field: str, values: Mapping[str, Sequence[Member]]) -> str:
    """What thin and bold curves are and, of seeds, how far they lie apart."""
    words = tr("Thin: training; bold: validation, its best accuracy beneath each title.")
    if field != "seed":
        return words
    known = [member.accuracy for members in values.values() for member in members if member.accuracy is not None]
    return f"{spread(known)}. {words}" if len(known) > 1 else words
