"""The command `data`: what pictures are there, what is wrong with them, and how they would be divided."""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.commands.output import Output, table
from engine.control import CancelToken
from engine.data import locators
from engine.data.colour import Picture
from engine.data.dataset import division_warnings, from_source
from engine.data.decoding import read_header
from engine.data.sources import Item, Source, scan
from engine.data.unreadable import UnreadablePicture
from engine.project.records import Skipped, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

PARCEL = 1024  # pictures looked at together
SHOWN = 10  # lines of each kind in the text
Size = tuple[int, int]


def data(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Look through pictures; nothing is changed."""
    source = scan(options.data, token, lambda done, total: output.progress("Looking through files", done / max(1, total)))
    sizes, duplicates, unreadable = _look(source, token, output)
    dataset = from_source(source)
    counts = np.bincount(dataset.labels, minlength=len(source.classes)).tolist()
    values: dict[str, Any] = {
        "images": len(source.items),
        "classes": [{"name": name, "count": count} for name, count in zip(source.classes, counts, strict=True)],
        "unlabelled": len(source.items) - len(dataset.labels),
        "sizes": [{"width": width, "height": height, "count": count} for (width, height), count in sizes.most_common()],
        "skipped": (*source.skipped, *unreadable),
        "duplicates": duplicates,
        "splits": {split.name.lower(): len(dataset.rows(split)) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)},
        "warnings": [*source.warnings, *division_warnings(dataset)],
    }
    output.answer(values, _lines(source, values))
    return 0


def _look(source: Source, token: CancelToken, output: Output) -> tuple[Counter[Size], list[list[str]], list[Skipped]]:
    """Sizes, groups of pictures whose content is the same, and those that cannot be read (those of projects are not looked at before)."""
    sizes: Counter[Size] = Counter()
    shown: list[str] = []
    keys: list[bytes] = []
    skipped: list[Skipped] = []
    for start in range(0, len(source.items), PARCEL):
        token.check()
        output.progress("Comparing pictures", start / len(source.items))
        items = source.items[start : start + PARCEL]
        whole = locators.array_of([item.locator for item in items], source.root)  # None where they are files
        for row, item in enumerate(items):
            token.check()
            name = item.locator.removeprefix("file:") if item.locator.startswith("file:") else item.name
            try:
                size, key = _of_file(item, source.root) if whole is None else _of_pixels(whole[row])
            except (UnreadablePicture, OSError) as error:
                skipped.append(Skipped(name, error.reason if isinstance(error, UnreadablePicture) else str(error.strerror)))
                continue
            sizes[size] += 1
            keys.append(key)
            shown.append(name)
    return sizes, _groups(shown, keys), skipped


def _of_file(item: Item, root: str) -> tuple[Size, bytes]:
    if not item.locator.startswith("file:"):
        return _of_pixels(locators.read_located(item.locator, root))
    path = Path(root, item.locator.removeprefix("file:"))
    header = read_header(path)
    return (header.width, header.height), _digest(path)


def _of_pixels(picture: Picture) -> tuple[Size, bytes]:
    return (picture.shape[1], picture.shape[0]), hashlib.blake2b(picture.tobytes(), digest_size=16).digest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).digest()


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
