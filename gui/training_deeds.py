"""What the Train page asks the engine to do: train, try, probe."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject

from engine.messages import Event, FindBatch, FindLearningRate, ForkRun, JobClosed, PinUnit, ProbeUnit, Train, TrainingStarted
from engine.networks.arithmetic import Analysis, NetworkError
from engine.training.recipe import Recipe, check
from gui import plan
from gui.bridge import Bridge
from gui.looked_at import looked_at, record_of, trains
from gui.settings import Settings
from gui.state import AppState
from gui.widgets.unit_panel import Unit, usual_unit


def worked(state: AppState, network: str = "") -> Analysis | None:
    """The arithmetic of a network, by default the chosen one; None where it cannot take these pictures, or has none."""
    try:
        return plan.analysis(state, network or plan.network_name(state))
    except NetworkError:
        return None


class TrainingDeeds(QObject):
    """Commands made of the plan that the project keeps, for the device of the settings."""

    def __init__(self, bridge: Bridge, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge, self._settings = bridge, settings
        self._pinned: set[int] = set()  # jobs of trainings whose unit was pinned before they began
        self._chosen: tuple[str, Unit] | None = None  # the unit that was pinned last, and of which network
        bridge.happened.connect(self._hear)

    def train(self, recipe: Recipe) -> int:
        """Train the chosen network by a recipe, which is kept; gives the number of the job.

        Raises
        ------
        ValueError
            If the recipe contradicts itself.
        """
        check(recipe)
        if recipe != plan.recipe(self._bridge.state):  # what suits the weights now need not suit those that are chosen later
            plan.keep_recipe(self._bridge, recipe)
        job = self._bridge.submit(self.command(recipe))
        self._pinned.add(job)
        return job

    def train_next(self, recipe: Recipe) -> None:
        """Put a training of the chosen network in line.

        Raises
        ------
        ValueError
            If the recipe contradicts itself.
        """
        check(recipe)
        self._bridge.submit(self.command(recipe))

    def fork(self, run: str, recipe: Recipe) -> None:
        """Train a new run with the weights of another, in its turn.

        Raises
        ------
        ValueError
            If the recipe contradicts itself.
        """
        check(recipe)
        self._bridge.submit(ForkRun(run, self._here(recipe)))

    def command(self, recipe: Recipe) -> Train:
        """The command for a training of the chosen network as the plan is now."""
        state = self._bridge.state
        size, resize, ground = plan.size(state), plan.resize(state), plan.ground(state)
        return Train(plan.network_name(state), self._here(recipe), size, resize, ground, plan.weights(state), plan.freeze(state))

    def try_rates(self) -> None:
        """Try rising learning rates."""
        state = self._bridge.state
        recipe = self._here(plan.recipe(state))
        self._bridge.submit(FindLearningRate(plan.network_name(state), recipe, plan.size(state), plan.weights(state), plan.freeze(state)))

    def try_batches(self) -> None:
        """Try batches of rising size."""
        state = self._bridge.state
        recipe = self._here(plan.recipe(state))
        self._bridge.submit(FindBatch(plan.network_name(state), recipe, plan.size(state), plan.weights(state), plan.freeze(state)))

    def pin(self, unit: Unit, now: bool = True) -> None:
        """Have the unit probed after every epoch; `now` in the run that is looked at, where it has this network and is done."""
        state = self._bridge.state
        image = plan.picture_to_pin(state)
        if image is None:
            return
        self._bridge.submit(PinUnit(image, unit.layer, unit.channel, unit.row, unit.column))
        if now:
            self._chosen = plan.network_name(state), unit
        run, training = looked_at(state), state.training
        record = record_of(state, run) or (training.record if training is not None and training.run == run else None)
        if now and record is not None and not trains(state, run) and record.network == plan.network_name(state):
            row, column = max(unit.row, 0), max(unit.column, 0)
            if unit.row < 0 and (analysis := worked(state)) is not None:
                row, column = (side // 2 for side in analysis.row(unit.layer).output[1:])
            self._bridge.submit(ProbeUnit(run, image, unit.layer, unit.channel, row, column))

    def _hear(self, event: Event) -> None:
        """Whoever began a training, a line, a sweep or going on: the usual unit of its network is probed where no other was chosen."""
        if isinstance(event, TrainingStarted) and event.job not in self._pinned:
            chosen = self._chosen
            here = chosen is not None and chosen[0] == event.network
            unit = chosen[1] if chosen is not None and here else usual_unit(worked(self._bridge.state, event.network))
            if unit is not None:
                self.pin(unit, now=False)
        elif isinstance(event, JobClosed):
            self._pinned.discard(event.job)

    def _here(self, recipe: Recipe) -> Recipe:
        return msgspec.structs.replace(recipe, device=self._settings.device)
