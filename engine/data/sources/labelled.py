"""From what annotations say to a source: classes that pictures have, in order, and what is said about the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.data.sources.names import natural
from engine.data.sources.records import SPLIT_NAMES, Item, Source
from engine.failure import UserError
from engine.project.records import Skipped, Split


class Row(msgspec.Struct, frozen=True):
    """A picture as annotated; an empty class is none."""

    locator: str
    class_name: str
    split: Split
    name: str


def source_of(
    name: str, kind: str, root: Path, rows: Sequence[Row], skipped: list[Skipped], warnings: list[str], order: Sequence[str] = ()
) -> Source:
    """A source of rows.

    Parameters
    ----------
    name, kind : str
        Of the source.
    root : Path
        To which locators are relative.
    rows : sequence of Row
        The pictures.
    skipped : list of Skipped
        What is not among them.
    warnings : list of str
        Sentences about them.
    order : sequence of str
        Classes as the annotations order them; by default they are in natural order.

    Raises
    ------
    UserError
        If there are no rows.
    """
    if not rows:
        more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
        first = f"{skipped[0].file} {skipped[0].reason}{more}" if skipped else "it names none"
        raise UserError(f"None of the pictures of {name} can be used: {first}.", "Put the pictures where the annotations say.")
    used = {row.class_name for row in rows if row.class_name}
    classes = tuple(dict.fromkeys(entry for entry in order if entry in used)) if order else tuple(sorted(used, key=natural))
    index = {entry: number for number, entry in enumerate(classes)}
    items = tuple(Item(row.locator, index.get(row.class_name, -1), row.split, row.name) for row in rows)
    return Source(name, kind, str(root), classes, items, tuple(skipped), tuple(warnings))


def split_in(text: str) -> Split:
    """The split that a name speaks of: "instances_train2017" means training."""
    for word in re.findall(r"[a-z]+", text.casefold()):
        if word in SPLIT_NAMES:
            return SPLIT_NAMES[word]
    return Split.NONE


def split_of(place: str) -> Split:
    """The split whose folder a path leads through: "images/train2017/a.jpg" lies in that of training."""
    for part in place.split("/"):
        name = part.casefold().rstrip("0123456789")
        if name in SPLIT_NAMES:
            return SPLIT_NAMES[name]
    return Split.NONE


def without_lonely_split(rows: list[Row]) -> list[Row]:
    """Rows as they are; without split where all are for training, so that they can be divided."""
    if all(row.split == Split.TRAIN for row in rows):
        return [msgspec.structs.replace(row, split=Split.NONE) for row in rows]
    return rows
