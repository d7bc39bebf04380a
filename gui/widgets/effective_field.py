"""What a trained unit does see: asks the engine, and keeps the answer as long as the same unit is looked at."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.messages import ProbeUnit, UnitProbed
from engine.networks.arithmetic import LayerRow
from engine.networks.layers import Pair, Shape
from engine.project.records import RunRecord
from gui import fields
from gui.bridge import Bridge
from gui.state import AppState
from gui.theme import px
from gui.widgets.basics import button, label
from gui.widgets.heat_picture import effective_size
from gui.widgets.number_box import NumberBox


def run_for(state: AppState, network: str, shape: Shape) -> RunRecord | None:
    """The newest run of a network on pictures of this shape."""
    for run in _trained(state, network):
        like = run.preprocessing
        if (like.channels, like.height, like.width) == shape:
            return run
    return None


def _trained(state: AppState, network: str) -> list[RunRecord]:
    return [run for run in state.runs if run.network == network and run.parameters]


class EffectiveField(QWidget):
    """Channel, button and what came of it.

    Signals
    -------
    answered(object)
        UnitProbed of the unit looked at; None once it is another one.
    """

    answered = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._run: RunRecord | None = None
        self._image = -1
        self._unit: tuple[LayerRow, Pair] | None = None
        self._asked: ProbeUnit | None = None
        self._answer: UnitProbed | None = None
        self._missing = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.channel_box = NumberBox(0, 0)
        self.channel_box.setPrefix(self.tr("channel "))
        self.channel_box.setAccessibleName(self.tr("Channel"))
        self.channel_box.valueChanged.connect(lambda _: self.drop())
        self.button = button(self.tr("Effective field of this unit"))
        self.button.clicked.connect(self._probe)
        self.words = label("", "caption", wrap=True)
        row.addWidget(self.channel_box)
        row.addWidget(self.button)
        row.addWidget(self.words, 1)

    def offer(self, state: AppState, network: str, shape: Shape | None, image: int) -> None:
        """Take a run of this network (none for ""), on pictures of this shape, and a picture; or say what is missing."""
        self._run = run_for(state, network, shape) if shape is not None else None
        self._image = image
        trained = _trained(state, network)
        if not network:
            self._missing = self.tr("Examples are not trained.")
        elif not trained:
            self._missing = self.tr("Train this network to see which of these pixels do influence the unit.")
        elif self._run is None:
            like = trained[0].preprocessing
            words = self.tr("It was trained at {height} × {width}: choose this working size to look into that run.")
            self._missing = words.format(height=like.height, width=like.width)
        else:
            self._missing = self.tr("Add a picture to the project to look at.") if image < 0 else ""
        self.button.setEnabled(not self._missing and state.engine is not None)
        self.channel_box.setEnabled(not self._missing)
        tip = self.tr("Heat: how much each pixel moves this unit, in the newest run of this network (Luo et al. 2016)")
        self.button.setToolTip(self._missing or tip)
        if self._asked is None:
            self.words.setText(self._missing)

    def set_unit(self, row: LayerRow, at: Pair) -> None:
        """Tell that a unit is looked at, by its layer and its place in the grid."""
        self._unit = (row, at)
        self.channel_box.blockSignals(True)
        self.channel_box.setRange(0, row.output[0] - 1)
        self.channel_box.blockSignals(False)
        self.drop()

    def drop(self) -> None:
        """The answer is of another unit or picture."""
        if self._asked is not None:
            self._asked = self._answer = None
            self.answered.emit(None)
        self.words.setText(self._missing)

    def _probe(self) -> None:
        if self._run is None or self._unit is None:
            return
        row, at = self._unit
        self._asked = ProbeUnit(self._run.id, self._image, row.name, self.channel_box.value(), *fields.unit_index(row, at))
        self.words.setText("…")
        self._bridge.submit(self._asked)

    def take(self, event: UnitProbed, height: int, width: int) -> None:
        """Look whether this is the answer; other parts of the window probe units too."""
        asked = self._asked
        if asked is None or event is self._answer or event.heat.shape != (height, width):
            return
        if any(getattr(event, name) != getattr(asked, name) for name in ProbeUnit.__struct_fields__):
            return
        self._answer = event
        self.answered.emit(event)
        words = self.tr("value {value:.3g}; does see about {side:.0f} × {side:.0f} px")
        silent = self.tr("It is silent here: no pixel moves it.")
        self.words.setText(words.format(value=event.activation, side=effective_size(event.heat)) if event.heat.any() else silent)
