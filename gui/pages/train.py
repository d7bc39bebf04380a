"""Train: the recipe on the left, the curves in the middle, what the network learns on the right."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.messages import FindLearningRate, LoadHistory, Outcome, PinUnit, ProbeUnit
from engine.messages import Train as TrainCommand
from engine.networks.arithmetic import Analysis, NetworkError
from engine.project.records import RunHistory
from engine.training.recipe import Recipe, check
from gui import networks, plan
from gui.bridge import Bridge
from gui.pages.page import Page
from gui.run_deeds import RunDeeds
from gui.settings import Settings
from gui.state import AppState, JobState, RunSelected, TrainingState
from gui.theme import colours, px
from gui.training_curves import best_mark, history_of, panels
from gui.widgets.basics import about, button, count, duration, label, panel, scrolling, set_look
from gui.widgets.curve_plot import CurvePlot
from gui.widgets.curve_records import Mark
from gui.widgets.input_preview import InputPreview
from gui.widgets.layer_health import LayerHealth
from gui.widgets.learning_panel import LearningPanel
from gui.widgets.moment_scrubber import MomentScrubber
from gui.widgets.plot_controls import PlotControls
from gui.widgets.rate_panel import RatePanel
from gui.widgets.recipe_form import RecipeForm
from gui.widgets.run_list import RunList
from gui.widgets.steering_bar import SteeringBar
from gui.widgets.unit_panel import Unit, usual_unit

MOST_OVERLAID = 7
NARROW = 840
"""Below this width of the page the curves have the room of the right column."""
ADVANCED, SMOOTHING, LOGARITHMIC = "train.advanced", "train.smoothing", "train.log"


def shade_of(state: AppState, run: str) -> str:
    """A run's colour: it stays its own however many are shown."""
    order = [record.id for record in reversed(state.runs)]
    shades = colours().curves
    return shades[(order.index(run) if run in order else len(order)) % len(shades)]


LEARNED, LOOKED = 270, 380
"""Widths of the right column: pictures of what was learned, and plots of layers and epochs."""


