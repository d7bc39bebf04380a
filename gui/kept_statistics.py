"""The statistics of layers that the window has: of trainings that it saw, and of runs whose statistics it had read. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from engine.messages import LayerStatistics, LoadStatistics
from gui.bridge import Bridge
from gui.state import AppState

Several = tuple[LayerStatistics, ...]


class KeptStatistics:
    """Knows the statistics of runs, and asks for those that are wanted, one run at a time.

    Attributes
    ----------
    refused : dict of str to str
        Runs whose statistics cannot be had, with the sentence why.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._project = ""
        self._told: dict[str, Several] = {}  # by trainings of this sitting
        self._read: dict[str, Several] = {}
        self._asked: tuple[int, str] | None = None  # the job that is to answer, and for which run
        self.refused: dict[str, str] = {}

    def follow(self, state: AppState) -> None:
        """Take what there is to know; runs that are gone are forgotten."""
        project = state.folder
        if project != self._project:
            self._project, self._told, self._read, self._asked, self.refused = project, {}, {}, None, {}
        training = state.training
        alive = {record.id for record in state.runs} | ({training.run} if training is not None else set())
        self._told = {run: entries for run, entries in self._told.items() if run in alive}
        self._read = {run: answer.statistics for run, answer in state.statistics.items() if run in alive}
        self.refused = {run: words for run, words in self.refused.items() if run in alive and run not in self._read}
        if training is not None and training.statistics:
            self._told[training.run] = joined(self._told.get(training.run, ()), training.statistics)
            self.refused.pop(training.run, None)
        if self._asked is not None and self._asked[0] not in state.jobs:
            run = self._asked[1]
            self._asked = None
            if run in alive and run not in self._read:
                failure = state.failures.get("LoadStatistics")
                self.refused[run] = f"{failure.message} {failure.remedy}".strip() if failure is not None else ""

    def of(self, run: str) -> Several:
        """What is known of a run, oldest first."""
        return joined(self._read.get(run, ()), self._told.get(run, ()))

    def want(self, runs: Sequence[str]) -> None:
        """Ask for the first of these runs whose statistics are not known from the beginning."""
        if self._asked is not None:
            return
        for run in runs:
            entries = self.of(run)
            if run not in self._read and run not in self.refused and not (entries and entries[0].step == 1):
                self._asked = self._bridge.submit(LoadStatistics(run)), run
                return


def joined(before: Several, after: Several) -> Several:
    """Several at a run that was gone on with: of those before, what lies before the later ones."""
    return (*(entry for entry in before if entry.step < after[0].step), *after) if after else before
