"""A unit of a network and what it looks at: layer and channel to choose, the picture to click."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from engine.messages import Moment, UnitProbed
from engine.networks.arithmetic import Analysis, LayerRow
from gui.theme import px
from gui.widgets.heat_picture import HeatPicture, effective_size
from gui.widgets.number_box import NumberBox


class Unit(msgspec.Struct, frozen=True):
    """A unit of a layer; row and column -1 mean the middle one."""

    layer: str
    channel: int = 0
    row: int = -1
    column: int = -1


def unit_near(row: LayerRow, y: int, x: int) -> tuple[int, int]:
    """Row and column of the unit whose receptive field has its centre nearest to the pixel (y, x)."""
    if row.centre is None or row.jump is None or 0 in row.jump:  # all units see the same, or what they see is not known
        return row.output[1] // 2, row.output[2] // 2
    places = []
    for pixel, centre, jump, most in zip((y, x), row.centre, row.jump, row.output[1:], strict=True):
        places.append(min(max(round((pixel + 0.5 - centre) / jump), 0), most - 1))
    return places[0], places[1]


def visible_layers(worked: Analysis | None) -> list[LayerRow]:
    """Layers with maps, whose units look at a part of the picture."""
    if worked is None:
        return []
    return [row for row in worked.layers if row.form == "maps" and not row.auxiliary and row.kind not in ("Dropout", "Batch norm")]


def usual_unit(worked: Analysis | None) -> Unit | None:
    """The middle unit of the last convolution; None where there is no convolution."""
    layers = [row.name for row in visible_layers(worked) if row.kind == "Convolution"]
    return Unit(layers[-1]) if layers else None


def words_of(event: UnitProbed) -> tuple[str, ...]:
    """What a probe says, in three lines."""
    top, left, bottom, right = event.box
    side = effective_size(event.heat)
    unit = f"row {event.row}, column {event.column}: activation {event.activation:.3g}"
    return f"{event.layer}, channel {event.channel}", unit, f"effective ≈ {side:.1f} × {side:.1f} of {bottom - top} × {right - left} px"


class UnitPanel(QWidget):
    """Layer, channel, picture with field.

    Signals
    -------
    unit_wanted(object)
        A Unit that the user has chosen.
    """

    unit_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worked: Analysis | None = None
        self._unit: Unit | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        row = QHBoxLayout()
        row.setSpacing(px(6))
        self.layer_box = QComboBox()
        self.layer_box.setAccessibleName(self.tr("Layer"))
        self.layer_box.setToolTip(self.tr("Layer of the unit"))
        self.layer_box.activated.connect(lambda: self._want(Unit(self.layer_box.currentText())))
        self.channel_box = NumberBox(0, 0)
        self.channel_box.setAccessibleName(self.tr("Channel"))
        self.channel_box.setToolTip(self.tr("Channel of the unit"))
        self.channel_box.setPrefix(self.tr("ch. "))
        self.channel_box.valueChanged.connect(self._change_channel)
        row.addWidget(self.layer_box, 1)
        row.addWidget(self.channel_box)
        column.addLayout(row)
        self.picture = HeatPicture()
        self.picture.pixel_clicked.connect(self._click)
        column.addWidget(self.picture, 1)

    @property
    def unit(self) -> Unit | None:
        return self._unit

    def set_network(self, worked: Analysis | None) -> None:
        """Offer the layers of a network; the unit stays where the network has it."""
        if worked == self._worked and self.layer_box.count():
            return
        self._worked = worked
        names = [row.name for row in visible_layers(worked)]
        self.layer_box.clear()
        self.layer_box.addItems(names)
        self.layer_box.setEnabled(bool(names))
        self.channel_box.setEnabled(bool(names))
        self.set_unit(self._unit if self._unit is not None and self._unit.layer in names else usual_unit(worked))

    def set_unit(self, unit: Unit | None) -> None:
        """Show a choice without telling of it."""
        self._unit = unit
        if unit is None or self._worked is None:
            return
        self.channel_box.blockSignals(True)
        self.layer_box.setCurrentText(unit.layer)
        self.channel_box.setRange(0, self._worked.row(unit.layer).output[0] - 1)
        self.channel_box.setValue(unit.channel)
        self.channel_box.blockSignals(False)

    def show_probe(self, event: UnitProbed | None) -> None:
        """Show what a unit looks at (None: nothing)."""
        if event is None:
            self.picture.set_picture(None)
        else:
            self.picture.set_field(event.picture, event.heat, event.box, words_of(event))

    def show_kept(self, moment: Moment) -> None:
        """Show what the unit that was pinned looked at, as it was kept of an epoch."""
        if moment.heat is None or moment.picture is None or moment.box is None:
            self.picture.set_picture(None)
            return
        top, left, bottom, right = moment.box
        side = effective_size(moment.heat)
        words = f"epoch {moment.epoch}", f"effective ≈ {side:.1f} × {side:.1f} of {bottom - top} × {right - left} px"
        self.picture.set_field(moment.picture, moment.heat, moment.box, words)

    def _want(self, unit: Unit) -> None:
        self.set_unit(unit)
        self.unit_wanted.emit(unit)

    def _change_channel(self, channel: int) -> None:
        if self._unit is not None:
            self._want(msgspec.structs.replace(self._unit, channel=channel))

    def _click(self, y: int, x: int) -> None:
        if self._worked is not None and self._unit is not None:
            row, column = unit_near(self._worked.row(self._unit.layer), y, x)
            self._want(msgspec.structs.replace(self._unit, row=row, column=column))
