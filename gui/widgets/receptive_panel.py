"""What the units of a network can see: layer and unit to choose, the box on a picture, growing from layer to layer."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QSplitter, QVBoxLayout, QWidget

from engine.messages import ProbeUnit, UnitProbed
from engine.networks.arithmetic import Analysis, LayerRow, NetworkError
from engine.project.records import RunRecord
from gui import fields, networks, plan
from gui.bridge import Bridge
from gui.fields import EXAMPLES
from gui.state import AppState
from gui.theme import colours, px, theme
from gui.widgets.basics import button, count, label
from gui.widgets.curve_records import Mark, Panel, Series
from gui.widgets.depth_plot import DepthPlot
from gui.widgets.figures_table import Column, FiguresTable, Line
from gui.widgets.heat_picture import effective_size
from gui.widgets.number_box import NumberBox
from gui.widgets.receptive_picture import ReceptivePicture
from gui.widgets.receptive_source import PictureSource
from gui.widgets.unit_grid import UnitGrid

WHOLE_PLAY = 14_000
SLOWEST, FASTEST = 700, 40
"""Milliseconds: of all layers of a deep network together, of one layer at most and at least."""
MEASURED = 150
"""Rows of the table that its columns' widths are taken from: measuring those of a thousand layers takes most of a second."""
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
        self._asked: ProbeUnit | None = None
        self._heat: UnitProbed | None = None
        self._foreign = False  # whether the picture drawn is that of a run instead of the source's
        self.source = PictureSource(bridge, self)
        self.source.changed.connect(self._show_picture)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._advance)
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
                Column(self.tr("Layer"), figure=False),
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
        column.addLayout(self._build_controls())
        column.addLayout(self._build_effective())
        self.plot = DepthPlot(self.tr("layer, in order"))
        self.plot.setMinimumHeight(px(120))
        column.addWidget(self.plot, 2)
        return view

    def _build_controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.back = button("‹", "quiet", self.tr("Layer before (Left)"))
        self.play = button(self.tr("Play"), "", self.tr("Let the field grow layer by layer (Space)"))
        self.forth = button("›", "quiet", self.tr("Next layer (Right)"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Layer"))
        self.slider.setToolTip(self.tr("Depth: from the first layer to the last"))
        self.back.clicked.connect(lambda: self._step(-1))
        self.forth.clicked.connect(lambda: self._step(1))
        self.play.clicked.connect(self.toggle_play)
        self.slider.valueChanged.connect(self._slide)
        self.number = label("", "caption")
        for widget in (self.back, self.play, self.forth):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        return row

    def _build_effective(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.channel_box = NumberBox(0, 0)
        self.channel_box.setPrefix(self.tr("channel "))
        self.channel_box.setAccessibleName(self.tr("Channel"))
        self.channel_box.valueChanged.connect(lambda _: self._drop_heat())
        self.effective = button(self.tr("Effective field of this unit"), "", "")
        self.effective.clicked.connect(self._probe)
        self.effective_words = label("", "caption", wrap=True)
        row.addWidget(self.channel_box)
        row.addWidget(self.effective)
        row.addWidget(self.effective_words, 1)
        return row

    # ------------------------------------------------------------ rendering

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._stop()
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
            self._take_heat(state.unit)

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
        self._stop()
        before = self._rows[self._current].name if self._rows else ""
        self._worked, self._rows = worked, fields.rows_of(worked) if worked is not None else ()
        self.table.set_lines([_line(number, row) for number, row in enumerate(self._rows)])
        self._current = 0
        if worked is None or not self._rows:
            return
        _, height, width = worked.input
        self._focus = (height / 2, width / 2)
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(self._rows) - 1)
        self.slider.setPageStep(max(1, len(self._rows) // 10))
        self.slider.blockSignals(False)
        self._draw_curve()
        same = next((number for number, row in enumerate(self._rows) if row.name == before), -1)
        self._go(same if same >= 0 else _telling(self._rows, min(height, width)))

    def _draw_curve(self) -> None:
        y = np.array([max(row.receptive_field or (0, 0)) for row in self._rows], np.float64)
        series = Series(self.tr("receptive field"), colours().curves[1], np.arange(1, len(y) + 1, dtype=np.float64), y, bold=True)
        self.plot.set_panels((Panel(self.tr("field (px)"), (series,) if len(y) else (), " px", 0, floor=0.0),))

    def _show_picture(self) -> None:
        self.picture.set_picture(self.source.picture)
        self._drop_heat()
        self.picture_name.setText(self.source.words(self._bridge.state))

    # ------------------------------------------------------------ layer and unit

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
        self.slider.blockSignals(True)
        self.slider.setValue(number)
        self.slider.blockSignals(False)
        words = self.tr("layer {number} of {all}")
        self.number.setText(words.format(number=count(number + 1), all=count(len(self._rows))))
        row = self._rows[number]
        self.plot.set_marks((Mark(float(number + 1), row.name),))
        self.channel_box.blockSignals(True)
        self.channel_box.setRange(0, row.output[0] - 1)
        self.channel_box.blockSignals(False)
        self._show_unit()

    def _show_unit(self) -> None:
        row, worked = self._rows[self._current], self._worked
        assert worked is not None
        at = self.unit
        self._shown = fields.seen(worked, row, at)
        self._asked = self._heat = None
        rows, columns = fields.grid(row)
        alike = row.jump == (0, 0) and (rows, columns) != (1, 1)
        self.grid.set_grid(rows, columns, at, alike)
        field, jump = fields.recurrence(worked, row)
        sees, padding = fields.unit_words(row, at, self._shown, *worked.input[1:])
        head = f"{row.name}: {row.kind}{', ' + row.detail if row.detail else ''}"
        lines = (head, f"{field}; {jump}" if jump else field, sees, padding)
        self.words.setText("\n".join(line for line in lines if line))
        if self._foreign:
            self.picture.set_picture(self.source.picture)
        self._foreign = False
        self.picture.set_seen(self._shown, sees)
        self._offer_effective(self._bridge.state)

    def _choose_row(self, number: int) -> None:
        self._stop()
        self._go(number)

    def _slide(self, number: int) -> None:
        self._stop()
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

    def _step(self, steps: int) -> None:
        self._stop()
        if self._rows:
            self._go(min(max(self._current + steps, 0), len(self._rows) - 1))

    def _turn(self, steps: int) -> None:
        self.source.step(self._bridge.state, steps)
        self._refresh()

    # ------------------------------------------------------------ playing

    @property
    def playing(self) -> bool:
        """Whether the field grows by itself."""
        return self._timer.isActive()

    def toggle_play(self) -> None:
        """Grow layer by layer, from the first one where the last is reached; or pause."""
        if self.playing or not self._rows:
            self._stop()
            return
        if _next(self._rows, self._current) is None:
            self._go(0)
        steps = 1
        at = _next(self._rows, 0)
        while at is not None:
            steps, at = steps + 1, _next(self._rows, at)
        self._timer.start(min(max(WHOLE_PLAY // steps, FASTEST), SLOWEST))
        self.play.setText(self.tr("Pause"))

    def _advance(self) -> None:
        following = _next(self._rows, self._current)
        if following is None:
            self._stop()
        else:
            self._go(following)

    def _stop(self) -> None:
        self._timer.stop()
        self.play.setText(self.tr("Play"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self._step(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Space:
            self.toggle_play()
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

    def _run(self, state: AppState) -> tuple[RunRecord | None, str]:
        """The newest run of this network on such pictures; else None and what is missing."""
        if self._worked is None or self.which.currentIndex() > 0:
            return None, self.tr("Examples are not trained.")
        name = plan.network_name(state)
        trained = [run for run in state.runs if run.network == name and run.parameters]
        if not trained:
            return None, self.tr("Train this network to see which of these pixels do influence the unit.")
        for run in trained:
            like = run.preprocessing
            if (like.channels, like.height, like.width) == self._worked.input:
                return run, ""
        like = trained[0].preprocessing
        words = self.tr("It was trained at {height} × {width}: choose this working size to look into that run.")
        return None, words.format(height=like.height, width=like.width)

    def _offer_effective(self, state: AppState) -> None:
        run, missing = self._run(state)
        if run is not None and self.source.image < 0:
            run, missing = None, self.tr("Add a picture to the project to look at.")
        self.effective.setEnabled(run is not None and bool(self._rows) and state.engine is not None)
        self.channel_box.setEnabled(run is not None)
        if self._asked is None and self._heat is None:
            self.effective_words.setText(missing)
        tip = self.tr("Heat: how much each pixel moves this unit, in the newest run of this network (Luo et al. 2016)")
        self.effective.setToolTip(missing or tip)

    def _probe(self) -> None:
        run, _ = self._run(self._bridge.state)
        row = self.row
        if run is None or row is None:
            return
        self._stop()
        self._asked = ProbeUnit(run.id, self.source.image, row.name, self.channel_box.value(), *fields.unit_index(row, self.unit))
        self.effective_words.setText("…")
        self._bridge.submit(self._asked)

    def _take_heat(self, event: UnitProbed) -> None:
        asked, worked = self._asked, self._worked
        wanted = asked is not None and (event.run, event.image, event.layer, event.channel, event.row, event.column) == (
            asked.run,
            asked.image,
            asked.layer,
            asked.channel,
            asked.row,
            asked.column,
        )
        if not wanted or worked is None or event.heat.shape != worked.input[1:]:
            return
        self._heat = event
        self.picture.set_picture(event.picture)
        self._foreign = True
        self.picture.set_heat(event.heat)
        if not event.heat.any():
            self.effective_words.setText(self.tr("It is silent here: no pixel moves it."))
            return
        words = self.tr("value {value:.3g}; does see about {side:.0f} × {side:.0f} px")
        self.effective_words.setText(words.format(value=event.activation, side=effective_size(event.heat)))

    def _drop_heat(self) -> None:
        self._asked = self._heat = None
        if self._foreign:
            self.picture.set_picture(self.source.picture)
            self._foreign = False
        self.picture.set_heat(None)
        self._offer_effective(self._bridge.state)


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


def _next(rows: tuple[LayerRow, ...], current: int) -> int | None:
    """The next layer whose units see something else, or lie elsewhere."""
    now = (rows[current].receptive_field, rows[current].jump, fields.grid(rows[current]))
    for number in range(current + 1, len(rows)):
        if (rows[number].receptive_field, rows[number].jump, fields.grid(rows[number])) != now:
            return number
    return None
