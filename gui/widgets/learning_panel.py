"""What a network learns, live: first-layer filters, the validation's confusion matrix, what one unit looks at."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.state import AppState, TrainingState
from gui.theme import px
from gui.widgets.basics import label
from gui.widgets.confusion_matrix import ConfusionMatrix
from gui.widgets.tensor_pictures import TensorPictures
from gui.widgets.unit_panel import UnitPanel

UNKNOWN_CLASS = "#999999"


class LearningPanel(QWidget):
    """A column of three pictures; each is painted anew only when its data are."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("surface")
        self._painted: dict[str, object] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(12), px(16), px(12))
        column.setSpacing(px(6))
        column.addWidget(label(self.tr("First-layer filters"), "section"))
        self.filters = TensorPictures(self.tr("filters"))
        self.filters.setMinimumHeight(px(110))
        self.filters.set_empty_text(self.tr("They repaint here as they learn."))
        column.addWidget(self.filters, 2)
        self.matrix_title = label(self.tr("Validation"), "section")
        column.addWidget(self.matrix_title)
        self.matrix = ConfusionMatrix(small=True)
        self.matrix.setMinimumHeight(px(150))
        self.matrix.set_empty_text(self.tr("Each epoch shows here which classes are taken for which."))
        column.addWidget(self.matrix, 3)
        column.addWidget(label(self.tr("What one unit looks at"), "section"))
        self.unit_panel = UnitPanel()
        self.unit_panel.picture.set_empty_text(self.tr("Each epoch shows here which pixels move this unit."))
        column.addWidget(self.unit_panel, 4)
        self.setMinimumWidth(px(232))

    def render(self, state: AppState) -> None:
        """Show the training that runs or ran last, and a later probe of its run."""
        training = state.training
        filters = training.filters if training is not None else None
        if self._is_new("filters", filters):
            self.filters.set_tensor(filters.filters if filters is not None else None)
        later = state.unit is not None and training is not None and state.unit.run == training.run and not training.running
        unit = state.unit if later else training.unit if training is not None else None
        if self._is_new("unit", unit):
            self.unit_panel.show_probe(unit)
        matrix = training.confusion if training is not None else None
        if self._is_new("matrix", matrix):
            self._render_matrix(state, training)

    def _render_matrix(self, state: AppState, training: TrainingState | None) -> None:
        if training is None or training.confusion is None:
            self.matrix.set_matrix(None)
            self.matrix_title.setText(self.tr("Validation"))
            return
        names = training.started.classes
        shades = {record.name: record.colour for record in state.classes}
        self.matrix.set_matrix(training.confusion, names, tuple(shades.get(name, UNKNOWN_CLASS) for name in names))
        self.matrix_title.setText(self.tr("Validation, epoch {number}").format(number=len(training.epochs)))

    def _is_new(self, what: str, value: object) -> bool:
        """Whether this differs from what was painted last; while a network trains most things do not, twenty times a second."""
        old, self._painted[what] = self._painted.get(what, self), value
        return old is not value
