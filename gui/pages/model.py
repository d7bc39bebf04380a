"""Model: the gallery of networks, the chosen one drawn and in figures, and its working size."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.networks import zoo
from engine.networks.arithmetic import LayerRow, NetworkError
from gui import plan
from gui.bridge import Bridge
from gui.network_figures import network_figures
from gui.pages.page import Page
from gui.settings import Settings
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, count, label
from gui.widgets.figure_strip import FigureStrip
from gui.widgets.figures_table import Column, FiguresTable, Line
from gui.widgets.neighbour_drawing import NeighbourDrawing
from gui.widgets.network_card import NetworkCard
from gui.widgets.network_drawing import NetworkDrawing, boxes_of
from gui.widgets.number_box import NumberBox

MOST_NEIGHBOURS = 50
WIDE_GALLERY, NARROW_GALLERY = 316, 232


class ModelPage(Page):
    """Choose a network; see what it is and what it costs."""

    name, title, icon = "model", "Model", "ph.graph"
    help_text = (
        "Choose the network to train. The drawing shows its feature maps to scale; point at one to see the arithmetic, click it to find "
        "its row in the table. The working size is the size to which every picture is brought first. "
        "Nearest neighbour learns nothing: it compares with every training picture."
    )

    def __init__(self, bridge: Bridge, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(bridge, settings, parent)
        self._finder = plan.typical_finder(bridge)
        self.cards: dict[str, NetworkCard] = {}
        self.train_button = button(self.tr("Train this network"), "primary", self.tr("Go to the Train page with this network"))
        self.train_button.clicked.connect(lambda: self.page_wanted.emit("train"))
        self.header.add_stretch()
        self.header.add_button(self.train_button)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self._build_gallery())
        body.addLayout(self._build_centre(), 1)
        self.content.addLayout(body, 1)
        self.strip = FigureStrip()
        self.content.addWidget(self.strip)

    # ------------------------------------------------------------ building

    def _build_gallery(self) -> QWidget:
        inside = QWidget()
        inside.setObjectName("surface")
        column = QVBoxLayout(inside)
        column.setContentsMargins(px(16), px(16), px(8), px(16))
        column.setSpacing(px(8))
        self._group = QButtonGroup(self)
        for name in zoo.names():
            card = NetworkCard(zoo.card(name))
            card.clicked.connect(lambda _=False, chosen=name: self._choose(chosen))
            self._group.addButton(card)
            self.cards[name] = card
            column.addWidget(card)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        self._gallery = area
        return area

    def _build_centre(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(px(12), px(16), px(16), px(8))
        column.setSpacing(px(8))
        column.addLayout(self._build_title())
        self.refusal = label("", "error", wrap=True)
        self.refusal.hide()
        column.addWidget(self.refusal)
        self.drawing = NetworkDrawing()
        self.drawing.layer_clicked.connect(self._select_layer)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self.drawing)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.neighbours = NeighbourDrawing()
        self.pictures = QStackedWidget()
        self.pictures.addWidget(area)
        self.pictures.addWidget(self.neighbours)
        self.pictures.setMinimumHeight(px(224))
        self.table = FiguresTable(
            (
                Column(self.tr("Layer"), figure=False),
                Column(self.tr("Kind"), figure=False),
                Column(self.tr("Output"), _shape, tip=self.tr("channels × height × width, or values")),
                Column(self.tr("Parameters"), tip=self.tr("Numbers that are learned, and how they come about")),
                Column(self.tr("Multiply-adds"), count, tip=self.tr("For one picture")),
                Column(
                    self.tr("Receptive field"),
                    lambda pair: f"{pair[0]} × {pair[1]}",
                    tip=self.tr("Pixels of the input that one unit can see, padding included"),
                ),
            ),
            sortable=False,
            wide=1,
        )
        self.table.setAccessibleName(self.tr("Layers"))
        self.table.line_clicked.connect(self._select_layer)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.pictures)
        splitter.addWidget(self.table)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 4)
        column.addWidget(splitter, 1)
        return column

    def _build_title(self) -> QVBoxLayout:
        both = QVBoxLayout()
        both.setSpacing(px(2))
        self.network_title = label("", "title")
        self.source = label("", "caption", wrap=True)
        both.addWidget(self.network_title)
        both.addWidget(self.source)
        both.addSpacing(px(6))
        row = QHBoxLayout()
        row.setSpacing(px(8))
        both.addLayout(row)
        self._classic_controls = QWidget()
        classic = QHBoxLayout(self._classic_controls)
        classic.setContentsMargins(0, 0, 0, 0)
        self.k_box = NumberBox(1, MOST_NEIGHBOURS)
        self.k_box.setAccessibleName(self.tr("Neighbours"))
        self.k_box.valueChanged.connect(self._change_neighbours)
        self.distance_box = QComboBox()
        self.distance_box.setAccessibleName(self.tr("Distance"))
        self.distance_box.addItem(self.tr("L1: sum of differences"), "l1")
        self.distance_box.addItem(self.tr("L2: Euclidean"), "l2")
        self.distance_box.activated.connect(self._change_neighbours)
        classic.addWidget(label(self.tr("Neighbours")))
        classic.addWidget(self.k_box)
        classic.addSpacing(px(8))
        classic.addWidget(label(self.tr("Distance")))
        classic.addWidget(self.distance_box)
        classic.addStretch(1)
        row.addWidget(label(self.tr("Working size")))
        self.size_box = NumberBox(1, plan.LARGEST_SIDE)
        self.size_box.setSuffix(self.tr(" px"))
        self.size_box.setAccessibleName(self.tr("Working size"))
        self.size_box.setToolTip(self.tr("Side of the square to which every picture is brought before the network sees it"))
        self.size_box.valueChanged.connect(lambda side: plan.keep(self.bridge, plan.SIZE, str(side)))
        row.addWidget(self.size_box)
        self.suggested_button = button("", "quiet", self.tr("Take the size that suits the network and the pictures"))
        self.suggested_button.clicked.connect(lambda: plan.keep(self.bridge, plan.SIZE, ""))
        row.addWidget(self.suggested_button)
        row.addStretch(1)
        both.addWidget(self._classic_controls)
        return both

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._gallery.setFixedWidth(px(WIDE_GALLERY) if self.width() > px(900) else px(NARROW_GALLERY))

    # ------------------------------------------------------------ rendering

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        if changed & {"images", "memory", "project"}:
            self._finder.look(state)
        if changed & {"memory", "classes", "runs", "project"} or ("images" in changed and not self.cards[self._name()].isChecked()):
            self._render_cards(state)
            self._render_chosen(state)
        elif "images" in changed:
            self.strip.set_figures(network_figures(state))
        self.train_button.setEnabled(state.project is not None)

    def _name(self) -> str:
        return plan.network_name(self.bridge.state)

    def _render_cards(self, state: AppState) -> None:
        chosen = plan.network_name(state)
        for name, card in self.cards.items():
            shape = plan.input_shape(state, name)
            refusal, boxes, parameters = "", (), None
            try:
                worked = plan.analysis(state, name)
                if worked is not None:
                    boxes, parameters = boxes_of(worked, self.tr("input")), worked.parameters
            except NetworkError as error:
                refusal = error.message
            card.show_fit(boxes, parameters, (shape[1], shape[2]), refusal)
            card.setChecked(name == chosen)
        self._gallery.ensureWidgetVisible(self.cards[chosen], 0, px(16))

    def _render_chosen(self, state: AppState) -> None:
        name = plan.network_name(state)
        card = zoo.card(name)
        self.network_title.setText(card.title)
        self.source.setText(card.source)
        self._render_size(state, name)
        classic = card.kind == "classic"
        self._classic_controls.setVisible(classic)
        self.pictures.setCurrentIndex(1 if classic else 0)
        recipe = plan.recipe(state)
        for box, set_value in ((self.k_box, self.k_box.setValue), (self.distance_box, self.distance_box.setCurrentIndex)):
            box.blockSignals(True)
            set_value(recipe.neighbours if box is self.k_box else ("l1", "l2").index(recipe.distance))
            box.blockSignals(False)
        self.neighbours.set_choice(recipe.neighbours, recipe.distance)
        worked, refusal = None, ""
        try:
            worked = plan.analysis(state, name)
        except NetworkError as error:
            refusal = str(error)
        self.refusal.setText(refusal)
        self.refusal.setVisible(bool(refusal))
        self.table.setVisible(worked is not None)
        self.drawing.set_empty_text("" if not refusal else self.tr("There is nothing to draw at this size."))
        self.drawing.set_boxes(boxes_of(worked, self.tr("input")) if worked is not None else ())
        self.table.set_lines([_line(row) for row in worked.layers] if worked is not None else [])
        self.strip.set_figures(network_figures(state))

    def _render_size(self, state: AppState, name: str) -> None:
        shape = plan.input_shape(state, name)
        self.size_box.blockSignals(True)
        self.size_box.setValue(max(shape[1:]))
        self.size_box.blockSignals(False)
        free = plan.input_shape(msgspec.structs.replace(state, memory={**state.memory, plan.SIZE: ""}), name)
        words = self.tr("Suggested: {height} × {width}").format(height=free[1], width=free[2])
        self.suggested_button.setText(words)
        self.suggested_button.setEnabled(plan.size(state) is not None and state.writable)
        self.size_box.setEnabled(state.writable)

    # ------------------------------------------------------------ deeds

    def _choose(self, name: str) -> None:
        plan.keep(self.bridge, plan.NETWORK, name)
        if not self.bridge.state.writable:
            self._render_cards(self.bridge.state)

    def _select_layer(self, layer: str) -> None:
        self.drawing.select(layer)
        self.table.select(layer)

    def _change_neighbours(self) -> None:
        recipe = plan.recipe(self.bridge.state)
        changed = msgspec.structs.replace(recipe, neighbours=self.k_box.value(), distance=self.distance_box.currentData())
        plan.keep_recipe(self.bridge, changed)


def _shape(value: tuple[int, int, int] | int) -> str:
    return count(value) if isinstance(value, int) else " × ".join(str(side) for side in value)


def _line(row: LayerRow) -> Line:
    kind = f"{row.kind}, {row.detail}" if row.detail else row.kind
    output = row.output[0] if row.flat else row.output
    tip = f"{row.kind}: {row.detail}" + (f"\nsize {row.size_formula}" if row.size_formula else "")
    values = (row.name, kind, output, row.formula.replace(",", "\u202f") or None, row.multiply_adds or None, row.receptive_field)
    return Line(row.name, values, tip=tip)
