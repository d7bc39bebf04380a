"""From layer to layer: by buttons, by a slider, and by itself."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from engine.networks.arithmetic import LayerRow
from gui import fields
from gui.theme import px
from gui.widgets.basics import button, count, label

WHOLE_PLAY = 14_000
SLOWEST, FASTEST = 700, 40
"""Milliseconds: of all layers of a deep network together, of one layer at most and at least."""


def next_change(rows: tuple[LayerRow, ...], current: int) -> int | None:
    """The next layer whose units see something else, or lie elsewhere."""
    now = (rows[current].receptive_field, rows[current].jump, fields.grid(rows[current]))
    for number in range(current + 1, len(rows)):
        if (rows[number].receptive_field, rows[number].jump, fields.grid(rows[number])) != now:
            return number
    return None


class LayerPlayer(QWidget):
    """Back, play, forth, and a slider along the depth. Layers that change nothing are passed over in playing.

    Signals
    -------
    layer_wanted(int)
        Number of a layer.
    """

    layer_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[LayerRow, ...] = ()
        self._current = 0
        self.timer = QTimer(self)
        self.timer.timeout.connect(self._advance)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.back = button("‹", "quiet", self.tr("Layer before (Left)"))
        self.play = button(self.tr("Play"), "", self.tr("Let the field grow layer by layer (Space)"))
        self.forth = button("›", "quiet", self.tr("Next layer (Right)"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Layer"))
        self.slider.setToolTip(self.tr("Depth: from the first layer to the last"))
        self.back.clicked.connect(lambda: self.step(-1))
        self.forth.clicked.connect(lambda: self.step(1))
        self.play.clicked.connect(self.toggle)
        self.slider.valueChanged.connect(self._slide)
        self.number = label("", "caption")
        for widget in (self.back, self.play, self.forth):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)

    @property
    def playing(self) -> bool:
        """Whether the field grows by itself."""
        return self.timer.isActive()

    def set_rows(self, rows: tuple[LayerRow, ...]) -> None:
        """Go through these layers."""
        self.stop()
        self._rows, self._current = rows, 0
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(rows) - 1))
        self.slider.setPageStep(max(1, len(rows) // 10))
        self.slider.blockSignals(False)

    def show_layer(self, number: int) -> None:
        """Show that a layer is looked at."""
        self._current = number
        self.slider.blockSignals(True)
        self.slider.setValue(number)
        self.slider.blockSignals(False)
        words = self.tr("layer {number} of {all}")
        self.number.setText(words.format(number=count(number + 1), all=count(len(self._rows))))

    def step(self, steps: int) -> None:
        """Go on or back, as far as there are layers."""
        self.stop()
        if self._rows:
            self.layer_wanted.emit(min(max(self._current + steps, 0), len(self._rows) - 1))

    def toggle(self) -> None:
        """Grow layer by layer, from the first one where the last is reached; or pause."""
        if self.playing or not self._rows:
            self.stop()
            return
        if next_change(self._rows, self._current) is None:
            self.layer_wanted.emit(0)
        steps, at = 1, next_change(self._rows, 0)
        while at is not None:
            steps, at = steps + 1, next_change(self._rows, at)
        self.timer.start(min(max(WHOLE_PLAY // steps, FASTEST), SLOWEST))
        self.play.setText(self.tr("Pause"))

    def stop(self) -> None:
        """Stay at this layer."""
        self.timer.stop()
        self.play.setText(self.tr("Play"))

    def _advance(self) -> None:
        following = next_change(self._rows, self._current)
        if following is None:
            self.stop()
        else:
            self.layer_wanted.emit(following)

    def _slide(self, number: int) -> None:
        self.stop()
        self.layer_wanted.emit(number)
