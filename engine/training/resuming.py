"""Going on with a run that was stopped or killed, and beginning a new one with the weights of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control import CancelToken
from engine.data.dataset import from_snapshot
from engine.failure import UserError
from engine.messages import Event, ForkRun, Notice, PinUnit, ResumeRun
from engine.project import runs
from engine.project.networks import OWN
from engine.project.records import RunRecord
from engine.project.run_changes import run_of
from engine.training import saved, steering, trained_on
from engine.training.fit import fit, go_on
from engine.training.order import GoingOn
from engine.training.steering import Steering
from engine.training.team import LONE, Team
from engine.training.threads import cores, threads_beside
from engine.training.train import free_folder

if TYPE_CHECKING:
    from engine.project.opened import OpenedProject
    from engine.session import Emit, Session

OTHERS_NOW = "The labelled pictures have changed since this run began: it goes on with those, and the labels, that it began with."


def resume(
    folder: Path,
    epochs: int | None,
    token: CancelToken,
    emit: Callable[[Event], None],
    pinned: Callable[[], PinUnit | None] = lambda: None,
    steered: Steering | None = None,
    learning_rate: float | None = None,
    team: Team = LONE,
) -> RunRecord:
    """Go on with a run from its folder alone, with the same bits as if nothing had happened.

    The pictures, labels and splits are those that it began with; on another device, or with another version of a library, the last digits
    may differ.

    Parameters
    ----------
    folder : Path
        The run's.
    epochs : int or None
        New number of epochs in all; None keeps what was planned. What is left of the schedule is stretched or shortened to them; a
        completed run goes on with the rate that a schedule of so many epochs has there.
    token, emit, pinned, steered
        As for `fit`.
    learning_rate : float or None
        New peak that the rest of the schedule is scaled to.
    team : Team
        As for `fit`; the folders of all but the first process are copies.

    Raises
    ------
    UserError
        If it cannot go on, which says why and what to do.
    Cancelled
        If it was cancelled before there was anything to keep.
    """
    record = runs.load_record(folder)
    if not runs.resumable(folder):
        raise UserError(f"The run {folder.name} kept no state to go on from.", "Begin a new run with its weights, or train again.")
    steering.check(learning_rate, epochs)
    if epochs is not None and epochs <= record.epochs:
        raise UserError(f"The run {folder.name} has {_words(record.epochs)} already.", "Give a larger number of epochs.")
    if epochs is None and record.outcome == "completed":
        raise UserError(f"The run {folder.name} is complete with {_words(record.epochs)}.", "Give a larger number of epochs to go on.")
    kept = trained_on.load(folder)
    saved.load_network(folder)  # refuses a damaged one in the run's name
    return go_on(GoingOn(record, kept, epochs, learning_rate), folder, token, emit, pinned, steered, team)


def resume_run(session: Session, command: ResumeRun, token: CancelToken, emit: Emit) -> None:
    """Answer ResumeRun.

    Raises
    ------
    UserError
        If it cannot go on.
    Cancelled
        If it was cancelled; what there was is kept.
    """
    project = _writable(session)
    folder = Path(run_of(project, command.run).folder)
    if runs.resumable(folder) and not trained_on.same_as(trained_on.load(folder).dataset, from_snapshot(project.snapshot)):
        emit(Notice(level="info", text=OTHERS_NOW))
    session.steering = Steering(folder.name)
    try:
        resume(folder, command.epochs, token, emit, lambda: session.pinned, session.steering, command.learning_rate)
    finally:
        session.steering = None
        session.tell_runs(project, emit)
    token.check()


def fork_run(session: Session, command: ForkRun, token: CancelToken, emit: Emit) -> None:
    """Answer ForkRun: a new run of the pictures as they are now, prepared as for the other one.

    Raises
    ------
    UserError
        If the other run has no network, or as for Train.
    Cancelled
        If it was cancelled; what there was is kept.
    """
    project = _writable(session)
    parent = run_of(project, command.run)
    place = Path(parent.folder)
    if not (place / saved.NETWORK).is_file() or not (place / saved.WEIGHTS).is_file():
        raise UserError(f'The run "{parent.id}" has no weights of a network to begin with.', "Choose a run that learned some.")
    folder = free_folder(project.runs_folder, parent.network.removeprefix(OWN))
    session.steering = Steering(folder.name)
    try:
        fit(
            from_snapshot(project.snapshot),
            str(place / saved.NETWORK),
            command.recipe,
            None,
            folder,
            token,
            emit,
            pinned=lambda: session.pinned,
            threads=threads_beside(session.live is not None, cores()),
            called=parent.network,
            weights=str(place / saved.WEIGHTS),
            steering=session.steering,
            parent=parent,
        )
    finally:
        session.steering = None
        session.tell_runs(project, emit)
    token.check()


def _writable(session: Session) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, "Open it where nothing else uses it to train.")
    return project


def _words(epochs: int) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs:,} epochs"
