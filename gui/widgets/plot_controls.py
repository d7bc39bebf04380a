"""What is drawn of the curves: how much they are smoothed, and whether the loss has a logarithmic axis."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSlider, QWidget

from gui.theme import px
from gui.widgets.basics import label
from gui.widgets.curve_plot import CurvePlot

WINDOWS = (1, 3, 5, 10, 20, 50, 100, 200, 500)
"""Steps that the smoothing slider can take the mean of."""
USUAL = 2


class PlotControls(QWidget):
    """A slider and a box that act on a plot.

    Signals
    -------
    smoothing_chosen(int), logarithmic_chosen(bool)
        The user's choice, to be kept: a place of the slider; the axis.
    """

    smoothing_chosen = Signal(int)
    logarithmic_chosen = Signal(bool)

    def __init__(self, plot: CurvePlot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = plot
        self._filling = self._short = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.words = label("", "caption")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, len(WINDOWS) - 1)
        self.smoothing.setPageStep(1)
        self.smoothing.setFixedWidth(px(96))
        self.smoothing.setAccessibleName(self.tr("Smoothing"))
        self.smoothing.setToolTip(self.tr("Draw the mean of some steps over the training curve"))
        self.smoothing.valueChanged.connect(self._smooth)
        self.smoothing.sliderReleased.connect(self._tell)
        self.log_box = QCheckBox(self.tr("log loss"))
        self.log_box.setToolTip(self.tr("Draw the loss on a logarithmic axis"))
        self.log_box.toggled.connect(plot.set_log)
        self.log_box.clicked.connect(self.logarithmic_chosen)
        row.addWidget(self.words)
        row.addWidget(self.smoothing)
        row.addWidget(self.log_box)

    def show_kept(self, smoothing: str, logarithmic: bool) -> None:
        """Show what was kept; a slider that is held is left alone."""
        if not self.smoothing.isSliderDown():
            self._filling = True
            self.smoothing.setValue(min(int(smoothing), len(WINDOWS) - 1) if smoothing.isdigit() else USUAL)
            self._smooth(self.smoothing.value())
            self._filling = False
        self.log_box.setChecked(logarithmic)

    def set_short(self, short: bool) -> None:
        """Say only what the slider is for: the progress beside it needs the room. How much it is stands in the tooltip."""
        self._short = short
        self._say()

    def _say(self) -> None:
        window = WINDOWS[self.smoothing.value()]
        words = self.tr("smoothing: off") if window == 1 else self.tr("mean of {window}").format(window=window)
        self.words.setText(self.tr("smooth") if self._short else words)
        self.words.setToolTip(words)

    def _smooth(self, place: int) -> None:
        window = WINDOWS[place]
        self._say()
        self._plot.set_smoothing(window)
        if not self._filling and not self.smoothing.isSliderDown():  # by keys or wheel; what is dragged is told when it is let go
            self._tell()

    def _tell(self) -> None:
        self.smoothing_chosen.emit(self.smoothing.value())
