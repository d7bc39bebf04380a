"""Networks side by side: figures, where their parameters sit, how deep they are, and how well such networks do."""

from __future__ import annotations

from typing import cast

import msgspec
import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from engine.messages import DescribeNetwork
from engine.networks.layers import Shape
from gui import comparing, networks, plan
from gui.bridge import Bridge
from gui.comparing import Compared, Quantity
from gui.network_figures import scale_of
from gui.state import AppState, RunSelected
from gui.theme import px, theme
from gui.widgets.basics import count, scrolling
from gui.widgets.chip_switch import ChipSwitch
from gui.widgets.compare_accuracy import AccuracyView
from gui.widgets.compare_bars import Bar, LayerBars
from gui.widgets.compare_chooser import CompareChooser, colour_of
from gui.widgets.curve_records import Panel, Series
from gui.widgets.depth_plot import DepthPlot
from gui.widgets.figures_table import Column, FiguresTable, Line
from gui.widgets.idle_work import IdleWork

PENDING = -1
"""In the table: not worked out yet."""
VIEWS = ("layers", "depth", "accuracy")
LOW = 700
"""Height of the panel below which the table shows fewer rows at once, and the plots keep theirs."""
ROWS_WHERE_LOW = 4


class ComparePanel(QWidget):
    """A chooser, a table, and one of three plots.

    Networks are worked out one at a time while nothing else happens; until then their figures are "…".

    Signals
    -------
    run_clicked(str)
        A run's point was clicked; it is the selected run now.
    """

    run_clicked = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._chosen: tuple[str, ...] | None = None
        self._own_input: bool | None = None
        self._described: set[tuple[str, Shape, int]] = set()
        self._project = ""
        self._work = IdleWork(self)
        self._work.done.connect(self._draw)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.chooser = CompareChooser(comparing.MOST)
        self.chooser.changed.connect(self.choose)
        column.addWidget(self.chooser)
        self.input = ChipSwitch(
            (
                ("own", self.tr("As published"), self.tr("Each at the input and with the classes that it was made for")),
                ("project", self.tr("On this project's pictures"), self.tr("All at the working size and with the classes of this project")),
            ),
            self.tr("Input of the networks compared"),
        )
        self.input.chosen.connect(self._choose_input)
        self.table = self._build_table()
        column.addWidget(self.table)
        column.addLayout(self._build_switches())
        self.views = QStackedWidget()
        self.views.addWidget(self._build_layers())
        self.views.addWidget(self._build_depth())
        self.accuracy = AccuracyView(self._work)
        self.accuracy.run_clicked.connect(self._select_run)
        self.views.addWidget(self.accuracy)
        column.addWidget(self.views, 1)
        theme().changed.connect(self._draw)

    # ------------------------------------------------------------ building

    def _build_table(self) -> FiguresTable:
        table = FiguresTable(
            (
                Column(self.tr("Network"), figure=False),
                Column(self.tr("Parameters"), _number, tip=self.tr("Numbers that are learned, without auxiliary heads")),
                Column(self.tr("Multiply-adds"), _scaled, tip=self.tr("For one picture: convolutions, linear layers and attention")),
                Column(self.tr("Depth"), _number, tip=self.tr("Layers with weights on the longest way from the picture to the answer")),
                Column(
                    self.tr("Activations"),
                    lambda value: _scaled(value, "B"),
                    tip=self.tr("Memory that training keeps for one picture, as float32"),
                ),
                Column(self.tr("Field, last conv"), _field, tip=self.tr("Pixels that a unit of the last convolution can see")),
                Column(self.tr("Input → classes"), figure=False, tip=self.tr("channels × height × width → classes")),
                Column(self.tr("Year"), str),
            )
        )
        table.setAccessibleName(self.tr("Figures of the networks compared"))
        return table

    def _build_switches(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(16))
        self.view = ChipSwitch(
            (
                ("layers", self.tr("By layer"), self.tr("Where parameters and work sit")),
                ("depth", self.tr("By depth"), self.tr("How far units see, and how large the maps are, from layer to layer")),
                ("accuracy", self.tr("Accuracy"), self.tr("Accuracy against complexity")),
            ),
            self.tr("What is drawn"),
        )
        self.view.chosen.connect(self.show_view)
        row.addWidget(self.view)
        row.addStretch(1)
        row.addWidget(self.input)
        return row

    def _build_layers(self) -> QWidget:
        page, column = _page()
        row = QHBoxLayout()
        row.setSpacing(px(16))
        self.quantity = ChipSwitch(
            (
                ("parameters", self.tr("Parameters"), self.tr("What has to be stored")),
                ("multiply_adds", self.tr("Multiply-adds"), self.tr("What takes the time")),
            ),
            self.tr("What is counted"),
        )
        self.scale = ChipSwitch(
            (
                ("one", self.tr("One scale"), self.tr("As long as there is much of it")),
                ("shares", self.tr("Shares"), self.tr("All bars of one length")),
            ),
            self.tr("Length of the bars"),
        )
        self.bars = LayerBars()
        self.quantity.chosen.connect(lambda _: self._draw())
        self.scale.chosen.connect(lambda value: self.bars.set_shares(value == "shares"))
        row.addWidget(self.quantity)
        row.addWidget(self.scale)
        row.addStretch(1)
        column.addLayout(row)
        area: QScrollArea = scrolling(self.bars)
        column.addWidget(area, 1)
        return page

    def _build_depth(self) -> QWidget:
        page, column = _page()
        self.log_box = QCheckBox(self.tr("Logarithmic"))
        self.log_box.setToolTip(self.tr("Draw both on logarithmic axes"))
        column.addWidget(self.log_box)
        self.depth = DepthPlot(self.tr("layers with weights, from the picture on"))
        self.depth.set_empty_text(self.tr("None of these networks has maps."))
        self.log_box.toggled.connect(self.depth.set_log)
        column.addWidget(self.depth, 1)
        return page

    # ------------------------------------------------------------ what is compared

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the networks compared."""
        return self._chosen if self._chosen is not None else comparing.kept(self._bridge.state)

    @property
    def own_input(self) -> bool:
        """Whether each is shown at the input that it was made for."""
        if self._own_input is not None:
            return self._own_input
        return self._bridge.state.memory.get(comparing.INPUT, "") != "project"

    def choose(self, names: tuple[str, ...]) -> None:
        """Compare these, and keep it in the project; none: what suits the chosen network."""
        self._chosen = names[: comparing.MOST] or None
        kept = msgspec.json.encode(names).decode() if names else ""
        if self._bridge.state.writable:
            self._chosen = None
            plan.keep(self._bridge, comparing.COMPARED, kept)
        self._draw()

    def add(self, name: str) -> None:
        """Compare a network with those that are compared already; the last one makes room where there are too many."""
        if name not in self.compared:
            self.choose((*self.compared[: comparing.MOST - 1], name))

    def show_view(self, name: str) -> None:
        """Draw "layers", "depth" or "accuracy"."""
        self.view.set_value(name)
        self.views.setCurrentIndex(VIEWS.index(name))
        self._draw()

    def _choose_input(self, value: str) -> None:
        self._own_input = value == "own"
        if self._bridge.state.writable:
            self._own_input = None
            plan.keep(self._bridge, comparing.INPUT, "" if value == "own" else "project")
        self._draw()

    def _select_run(self, run: str) -> None:
        self._bridge.dispatch(RunSelected(run=run))
        self.run_clicked.emit(run)

    # ------------------------------------------------------------ rendering

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Follow the project, its networks and its runs."""
        folder = state.folder
        if folder != self._project:
            self._project, self._chosen, self._own_input = folder, None, None
        if changed & {"project", "networks", "described", "runs"}:
            self._work.forget()
        if changed & {"project", "networks", "described", "libraries", "memory", "runs", "classes", "selected_run"}:
            self._draw()

    def _draw(self) -> None:
        """Draw what is known; ask for the rest."""
        if not self.isVisible():
            self._work.drop_waiting()
            return
        state, own, names = self._bridge.state, self.own_input, self.compared
        self.chooser.set_networks(comparing.options(state), names)
        self.input.set_value("own" if own else "project")
        found = [self._found(state, name, own) for name in names]
        self._draw_table(state, names, found)
        view = self.view.value
        if view == "layers":
            self._draw_bars(names, found)
        elif view == "depth":
            self._draw_depth(found)
        else:
            self.accuracy.show_state(state, names)

    def _found(self, state: AppState, name: str, own: bool) -> Compared | None:
        """A network worked out; None while it is not."""
        shape, classes = comparing.size_for(state, name, own)
        found = self._work.get((name, shape, classes), lambda: comparing.work_out(self._bridge.state, name, own))
        if found is IdleWork.PENDING:
            return None
        found = cast(Compared, found)
        asked = (name, shape, classes)
        if found.analysis is None and networks.is_library(name) and asked not in self._described and state.engine is not None:
            self._described.add(asked)
            self._bridge.submit(DescribeNetwork(*asked))
        return found

    def _draw_table(self, state: AppState, names: tuple[str, ...], found: list[Compared | None]) -> None:
        lines = [
            _waiting_line(networks.card(state, name).title, name, colour_of(place)) if one is None else _line(one, colour_of(place))
            for place, (name, one) in enumerate(zip(names, found, strict=True))
        ]
        self.table.set_lines(lines)
        self._fit_table(len(lines))

    def _fit_table(self, lines: int) -> None:
        rows = min(max(1, lines), ROWS_WHERE_LOW if self.height() < px(LOW) else comparing.MOST)
        height = self.table.verticalHeader().defaultSectionSize() * rows
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + height + px(4))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_table(len(self.compared))

    def _draw_bars(self, names: tuple[str, ...], found: list[Compared | None]) -> None:
        quantity = cast(Quantity, self.quantity.value)
        bars = []
        for place, (name, one) in enumerate(zip(names, found, strict=True)):
            if one is None:
                bars.append(Bar(networks.card(self._bridge.state, name).title, colour_of(place), (), "…"))
            elif one.analysis is None:
                bars.append(Bar(one.title, colour_of(place), (), one.refusal))
            else:
                bars.append(Bar(one.title, colour_of(place), comparing.parts(one.analysis, quantity)))
        self.bars.set_bars(tuple(bars), self.tr("parameters") if quantity == "parameters" else self.tr("multiply-adds a picture"))

    def _draw_depth(self, found: list[Compared | None]) -> None:
        fields, sides = [], []
        for place, one in enumerate(found):
            if one is None or one.analysis is None:
                continue
            shown = comparing.profile(one.analysis)
            x, tone = np.array(shown.depths, np.float64), colour_of(place)
            if np.isfinite(shown.fields).any():
                fields.append(Series(one.title, tone, x, np.array(shown.fields), bold=True))
            if len(x):
                sides.append(Series(one.title, tone, x, np.array(shown.sides, np.float64), bold=True))
        self.depth.set_panels(
            (
                Panel(self.tr("receptive field (px)"), tuple(fields), " px", 0, floor=0.0),
                Panel(self.tr("height of the maps (px)"), tuple(sides), " px", 0, floor=0.0),
            )
        )


def _page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(6))
    return page, column


def _line(one: Compared, tone: str) -> Line:
    words = f"{' × '.join(str(side) for side in one.input)} → {count(one.classes)}"
    year = one.year or None
    if one.analysis is None:
        return Line(one.name, (one.title, None, None, None, None, None, words, year), tone, one.refusal)
    found = comparing.figures(one.analysis)
    values = (found.parameters, found.multiply_adds, found.depth, found.memory, found.field, words, year)
    return Line(one.name, (one.title, *values), tone)


def _waiting_line(title: str, name: str, tone: str) -> Line:
    return Line(name, (title, PENDING, PENDING, PENDING, PENDING, (PENDING, PENDING), "…", None), tone)


def _number(value: int) -> str:
    return "…" if value == PENDING else count(value)


def _scaled(value: int, unit: str = "") -> str:
    return "…" if value == PENDING else scale_of(value, unit)


def _field(value: tuple[int, int]) -> str:
    return "…" if value[0] == PENDING else f"{value[0]} × {value[1]}"
