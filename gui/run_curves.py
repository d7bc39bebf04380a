"""Which runs' curves lie over each other, and in which colours: joins the plot, the list of runs and the histories of the engine."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine.messages import LoadHistory
from engine.project.records import RunHistory
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import colours
from gui.training_curves import best_mark, history_of, panels
from gui.widgets.curve_plot import CurvePlot
from gui.widgets.curve_records import Mark
from gui.widgets.run_list import RunList

MOST_OVERLAID = 7


def shade_of(state: AppState, run: str) -> str:
    """A run's colour: it stays its own however many are shown."""
    order = [record.id for record in reversed(state.runs)]
    shades = colours().curves
    return shades[(order.index(run) if run in order else len(order)) % len(shades)]


class RunCurves(QObject):
    """Shows the training first, else the newest run; then what is ticked."""

    def __init__(self, bridge: Bridge, plot: CurvePlot, runs: RunList) -> None:
        super().__init__(plot)
        self._bridge, self._plot, self._runs = bridge, plot, runs
        self._ticked: list[str] = []
        self._asked: set[str] = set()
        self._first = ""
        self._painted = ""
        runs.line_ticked.connect(self._tick)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show what differs."""
        if "project" in changed:
            self._ticked, self._asked, self._first = [], set(), ""
        training = state.training.run if state.training is not None else ""
        if changed & {"runs", "project"} or training != self._painted:
            self._painted = training
            self._render_runs(state)
        if changed & {"training", "runs", "histories", "project"}:
            self._render_curves(state)

    def dress(self) -> None:
        """Take over colours."""
        self._render_runs(self._bridge.state)
        self._render_curves(self._bridge.state)

    def _overlaid(self, state: AppState) -> list[str]:
        first = state.training.run if state.training is not None else (state.runs[0].id if state.runs else "")
        if first and first != self._first:
            self._first = first
            self._ticked = [first, *(run for run in self._ticked if run != first)][:MOST_OVERLAID]
        known = {run.id for run in state.runs} | ({state.training.run} if state.training is not None else set())
        return [run for run in self._ticked if run in known]

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
        self._runs.show_runs(state.runs, {run: shade_of(state, run) for run in self._overlaid(state)}, state.writable)
        self._runs.setVisible(bool(state.runs))

    def _render_curves(self, state: AppState) -> None:
        found = self._histories(state)
        titles = (self.tr("loss (nats)"), self.tr("accuracy (%)"), self.tr("training"), self.tr("validation"))
        named = [(run if len(found) > 1 else "", history) for run, history in found]
        tones = [shade_of(state, run) for run, _ in found] or list(colours().curves)
        self._plot.set_panels(panels(named, tones, titles))
        self._plot.set_marks((*self._kept(state, found), *self._told(state, found)))

    def _kept(self, state: AppState, found: list[tuple[str, RunHistory]]) -> tuple[Mark, ...]:
        """The epoch whose weights were kept, of a finished run that is alone."""
        records = {run.id: run for run in state.runs}
        if len(found) != 1 or found[0][0] not in records:
            return ()
        run, history = found[0]
        return best_mark(history, records[run].best_epoch, self.tr("kept"))

    def _told(self, state: AppState, found: list[tuple[str, RunHistory]]) -> tuple[Mark, ...]:
        """What happened in the training; several words of a step stand together."""
        if state.training is None or all(run != state.training.run for run, _ in found):
            return ()
        told: dict[int, list[str]] = {}
        for mark in state.training.marks:
            told.setdefault(mark.step, []).append(mark.text)
        return tuple(Mark(float(step), ", ".join(words)) for step, words in told.items())

    def _tick(self, run: str, on: bool) -> None:
        others = [kept for kept in self._ticked if kept != run]
        self._ticked = [*others, run][-MOST_OVERLAID:] if on else others
        self.dress()
