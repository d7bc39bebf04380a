"""Two runs or more side by side, over the window: how they were trained, what they reached, and whether the difference may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.project.records import Evaluation, RunRecord, Split
from engine.training.differences import choices, value_in_words
from gui.run_comparing import paired, recalls, verdict, with_interval
from gui.run_names import run_names
from gui.theme import px
from gui.widgets.basics import button, count, duration, label, percent, rule, scrolling
from gui.widgets.chip_switch import ChipSwitch
from gui.widgets.figures_table import Column, FiguresTable, Line
from gui.widgets.run_list import date_words
from gui.widgets.sheet import Sheet

SPLITS = {"validation": Split.VALIDATION, "test": Split.TEST}


class RunCompare(Sheet):
    """Compares runs on the validation or the test pictures.

    Signals
    -------
    evaluation_wanted(str, Split)
        A run that was not measured on these pictures yet.
    """

    evaluation_wanted = Signal(str, object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._runs: tuple[RunRecord, ...] = ()
        self._evaluations: Mapping[tuple[str, Split], Evaluation] = {}
        self._asked: set[tuple[str, Split]] = set()
        self.figures: FiguresTable | None = None
        self.recall: FiguresTable | None = None
        self._column = QVBoxLayout(self.frame)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("Compare runs"), "title"))
        head.addStretch(1)
        self.split = ChipSwitch(
            (
                ("validation", self.tr("Validation"), self.tr("Choose between runs by these pictures")),
                ("test", self.tr("Test"), self.tr("Only to report: runs chosen by these pictures look better than they are")),
            ),
            self.tr("Pictures"),
        )
        self.split.chosen.connect(lambda _: self._fill())
        head.addWidget(self.split)
        self.close_button = button(self.tr("Close"), "quiet", self.tr("Close (Esc)"))
        self.close_button.clicked.connect(self.leave)
        head.addWidget(self.close_button)
        self._column.addLayout(head)
        self._column.addWidget(rule())
        self._inside = QWidget()
        self._inside.setObjectName("surface")
        self._rows = QVBoxLayout(self._inside)
        self._column.addWidget(scrolling(self._inside), 1)

    def open(self, runs: Sequence[RunRecord], evaluations: Mapping[tuple[str, Split], Evaluation]) -> None:
        """Show these runs, with what was measured of them so far."""
        self._runs, self._evaluations, self._asked = tuple(runs), evaluations, set()
        if all(run.validation_accuracy is None for run in runs):
            self.split.set_value("test")
        self._fill()
        self.show_over(self.close_button)

    def set_evaluations(self, evaluations: Mapping[tuple[str, Split], Evaluation]) -> None:
        """Take what was measured meanwhile."""
        wanted = [(run.id, self._split) for run in self._runs]
        news = any(evaluations.get(key) is not self._evaluations.get(key) for key in wanted)
        self._evaluations = evaluations
        if news and self.isVisible():
            self._fill()

    @property
    def _split(self) -> Split:
        return SPLITS[self.split.value]

    def dress(self) -> None:
        """Take over the scale; the frame leaves a margin of the window around it."""
        room = self.parentWidget().size()
        self.frame.setFixedSize(min(px(880), room.width() - px(32)), min(px(720), room.height() - px(32)))
        self._column.setContentsMargins(px(20), px(16), px(20), px(16))
        self._column.setSpacing(px(8))
        self._rows.setSpacing(px(8))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------ within

    def _fill(self) -> None:
        while self._rows.count():
            widget = self._rows.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        measured = [self._evaluations.get((run.id, self._split)) for run in self._runs]
        for run, found in zip(self._runs, measured, strict=True):
            key = (run.id, self._split)
            if found is None and key not in self._asked:
                self._asked.add(key)
                self.evaluation_wanted.emit(*key)
        self.figures = self._table("", [Line(name, (name, *values)) for name, values in self._facts(measured)])
        self._rows.addWidget(self.figures)
        self._rows.addWidget(label(self.tr("Is the difference chance?"), "section"))
        self.words = label(self._verdicts(measured), wrap=True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._rows.addWidget(self.words)
        known = [found for found in measured if found is not None]
        if len(known) == len(measured):
            self._rows.addWidget(label(self.tr("Recall by class, largest difference first"), "section"))
            self.recall = self._table(self.tr("Class"), [Line(name, (name, *map(_share, row))) for name, row, _ in recalls(known)])
            self._rows.addWidget(self.recall)
        self._rows.addStretch(1)

    def _table(self, head: str, lines: list[Line]) -> FiguresTable:
        columns = [
            Column(head, figure=False),
            *(Column(name, figure=True, tip=run.id) for name, run in zip(run_names(self._runs).values(), self._runs, strict=True)),
        ]
        made = FiguresTable(columns, sortable=False)
        made.set_lines(lines)
        made.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        made.setFixedHeight(px(28) * (len(lines) + 1) + px(14))
        return made

    def _facts(self, measured: Sequence[Evaluation | None]) -> list[tuple[str, list[str]]]:
        waiting = self.tr("measuring…")
        rows: list[tuple[str, list[str]]] = [
            (self.tr("Accuracy (95 %)"), [waiting if found is None else with_interval(found) for found in measured]),
            (self.tr("Loss"), [waiting if found is None else f"{found.loss:.4f}" for found in measured]),
            (self.tr("Parameters"), [count(run.parameters) if run.parameters else "–" for run in self._runs]),
            (self.tr("Training"), [duration(run.seconds) for run in self._runs]),
            (self.tr("Epochs"), [count(run.epochs) if run.epochs else "–" for run in self._runs]),
            (self.tr("Network"), [run.network for run in self._runs]),
            (self.tr("Date"), [date_words(run.created) for run in self._runs]),
        ]
        return rows + self._recipes()

    def _recipes(self) -> list[tuple[str, list[str]]]:
        """The fields of the recipes that are not the same."""
        taken: list[dict[str, Any]] = [choices(run) for run in self._runs]
        titles = run_names(self._runs)
        rows = []
        for name in {name: None for own in taken for name in own}:
            if name == "epochs" or len({repr(own.get(name)) for own in taken}) == 1:
                continue
            shown = [value_in_words(name, own[name], titles) if name in own else "–" for own in taken]
            rows.append((name.rpartition(".")[2].replace("_", " ").capitalize(), shown))
        return rows

    def _verdicts(self, measured: Sequence[Evaluation | None]) -> str:
        if any(found is None for found in measured):
            return self.tr("The runs are being measured; that may wait for a training to end.")
        known = [found for found in measured if found is not None]
        names = tuple(run_names(self._runs).values())
        best = max(range(len(known)), key=lambda place: known[place].accuracy)
        others = [place for place in range(len(known)) if place != best]
        lines = [verdict(names[place], names[best], paired(known[best], known[place]), len(others)) for place in others]
        if len(others) > 1:
            lines.append(self.tr("With {0} comparisons, only p below {1:.2g} counts.").format(len(others), 0.05 / len(others)))
        return "\n".join(lines)


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)
