"""What trying learning rates has shown: the loss over the rate, and the rate that is suggested."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal

from engine.messages import LearningRatesTried
from gui.theme import colours
from gui.widgets.curve_records import Mark, Panel, Series
from gui.widgets.tried_panel import TriedPanel, TriedPlot


class RatePanel(TriedPanel):
    """Loss over learning rates.

    Signals
    -------
    rate_taken(float)
        The suggested rate is to be the recipe's.
    """

    rate_taken = Signal(float)

    def __init__(self) -> None:
        super().__init__(TriedPlot(self.tr("learning rate (power of ten)")))
        self._suggested: float | None = None
        self.plot.setAccessibleName(self.tr("Loss by learning rate"))
        self.take_button.clicked.connect(self._take)

    def show_rates(self, tried: LearningRatesTried) -> None:
        """Show the answer of the engine."""
        self._suggested = tried.suggested
        places = np.log10(tried.rates.astype(np.float64))
        losses = tried.losses
        top = float(losses[: max(1, len(losses) // 4)].max()) * 1.5 if len(losses) else 1.0
        series = Series(self.tr("loss, smoothed"), colours().curves[0], places, np.minimum(losses, top), bold=True)
        self.plot.set_panels((Panel(self.tr("loss (nats)"), (series,), decimals=3),))
        self.take_button.setVisible(tried.suggested is not None)
        if tried.suggested is None:
            self.words.setText(self.tr("The loss did not fall at any rate: look at the labels, or choose another network."))
            self.plot.set_marks(())
            return
        rate = f"{tried.suggested:.2g}"
        words = self.tr("The loss falls fastest at {rate}. Right of the lowest point it is lost.").format(rate=rate)
        self.words.setText(words)
        self.take_button.setText(self.tr("Use {rate}").format(rate=rate))
        self.plot.set_marks((Mark(float(np.log10(tried.suggested)), rate),))

    def _take(self) -> None:
        if self._suggested is not None:
            self.rate_taken.emit(float(f"{self._suggested:.2g}"))
