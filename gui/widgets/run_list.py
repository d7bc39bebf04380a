"""The runs of a project in a table, each with a tick that lays its curves over the others."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QWidget

from engine.project.records import RunRecord
from gui.theme import px
from gui.widgets.basics import count, duration, percent
from gui.widgets.figures_table import Column, FiguresTable, Line


class RunList(FiguresTable):
    """Newest first; best validation accuracy, test accuracy, time, parameters."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            (
                Column(self.tr("Run"), figure=False, tip=self.tr("Tick to see its curves")),
                Column(self.tr("Recipe"), figure=False),
                Column(self.tr("Validation"), percent, tip=self.tr("Accuracy on the validation pictures, of the weights that are kept")),
                Column(self.tr("Test"), percent, tip=self.tr("Accuracy on the test pictures")),
                Column(self.tr("Epochs"), count),
                Column(self.tr("Time"), duration, tip=self.tr("Training alone")),
            ),
            parent=parent,
        )
        self.setAccessibleName(self.tr("Runs"))
        self.setMinimumHeight(px(92))

    def show_runs(self, runs: tuple[RunRecord, ...], colours: Mapping[str, str]) -> None:
        """Show runs; those in `colours` are ticked and have their curve's colour."""
        self.set_lines([self._line(run, colours.get(run.id, "")) for run in runs])

    def _line(self, run: RunRecord, colour: str) -> Line:
        notes = []
        if run.outcome == "cancelled":
            notes.append(self.tr("stopped"))
        if run.outcome == "failed":
            notes.append(self.tr("failed"))
        if run.stale:
            notes.append(self.tr("labels changed since"))
        name = f"{run.id} ({', '.join(notes)})" if notes else run.id
        recipe = run.recipe
        words = (
            self.tr("{preset}, rate {rate:g}").format(preset=recipe.preset, rate=recipe.learning_rate)
            if run.epochs
            else f"k = {recipe.neighbours}, {recipe.distance.upper()}"
        )
        values = (name, words, run.validation_accuracy, run.test_accuracy, run.epochs, run.seconds)
        size = f"{run.preprocessing.height} × {run.preprocessing.width}"
        weights = self.tr("{number} parameters").format(number=count(run.parameters))
        speed = self.tr("{speed} pictures/s").format(speed=count(round(run.images_per_second)))
        tip = f"{run.title}, {size}, {weights}\n{speed}, {run.device}\n{run.created}"
        return Line(run.id, values, colour=colour, tip=tip, ticked=bool(colour))
