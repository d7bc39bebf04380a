"""The commands ProbeUnit and ShowFeatureMaps: looking into a finished run, on the live lane's own copy of it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control import CancelToken
from engine.data.locators import located_at_working_size
from engine.failure import UserError
from engine.insight import fields
from engine.messages import FeatureMapsReady, ProbeUnit, ShowFeatureMaps, UnitProbed
from engine.networks.layers import AnyNetwork
from engine.training.reporting import shown
from engine.training.saved import WEIGHTS, LoadedRun, as_tensor, load_run

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from engine.session import Emit, Session


def show_feature_maps(session: Session, command: ShowFeatureMaps, token: CancelToken, emit: Emit) -> None:
    """Answer ShowFeatureMaps.

    Raises
    ------
    UserError
        If there is no such run, picture or layer.
    """
    run, network, module, pixels = _opened(session, command.run, command.image)
    token.check()
    maps = fields.feature_maps(module, run.normalise, as_tensor(pixels), command.layer, network)
    emit(FeatureMapsReady(run=command.run, image=command.image, layer=command.layer, maps=maps, picture=shown(pixels)))


def probe_unit(session: Session, command: ProbeUnit, token: CancelToken, emit: Emit) -> None:
    """Answer ProbeUnit.

    Raises
    ------
    UserError
        If there is no such run, picture, layer or unit.
    """
    run, network, module, pixels = _opened(session, command.run, command.image)
    token.check()
    unit = command.layer, command.channel, command.row, command.column
    field = fields.probe_on_map(module, network, run.normalise, as_tensor(pixels), *unit)
    emit(
        UnitProbed(
            run=command.run,
            image=command.image,
            layer=command.layer,
            channel=command.channel,
            row=field.row,
            column=field.column,
            box=field.box,
            heat=field.heat,
            picture=shown(pixels),
            activation=field.activation,
        )
    )


def _opened(session: Session, run_id: str, image: int) -> tuple[LoadedRun, AnyNetwork, nn.Module, np.ndarray]:
    """The run (of the last one a copy is kept), and the picture as its network takes it."""
    project = session.opened()
    run = _kept(project.runs_folder / Path(run_id).name)
    if run.members:
        text = f"{run.record.title} is the mean of {len(run.members)} runs and has no layers of its own to look into."
        raise UserError(text, "Choose one of its members.")
    if run.network is None or run.module is None:
        raise UserError(f"{run.record.title} has no layers to look into.", "Choose the run of a network.")
    snapshot = project.snapshot
    row = snapshot.row(image)
    if row is None:
        raise UserError("This picture is no longer in the project.", "Choose another picture.")
    return run, run.network, run.module, located_at_working_size(snapshot.locators[row], snapshot.root, run.record.preprocessing)


@lru_cache(maxsize=1)
def _loaded(folder: Path, modified: int) -> LoadedRun:
    return load_run(folder)


def _kept(folder: Path) -> LoadedRun:
    """A run loaded once for many looks; again where its weights were written anew."""
    try:
        modified = (folder / WEIGHTS).stat().st_mtime_ns
    except OSError:
        modified = 0
    return _loaded(folder, modified)