class TrainPage(Page):
    """Press Train, watch it learn."""

    name, title, icon = "train", "Train", "ph.chart-line-up"
    help_text = (
        "Choose a recipe and press Train. Thin curves are the training pictures, measured while they are learned from; bold ones are the "
        "validation pictures, which are only looked at. Drag over the curves to enlarge, double-click to see all, right-click to save. "
        "Stopping keeps the best weights so far. Tick runs below to lay their curves over each other. What the network sees shows pictures "
        "at its size, and lets you change them at random: what varies in training is learned not to matter."
    )

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._finder = plan.typical_finder(bridge)
        self._ticked: list[str] = []
        self._asked: set[str] = set()
        self._stopping = 0
        self._shown_run = ""
        self._retry: Recipe | None = None
        self._obstacle: plan.Obstacle | None = None
        self._painted_run = ""
        self._build_header()
        self.learning = LearningPanel()
        self.learning.unit_panel.unit_wanted.connect(self._pin)
        self.health = LayerHealth(self.bridge)
        self.moments = MomentScrubber(self.bridge)
        self.looks = QTabWidget()
        self.looks.setDocumentMode(True)
        self.looks.setMinimumWidth(px(232))
        for widget, words in ((self.learning, self.tr("Learned")), (self.health, self.tr("Layers")), (self.moments, self.tr("Epochs"))):
            if widget is not self.learning:
                widget.setContentsMargins(px(12), px(8), px(12), px(8))
            self.looks.addTab(widget if widget is self.learning else scrolling(widget), words)
        body = QSplitter(Qt.Orientation.Horizontal)
        body.setChildrenCollapsible(False)
        for part, stretch in ((self._build_recipe(), 0), (self._build_centre(), 1), (self.looks, 0)):
            body.addWidget(part)
            body.setStretchFactor(body.count() - 1, stretch)
        body.setSizes([px(290), px(560), px(LEARNED)])
        self._body = body
        self.looks.currentChanged.connect(self._make_room_for_look)
        self.content.addWidget(body, 1)

    # ------------------------------------------------------------ building

    def _build_header(self) -> None:
        self.network_button = button("", "quiet", self.tr("Choose another network"))
        self.network_button.clicked.connect(lambda: self.page_wanted.emit("model"))
        self.header.add_filter(self.network_button)
        self.preview_button = button(
            self.tr("What the network sees"), "chip", self.tr("Show pictures as the network gets them (Esc leaves)")
        )
        self.preview_button.setCheckable(True)
        self.preview_button.toggled.connect(self.show_preview)
        self.header.add_filter(self.preview_button)
        self.header.add_stretch()
        self.train_button = button(self.tr("Train"), "primary", self.tr("Train the network on the labelled pictures"))
        self.train_button.setMinimumWidth(px(128))
        self.train_button.clicked.connect(self._train_or_stop)
        self.steering = SteeringBar(self.bridge)
        self.header.add_button(self.steering)
        self.header.add_button(self.train_button)

    def _build_recipe(self) -> QWidget:
        inside = QWidget()
        inside.setObjectName("surface")
        column = QVBoxLayout(inside)
        column.setContentsMargins(px(16), px(16), px(8), px(16))
        column.setSpacing(px(8))
        column.addWidget(label(self.tr("Recipe"), "section"))
        self.form = RecipeForm()
        self.form.changed.connect(lambda recipe: plan.keep_recipe(self.bridge, recipe))
        self.advanced_button = button(self.tr("Advanced"), "chip", self.tr("Show every field of the recipe"))
        self.advanced_button.setCheckable(True)
        self.advanced_button.setMinimumWidth(px(104))
        self.advanced_button.toggled.connect(self.form.set_advanced)
        self.advanced_button.clicked.connect(lambda on: plan.keep(self.bridge, ADVANCED, "1" if on else ""))
        self.form.set_advanced(False)
        self.form.layout().insertWidget(len(self.form.cards), self.advanced_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.form)
        self.rates_button = button(self.tr("Try learning rates"), "chip", self.tr("A hundred steps at rising rates show which one suits"))
        self.rates_button.clicked.connect(self._try_rates)
        column.addWidget(self.rates_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self._recipe_area = scrolling(inside)
        self._recipe_area.setMinimumWidth(px(288))
        return self._recipe_area

    def _build_centre(self) -> QWidget:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(px(16), px(12), px(16), px(12))
        column.setSpacing(px(8))
        self.message = label("", wrap=True)
        self.message_button = button("")
        self.message_button.clicked.connect(self._help)
        self.message_panel = panel("banner")
        row = QHBoxLayout(self.message_panel)
        row.setContentsMargins(px(12), px(8), px(12), px(8))
        row.addWidget(self.message, 1)
        row.addWidget(self.message_button)
        self.message_panel.hide()
        column.addWidget(self.message_panel)
        self.progress_words = label("", "muted")
        self.progress_words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.plot = CurvePlot(self.tr("training step"))
        self.plot.setAccessibleName(self.tr("Loss and accuracy"))
        self.plot.set_empty_text(self.tr("The curves grow here while the network learns."))
        self.controls = PlotControls(self.plot)
        self.controls.smoothing_chosen.connect(lambda place: plan.keep(self.bridge, SMOOTHING, str(place)))
        self.controls.logarithmic_chosen.connect(lambda on: plan.keep(self.bridge, LOGARITHMIC, "1" if on else ""))
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.progress_words, 1)
        row.addWidget(self.controls)
        column.addLayout(row)
        column.addWidget(self.progress)
        self.runs = RunList()
        self.runs.line_ticked.connect(self._tick)
        self.runs.line_clicked.connect(lambda run: self.bridge.dispatch(RunSelected(run=run)))
        self.run_deeds = RunDeeds(self.bridge, self.runs, self)
        self.run_deeds.check_wanted.connect(lambda: self.page_wanted.emit("check"))
        self.curves = QSplitter(Qt.Orientation.Vertical)
        self.curves.setChildrenCollapsible(False)
        self.curves.addWidget(self.plot)
        self.curves.addWidget(self.runs)
        self.curves.setStretchFactor(0, 5)
        self.curves.setStretchFactor(1, 2)
        self.curves.setSizes([px(420), px(140)])
        self.preview = InputPreview(self.bridge)
        self.preview.images_wanted.connect(self.images_wanted)
        self.preview.hide()
        self.rates = RatePanel()
        self.rates.rate_taken.connect(self._take_rate)
        self.rates.left.connect(lambda: self._show_rates(False))
        self.rates.hide()
        column.addWidget(self.rates, 1)
        column.addWidget(self.curves, 2)
        column.addWidget(self.preview, 1)
        return centre

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """The curves have the room of the right column in a narrow window; the preview has it always, and there the recipe's too."""
        wide, previewing = self.width() >= px(NARROW), self.preview_button.isChecked()
        self.looks.setVisible(wide and not previewing)
        self._recipe_area.setVisible(wide or not previewing)
        self.preview_button.setText(self.tr("What the network sees") if wide else self.tr("Input"))
        self.preview_button.setMinimumWidth(px(184) if wide else px(72))  # the words are bold while it is checked
        self.controls.words.setVisible(wide)
        self.controls.setVisible(not previewing)

    def _make_room_for_look(self, place: int) -> None:
        """Plots of layers and epochs are wider than what was learned."""
        recipe, centre, look = self._body.sizes()
        wanted = px(LEARNED if place == 0 else LOOKED)
        if look < wanted or place == 0:
            self._body.setSizes([recipe, max(px(300), centre + look - wanted), wanted])

    def show_preview(self, on: bool) -> None:
        """What the network sees in place of the curves, or the curves again."""
        self.preview_button.setChecked(on)
        self._make_room()
        self.curves.setVisible(not on)
        self.rates.hide()
        self.preview.setVisible(on)
        self.preview.set_open(on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.preview_button.isChecked():
            self.show_preview(False)
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if changed & {"images", "memory", "project"}:
            self._finder.look(state)
        if changed & {"project"}:
            self._ticked, self._asked, self._shown_run = [], set(), ""
        if changed & {"memory", "project", "classes", "runs", "engine"}:
            self._render_choices(state)
        training = state.training.run if state.training is not None else ""
        if changed & {"runs", "project"} or training != self._painted_run:
            self._painted_run = training
            self._render_runs(state)
        if changed & {"training", "runs", "histories", "project"}:
            self._render_curves(state)
        if changed & {"project", "images", "classes", "memory", "runs", "failures", "jobs"}:
            self._obstacle = plan.obstacle(state)
        if changed & {"training", "jobs", "engine", "engine_failure", "project", "images", "classes", "failures", "memory"}:
            self._render_progress(state)
        if changed & {"training", "unit", "project"}:
            self.learning.render(state)
        self.health.render(state, changed)
        self.moments.render(state, changed)
        if "rates_tried" in changed and state.rates_tried is not None:
            self.rates.show_rates(state.rates_tried)
            self._show_rates(True)
        if changed & {"training", "jobs"}:
            self.steering.render(state)
        self.preview.render(state, changed)
        self.run_deeds.render(state, changed)

    def dress(self) -> None:
        super().dress()
        self._recipe_area.setMinimumWidth(px(288))
        self.preview.dress()
        self._make_room()
        self._render_runs(self.bridge.state)
        self._render_curves(self.bridge.state)

    def _render_choices(self, state: AppState) -> None:
        name = plan.network_name(state)
        shape = plan.input_shape(state, name)
        classic = networks.is_classic(name)
        words = self.tr("{title} · {height} × {width} · change").format(
            title=networks.card(state, name).title, height=shape[1], width=shape[2]
        )
        if plan.weights(state) and not classic:
            learned = self.tr("learned weights, last layer only") if plan.freeze(state) else self.tr("learned weights")
            words = self.tr("{words} · {learned}").format(words=words.rpartition(" · ")[0], learned=learned)
        self.network_button.setText(words)
        recipe = plan.recipe(state, self.settings.device)
        if recipe != self.form.recipe or classic != bool(self.form.cards and not self.form.cards["solid"].isVisibleTo(self.form)):
            self.form.set_recipe(recipe, classic)
        self.form.set_known(plan.known(state))
        self.advanced_button.setVisible(not classic)
        self.rates_button.setVisible(not classic)
        self.advanced_button.setChecked(classic or bool(state.memory.get(ADVANCED)))
        self.controls.show_kept(state.memory.get(SMOOTHING, ""), bool(state.memory.get(LOGARITHMIC)))
        self.learning.unit_panel.set_network(self._worked(state))

    def _worked(self, state: AppState) -> Analysis | None:
        try:
            return plan.analysis(state, plan.network_name(state))
        except NetworkError:
            return None

    def _overlaid(self, state: AppState) -> list[str]:
        """Runs whose curves are shown: the training first, else the newest run; then what is ticked."""
        first = state.training.run if state.training is not None else (state.runs[0].id if state.runs else "")
        if first and first != self._shown_run:
            self._shown_run = first
            self._ticked = [first, *(run for run in self._ticked if run != first)][:MOST_OVERLAID]
        known = {run.id for run in state.runs} | ({state.training.run} if state.training is not None else set())
        return [run for run in self._ticked if run in known]

    def _histories(self, state: AppState) -> list[tuple[str, RunHistory]]:
        found = []
        for run in self._overlaid(state):
            if state.training is not None and run == state.training.run and state.training.steps:
                found.append((run, history_of(state.training)))
            elif run in state.histories:
                found.append((run, state.histories[run]))
            elif run not in self._asked and any(record.id == run and record.steps for record in state.runs):
                self._asked.add(run)
                self.bridge.submit(LoadHistory(run))
        return found

    def _render_runs(self, state: AppState) -> None:
        self.runs.show_runs(state.runs, {run: shade_of(state, run) for run in self._overlaid(state)}, state.writable)
        self.runs.setVisible(bool(state.runs))

    def _render_curves(self, state: AppState) -> None:
        found = self._histories(state)
        titles = (self.tr("loss (nats)"), self.tr("accuracy (%)"), self.tr("training"), self.tr("validation"))
        named = [(run if len(found) > 1 else "", history) for run, history in found]
        tones = [shade_of(state, run) for run, _ in found] or list(colours().curves)
        self.plot.set_panels(panels(named, tones, titles))
        records = {run.id: run for run in state.runs}
        alone = found[0] if len(found) == 1 and found[0][0] in records else None
        marks = best_mark(alone[1], records[alone[0]].best_epoch, self.tr("kept")) if alone is not None else ()
        if state.training is not None and any(run == state.training.run for run, _ in found):
            told: dict[int, list[str]] = {}
            for mark in state.training.marks:
                told.setdefault(mark.step, []).append(mark.text)
            marks = (*marks, *(Mark(float(step), ", ".join(words)) for step, words in told.items()))
        self.plot.set_marks(marks)

    def _render_progress(self, state: AppState) -> None:
        job = state.job_of_training
        if job is None:
            self._stopping = 0
        trying = state.running("FindLearningRate") is not None
        self.rates_button.setEnabled(job is None and not trying and self._obstacle is None and state.engine is not None)
        self.rates_button.setText(self.tr("Trying…") if trying else self.tr("Try learning rates"))
        obstacle = self._obstacle
        self.progress.setVisible(job is not None)
        if job is not None:
            self._render_job(job)
        else:
            self.train_button.setText(self.tr("Train"))
            self.train_button.setEnabled(obstacle is None and state.engine_failure is None and not self.form.fault)
            self.train_button.setToolTip(obstacle.text if obstacle is not None else self.tr("Train the network on the labelled pictures"))
            self.progress_words.setText(self._rest_words(state))
        self._render_message(state, obstacle if job is None else None)

    def _render_job(self, job: JobState) -> None:
        stopping = self._stopping == job.number
        self.train_button.setText(self.tr("Stopping…") if stopping else self.tr("Stop and keep") if job.running else self.tr("Cancel"))
        self.train_button.setEnabled(not stopping)
        self.train_button.setToolTip(self.tr("Stop after this step and keep the best weights so far"))
        self.progress.setRange(0, 1000 if job.fraction is not None else 0)
        self.progress.setValue(round(1000 * (job.fraction or 0.0)))
        parts = [job.text or (self.tr("Preparing") if job.running else self.tr("Waiting for its turn"))]
        if job.seconds_left is not None:
            parts.append(self.tr("{time} left").format(time=about(job.seconds_left, job.seconds_deviation)))
        if job.images_per_second is not None:
            parts.append(self.tr("{speed} pictures/s").format(speed=count(round(job.images_per_second))))
        self.progress_words.setText(" · ".join(parts))
        self.progress_words.setToolTip(self.progress_words.text())

    def _rest_words(self, state: AppState) -> str:
        training = state.training
        if training is not None and training.record is not None:
            record = training.record
            ended = {"completed": self.tr("Trained"), "cancelled": self.tr("Stopped and kept"), "failed": self.tr("Failed")}[record.outcome]
            return f"{ended}: {record.id} · {duration(record.seconds)}"
        if state.engine is None and state.engine_failure is None:
            return self.tr("The engine is loading; Train begins as soon as it is there.")
        return self.tr("{number} pictures to learn from").format(number=count(plan.training_pictures(state)))

    def _render_message(self, state: AppState, obstacle: plan.Obstacle | None) -> None:
        training = state.training
        failure = training.failure if training is not None and training.outcome is Outcome.FAILED else state.failures.get("Train")
        text, act = "", ""
        self._retry = None
        if obstacle is not None:
            text, act = obstacle.text, obstacle.act
        elif state.engine_failure is not None:
            text = f"{state.engine_failure.message} {state.engine_failure.remedy}"
        elif failure is not None and state.job_of_training is None:
            text = f"{failure.message} {failure.remedy}"
            if training is not None and training.failure is failure and failure.kind == "user":
                rate = training.started.recipe.learning_rate / 10
                self._retry = msgspec.structs.replace(training.started.recipe, learning_rate=rate, preset="own")
                act = self.tr("Train with learning rate {rate:g}").format(rate=rate)
        self.message.setText(text)
        set_look(self.message, "error" if failure is not None and obstacle is None else "")
        self.message_panel.setVisible(bool(text))
        self.message_button.setText(act)
        self.message_button.setVisible(bool(act))

    # ------------------------------------------------------------ deeds

    def _train_or_stop(self) -> None:
        job = self.bridge.state.job_of_training
        if job is None:
            self.preview.flush()
            self._train(plan.recipe(self.bridge.state))
            return
        self._stopping = job.number
        self.bridge.cancel(job.number)
        self._render_job(job)

    def _train(self, recipe: Recipe) -> None:
        self.show_preview(False)
        state = self.bridge.state
        check(recipe)
        plan.keep_recipe(self.bridge, recipe)
        unit = self.learning.unit_panel.unit or usual_unit(self._worked(state))
        if unit is not None:
            self._pin(unit)
        self.plot.show_all()
        device = msgspec.structs.replace(recipe, device=self.settings.device)
        size, resize, ground = plan.size(state), plan.resize(state), plan.ground(state)
        begin, freeze = plan.weights(state), plan.freeze(state)
        self.bridge.submit(TrainCommand(plan.network_name(state), device, size, resize, ground, begin, freeze))

    def _try_rates(self) -> None:
        state = self.bridge.state
        recipe = msgspec.structs.replace(plan.recipe(state), device=self.settings.device)
        wanted = FindLearningRate(plan.network_name(state), recipe, plan.size(state), plan.weights(state), plan.freeze(state))
        self.bridge.submit(wanted)

    def _show_rates(self, shown: bool) -> None:
        self.rates.setVisible(shown and not self.preview_button.isChecked())

    def _take_rate(self, rate: float) -> None:
        plan.with_recipe_field(self.bridge, "learning_rate", rate)
        self._show_rates(False)

    def _pin(self, unit: Unit) -> None:
        """Have the unit probed after every epoch; that of a finished training now."""
        state = self.bridge.state
        image = plan.picture_to_pin(state)
        if image is None:
            return
        self.bridge.submit(PinUnit(image, unit.layer, unit.channel, unit.row, unit.column))
        training: TrainingState | None = state.training
        if training is not None and training.record is not None and training.started.network == plan.network_name(state):
            row, column = max(unit.row, 0), max(unit.column, 0)
            if unit.row < 0 and (worked := self._worked(state)) is not None:
                row, column = (side // 2 for side in worked.row(unit.layer).output[1:])
            self.bridge.submit(ProbeUnit(training.run, image, unit.layer, unit.channel, row, column))

    def _help(self) -> None:
        if self._retry is not None:
            self._train(self._retry)
            return
        if self._obstacle is not None:
            self.page_wanted.emit(self._obstacle.page)

    def _tick(self, run: str, on: bool) -> None:
        others = [kept for kept in self._ticked if kept != run]
        self._ticked = [*others, run][-MOST_OVERLAID:] if on else others
        self._render_runs(self.bridge.state)
        self._render_curves(self.bridge.state)
