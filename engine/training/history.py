"""A run's curves as they are kept."""

from __future__ import annotations

import numpy as np

from engine.project.records import RunHistory
from engine.training.telling import Trained


def of(run: str, result: Trained) -> RunHistory:
    """The curves of a training."""
    epochs = result.epochs
    return RunHistory(
        run=run,
        step_losses=result.losses,
        step_accuracies=result.accuracies,
        epoch_steps=np.array([epoch.step for epoch in epochs], np.int64),
        train_losses=np.array([epoch.train_loss for epoch in epochs], np.float32),
        train_accuracies=np.array([epoch.train_accuracy for epoch in epochs], np.float32),
        validation_losses=np.array([epoch.validation_loss for epoch in epochs], np.float32),
        validation_accuracies=np.array([epoch.validation_accuracy for epoch in epochs], np.float32),
        learning_rates=result.rates,
        mark_steps=np.array([mark.step for mark in result.marks], np.int64),
        mark_texts=np.array([mark.text for mark in result.marks], np.str_),
    )
