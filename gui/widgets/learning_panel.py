"""What a network learns, live or as it was kept: first-layer filters, the validation's confusion matrix, what one unit looks at."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.messages import LoadMoment, Moment
from gui.bridge import Bridge
from gui.looked_at import kept_epoch, looked_at, matrix_classes, record_of, trains
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import label
from gui.widgets.confusion_matrix import ConfusionMatrix
from gui.widgets.tensor_pictures import TensorPictures
from gui.widgets.unit_panel import UnitPanel

MOST_ASKED = 3
"""Times that a run is asked for, should other answers overtake its own."""


class LearningPanel(QWidget):
    """A column of three pictures; painted anew only when their data are. Of a run that is done they show the epoch that is kept."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.setObjectName("surface")
        self._bridge = bridge
        self._painted: dict[str, object] = {}
        self._project = ""
        self._wanted: tuple[str, int] = ("", 0)  # run and epoch
        self._job = self._times = 0
        self._kept: Moment | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(12), px(16), px(12))
        column.setSpacing(px(6))
        column.addWidget(label(self.tr("First-layer filters"), "section"))
        self.filters = TensorPictures(self.tr("filters"))
        self.filters.setMinimumHeight(px(110))
        column.addWidget(self.filters, 2)
        self.matrix_title = label(self.tr("Validation"), "section")
        column.addWidget(self.matrix_title)
        self.matrix = ConfusionMatrix(small=True)
        self.matrix.setMinimumHeight(px(150))
        column.addWidget(self.matrix, 3)
        column.addWidget(label(self.tr("What one unit looks at"), "section"))
        self.unit_panel = UnitPanel()
        column.addWidget(self.unit_panel, 4)
        self.setMinimumWidth(px(232))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.render(self._bridge.state)

    def render(self, state: AppState) -> None:
        """Show the run that is looked at: while it trains what it tells, afterwards what was kept of it, and a later probe."""
        run = looked_at(state)
        done = not trains(state, run)
        known = self._follow(state, *_wanted(state, run))
        moment = known if done else None
        self._teach(bool(run) and done and self._job not in state.jobs)
        training = state.training if state.training is not None and state.training.run == run else None
        filters: np.ndarray | None = None
        if moment is not None:
            filters = moment.filters
        elif training is not None and training.filters is not None:
            filters = training.filters.filters
        if self._is_new("filters", filters):
            self.filters.set_tensor(filters)
        probe = state.unit if done and state.unit is not None and state.unit.run == run else None
        if probe is None and (moment is None or moment.heat is None) and training is not None:
            probe = training.unit
        if self._is_new("unit", probe or moment):
            if probe is None and moment is not None:
                self.unit_panel.show_kept(moment)
            else:
                self.unit_panel.show_probe(probe)
        epoch, matrix = 0, None
        if moment is not None:
            epoch, matrix = moment.epoch, moment.confusion
        elif training is not None:
            epoch, matrix = len(training.epochs), training.confusion
            if matrix is None and known is not None:
                matrix = known.confusion
        if self._is_new("matrix", matrix):
            self.matrix.set_matrix(matrix, *matrix_classes(state, run, matrix))
        words = self.tr("Validation, epoch {number}").format(number=epoch) if matrix is not None else self.tr("Validation")
        if epoch and epoch == kept_epoch(state, run):
            words = self.tr("{epoch}, kept").format(epoch=words)
        self.matrix_title.setText(words)

    def _follow(self, state: AppState, run: str, epoch: int) -> Moment | None:
        """What was kept of an epoch; asked for once it is looked at. None until it is known."""
        project = state.folder
        if project != self._project or (run, epoch) != self._wanted:
            self._project, self._wanted, self._kept, self._job, self._times = project, (run, epoch), None, 0, 0
        answer = state.moments.get(run)
        if self._kept is None and answer is not None and (answer.job == self._job or answer.moment.epoch == epoch):
            self._kept = answer.moment
        if self._kept is not None or not epoch or not self.isVisible() or (self._job and self._job in state.jobs):
            return self._kept
        if self._times < MOST_ASKED and not (self._times and "LoadMoment" in state.failures):
            self._times += 1
            self._job = self._bridge.submit(LoadMoment(run, epoch))
        return None

    def _teach(self, done: bool) -> None:
        """What stands where there is no picture: that it will come, or of a run that is done that there is none."""
        if not self._is_new("words", done):
            return
        for picture, coming, none in (
            (self.filters, self.tr("They repaint here as they learn."), self.tr("No filters were kept of this run.")),
            (
                self.matrix,
                self.tr("Each epoch shows here which classes are taken for which."),
                self.tr("No validation was kept of this run."),
            ),
            (
                self.unit_panel.picture,
                self.tr("Each epoch shows here which pixels move this unit."),
                self.tr("No unit was looked at in this run."),
            ),
        ):
            picture.set_empty_text(none if done else coming)

    def _is_new(self, what: str, value: object) -> bool:
        """Whether this differs from what was painted last; while a network trains most things do not, twenty times a second."""
        old, self._painted[what] = self._painted.get(what, self), value
        return old is not value


def _wanted(state: AppState, run: str) -> tuple[str, int]:
    """A run and the epoch to be read of it: the one that is kept; of a training that goes on the last before, whose matrix is not told."""
    record, training = record_of(state, run), state.training
    if not trains(state, run) or training is None:
        return (run, record.best_epoch or record.epochs) if record is not None else ("", 0)
    gone_on = training.epochs and training.confusion is None and training.started.validation_images
    return (run, training.epochs[-1].epoch) if gone_on else ("", 0)
