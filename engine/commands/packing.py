"""The command `pack`."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.commands.ordered import ordered
from engine.commands.output import Output
from engine.commands.told import Watcher
from engine.control import CancelToken
from engine.failure import UserError
from engine.project.runs import RECORD
from engine.training import packed
from engine.training.pack_run import size_of


def pack(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Pack what a run was trained for, or a training of pictures that has not begun, into a folder or an archive."""
    out, run = Path(options.out).absolute(), Path(options.data).absolute()
    if (run / RECORD).is_file():
        if options.network is not None:
            raise UserError(f"The run {run.name} brings its network.", "Leave --network away.")
        wanted = packed.of_run(run)
    else:
        order = ordered(options, output, token)
        if order.contract is not None:
            raise UserError(f"{run} is packed already.", "Copy it as it is.")
        wanted = packed.of_data(order.dataset, order.network, order.recipe, order.size, order.resize, order.weights, order.freeze)
    packed.pack(wanted, out, token, Watcher(output).see)
    size = size_of(out)
    values = {"packed": str(out), "network": wanted.called, "pictures": len(wanted.dataset.labels), "bytes": size}
    output.answer(
        values, [f"Packed: {out} ({size / 1e6:,.1f} MB)", f"Train it anywhere: torchrun --nproc-per-node 2 main.py train {out.name}"]
    )
    return 0
