"""A sweep as small plots on the same axes, with what they show and how to end it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from gui.theme import px
from gui.widgets.basics import button, scrolling
from gui.widgets.chip_switch import ChipSwitch
from gui.widgets.elided import Elided
from gui.widgets.small_multiples import Cell, SmallMultiples

LOSS, ACCURACY = "loss", "accuracy"


class SweepBoard(QFrame):
    """A line of words, a switch between loss and accuracy, and the plots.

    Signals
    -------
    stop_wanted
        All trainings of the sweep that wait or run shall end.
    left
        The board is to go.
    """

    stop_wanted = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.words, self.result = Elided("section"), Elided("caption")
        self.switch = ChipSwitch(
            (
                (ACCURACY, self.tr("Accuracy"), self.tr("Share of right answers")),
                (LOSS, self.tr("Loss"), self.tr("What the training makes small")),
            ),
            self.tr("What is drawn"),
        )
        self.stop_button = button(self.tr("Stop all"), tooltip=self.tr("End the one that trains and take back those that wait"))
        self.stop_button.clicked.connect(self.stop_wanted)
        self.close_button = button(self.tr("Close"), tooltip=self.tr("Show the curves of single runs again; the sweep goes on"))
        self.close_button.clicked.connect(self.left)
        self.plots = SmallMultiples(self.tr("training step"))
        self.plots.setAccessibleName(self.tr("Curves of the sweep"))
        self.switch.chosen.connect(lambda name: self.plots.set_quantity(int(name == ACCURACY)))
        self.plots.set_quantity(int(self.switch.value == ACCURACY))
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.words, 1)
        for widget in (self.switch, self.stop_button, self.close_button):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        column.addLayout(row)
        column.addWidget(self.result)
        column.addWidget(scrolling(self.plots), 1)

    def show_cells(self, words: str, result: str, cells: tuple[Cell, ...], open_jobs: int) -> None:
        """Show a sweep: its name, what came of it as a whole, its plots, and how many trainings wait or run."""
        self.words.say(words)
        self.result.say(result)
        self.stop_button.setVisible(open_jobs > 0)
        self.plots.set_cells(cells)

    def say_stopping(self) -> None:
        """That it is being ended, until it is."""
        self.stop_button.setText(self.tr("Stopping…"))
        self.stop_button.setEnabled(False)

    def say_stoppable(self) -> None:
        """That it can be ended."""
        self.stop_button.setText(self.tr("Stop all"))
        self.stop_button.setEnabled(True)
