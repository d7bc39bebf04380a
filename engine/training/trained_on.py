"""What a run was trained on, kept with it: its pictures by their places, and what was decided when it began.

So a training can go on from the run's folder alone, with the labels and splits that it began with, whatever became of them in the
project since.
"""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from torch import nn

from engine.data.dataset import Dataset
from engine.failure import UserError
from engine.project.runs import RUNS, write_whole
from engine.training.precision import NAMES, Arithmetic

log = logging.getLogger("fovea.trained_on")

TRAINED_ON = "trained-on.npz"
HERE = "."
"""Root of pictures that lie in the run's own folder, which may be moved."""
SEPARATOR = "\0"  # no name of a file has it


class Decided(msgspec.Struct, frozen=True):
    """What was decided at the beginning.

    Attributes
    ----------
    precision : str
        Name of the number format, see `precision.NAMES`.
    channels_last : bool
    learning : tuple of str or None
        The parameters that learn; None: all that the recipe lets learn.
    way : str
        How the passes of a step go, one of `compiling.WAYS`.
    """

    precision: str
    channels_last: bool
    learning: tuple[str, ...] | None = None
    way: str = ""

    @property
    def arithmetic(self) -> Arithmetic:
        """For the loop."""
        return Arithmetic(next(kind for kind, name in NAMES.items() if name == self.precision), self.channels_last, self.way)


class TrainedOn(NamedTuple):
    """The pictures, those of them that were readable and learned from (rows, int64 [N]), and what was decided."""

    dataset: Dataset
    rows: np.ndarray
    decided: Decided


class _Facts(msgspec.Struct):
    name: str
    classes: tuple[str, ...]
    root: str
    digest: str
    class_ids: tuple[int, ...]
    decided: Decided


def decided(module: nn.Module, arithmetic: Arithmetic, chosen: bool) -> Decided:
    """What to keep; `chosen`: parameters that learn were chosen in another way than by the recipe."""
    learning = tuple(name for name, parameter in module.named_parameters() if parameter.requires_grad) if chosen else None
    return Decided(arithmetic.name, arithmetic.channels_last, learning, arithmetic.way)


def let_learn(module: nn.Module, kept: Decided) -> None:
    """Let those parameters learn that did."""
    if kept.learning is None:
        return
    names = set(kept.learning)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in names)


def save(folder: Path, kept: TrainedOn, project: Path | None = None) -> None:
    """Write it into a run's folder, which lies in a project, or will, which `project` names then."""
    dataset = kept.dataset
    root = (
        "" if Path(dataset.root) == (project or _project_of(folder)) else HERE if Path(dataset.root) == folder.absolute() else dataset.root
    )
    facts = _Facts(dataset.name, dataset.classes, root, dataset.digest, dataset.class_ids, kept.decided)
    columns: dict[str, np.ndarray] = {
        "facts": np.frombuffer(msgspec.json.encode(facts), np.uint8),
        "locators": np.frombuffer(SEPARATOR.join(dataset.locators).encode("utf-8", "surrogateescape"), np.uint8),
        "images": dataset.images,
        "labels": dataset.labels,
        "splits": dataset.splits,
        "rows": np.asarray(kept.rows, np.int64),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **columns)
    write_whole(folder / TRAINED_ON, buffer.getvalue())


def load(folder: Path) -> TrainedOn:
    """Read it.

    Raises
    ------
    UserError
        If it is missing or damaged.
    """
    path = folder / TRAINED_ON
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in ("facts", "locators", "images", "labels", "splits", "rows")}
        facts = msgspec.json.decode(columns["facts"].tobytes(), type=_Facts)
        locators = tuple(columns["locators"].tobytes().decode("utf-8", "surrogateescape").split(SEPARATOR))
        dataset = Dataset(
            name=facts.name,
            classes=facts.classes,
            images=columns["images"].astype(np.int64),
            labels=columns["labels"].astype(np.int64),
            splits=columns["splits"].astype(np.int8),
            locators=locators,
            root=str(folder.absolute()) if facts.root == HERE else facts.root or str(_project_of(folder)),
            digest=facts.digest,
            class_ids=facts.class_ids,
        )
        lengths = {len(locators), len(dataset.images), len(dataset.labels), len(dataset.splits)}
        rows = columns["rows"].astype(np.int64)
        if len(lengths) > 1 or not _within(dataset.labels, len(facts.classes)) or not _within(rows, len(locators)):
            raise ValueError("its columns do not go together")
        if facts.decided.precision not in NAMES.values():
            raise ValueError(f"it names the number format {facts.decided.precision}")
    except FileNotFoundError:
        raise UserError(f"The run {folder.name} kept no word of its pictures.", "Begin a new run with its weights.") from None
    except (OSError, ValueError, KeyError, EOFError, msgspec.MsgspecError, zipfile.BadZipFile, zlib.error) as error:
        text = f"What the run {folder.name} kept of its pictures is damaged ({str(error).splitlines()[0] if str(error) else 'empty'})."
        raise UserError(text, "Begin a new run with its weights, or restore it from a copy.") from None
    return TrainedOn(dataset, rows, facts.decided)


def _within(numbers: np.ndarray, count: int) -> bool:
    return not len(numbers) or (int(numbers.min()) >= 0 and int(numbers.max()) < count)


def _project_of(folder: Path) -> Path | None:
    """The project that a run's folder is in, which may be moved as a whole; None where it is in none."""
    place = folder.absolute().parent
    return place.parent if place.name == RUNS else None


def same_as(kept: Dataset, now: Dataset) -> bool:
    """Whether labelled pictures are the same, with the same labels and splits."""
    columns = ((kept.images, now.images), (kept.labels, now.labels), (kept.splits, now.splits))
    return kept.class_ids == now.class_ids and all(np.array_equal(one, other) for one, other in columns)
