"""What a trial of some values has shown: words, a curve, and a button that takes the value that is suggested."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.curve_plot import CurvePlot


class TriedPlot(CurvePlot):
    """A curve over the values that were tried, and over no others; they may be negative."""

    room = 0.0
    """At the left and the right of the curve."""

    @property
    def view(self) -> tuple[float, float]:
        x = self._panels[0].series[0].x if self._panels and self._panels[0].series else ()
        if self._view is not None or not len(x) or not x[0] - self.room < x[-1] + self.room:
            return super().view
        return float(x[0]) - self.room, float(x[-1]) + self.room


class TriedPanel(QFrame):
    """A curve and two buttons.

    Parameters
    ----------
    plot : CurvePlot
        Shows what was found.

    Signals
    -------
    left
        The panel is to go.
    """

    left = Signal()

    def __init__(self, plot: CurvePlot) -> None:
        super().__init__()
        self.setProperty("look", "panel")
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(8))
        self.words = label("", wrap=True)
        self.plot = plot
        self.plot.setMinimumHeight(px(200))
        self.take_button = button("", "primary")
        self.close_button = button(self.tr("Close"))
        self.close_button.clicked.connect(self.left)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.words, 1)
        row.addWidget(self.take_button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        column.addWidget(self.plot, 1)
