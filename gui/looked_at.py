"""Which run the right column of Train shows: one rule for all of its tabs. Draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.project.records import RunRecord
from gui.run_names import run_names
from gui.state import AppState

if TYPE_CHECKING:
    import numpy as np

UNKNOWN_CLASS = "#999999"
"""Of a class that the project no longer has."""


def looked_at(state: AppState) -> str:
    """Id of the run that was chosen or began to train last, else of the one that trains, else of the newest; "" where there is none."""
    training = state.training
    alive = {record.id for record in state.runs}
    if training is not None:  # its record may be on its way, and one that failed has none
        alive.add(training.run)
    if state.looked_at in alive:
        return state.looked_at or ""
    if training is not None and training.running:
        return training.run
    return state.runs[0].id if state.runs else ""


def trains(state: AppState, run: str) -> bool:
    """Whether this run trains now."""
    return state.training is not None and state.training.run == run and state.training.running


def record_of(state: AppState, run: str) -> RunRecord | None:
    """What is saved of a run; None while it trains for the first time."""
    return next((record for record in state.runs if record.id == run), None)


def name_of(state: AppState, run: str) -> str:
    """What a run is called, also before its record is there; "" for no run."""
    names = run_names(state.runs)
    training = state.training
    if run in names or training is None or training.run != run:
        return names.get(run, run)
    title = training.started.title
    return f"{title} · {run}" if any(record.title == title for record in state.runs) else title


def classes_of(state: AppState, run: str) -> tuple[str, ...]:
    """Names of the classes that a run tells apart."""
    if state.training is not None and state.training.run == run:
        return state.training.started.classes
    record = record_of(state, run)
    return record.classes if record is not None else ()


def matrix_classes(state: AppState, run: str, matrix: np.ndarray | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and colours of the classes of a run's confusion matrix; none where they do not fit it."""
    names = classes_of(state, run)
    if matrix is None or len(names) != len(matrix):
        return (), ()
    shades = {record.name: record.colour for record in state.classes}
    return names, tuple(shades.get(name, UNKNOWN_CLASS) for name in names)


def kept_epoch(state: AppState, run: str) -> int:
    """The epoch whose weights are kept; 0 while it trains, and where there is none."""
    record = record_of(state, run)
    return record.best_epoch if record is not None and not trains(state, run) else 0
