"""The commands `train` and `resume` in several processes, as `torchrun` starts them, and starts them again when one of them has died."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from engine.commands.ordered import ordered, packed_folder
from engine.commands.output import Output
from engine.commands.told import Watcher, tell
from engine.control import CancelToken
from engine.failure import UserError
from engine.project import runs
from engine.project.records import RunRecord
from engine.training import team_folder
from engine.training.fit import fit
from engine.training.launched import restarts_left
from engine.training.resuming import resume as go_on
from engine.training.team import Team, joined
from engine.training.threads import cores


def train(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Train a network, or go on where this training was when a process of it died."""
    with _team(output, token) as (team, told, stop):
        order = ordered(options, told, stop, team)
        folder = packed_folder(order, options.out) or _named(options.out)

        def what() -> bytes:
            begins = Path(order.weights).name, order.freeze, order.size, order.resize
            return team_folder.what_to_do(
                folder, team_folder.asked_for(order.dataset, order.called or order.network, order.recipe, *begins)
            ).encode()

        do = team.from_leader(what).decode()
        record: RunRecord | None = None
        with team_folder.place_of(team, folder) as place:
            if do == team_folder.BEGIN:
                given = order.dataset, order.network, order.recipe, order.size, place, stop, Watcher(told).see
                record = fit(*given, threads=team.threads(cores()), team=team, **order.more())
            elif do == team_folder.GO_ON:
                record = _gone_on(team, folder, place, None, stop, told)
            elif team.leads:
                record = runs.load_record(folder)
        if record is not None:
            tell(told, record, order.dataset)
    return 0


def resume(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Go on with a run that was stopped or killed, or let a completed one learn on."""
    folder = Path(options.run).absolute()
    with _team(output, token) as (team, told, stop):
        with team_folder.place_of(team, folder) as place:
            record = _gone_on(team, folder, place, options.epochs, stop, told)
        tell(told, record)
    return 0


def _named(out: str | None) -> Path:
    if out is None:
        text = "A training of several processes must know its folder when it is started again."
        raise UserError(text, "Name one with --out, where the first process finds it after a restart.")
    return Path(out).absolute()


def _gone_on(team: Team, folder: Path, place: Path, epochs: int | None, token: CancelToken, told: Output) -> RunRecord:
    team_folder.send(team, folder, place)
    return go_on(place, epochs, token, Watcher(told, resumed=True).see, team=team)


@contextlib.contextmanager
def _team(output: Output, token: CancelToken) -> Iterator[tuple[Team, Output, CancelToken]]:
    """The team; only the process that leads speaks, and is stopped by Ctrl-C: the others stop as it does.

    A failure after which all are started again is no answer yet.
    """
    wants, leads = output.json, os.environ["RANK"] == "0"
    output.json = wants and leads and not restarts_left()
    with joined() as team, Output(wants, silent=not leads) as told:
        yield team, told, token if leads else CancelToken()
