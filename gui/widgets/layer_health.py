"""How the layers of a run fare: gradients over the depth, dead and saturated units, distributions; now, and at any step before."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from engine.messages import LayerStatistics
from gui import health
from gui.bridge import Bridge
from gui.kept_statistics import KeptStatistics
from gui.looked_at import looked_at, name_of
from gui.run_names import run_names
from gui.state import AppState
from gui.theme import colours, px, theme
from gui.widgets.basics import count, label
from gui.widgets.curve_records import Panel
from gui.widgets.histogram_picture import HistogramPicture
from gui.widgets.layer_plot import LayerPlot

MOST_OTHERS = 5
"""Runs of before whose curves are laid over."""
MOST_OFFERED = 50
TEACHING = "Each second of a training shows here how large the gradients of its layers are."
ALONE, EARLIER = "", "*"
"""What is compared with, where it is no run: nothing, or the newest of the others."""


class LayerHealth(QWidget):
    """Follows the training, or shows the run that was chosen; a slider goes back through its steps. Other runs can be laid over it."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._run = ""
        self._statistics = KeptStatistics(bridge)
        self._names: dict[str, str] = {}
        self._drawn: tuple[object, ...] = ()
        self._at_end, self._step = True, 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        self.verdict = label("", "", wrap=True)
        column.addWidget(self.verdict)
        column.addLayout(self._build_choices())
        self.gradients = LayerPlot(self.tr("layer with weights, from the picture on"))
        self.gradients.set_log(True)
        self.gradients.set_empty_text(self.tr(TEACHING))
        self.activations = LayerPlot(self.tr("activation layer"))
        self.activations.setMinimumHeight(px(116))
        self.activations.setAccessibleName(self.tr("Dead units and saturated answers by layer"))
        column.addWidget(self.gradients, 5)
        column.addWidget(self.activations, 3)
        column.addLayout(self._build_histograms(), 3)
        column.addLayout(self._build_steps())
        self.figures = label("", "caption")
        column.addWidget(self.figures)
        theme().changed.connect(self._draw_again)

    # ------------------------------------------------------------ building

    def _build_choices(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.quantity = QComboBox()
        self.quantity.setAccessibleName(self.tr("What is shown of each layer"))
        for name, words in (
            ("gradient_norms", self.tr("Gradient norm")),
            ("update_ratios", self.tr("Update by weights")),
            ("weight_norms", self.tr("Weight norm")),
        ):
            self.quantity.addItem(words, name)
        self.quantity.activated.connect(self._draw_again)
        self.others = QComboBox()
        self.others.setAccessibleName(self.tr("What is laid over"))
        self.others.setToolTip(self.tr("Lay other runs over this one, at the same step; of a single one its activations are compared too"))
        self.others.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.others.setMinimumContentsLength(10)
        self.others.activated.connect(lambda _place: self._follow(self._bridge.state))
        row.addWidget(self.quantity)
        row.addStretch(1)
        row.addWidget(self.others)
        return row

    def _build_histograms(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.layer, self.activation = QComboBox(), QComboBox()
        self.weights, self.answers = HistogramPicture(), HistogramPicture()
        for chooser, picture, words in (
            (self.layer, self.weights, self.tr("Layer whose weights are shown")),
            (self.activation, self.answers, self.tr("Activation whose answers are shown")),
        ):
            chooser.setAccessibleName(words)
            chooser.setToolTip(words)
            chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            chooser.setMinimumContentsLength(8)
            chooser.activated.connect(self._draw_again)
            column = QVBoxLayout()
            column.setSpacing(px(4))
            column.addWidget(chooser)
            column.addWidget(picture, 1)
            row.addLayout(column, 1)
        return row

    def _build_steps(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Step that is looked at"))
        self.slider.setToolTip(self.tr("Go back to an earlier step; at the right end it follows the training"))
        self.slider.setRange(0, 0)
        self.slider.valueChanged.connect(self._slide)
        self.step = label("", "caption")
        row.addWidget(self.slider, 1)
        row.addWidget(self.step)
        return row

    # ------------------------------------------------------------ rendering

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow(self._bridge.state)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Follow the training, and what a person chooses."""
        self._statistics.follow(state)
        self._choose(state)
        if changed & {"training", "project", "runs", "looked_at", "statistics", "jobs"} and self.isVisible():
            self._follow(state)

    def _choose(self, state: AppState) -> None:
        """The run that is shown, and what runs are called."""
        chosen = looked_at(state)
        self._names = {**run_names(state.runs), chosen: name_of(state, chosen)}
        if chosen != self._run:
            self._run, self._at_end = chosen, True

    def _follow(self, state: AppState) -> None:
        self._offer(state)
        overlaid = self._overlaid()
        if self._run:
            running = state.training is not None and state.training.run == self._run and state.training.running
            self._statistics.want((*((self._run,) if not running or self._statistics.of(self._run) else ()), *overlaid))
        kept = self._statistics.of(self._run)
        steps = [statistics.step for statistics in kept]
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(steps) - 1))
        follows = self._at_end or not steps
        self.slider.setValue(self.slider.maximum() if follows else min(range(len(steps)), key=lambda at: abs(steps[at] - self._step)))
        self.slider.blockSignals(False)
        key = (self._run, self.shown, self._statistics.refused.get(self._run), *(self._statistics.of(run)[-1:] for run in overlaid))
        if key != self._drawn:
            self._drawn = key
            self._draw()

    def _offer(self, state: AppState) -> None:
        """The runs that can be laid over, newest first."""
        others = [record.id for record in state.runs if record.id != self._run and record.steps][:MOST_OFFERED]
        offered = [(self.tr("No other run"), ALONE), (self.tr("Earlier runs"), EARLIER), *((self._called(run), run) for run in others)]
        if offered != [(self.others.itemText(at), self.others.itemData(at)) for at in range(self.others.count())]:
            chosen = self.others.currentData()
            self.others.clear()
            for words, run in offered:
                self.others.addItem(words, run)
            self.others.setCurrentIndex(max(0, self.others.findData(chosen)))
        self.others.setVisible(bool(others))

    def _overlaid(self) -> list[str]:
        """The runs that are to be laid over."""
        chosen = self.others.currentData()
        if chosen == EARLIER:
            return [self.others.itemData(at) for at in range(2, self.others.count())][:MOST_OTHERS]
        return [chosen] if chosen else []

    def _called(self, run: str) -> str:
        return self._names.get(run, run)

    @property
    def shown(self) -> LayerStatistics | None:
        """What is looked at."""
        kept = self._statistics.of(self._run)
        return kept[min(self.slider.value(), len(kept) - 1)] if kept else None

    @property
    def compared(self) -> LayerStatistics | None:
        """Of a single run that is laid over, what was seen closest to the step that is looked at."""
        now, chosen = self.shown, self.others.currentData()
        return health.nearest(self._statistics.of(chosen), now.step) if now is not None and chosen not in (None, ALONE, EARLIER) else None

    def _slide(self, place: int) -> None:
        self._at_end = place == self.slider.maximum()
        now = self.shown
        self._step = now.step if now is not None else 0
        self._draw_again()

    def _draw_again(self) -> None:
        if self.isVisible():
            self._draw()

    def _draw(self) -> None:
        now = self.shown
        for widget in (self.verdict, self.quantity, self.slider, self.step, self.figures, self.layer, self.weights):
            widget.setVisible(now is not None)
        for widget in (self.activations, self.activation, self.answers):
            widget.setVisible(now is not None and bool(now.activations))
        if now is None:
            self.gradients.set_empty_text(self._statistics.refused.get(self._run) or self.tr(TEACHING))
            self.gradients.set_panels(())
            self.gradients.set_panels((Panel(self.tr("gradient norm")),))
            return
        first = self._statistics.of(self._run)[0]
        self.verdict.setText("\n".join(health.sentences(now)))
        self.figures.setText(health.figures(now))
        self.step.setText(self.tr("step {number}").format(number=count(now.step)))
        self._draw_gradients(now, first)
        self._draw_activations(now)
        self._choose_from(self.layer, now.layers)
        self._choose_from(self.activation, now.activations)
        self._draw_histogram(self.weights, self.layer, self.tr("weights"), "weight", now, first)
        self._draw_histogram(self.answers, self.activation, self.tr("answers"), "activation", now, first)

    def _draw_gradients(self, now: LayerStatistics, first: LayerStatistics) -> None:
        name, shades = self.quantity.currentData(), colours().curves
        at_step = self.tr("step {number}")
        earlier = [(run, entries) for run in self._overlaid() if (entries := self._statistics.of(run))]
        own = self._called(self._run) if earlier else at_step.format(number=count(now.step))
        series = [health.by_layer(own, shades[0], getattr(now, name))]
        for number, (run, entries) in enumerate(earlier):
            other = health.nearest(entries, now.step)
            series.append(health.by_layer(self._called(run), shades[(number + 1) % len(shades)], getattr(other, name)))
        if not earlier and first is not now:
            series.append(health.by_layer(at_step.format(number=count(first.step)), colours().muted, getattr(first, name), bold=False))
        self.gradients.set_names(now.layers if not earlier else (), self.tr("layer with weights"))
        title = self.quantity.currentText().lower()
        self.gradients.set_panels((Panel(title, tuple(series), decimals=6),))
        self.gradients.setAccessibleName(self.tr("{quantity} by layer").format(quantity=self.quantity.currentText()))

    def _draw_activations(self, now: LayerStatistics) -> None:
        shades = colours().curves
        self.activations.set_names(now.activations, self.tr("activation"))
        series = []
        other = self.compared
        for which, words, shade in (
            ("dead", self.tr("dead units"), shades[2 % len(shades)]),
            ("saturated", self.tr("saturated answers"), shades[3 % len(shades)]),
        ):
            values = getattr(now, which)
            if values is not None and np.isfinite(values).any():
                series.append(health.by_layer(words, shade, values))
                against = getattr(other, which) if other is not None else None
                if against is not None and np.isfinite(against).any():
                    there = self.tr("{words}, {run}").format(words=words, run=self._called(self.others.currentData()))
                    series.append(health.by_layer(there, shade, against, bold=False))
        panels = [Panel(self.tr("share (%)"), tuple(series), " %", 1, floor=0.0, ceiling=100.0, factor=100.0)] if series else []
        if not series:
            deviations = health.by_layer(self.tr("deviation of the answers"), shades[2 % len(shades)], now.deviations)
            panels = [Panel(self.tr("deviation"), (deviations,), decimals=3, floor=0.0)]
        self.activations.set_panels(tuple(panels))

    def _choose_from(self, chooser: QComboBox, names: tuple[str, ...]) -> None:
        if tuple(chooser.itemText(at) for at in range(chooser.count())) != names:
            chooser.clear()
            chooser.addItems(list(names))

    def _draw_histogram(
        self, picture: HistogramPicture, chooser: QComboBox, words: str, what: str, now: LayerStatistics, first: LayerStatistics
    ) -> None:
        at = chooser.currentIndex()
        if at < 0:
            picture.set_histogram("", None)
            return

        def bins(statistics: LayerStatistics, at: int) -> tuple[np.ndarray, np.ndarray]:
            return getattr(statistics, f"{what}_histograms")[at], getattr(statistics, f"{what}_limits")[at]

        other, names = self.compared, "layers" if what == "weight" else "activations"
        name = getattr(now, names)[at]
        if other is not None and name in getattr(other, names):
            since = self.tr("{words}; line: {run}").format(words=words, run=self._called(self.others.currentData()))
            picture.set_histogram(since, bins(now, at), bins(other, getattr(other, names).index(name)))
            return
        since = self.tr("{words}; line: step {number}").format(words=words, number=count(first.step)) if first is not now else words
        picture.set_histogram(since, bins(now, at), bins(first, at) if first is not now else None)
