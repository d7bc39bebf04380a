"""Sweeps in the window: from the choices to trainings in the queue, and from their events and runs to small plots."""

from __future__ import annotations

from datetime import datetime

import msgspec
import numpy as np
from PySide6.QtCore import QObject

from engine.messages import Command, Event, JobClosed, LoadHistory, Outcome, Train, TrainingStarted
from engine.project.records import RunHistory, RunRecord
from engine.training.sizes import with_enough_epochs
from engine.training.sweep_values import SweepError
from engine.training.sweeping import WORDS, order, place_of, sweepables, trainings
from gui import networks, plan
from gui.bridge import Bridge
from gui.state import AppState
from gui.sweep_cells import Member, cell_of, loss_of, summary, winner
from gui.training_curves import history_of
from gui.training_deeds import TrainingDeeds
from gui.widgets.basics import duration
from gui.widgets.panel_place import PanelPlace
from gui.widgets.plot_controls import WINDOWS, PlotControls
from gui.widgets.sweep_board import SweepBoard
from gui.widgets.sweep_panel import SweepPanel

CHOICES, BOARD = "sweep", "sweep-board"
"""Names of the two panels."""


class Sweeps(QObject):
    """Joins the panel of choices, the board of plots, the queue and the runs.

    Parameters
    ----------
    bridge : Bridge
    deeds : TrainingDeeds
        Makes the command that is varied.
    place : PanelPlace
        Where both are shown.
    """

    def __init__(self, bridge: Bridge, deeds: TrainingDeeds, place: PanelPlace) -> None:
        super().__init__(place)
        self._bridge, self._deeds, self._place = bridge, deeds, place
        self._fault, self._folder = "", ""
        self.panel, self.board = SweepPanel(self._why_not), SweepBoard()
        place.add_panel(CHOICES, self.panel)
        place.add_panel(BOARD, self.board)
        self.panel.changed.connect(self._count)
        self.panel.wanted.connect(self._begin)
        self.board.stop_wanted.connect(self.stop)
        self._forget()
        bridge.submitted.connect(self._submitted)
        bridge.happened.connect(self._happened)

    def _forget(self) -> None:
        self._sweep = ""
        self._commands: dict[int, Train] = {}
        self._runs: dict[int, str] = {}
        self._ended: dict[int, JobClosed] = {}
        self._last: dict[str, RunHistory] = {}
        self._asked: set[str] = set()
        self._stopping = False

    def follow(self, controls: PlotControls) -> None:
        """Smooth as the large plot does, and draw losses on its kind of axis."""
        plots = self.board.plots
        controls.smoothing.valueChanged.connect(lambda place: plots.set_smoothing(WINDOWS[place]))
        controls.log_box.toggled.connect(plots.set_log)
        plots.set_smoothing(WINDOWS[controls.smoothing.value()])
        plots.set_log(controls.log_box.isChecked())

    # ------------------------------------------------------------ choosing

    def set_fault(self, fault: str) -> None:
        """Why the recipe as it stands in its fields cannot be trained; "" where it can."""
        self._fault = fault
        self._count()

    def open_choices(self) -> None:
        """Show what can be varied."""
        self._offer()
        self._place.show_panel(CHOICES)

    def _offer(self) -> None:
        state = self._bridge.state
        self.panel.show_choices(sweepables(self._deeds.command(plan.recipe(state)), plan.tree(state, plan.network_name(state))))
        self._count()

    def _made(self, sweep: str) -> tuple[Train, ...]:
        """The trainings as chosen.

        Raises
        ------
        SweepError
        """
        state = self._bridge.state
        command = self._deeds.command(plan.recipe(state))
        tree = plan.tree(state, plan.network_name(state))
        return trainings(sweep, self.panel.field, self.panel.values, command, self.panel.repeats, tree)

    def _why_not(self, field: str, value: str) -> str:
        state = self._bridge.state
        command, tree = self._deeds.command(plan.recipe(state)), plan.tree(state, plan.network_name(state))
        try:
            trainings("sweep", field, (value,), command, 1, tree)
        except SweepError as error:
            return f"{error.message} {error.remedy}"
        return ""

    def _count(self) -> None:
        """Tell how many trainings come of the choice and how long they take, or what is wrong with it."""
        obstacle = plan.obstacle(self._bridge.state)
        if obstacle is not None or self._fault:
            self.panel.show_cost(0, "", obstacle.text if obstacle is not None else self._fault)
            return
        try:
            made = self._made("sweep")
        except SweepError as error:
            self.panel.show_cost(0, "", f"{error.message} {error.remedy}")
            return
        self.panel.show_cost(len(made), self._estimate(made))

    def _estimate(self, made: tuple[Train, ...]) -> str:
        """How long trainings take, by what runs of these networks took a picture and epoch; in words that say that it is an estimate."""
        state = self._bridge.state
        pictures = plan.training_pictures(state)
        total = 0.0
        for command in made:
            like = next((run for run in state.runs if _tells_time(run) and run.network == command.network), None)
            if like is None:
                return self.tr("How long they take is told once this network was trained here.")
            size = pictures / like.train_images if like.train_images else 1.0
            total += like.seconds / like.epochs * with_enough_epochs(command.recipe, pictures).epochs * size
        return self.tr("Estimated: about {time} in all, as earlier runs went.").format(time=duration(max(1.0, total)))

    def _begin(self) -> None:
        began = datetime.now().isoformat(timespec="seconds")
        known = {place.sweep for run in self._bridge.state.runs if (place := place_of(run.sweep)) is not None}
        sweep = next(name for name in (began, *(f"{began}-{more}" for more in range(2, 100))) if name not in known)
        try:
            made = self._made(sweep)
        except SweepError:
            self._count()
            return
        for command in made:
            self._bridge.submit(command)
        self.show_sweep(sweep)

    # ------------------------------------------------------------ following

    def show_sweep(self, sweep: str) -> None:
        """Show the plots of a sweep, of this sitting or an earlier one."""
        self._sweep, self._stopping = sweep, False
        self.board.say_stoppable()
        self.board.plots.show_all()
        self._render_board(self._bridge.state)
        self._place.show_panel(BOARD)

    def show_run(self, run: str) -> None:
        """Show the sweep that a run belongs to."""
        record = next((one for one in self._bridge.state.runs if one.id == run), None)
        place = place_of(record.sweep) if record is not None else None
        if place is not None:
            self.show_sweep(place.sweep)

    def stop(self) -> None:
        """End the training of the sweep that runs, and take back those that wait."""
        self._stopping = True
        self.board.say_stopping()
        for member in sorted(self._members(self._bridge.state), key=lambda member: -member.job):
            if member.open:
                self._bridge.cancel(member.job)

    def _submitted(self, job: int, command: Command) -> None:
        if isinstance(command, Train) and place_of(command.sweep) is not None:
            self._commands[job] = command

    def _happened(self, event: Event) -> None:
        if event.job not in self._commands:
            return
        if isinstance(event, TrainingStarted):
            self._runs[event.job] = event.run
        elif isinstance(event, JobClosed):
            self._ended[event.job] = event
            training = self._bridge.state.training
            if training is not None and training.job == event.job and training.steps:  # until its history is read
                self._last[training.run] = history_of(training)

    def render(self, state: AppState, changed: frozenset[str]) -> None:
        """Show what differs, of the one that is shown."""
        if "project" in changed:
            self._asked = set()
        if state.folder != self._folder:
            self._folder = state.folder
            self._forget()
        if self._place.shown == CHOICES and networks.is_classic(plan.network_name(state)):
            self._place.show_usual()
        if self._place.shown == CHOICES and changed & {"memory", "runs", "images", "classes", "networks", "described"}:
            self._offer()
        if self._place.shown == BOARD and changed & {"training", "runs", "histories", "jobs"}:
            self._render_board(state)

    def dress(self) -> None:
        """Take over colours."""
        if self._place.shown == BOARD:
            self._render_board(self._bridge.state)

    # ------------------------------------------------------------ what is shown

    def _members(self, state: AppState) -> list[Member]:
        """The trainings of the sweep that is shown, in order."""
        found: dict[object, Member] = {}
        records = {run.id: run for run in state.runs}
        for job, command in self._commands.items():
            place = place_of(command.sweep)
            if place is None or place.sweep != self._sweep:
                continue
            run = self._runs.get(job, "")
            ended = self._ended.get(job)
            if ended is not None and run and run not in records and ended.outcome is Outcome.COMPLETED:
                continue  # deleted since
            member = Member(place.field, place.value, command.recipe.seed, job, run, command.network)
            doing = state.jobs.get(job)
            member = msgspec.structs.replace(
                member,
                open=ended is None,
                running=doing is not None and doing.running,
                outcome=ended.outcome.value if ended is not None else "",
                failure=ended.failure.message if ended is not None and ended.failure is not None else "",
            )
            found[place.value, command.recipe.seed] = member
        taken = {member.run for member in found.values()}
        for record in state.runs:
            place = place_of(record.sweep)
            if place is not None and place.sweep == self._sweep and record.id not in taken:
                found[record.id] = Member(
                    place.field, place.value, record.recipe.seed, 0, record.id, record.network, outcome=record.outcome
                )
        filled = [self._filled(member, records.get(member.run), state) for member in found.values()]
        return sorted(filled, key=lambda member: (order(member.field, member.value), member.seed))

    def _filled(self, member: Member, record: RunRecord | None, state: AppState) -> Member:
        """With its curves and its accuracy, as far as they are known."""
        training = state.training
        if training is not None and training.run == member.run and training.steps:
            history: RunHistory | None = history_of(training)
        else:
            history = state.histories.get(member.run) or self._last.get(member.run)
        if history is None and record is not None and record.steps and member.run not in self._asked:
            self._asked.add(member.run)
            self._bridge.submit(LoadHistory(member.run))
        accuracy = record.validation_accuracy if record is not None and not member.open else None
        if accuracy is None and history is not None and np.isfinite(history.validation_accuracies).any():
            accuracy = float(np.nanmax(history.validation_accuracies))
        return msgspec.structs.replace(member, history=history, accuracy=accuracy, loss=loss_of(history) if history is not None else None)

    def _render_board(self, state: AppState) -> None:
        members = self._members(state)
        if not members:
            self._place.show_usual()
            return
        values: dict[str, list[Member]] = {}
        for member in members:
            values.setdefault(member.value, []).append(member)
        best = winner(values)
        cells = tuple(cell_of(value, same, best.mark if value == best.value else "") for value, same in values.items())
        field = members[0].field
        done = sum(not member.open for member in members)
        words = WORDS.get(field, field)
        if field != "network":
            words = self.tr("{field} of {network}").format(field=words, network=networks.card(state, members[0].network).title)
        told = " ".join(filter(None, (best.words, summary(field, values))))
        if done < len(members):
            told = self.tr("{done} of {number} trained. {told}").format(done=done, number=len(members), told=told)
        waiting = len(members) - done
        if not waiting and self._stopping:
            self._stopping = False
            self.board.say_stoppable()
        self.board.show_cells(words, told, cells, waiting)


def _tells_time(run: RunRecord) -> bool:
    return run.outcome == "completed" and run.epochs > 0 and run.seconds > 0 and not run.members
