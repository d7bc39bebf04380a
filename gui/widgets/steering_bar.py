"""Holding a training, letting it go on, and changing it while it runs."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QMenu, QWidget

from engine.messages import SteerTraining
from engine.training.recipe import RANGES
from gui.bridge import Bridge
from gui.state import AppState, TrainingState
from gui.theme import px
from gui.widgets.basics import button
from gui.widgets.typed_numbers import number_of, words_for

RATES = ((0.1, "A tenth of the learning rate"), (0.5, "Half the learning rate"), (2.0, "Twice the learning rate"))
MORE_EPOCHS = (1, 5, 20)
BEYOND_SENSE = 1000  # times the recipe's rate


class SteeringBar(QWidget):
    """Pause and a menu of changes; shown while a training runs in this window."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._asked: bool | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.pause_button = button("", "", self.tr("Hold the training after the step at hand; nothing is lost"))
        self.pause_button.clicked.connect(self._toggle)
        self.change_button = button(self.tr("Change"), "", self.tr("Change the learning rate or the end; the curve marks it"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.change_button.setMenu(self.menu)
        row.addWidget(self.pause_button)
        row.addWidget(self.change_button)
        self.hide()

    def render(self, state: AppState) -> None:
        """Show what can be done with the training of a state."""
        training = state.training
        steered = training is not None and training.running and training.started.steps_per_epoch > 0
        self.setVisible(steered and state.job_of_training is not None)
        if training is None or not steered:
            self._asked = None
            return
        if self._asked == training.paused:
            self._asked = None
        waiting = self._asked is not None
        self.pause_button.setEnabled(not waiting)
        words = self.tr("Pausing…") if waiting and self._asked else self.tr("Go on") if training.paused else self.tr("Pause")
        self.pause_button.setText(words)

    def _toggle(self) -> None:
        training = self._bridge.state.training
        if training is not None:
            self._asked = not training.paused
            self._bridge.submit(SteerTraining(training.run, paused=self._asked))
            self.render(self._bridge.state)

    def _fill(self) -> None:
        training = self._bridge.state.training
        self.menu.clear()
        if training is None:
            return
        for factor, words in RATES:
            peak = float(f"{training.peak_rate * factor:.4g}")
            text = self.tr("{words} (peak {rate:g})").format(words=self.tr(words), rate=peak)
            self.menu.addAction(text, lambda peak=peak: self._steer(learning_rate=peak))
        self.menu.addAction(self.tr("Learning rate…"), self._ask_for_rate)
        self.menu.addSeparator()
        for more in MORE_EPOCHS:
            words = self.tr("One more epoch") if more == 1 else self.tr("{number} more epochs").format(number=more)
            self.menu.addAction(words, lambda more=more: self._steer(epochs=self._epochs(training) + more))
        self.menu.addAction(self.tr("Epochs…"), self._ask_for_epochs)
        self.menu.addSeparator()
        self.menu.addAction(self.tr("Finish after this epoch"), lambda: self._steer(finish=True))

    def _ask_for_rate(self) -> None:
        training = self._bridge.state.training
        if training is None:
            return
        words = self.tr("Peak of the learning rate; what is left of the schedule is scaled to it")
        usual = training.started.recipe.learning_rate
        rate = self._asked_for(self.tr("Learning rate"), words, training.peak_rate, RANGES["learning_rate"][1:], usual)
        if rate is not None:
            self._steer(learning_rate=rate, run=training.run)

    def _ask_for_epochs(self) -> None:
        training = self._bridge.state.training
        if training is None:
            return
        words = self.tr("Epochs in all; what is left of the schedule is stretched or shortened to them")
        least = len(training.epochs) + 1
        epochs = self._asked_for(self.tr("Epochs"), words, self._epochs(training), (least, RANGES["epochs"][2]))
        if epochs is not None:
            self._steer(epochs=int(epochs), run=training.run)

    def _asked_for(self, title: str, words: str, value: float, limits: tuple[float, float], usual: float = 0.0) -> float | None:
        """A number as typed; asked for again, with the reason, until it is one. None where nothing shall change.

        What is far above the `usual` value, if there is one, is taken when it is given again, with that told beside it.
        """
        fault, text, told = "", words_for(value), None
        while True:
            text, wanted = QInputDialog.getText(self.window(), title, f"{fault}\n{words}:".strip(), text=text)
            if not wanted:
                return None
            try:
                number = number_of(text, isinstance(value, int))
            except ValueError as error:
                fault = str(error)
                continue
            if limits[0] <= number <= limits[1]:
                if not usual or number <= BEYOND_SENSE * usual or number == told:
                    return number
                told = number
                fault = self.tr(
                    "{number:g} is {times} times the recipe's {usual:g}: the loss will hardly stay a number. OK takes it all the same."
                )
                fault = fault.format(number=number, times=f"{float(f'{number / usual:.2g}'):,.0f}", usual=usual)
                continue
            fault = self.tr("Choose a number from {low:g} to {high:g}.").format(low=limits[0], high=limits[1])

    def _epochs(self, training: TrainingState) -> int:
        """Epochs that are planned now: those of the recipe, or of the last change."""
        return max(training.epochs_planned, len(training.epochs) + 1)

    def _steer(self, learning_rate: float | None = None, epochs: int | None = None, finish: bool = False, run: str = "") -> None:
        training = self._bridge.state.training
        if training is not None and training.run == (run or training.run):  # another may have begun while a dialog was open
            self._bridge.submit(SteerTraining(training.run, None, learning_rate, epochs, finish))
