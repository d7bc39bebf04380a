"""A program for test_team: one of two processes that train; a whole case after the other, so that torch loads once.

Words: FOLDER CASES, as for killed_training. What it makes are run folders FOLDER/NAME/team; afterwards each process makes FOLDER/NAME/one
of half the cases by itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import torch

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.training import stepping, team_folder
from engine.training.fit import fit
from engine.training.losses import Criterion
from engine.training.recipe import Recipe
from engine.training.team import LONE, Team, joined

FEW = 240


def dataset() -> Dataset:
    whole = data.from_source(scan("digits"))
    parts = {name: getattr(whole, name)[:FEW] for name in ("images", "labels", "splits", "locators")}
    return msgspec.structs.replace(whole, **parts)


def scarce(team: Team) -> None:
    """Let memory run out in the first step, once: of two processes in the second, when some of the step is done."""
    passes, criterion, met = stepping.Stepper.passes, Criterion.__call__, []

    def run_out() -> None:
        if not met:
            met.append(True)
            raise torch.OutOfMemoryError("made up")

    def lacking(self: stepping.Stepper, *given: Any) -> stepping.Passed:
        if self.team.lone:
            run_out()
        return passes(self, *given)

    def late(self: Criterion, *given: Any) -> torch.Tensor:
        if team.rank == 1:
            run_out()
        return criterion(self, *given)

    stepping.Stepper.passes, Criterion.__call__ = lacking, late  # type: ignore[method-assign]


def train(folder: Path, case: dict[str, Any], team: Team) -> None:
    recipe = msgspec.convert(case["recipe"], Recipe)
    own = stepping.Stepper.passes, Criterion.__call__
    if case.get("scarce"):
        scarce(team)
    with team_folder.place_of(team, folder / case["name"] / ("one" if team.lone else "team")) as place:
        record = fit(dataset(), case["network"], recipe, case["size"], place, CancelToken(), lambda event: None, threads=1, team=team)
    stepping.Stepper.passes, Criterion.__call__ = own  # type: ignore[method-assign]
    assert record.outcome in ("completed", "cancelled")


if __name__ == "__main__":
    with joined() as team:
        for case in json.loads(sys.argv[2]):
            train(Path(sys.argv[1]), case, team)
    for case in json.loads(sys.argv[2])[team.rank :: 2]:
        train(Path(sys.argv[1]), case, LONE)
