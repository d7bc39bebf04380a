"""A layer's feature maps for a picture; a click on one shows the receptive field of that unit on the picture."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QSplitter, QVBoxLayout, QWidget

from engine.messages import FeatureMapsReady, ProbeUnit, ShowFeatureMaps, UseRun
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.heat_picture import HeatPicture, effective_size
from gui.widgets.tensor_pictures import TensorPictures


class SeeInside(QWidget):
    """Layer above, maps at the left, the field at the right. Asks the engine only while it is visible."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._image = -1
        self._shown: FeatureMapsReady | None = None
        self._asked: tuple[str, int, str] | None = None
        self._loading: str | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(12), px(16), px(16))
        column.setSpacing(px(8))
        row = QHBoxLayout()
        self.layer_words = label(self.tr("Layer"), "muted")
        row.addWidget(self.layer_words)
        self.layer_box = QComboBox()
        self.layer_box.setAccessibleName(self.tr("Layer"))
        self.layer_box.setMinimumContentsLength(16)
        self.layer_box.activated.connect(lambda _: self._ask())
        row.addWidget(self.layer_box)
        self.previous = button("‹", "quiet", self.tr("Previous picture"))
        self.following = button("›", "quiet", self.tr("Next picture"))
        self.previous.clicked.connect(lambda: self._step(-1))
        self.following.clicked.connect(lambda: self._step(1))
        self.picture_name = label("", "muted")
        row.addSpacing(px(16))
        for widget in (self.previous, self.picture_name, self.following):
            row.addWidget(widget)
        row.addStretch(1)
        column.addLayout(row)
        self.words = label("", "caption", wrap=True)
        column.addWidget(self.words)
        self.split = split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        self.maps = TensorPictures(self.tr("feature maps"), side=200)
        self.maps.pixel_clicked.connect(self._probe)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.maps)
        split.addWidget(scroll)
        self.field = HeatPicture()
        self.field.pixel_clicked.connect(self._probe_at)
        split.addWidget(self.field)
        split.setSizes([px(560), px(420)])
        column.addWidget(split, 1)
        column.addStretch(0)

    # ------------------------------------------------------------ rendering

    def set_image(self, image: int) -> None:
        """Look at this picture."""
        self._image = image
        self._ask()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show what the engine has answered."""
        if changed & {"model", "selected_run", "runs", "project"}:
            self._render_layers(state)
        if "images" in changed or self._image < 0:
            self._render_name(state)
        if "feature_maps" in changed and state.feature_maps is not None:
            self._render_maps(state.feature_maps)
        if "unit" in changed and state.unit is not None and self._shown is not None and state.unit.image == self._shown.image:
            unit = state.unit
            top, left, bottom, right = unit.box
            silent = not unit.heat.any()
            sees = self.tr("silent here: no pixel moves it") if silent else self.tr("does see about {side:.0f} × {side:.0f} px (heat)")
            words = (
                self.tr("{layer}, channel {channel}, row {row}, column {column}: {value:.4g}").format(
                    layer=unit.layer, channel=unit.channel, row=unit.row, column=unit.column, value=unit.activation
                ),
                self.tr("may see {height} × {width} px (box); ").format(height=bottom - top, width=right - left)
                + sees.format(side=effective_size(unit.heat)),
            )
            self.field.set_field(unit.picture, unit.heat, unit.box, words)
            if unit.layer == self._shown.layer:
                self.maps.select((unit.channel, unit.row, unit.column))
        self._ask()

    def _render_layers(self, state: AppState) -> None:
        run = state.run
        if run is None or state.model is None or state.model.run != run.id:
            self.layer_box.clear()
            return
        kept = self.layer_box.currentText()
        self.layer_box.clear()
        self.layer_box.addItems(list(state.model.layers))
        first = next((at for at, name in enumerate(state.model.layers) if "relu" in name or "act" in name), 0)
        self.layer_box.setCurrentIndex(max(self.layer_box.findText(kept), -1) if kept in state.model.layers else first)
        words = self.tr("Colour is how strongly a unit answers (scale below). Click a unit to see which part of the picture it looks at.")
        for widget in (self.layer_words, self.layer_box, self.split):
            widget.setVisible(bool(state.model.layers))
        if not state.model.layers:
            words = self.tr("This classifier has no layers to look into: it compares pixels.")
            if run.members:
                words = self.tr("An ensemble has no layers of its own to look into; choose one of its members.")
        self.words.setText(words)

    def _render_name(self, state: AppState) -> None:
        table = state.images
        if table is None or not len(table.ids):
            self._image = -1
            self.picture_name.setText("")
            return
        row = int(table.ids.searchsorted(self._image))
        if row >= len(table.ids) or table.ids[row] != self._image:
            row = min(row, len(table.ids) - 1) if self._image >= 0 else 0
            self._image = int(table.ids[row])
        label_now = next((record.name for record in state.classes if record.id == table.class_ids[row]), self.tr("unlabelled"))
        self.picture_name.setText(f"{table.names[row]} · {label_now}")

    def _render_maps(self, maps: FeatureMapsReady) -> None:
        run = self._bridge.state.run
        if run is None or maps.run != run.id:
            return
        self._shown = maps
        self.maps.set_tensor(maps.maps[..., None])
        self.maps.select(None)
        self.field.set_picture(maps.picture)

    def choose_layer(self, name: str) -> None:
        """Show what this layer answers."""
        self.layer_box.setCurrentText(name)
        self._ask()

    # ------------------------------------------------------------ asking

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._ask()

    def _ask(self) -> None:
        state = self._bridge.state
        run = state.run
        if not self.isVisible() or run is None or state.project is None or state.engine is None:
            return
        if state.model is None or state.model.run != run.id:
            if self._loading != run.id:
                self._loading, self._asked = run.id, None
                self._bridge.submit(UseRun(run.id))
            return
        self._loading = None
        self._render_name(state)
        wanted = (run.id, self._image, self.layer_box.currentText())
        if self._image >= 0 and wanted[2] and wanted != self._asked:
            self._asked = wanted
            self._bridge.submit(ShowFeatureMaps(*wanted))

    def _step(self, steps: int) -> None:
        table = self._bridge.state.images
        if table is None or not len(table.ids):
            return
        row = int(table.ids.searchsorted(self._image)) + steps
        self.set_image(int(table.ids[row % len(table.ids)]))
        self._render_name(self._bridge.state)

    def _probe(self, channel: int, row: int, column: int) -> None:
        if self._shown is not None:
            self._bridge.submit(ProbeUnit(self._shown.run, self._shown.image, self._shown.layer, channel, row, column))

    def _probe_at(self, row: int, column: int) -> None:
        """The unit of the channel looked at last whose field is centred nearest to this pixel of the picture."""
        if self._shown is None:
            return
        _, height, width = self._shown.maps.shape
        rows, columns = self._shown.picture.shape[:2]
        unit = self._bridge.state.unit
        channel = unit.channel if unit is not None and unit.layer == self._shown.layer else 0
        self._probe(channel, min(row * height // rows, height - 1), min(column * width // columns, width - 1))
