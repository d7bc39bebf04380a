"""From the state of trainings to the panels of the curve plot. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.project.records import RunHistory
from engine.training.telling import rank
from gui.state import TrainingState
from gui.widgets.curve_records import Mark, Panel, Series

OUTLIERS = 4.0
"""Losses above so many times the first one are those of a run that comes apart: they would flatten all others."""
_steps = np.arange(1, 4097, dtype=np.float32)


def steps(number: int) -> np.ndarray:
    """1, 2 … number as float32; one array serves all curves."""
    global _steps
    if number > len(_steps):
        _steps = np.arange(1, 2 * number + 1, dtype=np.float32)
    return _steps[:number]


def history_of(training: TrainingState) -> RunHistory:
    """The running training's curves in the form of a finished run's."""
    epochs = training.epochs
    return RunHistory(
        run=training.run,
        step_losses=training.losses.values,
        step_accuracies=training.accuracies.values,
        epoch_steps=np.array([epoch.step for epoch in epochs], np.int64),
        train_losses=np.array([epoch.train_loss for epoch in epochs], np.float32),
        train_accuracies=np.array([epoch.train_accuracy for epoch in epochs], np.float32),
        validation_losses=np.array([epoch.validation_loss for epoch in epochs], np.float32),
        validation_accuracies=np.array([epoch.validation_accuracy for epoch in epochs], np.float32),
        mark_steps=np.array([mark.step for mark in training.marks], np.int64),
        mark_texts=np.array([mark.text for mark in training.marks], np.str_),
    )


def panels(
    histories: Sequence[tuple[str, RunHistory]], colours: Sequence[str], titles: tuple[str, str, str, str], learned_loss: str = ""
) -> tuple[Panel, Panel]:
    """Loss above, accuracy in per cent below; a colour a run, training thin and validation bold.

    Parameters
    ----------
    histories : sequence of (name, RunHistory)
        Names are written before "training" and "validation"; "" for a run alone.
    colours : sequence of str
        Taken in turn.
    titles : tuple of str
        Of the two axes, and the words for training and validation.
    learned_loss : str
        The words for training above, where they are others than below.
    """
    losses: list[Series] = []
    accuracies: list[Series] = []
    for number, (name, history) in enumerate(histories):
        shade = colours[number % len(colours)]
        training, validation, training_loss = (f"{name} {word}".strip() for word in (*titles[2:], learned_loss or titles[2]))
        along = steps(len(history.step_losses))
        ends = history.epoch_steps.astype(np.float64)
        validated = bool(np.isfinite(history.validation_losses).any())
        thin, bold = (("" if validated else name), name) if len(histories) > 1 and name else (None, None)  # a line of the legend a run
        along_too = steps(len(history.step_accuracies))
        losses.append(Series(training_loss, shade, along, history.step_losses, smooth=True, legend=thin))
        accuracies.append(Series(training, shade, along_too, history.step_accuracies, smooth=True, legend=thin))
        if validated:
            losses.append(Series(validation, shade, ends, history.validation_losses, bold=True, legend=bold))
            accuracies.append(Series(validation, shade, ends, history.validation_accuracies, bold=True, legend=bold))
    return (
        Panel(titles[0], tuple(losses), decimals=4, floor=0.0, outliers=OUTLIERS),
        Panel(titles[1], tuple(accuracies), unit=" %", decimals=1, floor=0.0, ceiling=100.0, factor=100.0),
    )


def best_epoch(history: RunHistory) -> int:
    """The epoch (from 1) whose weights would be kept if the training ended now, as RunRecord has it; 0 before the first has ended."""
    accuracies, losses = history.validation_accuracies.tolist(), history.validation_losses.tolist()
    if not np.isfinite(history.validation_accuracies).any():
        return len(accuracies)
    ranks = [rank(accuracy, loss) for accuracy, loss in zip(accuracies, losses, strict=True)]
    return max(range(len(ranks)), key=ranks.__getitem__) + 1


def best_mark(history: RunHistory, best_epoch: int, words: str, colour: str = "") -> tuple[Mark, ...]:
    """The epoch whose weights are kept; in a colour where several runs' are marked."""
    if not 1 <= best_epoch <= len(history.epoch_steps):
        return ()
    return (Mark(float(history.epoch_steps[best_epoch - 1]), words, colour),)


def told_marks(history: RunHistory, colour: str = "") -> tuple[Mark, ...]:
    """What happened on the way; several words of a step stand together."""
    told: dict[int, list[str]] = {}
    for step, text in zip(history.mark_steps.tolist(), history.mark_texts.tolist(), strict=False):
        told.setdefault(step, []).append(text)
    return tuple(Mark(float(step), ", ".join(words), colour) for step, words in told.items())
