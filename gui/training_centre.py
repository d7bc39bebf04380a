"""The middle of the Train page: what there is to say, how far it is, the curves or a panel in their place, and the runs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from engine.messages import ForkRun
from gui import plan
from gui.bridge import Bridge
from gui.run_curves import RunCurves
from gui.run_deeds import RunDeeds
from gui.state import AppState, RunSelected
from gui.theme import px
from gui.training_line import TrainingLine, recipe_words, title_of
from gui.widgets.batch_panel import BatchPanel
from gui.widgets.curve_plot import CurvePlot
from gui.widgets.input_preview import InputPreview
from gui.widgets.message_banner import MessageBanner
from gui.widgets.panel_place import PanelPlace
from gui.widgets.plot_controls import PlotControls
from gui.widgets.rate_panel import RatePanel
from gui.widgets.run_list import RunList
from gui.widgets.run_said import Said
from gui.widgets.training_progress import TrainingProgress
from gui.widgets.waiting_list import Waiting, WaitingList

SMOOTHING, LOGARITHMIC = "train.smoothing", "train.log"
RATES, BATCHES = "rates", "batches"
"""Names of the panels that may stand in the place of the curves."""


class TrainingCentre(QWidget):
    """Composes; what is trained, and how, it leaves to the page.

    Attributes
    ----------
    place : PanelPlace
        Has the curves, or one of the panels. Another panel is a widget that is added here, and shown by `place.show_panel(name)`.
    """

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._folder = ""
        self.banner = MessageBanner()
        self.plot = CurvePlot(self.tr("training step"))
        self.plot.setAccessibleName(self.tr("Loss and accuracy"))
        self.plot.set_empty_text(self.tr("The curves grow here while the network learns."))
        self.controls = PlotControls(self.plot)
        self.controls.smoothing_chosen.connect(lambda place: plan.keep(bridge, SMOOTHING, str(place)))
        self.controls.logarithmic_chosen.connect(lambda on: plan.keep(bridge, LOGARITHMIC, "1" if on else ""))
        self.progress = TrainingProgress(self.controls)
        self.rates = RatePanel()
        self.place = PanelPlace(self.plot)
        self.place.add_panel(RATES, self.rates)
        self.batches = BatchPanel()
        self.place.add_panel(BATCHES, self.batches)
        self.line = TrainingLine(bridge, self)
        self.waiting = WaitingList()
        self.waiting.out_wanted.connect(bridge.cancel)
        self.waiting.first_wanted.connect(self.line.hurry)
        self.runs = RunList()
        self.runs.line_clicked.connect(lambda run: bridge.dispatch(RunSelected(run=run)))
        self.curves = RunCurves(bridge, self.plot, self.runs)
        self.said = Said(self.runs)
        self.curves.put_away.connect(self.said.set_news)
        self.run_deeds = RunDeeds(bridge, self.runs, self)
        self.preview = InputPreview(bridge)
        self.preview.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(8))
        column.addWidget(self.banner)
        column.addWidget(self.progress)
        self.halves = self._build_halves()
        column.addWidget(self.halves, 2)
        column.addWidget(self.waiting)  # below: what is looked at and clicked stays in place while the line grows and shortens
        column.addWidget(self.said)
        column.addWidget(self.preview, 1)

    def _build_halves(self) -> QSplitter:
        """Curves above, runs below."""
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.place)
        halves.addWidget(self.runs)
        halves.setStretchFactor(0, 5)
        halves.setStretchFactor(1, 2)
        halves.setSizes([px(420), px(140)])
        return halves

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show what differs of curves, runs and panels; message and progress are the page's."""
        if state.folder != self._folder:  # what was tried or varied there does not suit the pictures here
            self._folder = state.folder
            self.place.show_usual()
        self.curves.render(state, changed)
        self.said.show_line()
        if changed & {"memory", "project"}:
            self.controls.show_kept(state.memory.get(SMOOTHING, ""), bool(state.memory.get(LOGARITHMIC)))
        if "rates_tried" in changed and state.rates_tried is not None:
            self.rates.show_rates(state.rates_tried)
            self.place.show_panel(RATES)
        if "batches_tried" in changed and state.batches_tried is not None:
            self.batches.show_batches(state.batches_tried)
            self.place.show_panel(BATCHES)
        if changed & {"memory", "project"}:
            self.runs.recipe_words = recipe_words(ForkRun("", plan.recipe(state)))
        if changed & {"jobs", "runs", "project", "networks"}:
            self._render_waiting(state)
        self.preview.render(state, changed)
        self.run_deeds.render(state, changed)

    def _render_waiting(self, state: AppState) -> None:
        line = [job for job in state.trainings_in_line if job.asked is not None]
        self.waiting.show_waiting([Waiting(job.number, title_of(state, job.asked), recipe_words(job.asked)) for job in line])

    def show_preview(self, on: bool) -> None:
        """What the network sees in place of all below the message, or the curves again."""
        self.halves.setVisible(not on)
        self.said.setVisible(not on)
        self.controls.setVisible(not on)
        self.place.show_usual()
        self.preview.setVisible(on)
        self.preview.set_open(on)

    def dress(self) -> None:
        """Take over colours and scale."""
        self.preview.dress()
        self.waiting.dress()
        self.curves.dress()
