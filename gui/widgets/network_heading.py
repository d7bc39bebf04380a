"""Above the drawing: what the chosen network is called, where it comes from, and with what it begins: working size, weights."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui import networks, plan
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.flow import FlowLayout
from gui.widgets.number_box import NumberBox
from gui.widgets.weights_bar import WeightsBar

MOST_NEIGHBOURS = 50


class NetworkHeading(QWidget):
    """Title, source, working size, weights; for nearest neighbour its two choices."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        both = QVBoxLayout(self)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(px(2))
        self.title = label("", "title", wrap=True)
        self._source = ""
        self.source = label("", "caption")
        self.source.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        both.addWidget(self.title)
        both.addWidget(self.source)
        both.addSpacing(px(6))
        line = QWidget()
        flow = FlowLayout(line)
        self.weights = WeightsBar(bridge)
        for group in (self._build_size(), self._build_neighbours(), self.weights.controls):
            flow.addWidget(group)
        both.addWidget(line)
        both.addWidget(self.weights)

    def _build_size(self) -> QWidget:
        group = QWidget()
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, px(16), 0)
        row.setSpacing(px(8))
        self.size_box = NumberBox(1, plan.LARGEST_SIDE)
        self.size_box.setSuffix(self.tr(" px"))
        self.size_box.setAccessibleName(self.tr("Working size"))
        self.size_box.setToolTip(self.tr("Side of the square to which every picture is brought before the network sees it"))
        self.size_box.valueChanged.connect(lambda side: plan.keep(self._bridge, plan.SIZE, str(side)))
        self.suggested_button = button("", "quiet", self.tr("Take the size that suits the network and the pictures"))
        self.suggested_button.clicked.connect(lambda: plan.keep(self._bridge, plan.SIZE, ""))
        for widget in (label(self.tr("Working size")), self.size_box, self.suggested_button):
            row.addWidget(widget)
        return group

    def _build_neighbours(self) -> QWidget:
        self.neighbour_controls = QWidget()
        row = QHBoxLayout(self.neighbour_controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.k_box = NumberBox(1, MOST_NEIGHBOURS)
        self.k_box.setAccessibleName(self.tr("Neighbours"))
        self.k_box.valueChanged.connect(self._change_neighbours)
        self.distance_box = QComboBox()
        self.distance_box.setAccessibleName(self.tr("Distance"))
        self.distance_box.addItem(self.tr("L1: sum of differences"), "l1")
        self.distance_box.addItem(self.tr("L2: Euclidean"), "l2")
        self.distance_box.activated.connect(self._change_neighbours)
        for widget in (label(self.tr("Neighbours")), self.k_box, label(self.tr("Distance")), self.distance_box):
            row.addWidget(widget)
        return self.neighbour_controls

    def render(self, state: AppState) -> None:
        """Show the chosen network of a state."""
        name = plan.network_name(state)
        card = networks.card(state, name)
        self.title.setText(card.title)
        self._source = card.source
        self.source.setToolTip(card.source)
        self._fit_source()
        self._render_size(state, name)
        classic = networks.is_classic(name)
        self.neighbour_controls.setVisible(classic)
        recipe = plan.recipe(state)
        for box, set_value in ((self.k_box, self.k_box.setValue), (self.distance_box, self.distance_box.setCurrentIndex)):
            box.blockSignals(True)
            set_value(recipe.neighbours if box is self.k_box else ("l1", "l2").index(recipe.distance))
            box.blockSignals(False)
        self.weights.render(state)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_source()

    def _fit_source(self) -> None:
        """The citation on one line; the tooltip has all of it."""
        room = max(px(160), self.width() - px(8))
        self.source.setText(self.source.fontMetrics().elidedText(self._source, Qt.TextElideMode.ElideRight, room))

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

    def _change_neighbours(self) -> None:
        recipe = plan.recipe(self._bridge.state)
        changed = msgspec.structs.replace(recipe, neighbours=self.k_box.value(), distance=self.distance_box.currentData())
        plan.keep_recipe(self._bridge, changed)
