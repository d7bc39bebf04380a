"""Check: where a run is right and wrong, picture by picture, and what its units look at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QSplitter, QTabWidget, QVBoxLayout, QWidget

from engine.messages import Evaluate, SetLabels
from engine.project.records import Evaluation, ImageTable, RunRecord, Split
from gui.bridge import Bridge
from gui.label_keys import NO_CLASS, class_for_key, key_of
from gui.pages.page import Page
from gui.run_names import run_names
from gui.settings import Settings
from gui.state import AppState, RunSelected
from gui.theme import px
from gui.widgets.basics import button, label, panel, percent
from gui.widgets.confusion_matrix import ConfusionMatrix
from gui.widgets.message_row import MessageRow
from gui.widgets.metrics_panel import MetricsPanel
from gui.widgets.picture_list import MOST, Entry, PictureList
from gui.widgets.see_inside import SeeInside
from gui.widgets.thumbnails import shared_thumbnails

SPLITS = ((Split.TEST, "Test"), (Split.VALIDATION, "Validation"), (Split.TRAIN, "Training"))


def default_split(run: RunRecord, images: ImageTable | None) -> Split:
    """The most honest split that the run has, or that there are labelled pictures of: test, else validation, else training."""
    there = set() if images is None else set(np.unique(images.splits[images.class_ids >= 0]).tolist())
    if run.test_accuracy is not None or Split.TEST in there:
        return Split.TEST
    return Split.VALIDATION if run.validation_accuracy is not None or Split.VALIDATION in there else Split.TRAIN


def rows_of(evaluation: Evaluation, cell: tuple[int, int] | None) -> np.ndarray:
    """Rows of a cell (true, predicted), or of all mistakes; highest loss first, that is least probability of the true class. int64."""
    if cell is None:
        wanted = evaluation.labels != evaluation.predicted
    else:
        wanted = (evaluation.labels == cell[0]) & (evaluation.predicted == cell[1])
    rows = np.flatnonzero(wanted)
    return rows[np.argsort(-evaluation.losses[rows], kind="stable")]


def changed_labels(evaluation: Evaluation, state: AppState) -> int:
    """How many measured pictures have another class now, or none, or are gone."""
    if state.images is None:
        return 0
    names = {record.id: record.name for record in state.classes}
    numbers = {name: at for at, name in enumerate(evaluation.classes)}
    now = np.array([numbers.get(names.get(one, ""), -1) for one in range(-1, max(names, default=-1) + 1)], np.int64)
    table = state.images
    if not len(table.ids):
        return len(evaluation.images)
    rows = np.minimum(np.searchsorted(table.ids, evaluation.images), len(table.ids) - 1)
    labels = np.where(table.ids[rows] == evaluation.images, now[table.class_ids[rows] + 1], -1)
    return int((labels != evaluation.labels).sum())


class CheckPage(Page):
    """Figures left, matrix in the centre, pictures right; a second tab looks inside."""

    name, title, icon = "check", "Check", "ph.check-square"
    help_text = (
        "The confusion matrix shows what was called what: rows are the true class, columns the answer. "
        "Click a cell to see its pictures; press the number of a class to give a picture another label. "
        "Under “See inside” a click on a feature map shows which part of the picture that unit looks at."
    )

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._asked: set[tuple[str, Split]] = set()
        self._run = ""
        self._split: Split | None = None
        self._evaluation: Evaluation | None = None
        self._cell: tuple[int, int] | None = None
        self._build_header()
        self.message = MessageRow()
        self.message.setContentsMargins(px(16), px(12), px(16), px(12))
        self.message.pressed.connect(lambda: self.page_wanted.emit("train"))
        self.content.addWidget(self.message)
        self.tabs = QTabWidget()
        self.tabs.addTab(self._build_errors(), self.tr("Errors"))
        self.inside = SeeInside(bridge)
        self.tabs.addTab(self.inside, self.tr("See inside"))
        self.content.addWidget(self.tabs, 1)
        self.rest = QWidget()
        self.content.addWidget(self.rest, 1)

    # ------------------------------------------------------------ building

    def _build_header(self) -> None:
        self.run_box = QComboBox()
        self.run_box.setAccessibleName(self.tr("Run"))
        self.run_box.setToolTip(self.tr("The run that is checked"))
        self.run_box.setMinimumContentsLength(22)
        self.run_box.activated.connect(lambda row: self.bridge.dispatch(RunSelected(run=self.run_box.itemData(row))))
        self.header.add_filter(self.run_box)
        self.split_box = QComboBox()
        self.split_box.setAccessibleName(self.tr("Split"))
        self.split_box.setToolTip(self.tr("Which pictures it is measured on"))
        for split, words in SPLITS:
            self.split_box.addItem(self.tr(words), int(split))
        self.split_box.activated.connect(self._split_chosen)
        self.header.add_filter(self.split_box)
        self.per_cent = QCheckBox(self.tr("Per cent of the row"))
        self.per_cent.toggled.connect(lambda on: self.matrix.set_per_cent(on))
        self.header.add_filter(self.per_cent)
        self.header.add_stretch()
        self.again = button(self.tr("Measure again"), "primary", self.tr("Measure the run on the labels as they are now"))
        self.again.clicked.connect(self._measure)
        self.header.add_button(self.again)

    def _build_errors(self) -> QWidget:
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        self.metrics = MetricsPanel()
        self.metrics.setMinimumWidth(px(200))
        split.addWidget(self.metrics)
        self.matrix = ConfusionMatrix()
        self.matrix.setMinimumWidth(px(200))
        self.matrix.cell_clicked.connect(self._cell_clicked)
        middle = QWidget()
        around = QVBoxLayout(middle)
        around.setContentsMargins(px(16), px(16), px(16), px(16))
        around.addWidget(self.matrix)
        split.addWidget(middle)
        split.addWidget(self._build_pictures())
        split.setStretchFactor(1, 1)
        split.setSizes([px(344), px(580), px(300)])
        return split

    def _build_pictures(self) -> QWidget:
        side = panel("inspector")
        side.setMinimumWidth(px(130))
        column = QVBoxLayout(side)
        column.setContentsMargins(px(12), px(16), px(8), px(16))
        column.setSpacing(px(8))
        self.heading = label("", "section", wrap=True)
        self.hint = label("", "caption", wrap=True)
        self.pictures = PictureList(shared_thumbnails(self.bridge), "check")
        self.pictures.setAccessibleName(self.tr("Pictures of the chosen cell"))
        self.pictures.label_wanted.connect(self._relabel)
        self.pictures.opened.connect(lambda image: self.images_wanted.emit((image,)))
        self.pictures.chosen.connect(self._look_at)
        self.worst = button(self.tr("Worst mistakes"), tooltip=self.tr("All wrong answers, least probability of the true class first"))
        self.worst.clicked.connect(lambda: self._choose_cell(None))
        self.in_data = button(self.tr("Show in Data"), tooltip=self.tr("These pictures on the Data page"))
        self.in_data.clicked.connect(self._show_in_data)
        for widget in (self.heading, self.hint):
            column.addWidget(widget)
        column.addWidget(self.pictures, 1)
        for widget in (self.worst, self.in_data):
            column.addWidget(widget)
        return side

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if "project" in changed:
            self._asked.clear()
            self._evaluation = None
        if changed & {"runs", "selected_run", "project"}:
            self._render_runs(state)
        if "classes" in changed:
            keys = [(key_of(state.classes, at), record.name) for at, record in enumerate(state.classes[:3])]
            named = ", ".join(f"{key} {name}" for key, name in keys if key != name)
            words = self.tr("Number keys give another label{keys}; double-click shows it in Data")
            self.hint.setText(words.format(keys=f" ({named} …)" if named else ""))
        if changed & {"evaluations", "runs", "selected_run", "project"}:
            self._render_evaluation(state)
        if changed & {"evaluations", "images", "classes", "jobs", "runs", "failures", "engine", "project"}:
            self._render_message(state)
        self._measure_where_needed(state)
        self.inside.render(state, changed)

    def _render_runs(self, state: AppState) -> None:
        self.run_box.blockSignals(True)
        self.run_box.clear()
        names = run_names(state.runs)
        for run in state.runs:
            stale = self.tr(" · older labels") if run.stale else ""
            self.run_box.addItem(f"{names[run.id]}{stale}", run.id)
        chosen = state.run
        if chosen is not None:
            self.run_box.setCurrentIndex(self.run_box.findData(chosen.id))
            if chosen.id != self._run:
                self._run, self._split = chosen.id, default_split(chosen, state.images)
                self.split_box.setCurrentIndex(self.split_box.findData(int(self._split)))
        self.run_box.blockSignals(False)
        for widget in (self.run_box, self.split_box, self.per_cent, self.tabs):
            widget.setVisible(chosen is not None)
        self.rest.setVisible(chosen is None)

    def _render_evaluation(self, state: AppState) -> None:
        found = state.evaluations.get((self._run, self._split)) if self._split is not None else None
        if found is self._evaluation and found is not None:
            return
        self._evaluation = found
        if found is not None:  # should it be forgotten, it is measured anew
            self._asked.discard((self._run, Split(found.split)))
        chose = found is not None and found.split == Split.VALIDATION and bool(state.run and (state.run.epochs or state.run.members))
        self.metrics.show_evaluation(
            found, self.tr("This split chose the epoch that was kept: expect less on new pictures.") if chose else ""
        )
        colours = {record.name: record.colour for record in state.classes}
        if found is None:
            self.matrix.set_matrix(None)
        else:
            self.matrix.set_matrix(found.confusion, found.classes, tuple(colours.get(name, "") for name in found.classes))
        self._choose_cell(None)

    def _render_message(self, state: AppState) -> None:
        text, lead, stale = "", "", 0
        failure = state.failures.get("Evaluate")
        if state.project is None:
            text = self.tr("No project is open.")
        elif not state.runs:
            text, lead = self.tr("There is nothing to check yet: train a network first."), self.tr("Train")
        elif failure is not None and self._evaluation is None:
            text = f"{failure.message} {failure.remedy}"
            self.matrix.set_empty_text(self.tr("Not measured."))
        elif self._evaluation is not None:
            stale = changed_labels(self._evaluation, state)
            if stale:
                text = self.tr("Pictures that are gone or have another label since this was measured: {stale}.").format(stale=stale)
        elif self._waits(state):
            self.matrix.set_empty_text(self.tr("Waits for the training to end."))
        else:
            self.matrix.set_empty_text(self.tr("Measuring …"))
        self.message.say(text, lead, "muted")
        self.again.setVisible(bool(stale) or (failure is not None and self._evaluation is None))

    def _waits(self, state: AppState) -> bool:
        """Whether what is to be measured stands behind something else."""
        job = state.running("Evaluate")
        return job is not None and not job.running

    def _measure_where_needed(self, state: AppState) -> None:
        if self._split is None or state.run is None or self._evaluation is not None or state.engine is None:
            return
        key = (self._run, self._split)
        if key not in self._asked:
            self._asked.add(key)
            self.bridge.submit(Evaluate(*key))

    # ------------------------------------------------------------ deeds

    def _split_chosen(self, row: int) -> None:
        self._split = Split(self.split_box.itemData(row))
        self._render_evaluation(self.bridge.state)
        self._render_message(self.bridge.state)
        self._measure_where_needed(self.bridge.state)

    def _measure(self) -> None:
        if self._split is not None:
            self.bridge.submit(Evaluate(self._run, self._split))

    def _cell_clicked(self, true: int, predicted: int) -> None:
        self._choose_cell((true, predicted))

    def _choose_cell(self, cell: tuple[int, int] | None) -> None:
        self._cell = cell
        self.matrix.select(cell)
        found = self._evaluation
        if found is None:
            self.heading.setText("")
            self.pictures.set_entries(())
            return
        rows = rows_of(found, cell)
        if cell is None:
            words = self.tr("{number} mistakes, worst first") if len(rows) else self.tr("No mistakes at all")
            self.heading.setText(words.format(number=len(rows)))
        else:
            self.heading.setText(self.matrix.sentence(*cell))
        if len(rows) > MOST:
            self.heading.setText(self.tr("{words}; the first {most} are shown").format(words=self.heading.text(), most=MOST))
        self.pictures.set_entries([self._entry(found, row) for row in rows.tolist()])
        self.in_data.setEnabled(bool(len(rows)))
        if len(rows):
            self._look_at(int(found.images[rows[0]]))

    def _entry(self, found: Evaluation, row: int) -> Entry:
        true, answer = found.classes[found.labels[row]], found.classes[found.predicted[row]]
        sure = percent(float(found.probabilities[row, found.predicted[row]]), 0)
        truth = percent(float(found.probabilities[row, found.labels[row]]), 0)
        words = f"{truth} · {true}\n{sure} · {answer}" if true != answer else f"{sure} · {answer}"
        tip = self.tr("Labelled {true}; called {answer} with probability {sure}; loss {loss:.3f}")
        return Entry(int(found.images[row]), words, tip.format(true=true, answer=answer, sure=sure, loss=float(found.losses[row])))

    def _relabel(self, images: tuple[int, ...], digit: int) -> None:
        classes = self.bridge.state.classes
        at = class_for_key(classes, digit)
        if at is not None and self.bridge.state.writable:
            self.bridge.submit(SetLabels(images, classes[at].id if at != NO_CLASS else None))

    def _show_in_data(self) -> None:
        found = self._evaluation
        if found is not None:
            self.images_wanted.emit(tuple(found.images[rows_of(found, self._cell)].tolist()))

    def _look_at(self, image: int) -> None:
        self.inside.set_image(image)
