"""What the units of a network can see: layer and unit to choose, the box on a picture, growing from layer to layer."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from engine.messages import UnitProbed
from engine.networks.arithmetic import Analysis, LayerRow, NetworkError
from gui import fields, networks, plan
from gui.bridge import Bridge
from gui.fields import EXAMPLES
from gui.network_figures import short_name
from gui.state import AppState
from gui.theme import colours, px, theme
from gui.widgets.basics import button, count, label
from gui.widgets.curve_records import Mark, Panel, Series
from gui.widgets.depth_plot import DepthPlot
from gui.widgets.effective_field import EffectiveField
from gui.widgets.figures_table import Column, FiguresTable, Line
from gui.widgets.layer_player import LayerPlayer
from gui.widgets.receptive_picture import ReceptivePicture
from gui.widgets.receptive_source import PictureSource
from gui.widgets.unit_grid import UnitGrid

MEASURED = 150
"""Rows of the table that its columns' widths are taken from: measuring those of a thousand layers takes most of a second."""
LOW = 410
"""Height below which picture and words need the room of the curve."""
FOLLOWED = frozenset({"project", "memory", "images", "classes", "runs", "networks", "described", "engine"})


class ReceptivePanel(QWidget):
    """Layers at the left, picture and units at the right, below them how the field comes about and how it grows.

    Left and Right go from layer to layer, Space plays. The point that is looked at stays when the layer changes.
    """

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._worked: Analysis | None = None
        self._rows: tuple[LayerRow, ...] = ()
        self._current = 0
        self._focus = (0.0, 0.0)
        self._shown: fields.Seen | None = None
        self.source = PictureSource(bridge, self)
        self.source.changed.connect(self._show_picture)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        column.addLayout(self._build_head())
        self.refusal = label("", "muted", wrap=True)
        column.addWidget(self.refusal)
        self.body = QSplitter(Qt.Orientation.Horizontal)
        self.body.setChildrenCollapsible(False)
        self.body.addWidget(self._build_layers())
        self.body.addWidget(self._build_view())
        self.body.setStretchFactor(0, 1)
        self.body.setStretchFactor(1, 3)
        self.body.setSizes([px(300), px(700)])
        column.addWidget(self.body, 1)
        theme().changed.connect(self._draw_curve)

    # ------------------------------------------------------------ building

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.which = QComboBox()
        self.which.setAccessibleName(self.tr("Network whose units are looked at"))
        self.which.setToolTip(self.tr("The chosen network, or a small one on which the pixels can be counted"))
        self.which.addItem("")
        for title, _ in EXAMPLES:
            self.which.addItem(self.tr("Example: {title}").format(title=fields.tr(title)))
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(26)
        self.which.activated.connect(lambda _: self._refresh())
        self.previous = button("‹", "quiet", self.tr("Previous picture"))
        self.following = button("›", "quiet", self.tr("Next picture"))
        self.previous.clicked.connect(lambda: self._turn(-1))
        self.following.clicked.connect(lambda: self._turn(1))
        self.picture_name = label("", "muted")
        row.addWidget(self.which)
        row.addStretch(1)
        for widget in (self.previous, self.picture_name, self.following):
            row.addWidget(widget)
        return row

    def _build_layers(self) -> QWidget:
        self.table = FiguresTable(
            (
                Column(self.tr("Layer"), short_name, figure=False),
                Column(self.tr("Units"), tip=self.tr("Rows × columns of units that lie at different places")),
                Column(self.tr("Field"), tip=self.tr("Receptive field: side in pixels of what may influence a unit, padding included")),
                Column(self.tr("Jump"), tip=self.tr("Pixels between the fields of neighbouring units")),
            ),
            sortable=False,
        )
        self.table.setAccessibleName(self.tr("Layers"))
        self.table.setMinimumWidth(px(268))
        self.table.horizontalHeader().setResizeContentsPrecision(MEASURED)
        self.table.setTextElideMode(Qt.TextElideMode.ElideLeft)  # long names differ at their end
        self.table.line_clicked.connect(self._choose_row)
        self.table.installEventFilter(self)
        return self.table

    def _build_view(self) -> QWidget:
        view = QWidget()
        column = QVBoxLayout(view)
        column.setContentsMargins(px(8), 0, 0, 0)
        column.setSpacing(px(6))
        both = QHBoxLayout()
        both.setSpacing(px(12))
        self.picture = ReceptivePicture()
        self.picture.pixel_clicked.connect(self._look_at)
        self.picture.set_empty_text("…")
        self.grid = UnitGrid()
        self.grid.unit_clicked.connect(self._choose_unit)
        both.addWidget(self.picture, 5)
        both.addWidget(self.grid, 2)
        column.addLayout(both, 5)
        self.words = label("", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setMinimumHeight(4 * self.words.fontMetrics().lineSpacing())
        column.addWidget(self.words)
        self.player = LayerPlayer()
        self.player.layer_wanted.connect(self._go)
        column.addWidget(self.player)
        self.effective = EffectiveField(self._bridge)
        self.effective.answered.connect(self._show_heat)
        self.effective.button.clicked.connect(self.player.stop)
        column.addWidget(self.effective)
        self.plot = DepthPlot(self.tr("layer, in order"))
        self.plot.setMinimumHeight(px(88))  # a low window has no room for more
        column.addWidget(self.plot, 2)
        return view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.plot.setVisible(self.height() >= px(LOW))

    # ------------------------------------------------------------ rendering

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.player.stop()
        self.source.leave()

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Follow the project, the chosen network, its input and its runs, and show what the engine has answered."""
        if not self.isVisible():
            return
        if changed & FOLLOWED:
            self._refresh()
        if "input_preview" in changed:
            self.source.take(state)
        if "unit" in changed and state.unit is not None:
            self.effective.take(state.unit, *self._size)

    def set_image(self, image: int) -> None:
        """Look at this picture of the project."""
        self.source.choose(image)
        self._refresh()

    def _refresh(self) -> None:
        if not self.isVisible():
            return
        state = self._bridge.state
        name = plan.network_name(state)
        self.which.setItemText(0, self.tr("Chosen: {title}").format(title=networks.card(state, name).title))
        worked, refusal = self._work_out(state, name)
        self.refusal.setText(refusal)
        self.refusal.setVisible(bool(refusal))
        self.body.setVisible(not refusal)
        if worked is not self._worked:
            self._take_network(worked if not refusal else None)
        if worked is not None and not refusal:
            self.source.follow(state, worked.input)
        images = state.images is not None and len(state.images.ids) > 1
        for widget in (self.previous, self.following):
            widget.setVisible(images)
        self.picture_name.setText(self.source.words(state))
        self._offer_effective(state)

    def _work_out(self, state: AppState, name: str) -> tuple[Analysis | None, str]:
        """The network looked at, or why there is nothing to see."""
        if self.which.currentIndex() > 0:
            return fields.example(self.which.currentIndex() - 1), ""
        if networks.is_classic(name):
            return None, self.tr("{title} compares whole pictures: it has no layers whose units see a part.").format(
                title=networks.card(state, name).title
            )
        try:
            worked = plan.analysis(state, name)
        except NetworkError as error:
            return None, str(error)
        if worked is None:
            return None, self.tr("This network is not worked out yet.")
        if not fields.rows_of(worked):
            words = self.tr("Fields are not known of {title}: its library tells the layers, but not how they are connected.")
            return worked, words.format(title=networks.card(state, name).title)
        return worked, ""

    def _take_network(self, worked: Analysis | None) -> None:
        before = self._rows[self._current].name if self._rows else ""
        self._worked, self._rows = worked, fields.rows_of(worked) if worked is not None else ()
        self.player.set_rows(self._rows)
        self.table.set_lines([_line(number, row) for number, row in enumerate(self._rows)])
        self._current = 0
        if worked is None or not self._rows:
            return
        _, height, width = worked.input
        self._focus = (height / 2, width / 2)
        self._draw_curve()
        same = next((number for number, row in enumerate(self._rows) if row.name == before), -1)
        self._go(same if same >= 0 else _telling(self._rows, min(height, width)))

    def _draw_curve(self) -> None:
        y = np.array([max(row.receptive_field or (0, 0)) for row in self._rows], np.float64)
        series = Series(self.tr("receptive field"), colours().curves[1], np.arange(1, len(y) + 1, dtype=np.float64), y, bold=True)
        self.plot.set_panels((Panel(self.tr("field (px)"), (series,) if len(y) else (), " px", 0, floor=0.0),))

    def _show_picture(self) -> None:
        self.effective.drop()
        self.picture.set_picture(self.source.picture)
        self.picture_name.setText(self.source.words(self._bridge.state))

    # ------------------------------------------------------------ layer and unit

    @property
    def _size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self._worked.input[1:] if self._worked is not None else (0, 0)

    @property
    def row(self) -> LayerRow | None:
        """The layer looked at."""
        return self._rows[self._current] if self._rows else None

    @property
    def unit(self) -> tuple[int, int]:
        """Row and column of the unit looked at, in the grid of its layer."""
        assert self._worked is not None
        return fields.unit_near(self._rows[self._current], self._focus, *self._worked.input[1:])

    @property
    def seen(self) -> fields.Seen | None:
        """What is drawn."""
        return self._shown

    def _go(self, number: int) -> None:
        """Look at a layer."""
        self._current = number
        self.table.select(number)
        self.player.show_layer(number)
        row = self._rows[number]
        self.plot.set_marks((Mark(float(number + 1), row.name),))
        self._show_unit()

    def _show_unit(self) -> None:
        row, worked = self._rows[self._current], self._worked
        assert worked is not None
        at = self.unit
        self._shown = fields.seen(worked, row, at)
        rows, columns = fields.grid(row)
        alike = row.jump == (0, 0) and (rows, columns) != (1, 1)
        self.grid.set_grid(rows, columns, at, alike)
        field, jump = fields.recurrence(worked, row)
        sees, padding = fields.unit_words(row, at, self._shown, *worked.input[1:])
        head = f"{row.name}: {row.kind}{', ' + row.detail if row.detail else ''}"
        lines = (head, f"{field}; {jump}" if jump else field, sees, padding)
        self.words.setText("\n".join(line for line in lines if line))
        self.picture.set_seen(self._shown, sees)
        self.effective.set_unit(row, at)

    def _choose_row(self, number: int) -> None:
        self.player.stop()
        self._go(number)

    def _choose_unit(self, row: int, column: int) -> None:
        layer, worked = self._rows[self._current], self._worked
        assert worked is not None
        _, height, width = worked.input
        if layer.jump == (0, 0):
            rows, columns = fields.grid(layer)
            self._focus = ((row + 0.5) * height / rows, (column + 0.5) * width / columns)
        else:
            self._focus = fields.seen(worked, layer, (row, column)).centre
        self._show_unit()

    def _look_at(self, y: float, x: float) -> None:
        if self._rows:
            self._focus = (y, x)
            self._show_unit()

    def _turn(self, steps: int) -> None:
        self.source.step(self._bridge.state, steps)
        self._refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self.player.step(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Space:
            self.player.toggle()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The table leaves the keys of the panel to the panel."""
        keys = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Space)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in keys:
            self.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    # ------------------------------------------------------------ the effective field

    def _offer_effective(self, state: AppState) -> None:
        chosen = self.which.currentIndex() <= 0
        shape = self._worked.input if self._worked is not None else None
        self.effective.offer(state, plan.network_name(state) if chosen else "", shape, self.source.image)

    def _show_heat(self, event: UnitProbed | None) -> None:
        """The run's own picture with the heat; without, the picture as before."""
        if event is not None:
            self.player.stop()
        self.picture.set_picture(self.source.picture if event is None else event.picture)
        self.picture.set_heat(None if event is None else event.heat)


def _line(number: int, row: LayerRow) -> Line:
    rows, columns = fields.grid(row)
    jump = _pair(row.jump) if row.jump is not None and (rows, columns) != (1, 1) else None
    tip = f"{row.name}: {row.kind}{', ' + row.detail if row.detail else ''}"
    return Line(number, (row.name, f"{rows} × {columns}", _pair(row.receptive_field or (0, 0)), jump), tip=tip)


def _pair(pair: tuple[int, int]) -> str:
    return count(pair[0]) if pair[0] == pair[1] else f"{pair[0]} × {pair[1]}"


def _telling(rows: tuple[LayerRow, ...], side: int) -> int:
    """The last layer that sees no more than half of the picture; else the first."""
    some = [number for number, row in enumerate(rows) if row.form != "flat" and max(row.receptive_field or (0, 0)) <= side / 2]
    return some[-1] if some else 0
