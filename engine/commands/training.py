"""The commands `train` and `resume`."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from engine.commands.ordered import ordered, packed_folder
from engine.commands.output import Output
from engine.commands.told import Watcher, tell
from engine.control import CancelToken
from engine.failure import UserError
from engine.training.launched import quietly, together


def train(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Train a network and keep the run."""
    if together():
        quietly()
        from engine.commands.training_together import train as train_together

        return train_together(options, output, token)
    from engine.training.fit import fit

    order = ordered(options, output, token)
    folder = packed_folder(order, options.out) or run_folder(options.out, options.data, options.network)
    given = order.dataset, order.network, order.recipe, order.size, folder, token, Watcher(output).see
    tell(output, fit(*given, **order.more()), order.dataset)
    return 0


def resume(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Go on with a run that was stopped or killed, or let a completed one learn on."""
    if together():
        quietly()
        from engine.commands.training_together import resume as resume_together

        return resume_together(options, output, token)
    from engine.training.resuming import resume as go_on

    record = go_on(Path(options.run).absolute(), options.epochs, token, Watcher(output, resumed=True).see)
    tell(output, record)
    return 0


def run_folder(out: str | None, data: str, network: str) -> Path:
    """Where the run goes.

    Raises
    ------
    UserError
        If there is something in the folder that the user named.
    """
    if out is not None:
        folder = Path(out).absolute()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"The folder {folder} is not empty.", "Name a folder with --out that does not exist yet.")
        return folder
    home = Path(data) if (Path(data) / "project.sqlite").is_file() else Path.cwd()
    moment = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    name = f"{moment}-{Path(network).stem.replace(':', '-')}"  # a colon is no letter of a name on Windows
    taken = 1
    folder = home.absolute() / "runs" / name
    while folder.exists():
        taken += 1
        folder = folder.with_name(f"{name}-{taken}")
    return folder
