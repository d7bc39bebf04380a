"""The figures of an evaluation: accuracy with its interval, loss, calibration, and a table of classes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from engine.project.records import Evaluation, Split
from gui.theme import px
from gui.widgets.basics import count, label, percent
from gui.widgets.figures_table import Column, FiguresTable, Line


class MetricsPanel(QWidget):
    """Accuracy large, the other figures below it, then a row for each class."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(16), px(8), px(16))
        column.setSpacing(px(4))
        self.heading = label(self.tr("Accuracy"), "section", wrap=True)
        column.addWidget(self.heading)
        self._headings = {
            Split.NONE: self.tr("Accuracy"),
            Split.TEST: self.tr("Accuracy on test pictures"),
            Split.VALIDATION: self.tr("Accuracy on validation pictures"),
            Split.TRAIN: self.tr("Accuracy on training pictures"),
        }
        self.accuracy = label("–", "headline")
        self.interval = label("", "caption", wrap=True)
        column.addWidget(self.accuracy)
        self.caveat = label("", "warning", wrap=True)
        self.caveat.hide()
        column.addWidget(self.interval)
        column.addWidget(self.caveat)
        column.addSpacing(px(8))
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(16))
        grid.setVerticalSpacing(px(4))
        self.figures = {}
        for row, (key, words, tip) in enumerate(
            (
                ("top5", self.tr("Top 5"), self.tr("Share of pictures whose class is among the five most probable")),
                ("loss", self.tr("Loss"), self.tr("Mean cross-entropy, in nats")),
                ("calibration", self.tr("Calibration error"), self.tr("Expected difference of confidence and accuracy, 15 bins")),
                ("pictures", self.tr("Pictures"), self.tr("How many were measured")),
            )
        ):
            name = label(words, "muted")
            value = label("–")
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            for widget in (name, value):
                widget.setToolTip(tip)
            grid.addWidget(name, row, 0)
            grid.addWidget(value, row, 1)
            self.figures[key] = (name, value)
        column.addLayout(grid)
        column.addSpacing(px(12))
        column.addWidget(label(self.tr("Classes"), "section"))
        self.table = FiguresTable(
            (
                Column(self.tr("Class"), figure=False),
                Column(self.tr("Precision"), _hundredths, tip=self.tr("Of the pictures called so, per cent that are so")),
                Column(self.tr("Recall"), _hundredths, tip=self.tr("Of the pictures that are so, per cent that were called so")),
                Column("F1", _hundredths, tip=self.tr("Harmonic mean of precision and recall, in per cent")),
                Column("N", str, tip=self.tr("Pictures of the class")),
            )
        )
        self.table.setAccessibleName(self.tr("Figures of each class"))
        column.addWidget(self.table, 1)

    def show_evaluation(self, evaluation: Evaluation | None, caveat: str = "") -> None:
        """Show the figures; None shows none. `caveat`: a sentence on how far they can be trusted."""
        self.caveat.setText(caveat)
        self.caveat.setVisible(bool(caveat))
        if evaluation is None:
            self.table.set_lines(())
            self.accuracy.setText("–")
            self.interval.setText("")
            self.heading.setText(self.tr("Accuracy"))
            for key, (name, value) in self.figures.items():
                value.setText("–")
                name.setVisible(key != "top5")  # it is told where there are enough classes
                value.setVisible(key != "top5")
            return
        self.heading.setText(self._headings[Split(evaluation.split)])
        low, high = evaluation.interval
        self.accuracy.setText(percent(evaluation.accuracy))
        self.interval.setText(self.tr("between {low} and {high} with 95 % confidence").format(low=percent(low), high=percent(high)))
        for key, text in (
            ("top5", "" if evaluation.top5 is None else percent(evaluation.top5)),
            ("loss", f"{evaluation.loss:.4f}"),
            ("calibration", percent(evaluation.calibration_error)),
            ("pictures", count(len(evaluation.images))),
        ):
            name, value = self.figures[key]
            value.setText(text)
            name.setVisible(bool(text))
            value.setVisible(bool(text))
        self.table.set_lines(
            [
                Line(row, (name, evaluation.precision[row], evaluation.recall[row], evaluation.f1[row], evaluation.support[row]), tip=name)
                for row, name in enumerate(evaluation.classes)
            ]
        )


def _hundredths(share: float) -> str:
    return f"{100 * share:.1f}"
