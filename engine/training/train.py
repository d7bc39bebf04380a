"""The command Train: a run of the open project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control import CancelToken
from engine.data.dataset import from_snapshot
from engine.failure import UserError
from engine.messages import Train
from engine.project.networks import OWN, path_of
from engine.project.runs import DELETED
from engine.training.fit import fit
from engine.training.steering import Steering
from engine.training.threads import cores, threads_beside

if TYPE_CHECKING:
    from engine.session import Emit, Session


def train(session: Session, command: Train, token: CancelToken, emit: Emit) -> None:
    """Answer Train. The labels are those of this moment; later changes make the run stale.

    Raises
    ------
    UserError
        If there is nothing to learn from, the recipe, the network or the weights do not fit, or the training diverged.
    Cancelled
        If it was cancelled; what there was is kept.
    """
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, "Open it where nothing else uses it to train.")
    dataset = from_snapshot(project.snapshot)
    network = str(path_of(project, command.network)) if command.network.startswith(OWN) else command.network
    folder = free_folder(project.runs_folder, command.network.removeprefix(OWN))
    session.steering = Steering(folder.name)
    try:
        fit(
            dataset,
            network,
            command.recipe,
            command.size,
            folder,
            token,
            emit,
            pinned=lambda: session.pinned,
            threads=threads_beside(session.live is not None, cores()),
            resize=command.resize,
            ground=command.ground,
            called=command.network,
            weights=command.weights,
            freeze=command.freeze,
            steering=session.steering,
            variant=command.variant,
            sweep=command.sweep,
        )
    finally:
        session.steering = None
        session.tell_runs(project, emit)
    token.check()


def free_folder(parent: Path, network: str) -> Path:
    """A folder for a run of this network that does not exist yet: lenet-5-1, lenet-5-2 …"""
    stem = re.sub(r"[^a-z0-9.-]+", "-", Path(network).stem.lower() if network.endswith(".json") else network.lower()).strip("-.") or "run"
    number = 1
    while any((place / f"{stem}-{number}").exists() for place in (parent, parent / DELETED)):  # a deleted run may come back
        number += 1
    return parent / f"{stem}-{number}"
