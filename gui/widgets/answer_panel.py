"""A classifier's answer in words and bars, the threshold under which it is "unknown", and the classes to put the picture into."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QSlider, QVBoxLayout

from engine.project.records import ClassRecord
from gui.theme import class_colour, px, theme
from gui.widgets.basics import label
from gui.widgets.class_buttons import ClassButtons
from gui.widgets.probability_bars import ProbabilityBars, verdict


class AnswerPanel(QFrame):
    """The right side of the Use page.

    Attributes
    ----------
    threshold_moved : Signal
        Answers may read otherwise now.
    threshold_kept : Signal(int)
        The user has settled on this threshold, in per cent.
    class_chosen : Signal(int)
        The picture belongs into this class.
    """

    threshold_moved = Signal()
    threshold_kept = Signal(int)
    class_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "inspector")
        theme().changed.connect(self._dress)
        self._dress()
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(16), px(16), px(16))
        column.setSpacing(px(8))
        self._classes: tuple[ClassRecord, ...] = ()
        self.answer = label("", "headline", wrap=True)
        self.speed = label("", "caption", wrap=True)
        self.bars = ProbabilityBars()
        self.bars.ground = "panel"
        self.threshold_label = label(self.tr("Unknown below: off"), "caption", wrap=True)
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setAccessibleName(self.tr("Unknown below"))
        self.threshold.setRange(0, 99)
        self.threshold.valueChanged.connect(self._moved)
        self.threshold.sliderReleased.connect(lambda: self.threshold_kept.emit(self.threshold.value()))
        self.wrong_label = label(self.tr("Wrong? Put it into …"), "section")
        self.buttons = ClassButtons()
        self.buttons.chosen.connect(self.class_chosen)
        self.put_label = label("", "caption", wrap=True)
        for widget in (self.answer, self.speed, self.bars, self.threshold_label, self.threshold):
            column.addWidget(widget)
        column.addStretch(1)
        for widget in (self.wrong_label, self.buttons, self.put_label):
            column.addWidget(widget)

    def _dress(self) -> None:
        self.setFixedWidth(px(336))

    def set_classes(self, classes: tuple[ClassRecord, ...]) -> None:
        """Classes of the project, for the buttons and the colours of the bars."""
        self._classes = classes
        self.buttons.set_classes(classes)

    def set_threshold(self, per_cent: int) -> None:
        """Set the threshold without keeping it."""
        self.threshold.blockSignals(True)
        self.threshold.setValue(per_cent)
        self.threshold.blockSignals(False)
        self._tell_threshold()

    def word(self, names: tuple[str, ...], probabilities: np.ndarray) -> str:
        """The class that these probabilities, float [K], speak for; "unknown" below the threshold."""
        best = verdict(probabilities, self.threshold.value() / 100)
        return self.tr("unknown") if best is None else names[best]

    def show_answer(self, run: str, names: tuple[str, ...], probabilities: np.ndarray | None, seconds: float) -> None:
        """Show what a run answered, and how long that took; None shows no answer."""
        shown = probabilities is not None
        for widget in (self.answer, self.bars, self.speed, self.threshold, self.threshold_label):
            widget.setVisible(shown)
        if probabilities is None:
            self.bars.set_answer((), None)
            return
        colours = {record.name: record.colour for record in self._classes}
        self.answer.setText(self.word(names, probabilities))
        self.bars.set_answer(names, probabilities, tuple(colours.get(name, class_colour(at)) for at, name in enumerate(names)))
        self.speed.setText(self.tr("{run} answered in {time:.1f} ms").format(run=run, time=1000 * seconds))

    def offer_classes(self, offered: bool) -> None:
        """Show or hide the buttons that put the picture into a class."""
        self.wrong_label.setVisible(offered)
        self.buttons.setVisible(offered)

    def _moved(self, value: int) -> None:
        self._tell_threshold()
        self.threshold_moved.emit()
        if not self.threshold.isSliderDown():  # moved by keys or a click
            self.threshold_kept.emit(value)

    def _tell_threshold(self) -> None:
        value = self.threshold.value()
        words = self.tr("Unknown below {value} %") if value else self.tr("Unknown below: off")
        self.threshold_label.setText(words.format(value=value))
        self.bars.set_threshold(value / 100)
