"""How the layers of a training fare: gradients over the depth, dead and saturated units, distributions; now, and at any step before."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from engine.messages import LayerStatistics
from gui import health
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import colours, px, theme
from gui.widgets.basics import button, count, label
from gui.widgets.curve_records import Panel, Series
from gui.widgets.depth_plot import DepthPlot
from gui.widgets.histogram_picture import HistogramPicture

MOST_OTHERS = 5
"""Runs of before whose curves are laid over."""


class LayerPlot(DepthPlot):
    """A curve over layers, with the first and the last one clear of the edges; under the cursor they are called by their names."""

    names: tuple[str, ...] = ()

    @property
    def view(self) -> tuple[float, float]:
        left, right = super().view
        return (left, right) if self._view is not None else (0.5, max(1.0, right) + 0.5)

    def _y_range(self, panel: Panel, drawn: list[tuple[Series, np.ndarray, np.ndarray, bool]]) -> tuple[float, float]:
        """With room for the names above the curves."""
        low, high = super()._y_range(panel, drawn)
        return (low, high * (high / low) ** 0.3) if self._is_log(panel) else (low, high)

    def _legend_left(self, panel: Panel, box: QRectF, width: float) -> float:
        """Away from the higher end of the curves: what vanishes is low at the left, what explodes at the right."""
        left, right = 0.0, 0.0
        for series in panel.series:
            finite = series.y[np.isfinite(series.y) & (series.y > 0)]
            if len(finite):
                third = max(1, len(finite) // 3)
                left, right = left + float(np.log(finite[:third]).mean()), right + float(np.log(finite[-third:]).mean())
        return box.left() + px(6) if left < right else box.right() - width - px(6)

    def _legend_text(self, panel: Panel, series: Series) -> str:
        found = self._at(series, self._cursor, panel.factor) if self._cursor is not None else None
        if found is None or found[0] > len(self.names):
            return super()._legend_text(panel, series)
        value = f"{found[1]:.3g}" if self._log else f"{found[1]:.{panel.decimals}f}{panel.unit}"
        return f"{series.name}  {value}  ({self.names[round(found[0]) - 1]})"


class LayerHealth(QWidget):
    """Follows the training; a slider goes back through its steps. Trainings of before in this window can be laid over it."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._project = self._run = ""
        self._titles: dict[str, str] = {}
        self._kept: dict[str, tuple[LayerStatistics, ...]] = {}
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
        self.gradients.set_empty_text(self.tr("Each second of a training shows here how large the gradients of its layers are."))
        self.activations = LayerPlot(self.tr("activation layer"))
        self.activations.setMinimumHeight(px(96))
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
        self.others = button(self.tr("Earlier runs"), "chip", self.tr("Lay the trainings of before over this one, at the same step"))
        self.others.setCheckable(True)
        self.others.toggled.connect(self._draw_again)
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
        """Follow the training that runs or ran last; runs that are gone are forgotten."""
        project = state.project.folder if state.project is not None else ""
        if project != self._project:
            self._project, self._kept, self._titles, self._run = project, {}, {}, ""
        training = state.training
        if training is not None and training.statistics:
            self._kept[training.run] = training.statistics
            self._titles.setdefault(training.run, training.started.title)
        if changed & {"training", "project", "runs"} and self.isVisible():
            self._follow(state)

    def _follow(self, state: AppState) -> None:
        run = state.training.run if state.training is not None else ""
        looked_at = None if self._at_end or run != self._run else self._step
        self._run = run
        alive = {record.id for record in state.runs} | {run}
        self._kept = {name: kept for name, kept in self._kept.items() if name in alive}
        steps = [statistics.step for statistics in self._kept.get(run, ())]
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(steps) - 1))
        at = self.slider.maximum() if looked_at is None else min(range(len(steps)), key=lambda place: abs(steps[place] - looked_at))
        self.slider.setValue(at)
        self.slider.blockSignals(False)
        self.others.setVisible(len(self._kept) > (run in self._kept))
        key = (self.shown, tuple(self._kept))
        if key != self._drawn:
            self._drawn = key
            self._draw()

    @property
    def shown(self) -> LayerStatistics | None:
        """What is looked at."""
        kept = self._kept.get(self._run, ())
        return kept[min(self.slider.value(), len(kept) - 1)] if kept else None

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
            self.gradients.set_panels(())
            self.gradients.set_panels((Panel(self.tr("gradient norm")),))
            return
        first = self._kept[self._run][0]
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
        earlier = [run for run in self._kept if run != self._run][-MOST_OTHERS:] if self.others.isChecked() else []
        own = self._titles[self._run] if earlier else at_step.format(number=count(now.step))
        series = [health.by_layer(own, shades[0], getattr(now, name))]
        for number, run in enumerate(earlier):
            other = health.nearest(self._kept[run], now.step)
            if other is not None:
                series.append(health.by_layer(self._titles[run], shades[(number + 1) % len(shades)], getattr(other, name)))
        if not earlier and first is not now:
            series.append(health.by_layer(at_step.format(number=count(first.step)), colours().muted, getattr(first, name), bold=False))
        self.gradients.names = now.layers if not earlier else ()
        title = self.quantity.currentText().lower()
        self.gradients.set_panels((Panel(title, tuple(series), decimals=6),))
        self.gradients.setAccessibleName(self.tr("{quantity} by layer").format(quantity=self.quantity.currentText()))

    def _draw_activations(self, now: LayerStatistics) -> None:
        shades = colours().curves
        self.activations.names = now.activations
        series = []
        for values, words, shade in (
            (now.dead, self.tr("dead units"), shades[2 % len(shades)]),
            (now.saturated, self.tr("saturated answers"), shades[3 % len(shades)]),
        ):
            if values is not None and np.isfinite(values).any():
                series.append(health.by_layer(words, shade, values))
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

        def bins(statistics: LayerStatistics) -> tuple[np.ndarray, np.ndarray]:
            return getattr(statistics, f"{what}_histograms")[at], getattr(statistics, f"{what}_limits")[at]

        since = self.tr("{words}; line: step {number}").format(words=words, number=count(first.step)) if first is not now else words
        picture.set_histogram(since, bins(now), bins(first) if first is not now else None)
