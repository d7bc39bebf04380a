"""The run's folder where several processes train: the one that leads has it, the others have a passing copy of what they need of it.

So it need not be where all machines can reach it, and nothing is written twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load, save

from engine.data.dataset import Dataset
from engine.failure import UserError
from engine.project import runs
from engine.training import saved, seen, trained_on
from engine.training.packed import own_files
from engine.training.recipe import Recipe
from engine.training.team import Team

ASKED = "asked.json"
"""What a training of several processes was started for, by which it knows its own folder after a restart."""
NEEDED = (runs.RECORD, saved.NETWORK, saved.WEIGHTS, seen.SEEN, runs.CHECKPOINT, runs.CHECKPOINT_BEFORE)
BEGIN, GO_ON, DONE = "begin", "go on", "done"


class Asked(msgspec.Struct, frozen=True):
    """What makes a training this one and no other."""

    network: str
    recipe: Recipe
    pictures: str
    begun_with: str
    frozen: bool
    size: int | None
    resize: str | None


@contextlib.contextmanager
def place_of(team: Team, folder: Path) -> Iterator[Path]:
    """The folder in which this process works."""
    if team.leads:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="fovea-", ignore_cleanup_errors=True) as own:
        yield Path(own) / folder.name


def what_to_do(folder: Path, asked: Asked) -> str:
    """Whether a training that may have been started before begins, goes on, or is done; its folder is made.

    Raises
    ------
    UserError
        If the folder holds something else, or what it holds has failed.
    """
    path = folder / ASKED
    before = _read(path)
    if before is None and folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - own_files(folder)):
        raise UserError(f"The folder {folder} is not empty.", "Name a folder with --out that does not exist yet.")
    if before is not None and before != asked:
        raise UserError(f"The folder {folder} is that of another training.", "Name another one with --out, or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_whole(path, msgspec.json.format(msgspec.json.encode(asked), indent=2))
    if not (folder / runs.RECORD).is_file() or not runs.resumable(folder):
        return BEGIN
    outcome = runs.load_record(folder).outcome
    if outcome == "failed":
        raise UserError(f"The training in {folder} has failed before.", "Change its recipe, and name another folder with --out.")
    return DONE if outcome == "completed" else GO_ON


def asked_for(dataset: Dataset, network: str, recipe: Recipe, begun_with: str, frozen: bool, size: int | None, resize: str | None) -> Asked:
    """What a training is started for."""
    digest = hashlib.blake2b("\0".join((*dataset.classes, "", *dataset.locators)).encode("utf-8", "surrogateescape"), digest_size=16)
    digest.update(dataset.labels.tobytes() + dataset.splits.tobytes())
    return Asked(network, recipe, digest.hexdigest(), begun_with, frozen, size, resize)


def send(team: Team, folder: Path, place: Path) -> None:
    """Give those who follow what they need of a run to go on with it: `folder` of the leader goes to `place` of the others."""
    packed = team.from_leader(lambda: save(_files(folder)))
    if team.leads:
        return
    place.mkdir(parents=True, exist_ok=True)
    for name, data in load(packed).items():
        (place / name).write_bytes(data.tobytes())


def _files(folder: Path) -> dict[str, Any]:
    found = {name: (folder / name).read_bytes() for name in NEEDED if (folder / name).is_file()}
    with tempfile.TemporaryDirectory(prefix="fovea-", ignore_cleanup_errors=True) as beside:  # where its pictures are named in full
        trained_on.save(Path(beside), trained_on.load(folder))
        found[trained_on.TRAINED_ON] = (Path(beside) / trained_on.TRAINED_ON).read_bytes()
    return {name: np.frombuffer(data, np.uint8) for name, data in found.items()}


def _read(path: Path) -> Asked | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Asked)
    except (OSError, msgspec.MsgspecError):
        return None
