"""Which runs' curves lie over each other, and in which colours: joins the plot, the list of runs and the histories of the engine."""

from __future__ import annotations

import math

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from engine.messages import LoadHistory
from engine.project.records import RunHistory, RunRecord
from gui.bridge import Bridge
from gui.looked_at import looked_at, name_of
from gui.run_names import run_names
from gui.state import AppState
from gui.theme import colours
from gui.training_curves import best_epoch, best_mark, history_of, panels, told_marks
from gui.widgets.curve_plot import CurvePlot
from gui.widgets.curve_records import Mark
from gui.widgets.run_list import RunList

MOST_OVERLAID = 7


class RunCurves(QObject):
    """Shows the training, else the newest run, and what is ticked; where that is too much, what was ticked longest ago is put away.

    Signals
    -------
    put_away(str)
        What there is to say of runs that are no longer shown; "" once that is past.
    """

    put_away = Signal(str)

    def __init__(self, bridge: Bridge, plot: CurvePlot, runs: RunList) -> None:
        super().__init__(plot)
        self._bridge, self._plot, self._runs = bridge, plot, runs
        self._ticked: list[str] = []  # the latest last
        self._places: dict[str, int] = {}  # of colours; kept while a run is shown
        self._asked: set[str] = set()
        self._first = self._folder = ""
        self._painted: tuple[str, str, int] = ("", "", 0)
        runs.line_ticked.connect(self._tick)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show what differs."""
        if "project" in changed:  # opened again, it has read none of its curves yet
            self._asked = set()
        if state.folder != self._folder:
            self._folder, self._ticked, self._first = state.folder, [], ""
            self._plot.show_all()
            self.put_away.emit("")
        painted = _in_training(state), looked_at(state), len(state.training.epochs) if state.training is not None else 0
        other = painted != self._painted
        if changed & {"runs", "project"} or other:
            self._painted = painted
            self._render_runs(state)
        if changed & {"training", "runs", "histories", "project"} or other:
            self._render_curves(state)

    def dress(self) -> None:
        """Take over colours."""
        self._render_runs(self._bridge.state)
        self._render_curves(self._bridge.state)

    def _overlaid(self, state: AppState) -> list[str]:
        first = state.training.run if state.training is not None else (state.runs[0].id if state.runs else "")
        if first and first != self._first:
            self._first = first
            self._show(state, first)
        known = {run.id for run in state.runs} | ({state.training.run} if state.training is not None else set())
        shown = [run for run in self._ticked if run in known]
        self._places = {run: place for run, place in self._places.items() if run in shown}
        for run in shown:
            if run not in self._places:
                self._places[run] = min(set(range(MOST_OVERLAID)) - set(self._places.values()))
        return shown

    def _show(self, state: AppState, run: str) -> None:
        """Show a run beside the others; never the newest tick nor what is being trained makes room."""
        self._ticked = [*(kept for kept in self._ticked if kept != run), run]
        training = state.training.run if state.training is not None else ""
        gone = [kept for kept in self._ticked[:-1] if kept != training][: max(0, len(self._ticked) - MOST_OVERLAID)]
        self._ticked = [kept for kept in self._ticked if kept not in gone]
        names = run_names(state.runs)
        words = self.tr("At most {most} runs are shown; {names} was put away.")
        self.put_away.emit(words.format(most=MOST_OVERLAID, names=", ".join(names.get(kept, kept) for kept in gone)) if gone else "")

    def _shade(self, run: str) -> str:
        """A run's colour, unlike those of all others that are shown."""
        shades = colours().curves
        return shades[self._places[run] % len(shades)]

    def _histories(self, state: AppState) -> list[tuple[str, RunHistory]]:
        found = []
        for run in self._overlaid(state):
            if state.training is not None and run == state.training.run and state.training.steps:
                found.append((run, history_of(state.training)))
            elif run in state.histories:
                found.append((run, state.histories[run]))
            elif run not in self._asked and any(record.id == run and record.steps for record in state.runs):
                self._asked.add(run)
                self._bridge.submit(LoadHistory(run))
        return found

    def _render_runs(self, state: AppState) -> None:
        shades = {run: self._shade(run) for run in self._overlaid(state)}
        runs = tuple(_as_it_stands(run, state) for run in state.runs)
        self._runs.show_runs(runs, shades, state.writable, _in_training(state), looked_at(state))
        self._runs.setVisible(bool(state.runs))

    def _smooths(self, state: AppState, run: str) -> bool:
        """Whether a run learned from smoothed labels."""
        if state.training is not None and state.training.run == run:
            return state.training.started.recipe.label_smoothing > 0
        return any(record.id == run and record.recipe.label_smoothing > 0 for record in state.runs)

    def _render_curves(self, state: AppState) -> None:
        found = self._histories(state)
        smoothed = len(found) == 1 and self._smooths(state, found[0][0])  # its training loss never comes down to 0
        titles = (self.tr("loss (nats)"), self.tr("accuracy (%)"), self.tr("training"), self.tr("validation"))
        told = len(found) > 1 or any(run != looked_at(state) for run, _ in found)  # a run alone is named at the right, unless another is
        named = [(name_of(state, run) if told else "", history) for run, history in found]
        tones = [self._shade(run) for run, _ in found] or list(colours().curves)
        self._plot.set_panels(panels(named, tones, titles, self.tr("training, smoothed labels") if smoothed else ""))
        self._plot.set_marks((*self._kept(state, found), *self._told(state, found)))

    def _kept(self, state: AppState, found: list[tuple[str, RunHistory]]) -> tuple[Mark, ...]:
        """The epochs whose weights were kept: in a word of a run that is alone, else in the colours of their curves."""
        best = {run.id: run.best_epoch for run in state.runs}
        if _in_training(state):
            best |= {run: best_epoch(history) for run, history in found if run == _in_training(state)}
        if len(found) == 1:
            return best_mark(found[0][1], best.get(found[0][0], 0), self.tr("kept"))
        marks = (best_mark(history, best.get(run, 0), "", self._shade(run)) for run, history in found)
        return tuple(mark for several in marks for mark in several)

    def _told(self, state: AppState, found: list[tuple[str, RunHistory]]) -> tuple[Mark, ...]:
        """What happened on the way: in the training while it is shown, else in the run that is looked at, or that is alone."""
        shown = dict(found)
        wanted = (_in_training(state), looked_at(state), found[0][0] if len(found) == 1 else "")
        run = next((run for run in wanted if run in shown), "")
        return told_marks(shown[run], self._shade(run) if len(found) > 1 else "") if run else ()

    def _tick(self, run: str, on: bool) -> None:
        if on:
            self._show(self._bridge.state, run)
        else:
            self._ticked = [kept for kept in self._ticked if kept != run]
            self.put_away.emit("")
        self.dress()


def _in_training(state: AppState) -> str:
    """The run of this sitting's training until its record is there, or it ended without one; "" for none."""
    training = state.training
    return training.run if training is not None and training.running and training.record is None else ""


def _as_it_stands(run: RunRecord, state: AppState) -> RunRecord:
    """A run; the one that goes on at the moment with what it reached by now, in place of what it had reached when it was resumed."""
    training = state.training
    if training is None or run.id != _in_training(state) or not training.epochs:
        return run
    history = history_of(training)
    best = best_epoch(history)
    if best == run.best_epoch:
        return run
    accuracy = float(history.validation_accuracies[best - 1])
    return replace(run, best_epoch=best, validation_accuracy=accuracy if math.isfinite(accuracy) else None, test_accuracy=None)
