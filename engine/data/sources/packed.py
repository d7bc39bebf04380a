"""Pictures of a packed training, see `engine.training.packed`: one array at working size, beside it labels and splits."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import msgspec
import numpy as np

from engine.control import CancelToken
from engine.data.preprocessing import Preprocessing
from engine.data.sources.records import Item, Progress, Source
from engine.failure import UserError
from engine.project.records import Split
from engine.training.recipe import Recipe

FACTS, PICTURES, ROWS = "packed.json", "pictures.npy", "rows.npz"
COLUMNS = ("images", "labels", "splits")


class PackedFacts(msgspec.Struct, frozen=True):
    """What is said of a packed training, fields as in Dataset, RunRecord and the parameters of `engine.training.fit.fit`."""

    name: str
    classes: tuple[str, ...]
    class_ids: tuple[int, ...]
    digest: str
    network: str
    recipe: Recipe
    preprocessing: Preprocessing
    measured: int
    freeze: bool


def find(folder: Path, token: CancelToken, progress: Progress | None) -> Source | None:
    """The pictures of a packed training in a folder; None where there is none.

    Raises
    ------
    UserError
        If it is damaged.
    """
    if not (folder / FACTS).is_file():
        return None
    facts, columns = read_facts(folder)
    present = np.unique(columns["labels"]).tolist()
    renumbered = {old: new for new, old in enumerate(present)}
    rows = zip(locators_of(len(columns["labels"])), columns["labels"].tolist(), columns["splits"].tolist(), strict=True)
    items = tuple(Item(name, renumbered[label], Split(split), f"picture {row}") for row, (name, label, split) in enumerate(rows))
    return Source(facts.name or folder.name, "packed training", str(folder), tuple(facts.classes[label] for label in present), items)


def locators_of(count: int) -> tuple[str, ...]:
    """Of all pictures of a packed training, relative to its folder."""
    return tuple(f"npy:{PICTURES}#{row}" for row in range(count))


def read_facts(folder: Path) -> tuple[PackedFacts, dict[str, np.ndarray]]:
    """What is said of a packed training, and images int64 [N], labels int64 [N] and splits int8 [N] of its pictures.

    Raises
    ------
    UserError
        If it is damaged.
    """
    try:
        facts = msgspec.json.decode((folder / FACTS).read_bytes(), type=PackedFacts)
        with np.load(io.BytesIO((folder / ROWS).read_bytes()), allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in COLUMNS}
        columns = {name: column.astype(np.int8 if name == "splits" else np.int64) for name, column in columns.items()}
        count = len(np.load(folder / PICTURES, mmap_mode="r", allow_pickle=False))
        labels, splits = columns["labels"], columns["splits"]
        if any(column.shape != (count,) for column in columns.values()):
            raise ValueError("its columns do not go together")
        if (
            not count
            or labels.min() < 0
            or labels.max() >= len(facts.classes)
            or not np.isin(splits, [int(split) for split in Split]).all()
        ):
            raise ValueError("its labels or splits make no sense")
    except (OSError, ValueError, KeyError, EOFError, msgspec.MsgspecError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(f"The packed training in {folder} is damaged ({reason}).", "Pack it once more, or copy it again.") from None
    return facts, columns
