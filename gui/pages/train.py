"""Train: the recipe on the left, the curves in the middle, what the network learns on the right."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from engine.training.recipe import Recipe
from gui import networks, plan
from gui.bridge import Bridge
from gui.pages.page import Page
from gui.run_undo import DeletedRuns
from gui.settings import Settings
from gui.state import AppState, JobState
from gui.sweeps import Sweeps
from gui.theme import px
from gui.training_centre import TrainingCentre
from gui.training_deeds import TrainingDeeds, worked
from gui.training_message import Said, message, rest_words
from gui.widgets.basics import button
from gui.widgets.recipe_column import RecipeColumn
from gui.widgets.run_looks import RunLooks
from gui.widgets.steering_bar import SteeringBar
from gui.widgets.unit_panel import usual_unit

NARROW = 840
"""Below this width of the page the curves have the room of the right column."""
ROOMY = 1160
"""From this width on how much is smoothed is said in words."""
CLOSE = 1040
"""From this width on the slider of the smoothing has a name."""
SPACIOUS = 1240
"""From this width on all of the right column's pages are as wide."""
MOST_NAMED = 420
"""Pixels of the words that name the network, which may have any title."""
CALM = 500
"""Milliseconds for which a button that stopped a training takes no clicks once that has ended: they were meant for that one,
and must neither begin another nor stop the next in line."""
ADVANCED = "train.advanced"
LEARNED, LOOKED = 270, 380
"""Widths of the right column: pictures of what was learned, and plots of layers and epochs."""


