"""A program for test_resume: trains in children that kill themselves at given steps, goes on in new ones, and compares.

It prints nothing; what it makes are run folders. Children are forked, so that torch loads once, and cases go side by side.

Words: FOLDER CASES. CASES is a JSON list of {"name": a folder, "network": …, "recipe": {…}, "kills": […]}. Of the kills a number kills
before that step (from 1, counted over the whole training), "writing" in the middle of writing a state, "renaming" between the two
generations.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.project.runs import RECORD
from engine.training import checkpoint, loop
from engine.training.fit import fit
from engine.training.recipe import Recipe
from engine.training.resuming import resume

FEW, SIZE = 200, 16


def dataset(count: int) -> Dataset:
    whole = data.from_source(scan("digits"))
    parts = {name: getattr(whole, name)[:count] for name in ("images", "labels", "splits", "locators")}
    return msgspec.structs.replace(whole, **parts)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arrange(kill: int | str | None) -> None:
    """Keep states as often as possible, and die where it is wanted."""
    checkpoint.EVERY, checkpoint.SHARE, loop.PARCEL_SECONDS = 0.0, 1e9, 0.0
    os.fsync = lambda descriptor: None  # a killed process loses nothing that it has written
    step, save, replace = loop._Run.step, checkpoint.save_file, os.replace
    written = 0

    def dying_step(self: loop._Run, number: int, *more: Any) -> None:
        if isinstance(kill, int) and number + 1 >= kill:
            die()
        step(self, number, *more)

    def dying_save(tensors: Any, path: Path, metadata: Any) -> None:
        nonlocal written
        written += 1
        if kill == "writing" and written > 3:
            path.write_bytes(b"\0" * 1000)
            die()
        save(tensors, path, metadata)

    def dying_replace(source: Path, target: Path) -> None:
        replace(source, target)
        if kill == "renaming" and Path(target).name == checkpoint.CHECKPOINT_BEFORE and written > 3:
            die()

    loop._Run.step = dying_step  # type: ignore[method-assign]
    checkpoint.save_file, os.replace = dying_save, dying_replace  # type: ignore[assignment]


def in_child(work: Callable[[], object], kill: int | str | None) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            arrange(kill)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed if kill is not None else os.waitstatus_to_exitcode(status) == 0, (kill, status)


def main(folder: Path, case: dict[str, Any]) -> None:
    pictures = dataset(FEW)
    recipe = msgspec.convert(case["recipe"], Recipe)

    def begin(name: str) -> Callable[[], object]:
        return lambda: fit(pictures, case["network"], recipe, SIZE, folder / name, CancelToken(), lambda event: None, threads=1)

    in_child(begin("whole"), None)
    for kill in [*case["kills"], None]:
        begun = (folder / "killed" / RECORD).exists()
        in_child((lambda: resume(folder / "killed", None, CancelToken(), lambda event: None)) if begun else begin("killed"), kill)


if __name__ == "__main__":
    processes = []
    for case in json.loads(sys.argv[2]):
        processes.append(os.fork())
        if not processes[-1]:
            main(Path(sys.argv[1]) / case["name"], case)
            sys.exit()
    sys.exit(any(os.waitpid(process, 0)[1] for process in processes))
