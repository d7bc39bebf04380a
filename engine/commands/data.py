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
from engine.data.dataset import division_warnings, from_source
from engine.data.decoding import UnreadablePicture, read_header
from engine.data.sources import Source, scan
from engine.project.records import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 10  # lines of each kind in the text
Size = tuple[int, int]


def data(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Look through pictures; nothing is changed."""
    source = scan(options.data, token, lambda done, total: output.progress("Looking through files", done / max(1, total)))
    sizes, duplicates = _look(source, token, output)
    dataset = from_source(source)
    counts = np.bincount(dataset.labels, minlength=len(source.classes)).tolist()
    values: dict[str, Any] = {
        "images": len(source.items),
        "classes": [{"name": name, "count": count} for name, count in zip(source.classes, counts, strict=True)],
        "unlabelled": len(source.items) - len(dataset.labels),
        "sizes": [{"width": width, "height": height, "count": count} for (width, height), count in sizes.most_common()],
        "skipped": source.skipped,
        "duplicates": duplicates,
        "splits": {split.name.lower(): len(dataset.rows(split)) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)},
        "warnings": [*source.warnings, *division_warnings(dataset)],
    }
    output.answer(values, _lines(source, values))
    return 0


def _look(source: Source, token: CancelToken, output: Output) -> tuple[Counter[Size], list[list[str]]]:
    """Sizes, and groups of pictures whose bytes are the same."""
    names = [item.locator for item in source.items]
    whole = locators.array_of(names, source.root)
    if whole is not None:
        keys = [hashlib.blake2b(picture.tobytes(), digest_size=16).digest() for picture in whole]
        return Counter({(whole.shape[2], whole.shape[1]): len(whole)}), _groups([item.name for item in source.items], keys)
    sizes: Counter[Size] = Counter()
    shown, keys = [], []
    for row, name in enumerate(names):
        token.check()
        output.progress("Comparing files", row / len(names))
        path = locators.path_of(name, source.root)
        if path is None or not name.startswith("file:"):
            continue
        try:
            header = read_header(path)
            keys.append(_digest(path))
        except (UnreadablePicture, OSError):  # gone since the scan
            continue
        sizes[header.width, header.height] += 1
        shown.append(name.removeprefix("file:"))
    return sizes, _groups(shown, keys)


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
    lines += _some("Skipped", [f"{skipped.file} {skipped.reason}" for skipped in source.skipped])
    lines += _some("The same picture more than once", [" = ".join(group) for group in values["duplicates"]])
    return [*lines, *values["warnings"]]


def _some(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    more = [f"  and {len(entries) - SHOWN:,} more"] if len(entries) > SHOWN else []
    return [f"{title}:", *(f"  {entry}" for entry in entries[:SHOWN]), *more]
