"""Which pictures train, validate and test: a chart, what is wrong with it, and how to divide anew."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QFormLayout, QHBoxLayout, QRadioButton, QScrollArea, QVBoxLayout, QWidget

from engine.messages import Divide
from engine.project.records import Division, Split
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import px, theme
from gui.widgets.basics import button, count, label, percent, rule
from gui.widgets.number_box import NumberBox
from gui.widgets.share_boxes import ShareBoxes, whole
from gui.widgets.split_chart import SPLITS, Bar, SplitChart, counted

NAMED = 3
"""Classes named in a warning; of more only the number is told."""
LARGEST_SEED = 2**31 - 1


class SplitsPanel(QWidget):
    """Chart, warnings and controls.

    Attributes
    ----------
    images_wanted : Signal(tuple of int, str)
        Show these pictures in the grid.
    """

    images_wanted = Signal(object, str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._shown = Division()
        self._build_chart()
        self._build_controls()
        theme().changed.connect(self.dress)
        self.dress()

    # ------------------------------------------------------------ building

    def _build_chart(self) -> None:
        self._outer = QVBoxLayout(self)
        self._top = QVBoxLayout()
        self.totals = label("", wrap=True)
        self.warnings = label("", "warning", wrap=True)
        self._top.addWidget(self.totals)
        self._top.addWidget(self.warnings)
        self._outer.addLayout(self._top)
        self.chart = SplitChart()
        self.chart.part_clicked.connect(self._want)
        scroll = self._scroll = QScrollArea()
        scroll.setProperty("look", "clear")
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        column = self._chart_column = QVBoxLayout(inner)
        column.addWidget(self.chart)
        column.addStretch(1)
        scroll.setWidget(inner)
        self._outer.addWidget(scroll, 1)

    def _build_controls(self) -> None:
        self._outer.addWidget(rule())
        self._foot = QVBoxLayout()
        self._foot.addWidget(label(self.tr("Divide again"), "section"))
        self.by_shares = QRadioButton(self.tr("By shares"))
        self.by_folds = QRadioButton(self.tr("In folds, for cross-validation"))
        group = QButtonGroup(self)
        for choice in (self.by_shares, self.by_folds):
            group.addButton(choice)
        self.shares = ShareBoxes()
        self.folds, self.fold = NumberBox(2, 20), NumberBox(1, 5)
        self.fold_row = QWidget()
        row = QHBoxLayout(self.fold_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folds)
        row.addWidget(label(self.tr("folds; hold out number")))
        row.addWidget(self.fold)
        row.addStretch(1)
        self.folds.setAccessibleName(self.tr("Number of folds"))
        self.fold.setAccessibleName(self.tr("Fold held out for test"))
        self.folds.setToolTip(self.tr("Parts of equal size; one is held out for test, a tenth of the others for validation"))
        for widget in (self.by_shares, self.shares, self.by_folds, self.fold_row):
            self._foot.addWidget(widget)
        form = self._form = QFormLayout()
        self.seed = NumberBox(0, LARGEST_SEED)
        self.seed.setToolTip(self.tr("Another number divides otherwise; the same number always alike"))
        form.addRow(self.tr("Seed"), self.seed)
        self._foot.addLayout(form)
        self.own_too = QCheckBox(self.tr("Also those with a split of their own"))
        self.own_too.setToolTip(self.tr("Pictures whose folders or tables said train, validation or test keep that otherwise"))
        self._foot.addWidget(self.own_too)
        self.divide = button(self.tr("Divide again"), "", self.tr("Divide all labelled pictures anew; can be undone"))
        self.divide.clicked.connect(self.submit)
        self._foot.addWidget(self.divide)
        self.note = label(self.tr("Near-duplicates stay on one side; pictures that are added later move no others."), "caption", wrap=True)
        self._foot.addWidget(self.note)
        self._outer.addLayout(self._foot)
        self.by_folds.toggled.connect(self._show_kind)
        self.folds.valueChanged.connect(lambda number: self.fold.setRange(1, number))

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Take a state over."""
        if changed & {"images", "classes", "findings", "findings_stale"}:
            self._show_counts(state)
        if "project" in changed:
            division = state.project.division if state.project is not None else Division()
            self.show_division(division)
        if changed & {"project", "jobs", "images"}:
            labelled = state.images is not None and bool((state.images.class_ids >= 0).any())
            self.divide.setEnabled(state.writable and labelled and state.running("Divide") is None)

    def show_division(self, division: Division) -> None:
        """Set the controls."""
        self._shown = division
        self.shares.show_shares(whole(division.fractions))
        self.seed.setValue(min(division.seed, LARGEST_SEED))
        self.folds.setValue(division.folds or 5)
        self.fold.setRange(1, self.folds.value())
        self.fold.setValue(division.fold + 1)
        (self.by_folds if division.folds else self.by_shares).setChecked(True)
        self._show_kind(bool(division.folds))

    def _show_kind(self, folds: bool) -> None:
        self.shares.setVisible(not folds)
        self.fold_row.setVisible(folds)

    def _show_counts(self, state: AppState) -> None:
        counts = counted(state.images, state.classes)
        bars = [Bar(record.name, record.colour, row) for record, row in zip(state.classes, counts, strict=False)]
        if counts[-1].any():
            bars.append(Bar(self.tr("unlabelled"), "", counts[-1]))
        self.chart.set_bars(tuple(bars))
        self.totals.setText(self._totals(counts))
        warnings = self._warned(state, counts)
        self.warnings.setText("\n".join(warnings))
        self.warnings.setVisible(bool(warnings))

    def _totals(self, counts: np.ndarray) -> str:
        labelled = counts[:-1]
        total = int(labelled.sum())
        if not total:
            return self.tr("No picture has a class yet; splits are given to labelled pictures.")
        parts = [
            f"{count(number)} {name} ({percent(number / total, 0)})"
            for number, name in zip(labelled.sum(axis=0).tolist(), self.chart.split_names(), strict=True)
            if number and name != self.chart.split_names()[-1]
        ]
        words = self.tr("1 labelled picture: {1}.") if total == 1 else self.tr("{0} labelled pictures: {1}.")
        return words.format(count(total), ", ".join(parts) or self.tr("not divided"))

    def _warned(self, state: AppState, counts: np.ndarray) -> list[str]:
        """Leaks that the doctor found, and classes that a split lacks."""
        found = [one for one in state.findings.findings if one.kind == "leak"] if state.findings is not None else []
        said = [one.title + ("." if not state.findings_stale else self.tr(" (before the last changes).")) for one in found]
        labelled = counts[:-1]
        if not labelled.sum():
            return said
        for column, split in enumerate(self.chart.split_names()[:3]):
            lacking = [record.name for record, row in zip(state.classes, labelled, strict=True) if row.sum() and not row[column]]
            if len(lacking) > NAMED:
                said.append(self.tr("{0} classes have no {1} picture.").format(len(lacking), split))
            elif lacking:
                said.append(self.tr("No {0} picture: {1}.").format(split, ", ".join(lacking)))
        return said

    # ------------------------------------------------------------ deeds

    @property
    def division(self) -> Division:
        """As the controls say."""
        training, validation, test = self.shares.shares
        fractions = (training / 100, validation / 100, test / 100)
        if not self.by_folds.isChecked():
            return Division(fractions, self.seed.value())
        return Division(fractions, self.seed.value(), self.folds.value(), self.fold.value() - 1)

    def submit(self) -> None:
        """Divide."""
        self._bridge.submit(Divide(self.division, self.own_too.isChecked()))

    def _want(self, row: int, split: int) -> None:
        state = self._bridge.state
        if state.images is None:
            return
        class_id = state.classes[row].id if row < len(state.classes) else -1
        name = state.classes[row].name if row < len(state.classes) else self.tr("unlabelled")
        chosen = np.flatnonzero((state.images.class_ids == class_id) & (state.images.splits == split))
        words = f"{name} · {self.chart.split_names()[SPLITS.index(Split(split))]}"
        self.images_wanted.emit(tuple(state.images.ids[chosen].tolist()), words)

    def dress(self) -> None:
        self._outer.setContentsMargins(0, 0, 0, 0)
        self._outer.setSpacing(0)
        self._top.setContentsMargins(px(16), px(12), px(16), px(8))
        self._top.setSpacing(px(6))
        self._chart_column.setContentsMargins(px(14), 0, px(4), px(8))
        self._foot.setContentsMargins(px(16), px(12), px(16), px(12))
        self._foot.setSpacing(px(8))
        self._form.setHorizontalSpacing(px(12))
