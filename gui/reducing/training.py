"""The running training and the evaluations of runs."""

from __future__ import annotations

from typing import Any

import msgspec

from engine import messages
from engine.project.records import Split
from gui.curves import Curve
from gui.reducing.registry import on, with_
from gui.state import AppState, TrainingState

MOST_STATISTICS = 400


@on(messages.TrainingStarted)
def _training_started(event: messages.TrainingStarted, state: AppState) -> AppState:
    asked = state.jobs[event.job].asked if event.job in state.jobs else None
    peak = asked.learning_rate if isinstance(asked, messages.ResumeRun) else None
    planned = asked.epochs if isinstance(asked, messages.ResumeRun) else None
    training = TrainingState(event.run, event.job, event, Curve(), Curve(), Curve(), peak=peak, planned=planned)
    return with_(state, training=training, looked_at=event.run)


def of_training(state: AppState, run: str, **changes: Any) -> AppState:
    """The state with changes of its training; another run's events are late and change nothing."""
    if state.training is None or state.training.run != run:
        return state
    return with_(state, training=msgspec.structs.replace(state.training, **changes))


@on(messages.StepsDone)
def _steps_done(event: messages.StepsDone, state: AppState) -> AppState:
    training = state.training
    if training is None or training.run != event.run:
        return state
    at = event.first_step - 1
    return of_training(
        state,
        event.run,
        losses=training.losses.extended(at, event.losses),
        accuracies=training.accuracies.extended(at, event.accuracies),
        learning_rates=training.learning_rates.extended(at, [event.learning_rate] * len(event.losses)),
    )


@on(messages.EpochDone)
def _epoch_done(event: messages.EpochDone, state: AppState) -> AppState:
    return of_training(state, event.run, epochs=(*state.training.epochs, event)) if state.training is not None else state


@on(messages.FiltersChanged)
def _filters_changed(event: messages.FiltersChanged, state: AppState) -> AppState:
    return of_training(state, event.run, filters=event)


@on(messages.TrainingFinished)
def _training_finished(event: messages.TrainingFinished, state: AppState) -> AppState:
    return with_(of_training(state, event.record.id, record=event.record), selected_run=None, looked_at=event.record.id)


@on(messages.EvaluationReady)
def _evaluation_ready(event: messages.EvaluationReady, state: AppState) -> AppState:
    key = (event.evaluation.run, Split(event.evaluation.split))
    return with_(state, evaluations={**state.evaluations, key: event.evaluation})


@on(messages.TrainingMarked)
def _training_marked(event: messages.TrainingMarked, state: AppState) -> AppState:
    return of_training(state, event.run, marks=(*state.training.marks, event)) if state.training is not None else state


@on(messages.TrainingPaused)
def _training_paused(event: messages.TrainingPaused, state: AppState) -> AppState:
    return of_training(state, event.run, paused=event.paused)


@on(messages.LayerStatistics)
def _layer_statistics(event: messages.LayerStatistics, state: AppState) -> AppState:
    if state.training is None:
        return state
    kept = state.training.statistics
    if len(kept) >= MOST_STATISTICS:  # of a training of hours every second is forgotten, again and again; the first step stays
        kept = kept[::2]
    return of_training(state, event.run, statistics=(*kept, event))


@on(messages.LearningRatesTried)
def _learning_rates_tried(event: messages.LearningRatesTried, state: AppState) -> AppState:
    return with_(state, rates_tried=event)


@on(messages.BatchesTried)
def _batches_tried(event: messages.BatchesTried, state: AppState) -> AppState:
    return with_(state, batches_tried=event)


@on(messages.MomentLoaded)
def _moment_loaded(event: messages.MomentLoaded, state: AppState) -> AppState:
    return with_(state, moments={**state.moments, event.run: event})


@on(messages.StatisticsLoaded)
def _statistics_loaded(event: messages.StatisticsLoaded, state: AppState) -> AppState:
    return with_(state, statistics={**state.statistics, event.run: event})


@on(messages.RunAdded)
def _run_added(event: messages.RunAdded, state: AppState) -> AppState:
    return with_(state, selected_run=event.run)
