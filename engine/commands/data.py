"""The command `data`: what pictures are there, what is wrong with them, and how they would be divided."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from engine.commands.output import Output, table
from engine.control import CancelToken
from engine.data import locators
from engine.data.colour import Picture
from engine.data.dataset import division_warnings, from_source
from engine.data.looks import digest_of_pixels, look_at
from engine.data.sources import Item, Source, scan
from engine.data.unreadable import UnreadablePicture
from engine.project.ahead import in_order
from engine.project.records import Skipped, Split
from engine.project.taking import threads_here

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

PARCEL = 32  # pictures looked at together
SHOWN = 10  # lines of each kind in the text
Size = tuple[int, int]


def data(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Look through pictures; nothing is changed."""
    source = scan(options.data, token, lambda done, total: output.progress("Looking through files", done / max(1, total)))
    sizes, duplicates, unreadable = _look(source, token, output)
    if unreadable and source.kind != "project":  # a project has its pictures, whatever has become of their files
        source = _without(source, unreadable)
    dataset = from_source(source)
    counts = np.bincount(dataset.labels, minlength=len(source.classes)).tolist()
    values: dict[str, Any] = {
        "images": len(source.items),
        "classes": [{"name": name, "count": count} for name, count in zip(source.classes, counts, strict=True)],
        "unlabelled": len(source.items) - len(dataset.labels),
        "sizes": [{"width": width, "height": height, "count": count} for (width, height), count in sizes.most_common()],
        "skipped": (*source.skipped, *unreadable.values()),
        "duplicates": duplicates,
        "splits": {split.name.lower(): len(dataset.rows(split)) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)},
        "warnings": [*source.warnings, *division_warnings(dataset)],
    }
    output.answer(values, _lines(source, values))
    return 0


def _look(source: Source, token: CancelToken, output: Output) -> tuple[Counter[Size], list[list[str]], dict[int, Skipped]]:
    """Sizes, groups of pictures whose content is the same, and, by their rows, those that cannot be read: as an import judges them."""
    sizes: Counter[Size] = Counter()
    shown: list[str] = []
    keys: list[bytes] = []
    skipped: dict[int, Skipped] = {}
    parcels = (range(start, min(start + PARCEL, len(source.items))) for start in range(0, len(source.items), PARCEL))

    def judge(rows: range) -> list[tuple[Size, bytes] | str]:
        items = [source.items[row] for row in rows]
        whole = locators.array_of([item.locator for item in items], source.root)  # None where they are files
        return [_judged(item, source.root, None if whole is None else whole[at], token) for at, item in enumerate(items)]

    for rows, outcomes in in_order(judge, parcels, threads_here(), token):
        output.progress("Looking at pictures", rows.start / len(source.items))
        for row, outcome in zip(rows, outcomes, strict=True):
            item = source.items[row]
            name = item.locator.removeprefix("file:") if item.locator.startswith("file:") else item.name
            if isinstance(outcome, str):
                skipped[row] = Skipped(name, outcome)
                continue
            sizes[outcome[0]] += 1
            keys.append(outcome[1])
            shown.append(name)
    return sizes, _groups(shown, keys), skipped


def _judged(item: Item, root: str, pixels: Picture | None, token: CancelToken) -> tuple[Size, bytes] | str:
    """Size and digest of a picture, or why it is none."""
    token.check()
    try:
        if pixels is not None or not item.locator.startswith("file:"):
            pixels = locators.read_located(item.locator, root) if pixels is None else pixels
            return (pixels.shape[1], pixels.shape[0]), digest_of_pixels(pixels)
        look, _ = look_at(Path(root, item.locator.removeprefix("file:")))
    except UnreadablePicture as error:
        return error.reason
    return (look.width, look.height), look.digest


def _without(source: Source, rows: Collection[int]) -> Source:
    """What is found, without some pictures, and without the classes that only those had."""
    items = [item for row, item in enumerate(source.items) if row not in rows]
    left = sorted({item.label for item in items if item.label >= 0})
    renumbered = {-1: -1, **{old: new for new, old in enumerate(left)}}
    return msgspec.structs.replace(
        source,
        classes=tuple(source.classes[label] for label in left),
        items=tuple(msgspec.structs.replace(item, label=renumbered[item.label]) for item in items),
    )


def _groups(names: Sequence[str], keys: Sequence[bytes]) -> list[list[str]]:
    groups: dict[bytes, list[str]] = {}
    for name, key in zip(names, keys, strict=True):
        groups.setdefault(key, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _lines(source: Source, values: dict[str, Any]) -> list[str]:
    rows = [(entry["name"], f"{entry['count']:,}") for entry in values["classes"]]
    lines = [f"{source.name}: {values['images']:,} pictures, {values['unlabelled']:,} without a class", ""]
    lines += table(("class", "pictures"), rows, right=frozenset({1}))
    lines += ["", "Splits: " + ", ".join(f"{name} {count:,}" for name, count in values["splits"].items())]
    lines += ["Sizes: " + ", ".join(f"{size['width']}×{size['height']} ({size['count']:,})" for size in values["sizes"][:SHOWN])]
    lines += _some("Skipped", [f"{skipped.file} {skipped.reason}" for skipped in values["skipped"]])
    lines += _some("The same picture more than once", [" = ".join(group) for group in values["duplicates"]])
    return [*lines, *values["warnings"]]


def _some(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    more = [f"  and {len(entries) - SHOWN:,} more"] if len(entries) > SHOWN else []
    return [f"{title}:", *(f"  {entry}" for entry in entries[:SHOWN]), *more]