class TrainPage(Page):
    """Press Train, watch it learn."""

    name, title, icon = "train", "Train", "ph.chart-line-up"
    help_text = (
        "Choose a recipe and press Train. Thin curves are the training pictures, measured while they are learned from; bold ones are the "
        "validation pictures, which are only looked at. Drag over the curves to enlarge, double-click to see all, right-click to save. "
        "Train next puts another training in line; what waits is kept when the project is closed. "
        "Stopping keeps the best weights so far. Tick runs below to lay their curves over each other; the bold one is shown at the right. "
        "What the network sees shows pictures at its size, and lets you change them at random: what varies in training is learned not to "
        "matter.\n\n"
        "To train on a faster machine, right-click a run and choose Pack for another machine: pictures, network and recipe go into one "
        "archive. Copy it there, and type what the message says. Drop the finished folder here to have it among your runs, or right-click "
        "the list and choose Add a run."
    )

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._finder = plan.typical_finder(bridge)
        self._stopping = 0
        self._calm = QTimer(self, singleShot=True, interval=CALM)
        self._stoppable = 0  # the job that the button stops
        self._said = Said()
        self._obstacle: plan.Obstacle | None = None
        self.deeds = TrainingDeeds(bridge, settings, self)
        self.deleted = DeletedRuns(bridge, self)
        self.deleted.changed.connect(self.history_changed)
        self._build_header()
        self.recipe = RecipeColumn()
        self.recipe.changed.connect(lambda recipe: plan.keep_recipe(self.bridge, recipe))
        self.recipe.advanced_chosen.connect(lambda on: plan.keep(self.bridge, ADVANCED, "1" if on else ""))
        self.recipe.rates_wanted.connect(self.deeds.try_rates)
        self.recipe.batches_wanted.connect(self.deeds.try_batches)
        self.centre = TrainingCentre(bridge)
        self.centre.banner.pressed.connect(self._help)
        self.centre.rates.rate_taken.connect(lambda rate: self._take("learning_rate", rate))
        self.centre.batches.batch_taken.connect(lambda size: self._take("batch", size))
        self.centre.line.changed.connect(lambda: self._render_progress(self.bridge.state))
        self.centre.run_deeds.fork_wanted.connect(self._fork)
        self.centre.preview.images_wanted.connect(self.images_wanted)
        self.centre.run_deeds.check_wanted.connect(lambda: self.page_wanted.emit("check"))
        self.sweeps = Sweeps(bridge, self.deeds, self.centre.place)
        self.sweeps.follow(self.centre.controls)
        self.recipe.sweep_wanted.connect(self._open_sweep)
        self.centre.runs.sweep_wanted.connect(self.sweeps.show_run)
        self.recipe.form.fault_changed.connect(self._show_fault)
        self._build_looks()
        self._body = QSplitter(Qt.Orientation.Horizontal)
        self._body.setChildrenCollapsible(False)
        for part, stretch in ((self.recipe, 0), (self.centre, 1), (self.looks, 0)):
            self._body.addWidget(part)
            self._body.setStretchFactor(self._body.count() - 1, stretch)
        self._body.setSizes([px(290), px(560), px(LEARNED)])
        self.content.addWidget(self._body, 1)

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
        self.next_button = button(
            self.tr("Train next"), "", self.tr("Put a training with this network and recipe in line, to begin when its turn comes")
        )
        self.next_button.clicked.connect(self._train_next)
        self.next_button.hide()
        self.steering = SteeringBar(self.bridge)
        self.header.add_button(self.steering)
        self.header.add_button(self.next_button)
        self.header.add_button(self.train_button)

    def _build_looks(self) -> None:
        """What the network learns, how its layers fare, and what was kept of its epochs."""
        self.looks = RunLooks(self.bridge)
        self.learning = self.looks.learning
        self.learning.unit_panel.unit_wanted.connect(self.deeds.pin)
        self.looks.tabs.currentChanged.connect(self._make_room_for_look)

    # ------------------------------------------------------------ room

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """The curves have the room of the right column in a narrow window; the preview has it always, and there the recipe's too."""
        wide, previewing = self.width() >= px(NARROW), self.preview_button.isChecked()
        self.looks.setVisible(wide and not previewing)
        self.recipe.setVisible(wide or not previewing)
        self.preview_button.setText(self.tr("What the network sees") if wide else self.tr("Input"))
        self.preview_button.setMinimumWidth(px(184) if wide else px(72))  # the words are bold while it is checked
        self.centre.controls.set_short(self.width() < px(ROOMY))
        self.centre.controls.words.setVisible(self.width() >= px(CLOSE))  # else the progress in words would be cut off

    def _make_room_for_look(self, place: int) -> None:
        """Plots of layers and epochs are wider than what was learned, where the window has no room for one width of all."""
        recipe, centre, look = self._body.sizes()
        wanted = px(LEARNED if place == 0 and self.width() < px(SPACIOUS) else LOOKED)
        if look < wanted or place == 0:
            self._body.setSizes([recipe, max(px(300), centre + look - wanted), wanted])

    def show_preview(self, on: bool) -> None:
        """What the network sees in place of the curves, or the curves again."""
        self.preview_button.setChecked(on)
        self._make_room()
        self.centre.show_preview(on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.preview_button.isChecked():
            self.show_preview(False)
        else:
            super().keyPressEvent(event)

    def take_files(self, paths: tuple[str, ...]) -> bool:
        return self.centre.run_deeds.take(paths)

    def undo(self) -> bool:
        """The runs that were deleted last come back; where none were, undo is the window's."""
        return self.deleted.restore()

    def history(self) -> tuple[str, str] | None:
        """As `undo`; redo is always the window's."""
        words, redone = self.deleted.words(), self.bridge.state.history.redo
        return (words, self.tr("Redo: {0}").format(redone) if redone else "") if words else None

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if changed & {"images", "memory", "project"}:
            self._finder.look(state)
        if changed & {"memory", "project", "classes", "runs", "engine"}:
            self._render_choices(state)
        self.centre.render(state, changed)
        self.sweeps.render(state, changed)
        if changed & {"project", "images", "classes", "memory", "runs", "failures", "jobs"}:
            self._obstacle = plan.obstacle(state)
        if changed & {"training", "jobs", "engine", "engine_failure", "project", "images", "classes", "failures", "memory", "runs"}:
            self._render_progress(state)
        self.looks.render(state, changed)
        if changed & {"training", "jobs"}:
            self.steering.render(state)

    def dress(self) -> None:
        super().dress()
        self.recipe.dress()
        self.centre.dress()
        self.sweeps.dress()
        self._make_room()

    def _render_choices(self, state: AppState) -> None:
        name = plan.network_name(state)
        shape = plan.input_shape(state, name)
        classic = networks.is_classic(name)
        title = networks.card(state, name).title
        last = self.tr("change")
        if plan.weights(state) and not classic:
            last = self.tr("learned weights, last layer only") if plan.freeze(state) else self.tr("learned weights")
        words = self.tr("{title} · {height} × {width} · {last}")
        words = words.format(title=title, height=shape[1], width=shape[2], last=last)
        metrics = self.network_button.fontMetrics()
        self.network_button.setText(metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, px(MOST_NAMED)))
        self.network_button.setToolTip(self.tr("{network}: choose another network").format(network=title))
        self.recipe.show_recipe(plan.recipe(state, self.settings.device), classic, plan.known(state), bool(state.memory.get(ADVANCED)))
        self.recipe.form.set_taken(plan.augmentation_taken(state))
        self.learning.unit_panel.set_network(worked(state))

    def _render_progress(self, state: AppState) -> None:
        job = state.job_of_training
        rates, batches = (state.running(name) is not None for name in ("FindLearningRate", "FindBatch"))
        number = job.number if job is not None else 0
        if self._stoppable not in (0, number):
            self._calm.start()
        self._stoppable = number
        idle = job is None and not rates and not batches
        self.recipe.show_trying(idle and self._obstacle is None and state.engine is not None, rates, batches)
        self.next_button.setVisible(job is not None)
        self.next_button.setEnabled(self._obstacle is None and not self.recipe.form.fault)
        if job is not None:
            self._render_job(job)
        else:
            self._stopping = 0
            self.train_button.setText(self.tr("Train"))
            self.train_button.setEnabled(self._obstacle is None and state.engine_failure is None and not self.recipe.form.fault)
            usual = self.tr("Train the network on the labelled pictures")
            self.train_button.setToolTip(self._obstacle.text if self._obstacle is not None else self.recipe.form.fault or usual)
            self.centre.progress.show_rest(*rest_words(state))
        self._said = message(state, self._obstacle, self.centre.line.left)
        self.centre.banner.say(self._said.text, self._said.wrong, [(way.words, way.tip) for way in self._said.ways])

    def _show_fault(self) -> None:
        """What cannot be trained as it stands in the fields must not be trained as it stood there before."""
        self.sweeps.set_fault(self.recipe.form.fault)
        self._render_progress(self.bridge.state)

    def _render_job(self, job: JobState) -> None:
        stopping = self._stopping == job.number
        self.train_button.setText(self.tr("Stopping…") if stopping else self.tr("Stop and keep") if job.running else self.tr("Cancel"))
        self.train_button.setEnabled(not stopping)
        self.train_button.setToolTip(self.tr("Stop after this step and keep the best weights so far"))
        training = self.bridge.state.training
        held = training is not None and training.running and training.job == job.number and training.paused
        self.centre.progress.show_job(job, held)

    # ------------------------------------------------------------ deeds

    def _train_or_stop(self) -> None:
        job = self.bridge.state.job_of_training
        if self._calm.isActive():
            return
        if job is None:
            self.centre.preview.flush()
            self._train(plan.recipe(self.bridge.state))
            return
        self._stopping = job.number
        self.bridge.cancel(job.number)
        self._render_job(job)

    def _train(self, recipe: Recipe) -> None:
        self.show_preview(False)
        unit = self.learning.unit_panel.unit or usual_unit(worked(self.bridge.state))
        if unit is not None:
            self.deeds.pin(unit, now=False)
        self.centre.plot.show_all()
        self.deeds.train(recipe)

    def _open_sweep(self) -> None:
        self.show_preview(False)
        self.sweeps.open_choices()

    def _train_next(self) -> None:
        self.centre.preview.flush()
        self.deeds.train_next(plan.recipe(self.bridge.state))

    def _fork(self, run: str) -> None:
        """Begin a run with the weights of another, whose network it has: that the chosen one cannot be trained is no obstacle."""
        if self.recipe.form.fault or (self._obstacle is not None and self._obstacle.page != "model"):
            return
        self.show_preview(False)
        self.deeds.fork(run, plan.recipe(self.bridge.state))

    def _take(self, field: str, value: float) -> None:
        """Put what was tried into the recipe."""
        self.recipe.say_taken(field, value)
        plan.with_recipe_field(self.bridge, field, value)
        self.centre.place.show_usual()

    def _help(self, place: int) -> None:
        way = self._said.ways[place]
        if way.recipe is not None:
            self._train(way.recipe)
        elif way.command is not None:
            self.show_preview(False)
            self.bridge.submit(way.command)
        elif way.line == "take up":
            self.centre.line.take_up()
        elif way.line == "forget":
            self.centre.line.forget()
        elif way.page:
            self.page_wanted.emit(way.page)
