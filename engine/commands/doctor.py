"""The command `doctor`: what is wrong with pictures and labels, and what to do about it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from engine.commands.output import Output
from engine.commands.predicting import check_run
from engine.control import CancelToken
from engine.data.sources import scan
from engine.doctor.examining import Examined, examined
from engine.doctor.material import Material, checked, of_project, of_source
from engine.project.findings import Finding, Group, Kind
from engine.project.records import Skipped, Split

SHOWN = 10  # groups of each finding in the text
SAME: tuple[Kind, ...] = ("leak", "conflict", "duplicate", "near-duplicate")
SINGLE: tuple[Kind, ...] = ("dark", "bright", "blurred", "tiny", "aspect", "outlier")


def doctor(options: argparse.Namespace, output: Output, token: CancelToken) -> int:
    """Look for what is wrong; nothing is changed."""
    run = None if options.run is None else Path(options.run)
    if run is not None:
        check_run(options.run)
    source = scan(options.data, token, lambda done, total: output.progress("Looking through files", done / max(1, total)))
    if source.kind == "project":
        from engine.project.source import read_snapshot

        material = checked(of_project(read_snapshot(Path(source.root))), token)
    else:
        material = of_source(source, token, lambda done, total: output.progress("Reading pictures", done / max(1, total)))
    result = examined(material, token, lambda fraction, text: output.progress(text, fraction), run)
    output.answer(_values(material, result, source.skipped), _lines(source.name, material, result, source.skipped))
    return 0


def _values(material: Material, result: Examined, skipped: tuple[Skipped, ...]) -> dict[str, Any]:
    by_kind = {found.kind: found for found in result.findings}
    return {
        "images": result.examined,
        "unreadable": [{"file": one.file, "reason": one.reason} for one in (*skipped, *_unreadable(material, by_kind))],
        "missing": _files(material, by_kind.get("missing")),
        "near_duplicates": _same(material, result.findings),
        "suspect_labels": _suspects(material, result),
        "imbalance": _imbalance(material, by_kind.get("imbalance")),
        "few": [{"class": name, "count": count} for name, count in _few(material, by_kind.get("few"))],
        **{kind: _files(material, by_kind.get(kind)) for kind in SINGLE},
        "findings": [
            {
                "kind": found.kind,
                "severity": found.severity,
                "title": found.title,
                "text": found.text,
                "groups": [{"files": _names(material, group), "words": group.words, "score": group.score} for group in found.groups],
                "remedies": [mend.title for mend in found.mends],
            }
            for found in result.findings
        ],
        "unchecked": result.unchecked,
    }


def _rows(material: Material, group: Group) -> list[int]:
    return [int(row) for row in np.searchsorted(material.ids, np.array(group.images, np.int64))]


def _names(material: Material, group: Group) -> list[str]:
    return [material.names[row] for row in _rows(material, group)]


def _files(material: Material, found: Finding | None) -> list[str]:
    return [name for group in (found.groups if found else ()) for name in _names(material, group)]


def _unreadable(material: Material, by_kind: dict[Kind, Finding]) -> list[Skipped]:
    found = by_kind.get("unreadable")
    rows = [row for group in (found.groups if found else ()) for row in _rows(material, group)]
    return [Skipped(material.names[row], material.unreadable.get(row) or "cannot be read") for row in rows]


def _same(material: Material, findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """Groups of pictures that are the same or nearly so, each once, whatever findings it is in."""
    groups = {group.images: group for found in findings if found.kind in SAME for group in found.groups}
    entries = []
    for group in groups.values():
        rows = _rows(material, group)
        splits = [Split(int(material.splits[row])).name.lower() for row in rows]
        labels = [material.classes[material.labels[row]] if material.labels[row] >= 0 else None for row in rows]
        entries.append(
            {
                "files": [material.names[row] for row in rows],
                "identical": len({int(material.digests[row]) for row in rows}) == 1,
                "splits": splits,
                "across_splits": len(set(splits) - {"none"}) > 1,
                "labels": labels,
                "conflicting_labels": len(set(labels) - {None}) > 1,
            }
        )
    return entries


def _suspects(material: Material, result: Examined) -> list[dict[str, Any]]:
    return [
        {
            "file": material.names[row],
            "label": material.classes[material.labels[row]],
            "suggested": material.classes[other],
            "probability": probability,
            "score": score,
        }
        for row, other, probability, score in zip(*(column.tolist() for column in result.suspected), strict=True)
    ]


def _counts(material: Material) -> np.ndarray:
    return np.bincount(material.labels[material.labels >= 0], minlength=len(material.classes))


def _imbalance(material: Material, found: Finding | None) -> dict[str, Any] | None:
    if found is None:
        return None
    counts = _counts(material)
    ordered = sorted(np.flatnonzero(counts).tolist(), key=lambda label: int(counts[label]))
    smallest, largest = ordered[0], ordered[-1]
    return {
        "largest": {"class": material.classes[largest], "count": int(counts[largest])},
        "smallest": {"class": material.classes[smallest], "count": int(counts[smallest])},
        "ratio": float(counts[largest] / counts[smallest]),
        "remedies": [mend.action for mend in found.mends],
    }


def _few(material: Material, found: Finding | None) -> list[tuple[str, int]]:
    counts = _counts(material)
    few = len(found.groups) if found else 0
    ordered = sorted(np.flatnonzero(counts).tolist(), key=lambda label: int(counts[label]))
    return [(material.classes[label], int(counts[label])) for label in ordered[:few]]


def _lines(name: str, material: Material, result: Examined, skipped: tuple[Skipped, ...]) -> list[str]:
    lines = [f"{name}: {result.examined:,} pictures examined"]
    if skipped:
        lines += ["", "1 file is no picture" if len(skipped) == 1 else f"{len(skipped):,} files are no pictures"]
        lines += _some([f"{one.file} {one.reason}" for one in skipped])
    for found in result.findings:
        lines += ["", f"{found.severity.capitalize()}: {found.title}", found.text]
        lines += _some([_line(material, group) for group in found.groups])
    if not result.findings and not skipped:
        lines += ["", "Nothing was found."]
    return [*lines, *(("", *result.unchecked) if result.unchecked else ())]


def _line(material: Material, group: Group) -> str:
    names = " = ".join(_names(material, group)[:SHOWN])
    if not names or group.words.startswith(names):
        return group.words
    return f"{names}: {group.words}" if group.words else names


def _some(entries: list[str]) -> list[str]:
    more = [f"  and {len(entries) - SHOWN:,} more"] if len(entries) > SHOWN else []
    return [*(f"  {entry}" for entry in entries[:SHOWN]), *more]
