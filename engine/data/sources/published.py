"""What the readers of published sets share: from labels and places to a Source, and reading annotations that may be damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.arrays import AGAIN, Array, read_array
from engine.data.locators import array_locator
from engine.data.sources.records import Item, Source
from engine.failure import UserError
from engine.project.records import Skipped, Split

Labels = npt.NDArray[np.int64]


class Part(NamedTuple):
    """Pictures of one file: kind as in `engine.data.arrays.READERS`, labels int64 [N] (-1: none), split, and a word for their names."""

    kind: str
    path: Path
    labels: Labels
    split: Split
    word: str


class Row(NamedTuple):
    """A picture in a file of its own: its path with forward slashes, relative to the root; index of its class; split."""

    path: str
    label: int
    split: Split


def of_arrays(name: str, root: Path, classes: Sequence[str], parts: Sequence[Part], warnings: tuple[str, ...] = ()) -> Source:
    """A source of files of many pictures.

    Raises
    ------
    UserError
        If pictures and labels are not as many, or a label has no class.
    """
    items: list[Item] = []
    for part in parts:
        count = len(read_array(part.kind, part.path))
        if count != len(part.labels):
            raise UserError(f"{part.path.name} holds {count:,} pictures, but there are {len(part.labels):,} labels for them.", AGAIN)
        if len(part.labels) and not -1 <= int(part.labels.min()) <= int(part.labels.max()) < len(classes):
            raise UserError(f"The labels of {part.path.name} name more classes than the {len(classes)} that there are.", AGAIN)
        start = array_locator(part.kind, part.path, root)
        items.extend(Item(f"{start}{row}", label, part.split, f"{part.word} {row}") for row, label in enumerate(part.labels.tolist()))
    return _source(name, root, classes, items, (), warnings)


def of_files(name: str, root: Path, classes: Sequence[str], rows: Iterable[Row], warnings: tuple[str, ...] = ()) -> Source:
    """A source of files of one picture each; those that would lie outside the root are not taken.

    Raises
    ------
    UserError
        If the annotations name no picture that could be taken.
    """
    items: list[Item] = []
    skipped: list[Skipped] = []
    for row in rows:
        place = PurePosixPath(row.path)
        if place.is_absolute() or ".." in place.parts or not 0 <= row.label < len(classes):
            skipped.append(Skipped(row.path, "is annotated with a place or a class that is not of this set"))
        else:
            items.append(Item(f"file:{place}", row.label, row.split, place.name))
    if not items:
        raise UserError(f"The annotations of {name} in {root} name no pictures.", AGAIN)
    return _source(name, root, classes, items, tuple(skipped), warnings)


def _source(
    name: str, root: Path, classes: Sequence[str], items: list[Item], skipped: tuple[Skipped, ...], warnings: tuple[str, ...]
) -> Source:
    """Leave classes without pictures out, as a source must."""
    present = sorted({item.label for item in items if item.label >= 0})
    if len(present) < len(classes):
        new = {old: number for number, old in enumerate(present)}
        items = [msgspec.structs.replace(item, label=new.get(item.label, -1)) for item in items]
    return Source(name, "standard set", str(root), tuple(classes[number] for number in present), tuple(items), skipped, warnings)


def lines(path: Path) -> Iterator[list[str]]:
    """The words of each line of a text file, empty lines left out.

    Raises
    ------
    UserError
        If it cannot be read as text.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise missing(path) from None
    except UnicodeDecodeError as error:
        raise damaged(path, str(error)) from None
    for line in text.splitlines():
        if line.strip():
            yield line.split()


def titles(path: Path) -> tuple[str, ...]:
    """The lines of a text file, as names of classes."""
    return tuple(" ".join(words) for words in lines(path))


def missing(path: Path) -> UserError:
    """A file of a set is not there."""
    return UserError(f"{path.name} is missing beside the pictures.", f"Get it from where the set came and put it here: {path}")


def damaged(path: Path, detail: str) -> UserError:
    """A file of a set is not what it should be."""
    return UserError(f"{path.name} is damaged ({detail}).", AGAIN)


def byte_labels(values: Array, lowest: int = 0) -> Labels:
    """Labels as stored, counted from `lowest`, as indices; int64 [N]."""
    return np.asarray(values, np.int64).ravel() - lowest


def first_of(folder: Path, *names: str) -> Path | None:
    """The first of these files that is there."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def relative(path: Path, root: Path) -> str:
    """A path below the root with forward slashes."""
    return path.relative_to(root).as_posix()


def place_of(folder: Path, *names: str) -> Path | None:
    """The folder itself or the first of these below it in which a set lies, told by the last name: (below …, mark)."""
    *below, mark = names
    return next((place for place in (*(folder / name for name in below), folder) if (place / mark).exists()), None)
