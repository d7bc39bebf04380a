"""The doctor's round through pictures and labels, for a project and for the headless command alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.control import CancelToken
from engine.data.splits import folds
from engine.doctor import balance, descriptors, near, quality, same, suspects, twins
from engine.doctor.material import Figures, Material, Rows, figures_of
from engine.doctor.neighbours import nearest
from engine.doctor.quality import Odd
from engine.doctor.suspects import Suspects
from engine.doctor.threads import one_thread
from engine.doctor.words import counted, finding, mend
from engine.project.findings import Finding, Group, Kind, Severity

MOST = 80_000  # pictures whose pixels are looked at; 120 MB of descriptors
NEIGHBOURLY = 20_000  # pictures, up to which near-duplicates are looked for among nearest neighbours as well
CLOSE = 0.6  # of the usual distance to the nearest
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")
STAGES = {"Looking at pictures": 0.5, "Comparing pictures": 0.15, "Judging labels": 0.35}

Tell = Callable[[float, str], None]


class Examined(NamedTuple):
    """What was found, worst first; how many pictures were examined; what could not be looked at, a sentence each; suspect labels, worst
    first, as rows of the material.
    """

    findings: tuple[Finding, ...]
    examined: int
    unchecked: tuple[str, ...]
    suspected: Suspects


def examined(material: Material, token: CancelToken, tell: Tell, run: Path | None = None) -> Examined:
    """Look for everything that the doctor knows.

    Parameters
    ----------
    material : Material
        The pictures.
    token : CancelToken
        Checked at every picture, and at every step of a classifier.
    tell : callable
        Called with how far it is, in [0, 1], and what is being done.
    run : Path, optional
        Folder of a run whose features and probabilities are used to judge labels; else descriptors are.

    Raises
    ------
    UserError
        If there is no such run, or it is damaged.
    Cancelled
        If the token was cancelled.
    """
    one_thread()
    unchecked: list[str] = []
    usable = material.usable()
    rows = usable
    if len(rows) > MOST:  # chosen by content, so that the next time the same ones are looked at
        rows = np.sort(rows[np.argsort(material.digests[rows], kind="stable")[:MOST]])
        unchecked.append(f"Of {len(usable):,} pictures {MOST:,} were looked at closely; equal ones were looked for among all.")
    figures = figures_of(material, rows, token, _stage(tell, "Looking at pictures"))
    lost = dict.fromkeys(rows[~figures.ok].tolist(), "")
    rows, figures = rows[figures.ok], figures.readable()
    vectors = descriptors.reduced(figures.vectors, token)
    close = _neighbours(rows, vectors, token)
    pairs = twins.find(material, close, token, _stage(tell, "Comparing pictures"))
    if pairs.left_out:
        unchecked.append(f"{pairs.left_out:,} pairs that may be nearly the same were not compared: there are too many.")
    suspected, remarks = _suspects(material, rows, vectors, token, _stage(tell, "Judging labels"), run)
    unchecked.extend(remarks)
    found = [
        *_lost(material, {**material.unreadable, **lost}),
        *same.findings(material, pairs.pairs),
        *balance.findings(material),
        *_suspicious(material, suspected),
        *_odd(material, rows, figures, vectors, token),
    ]
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    found.sort(key=lambda one: order[one.severity])
    return Examined(tuple(found), len(material.ids), tuple(unchecked), suspected)


def _stage(tell: Tell, name: str) -> Callable[[int, int], None]:
    names = list(STAGES)
    begin = sum(STAGES[before] for before in names[: names.index(name)])

    def progress(done: int, total: int) -> None:
        tell(begin + STAGES[name] * done / max(1, total), f"{name}: {done:,} of {total:,}")

    return progress


def _neighbours(rows: Rows, vectors: npt.NDArray[np.float32], token: CancelToken) -> Rows:
    """Pairs int64 [P, 2] of rows of the material that lie far closer together than others do."""
    if not 3 <= len(rows) <= NEIGHBOURLY:
        return np.zeros((0, 2), np.int64)
    pairs, distances = [], []
    for start, found, places in nearest(vectors, vectors, 2, token, apart=True):
        left = np.repeat(np.arange(start, start + len(places)), 2)
        pairs.append(np.stack([rows[left], rows[places.ravel()]], axis=1))
        distances.append(found.ravel())
    distance = np.concatenate(distances)
    return np.asarray(np.concatenate(pairs)[distance < CLOSE * np.median(distance)], np.int64)


# ---------------------------------------------------------------- labels


def _suspects(
    material: Material,
    rows: Rows,
    vectors: npt.NDArray[np.float32],
    token: CancelToken,
    progress: Callable[[int, int], None],
    run: Path | None,
) -> tuple[Suspects, list[str]]:
    """Suspect labels, as rows of the material, and what could not be judged."""
    labels = material.labels[rows]
    counts = np.bincount(labels[labels >= 0], minlength=len(material.classes))
    judged = counts >= suspects.LEAST_OF_CLASS
    chosen = np.flatnonzero(np.isin(labels, np.flatnonzero(judged)))
    if len(chosen) < suspects.LEAST or np.count_nonzero(judged) < 2:
        return Suspects.none(), [f"Labels were not judged: that takes {suspects.LEAST} labelled pictures in two classes."]
    remarks = []
    scarce = int(np.count_nonzero((counts > 0) & ~judged))
    if scarce:
        which = "1 class has" if scarce == 1 else f"{scarce:,} classes have"
        remarks.append(f"Labels of small classes were not judged: {which} fewer than {suspects.LEAST_OF_CLASS} pictures.")
    numbers = np.cumsum(judged) - 1  # of the judged classes
    kept = np.flatnonzero(judged)
    labels, rows, vectors = numbers[labels[chosen]], rows[chosen], vectors[chosen]
    groups = near.groups(material.digests[rows], material.hashes[rows], labels)
    keys = [f"{digest:016x}" if digest else str(row) for digest, row in zip(material.digests[rows].tolist(), rows.tolist(), strict=True)]
    token.check()
    parts = folds(labels, keys, suspects.FOLDS, 0, groups)
    if run is None:
        shares = suspects.out_of_sample(vectors, labels, parts, len(kept), token, progress)
    else:
        shares = _by_run(run, material, (rows, vectors, labels, parts, kept), token, progress)
    found = suspects.find(shares, labels)
    fresh = ~material.confirmed[rows[found.rows]]
    rows = rows[found.rows][fresh]
    return Suspects(rows, kept[found.other][fresh], found.probability[fresh], found.score[fresh]), remarks


def _by_run(
    run: Path,
    material: Material,
    asked: tuple[Rows, npt.NDArray[np.float32], Rows, npt.NDArray[np.int8], Rows],
    token: CancelToken,
    progress: Callable[[int, int], None],
) -> npt.NDArray[np.float32]:
    """Probabilities by a run for pictures that it was not trained on, and by classifiers on its features for the others."""
    from engine.doctor.by_run import opinion

    rows, vectors, labels, parts, kept = asked
    view = opinion(run, material, rows, token, lambda done, total: progress(done, 2 * total))
    features = vectors if view.features is None else descriptors.reduced(view.features, token)
    shares = suspects.out_of_sample(features, labels, parts, len(kept), token, lambda done, total: progress(total + done, 2 * total))
    direct = ~view.trained_on & view.ok & view.known[kept][labels]
    own = view.probabilities[:, kept]
    shares[direct] = own[direct] / np.maximum(1e-6, own[direct].sum(axis=1, keepdims=True))
    return shares


def _suspicious(material: Material, suspected: Suspects) -> list[Finding]:
    groups = [
        Group(
            (int(material.ids[row]),),
            f'labelled "{material.classes[material.labels[row]]}", looks like "{material.classes[other]}" ({probability:.0%})',
            int(material.class_ids[other]),
            min(1.0, float(score)),
        )
        for row, other, probability, score in zip(*(column.tolist() for column in suspected), strict=True)
    ]
    found = finding(
        "suspect",
        "warning",
        "1 label may be wrong" if len(groups) == 1 else f"{len(groups):,} labels may be wrong",
        "A classifier that had not seen the picture is sure of another class. Look at each: relabel it, or say that the label is right.",
        groups,
        (mend("relabel"), mend("confirm"), mend("remove"), mend("flag")),
    )
    return [found] if found else []


# ---------------------------------------------------------------- single pictures


def _lost(material: Material, unreadable: dict[int, str]) -> list[Finding]:
    gone = [Group((int(material.ids[row]),), material.names[row]) for row in material.missing.tolist()]
    broken = [Group((int(material.ids[row]),), f"{material.names[row]} {reason}".strip()) for row, reason in sorted(unreadable.items())]
    missing = finding(
        "missing",
        "error",
        "1 file is missing" if len(gone) == 1 else f"{len(gone):,} files are missing",
        "They are no longer where they were. Find them in another folder, or take the pictures out.",
        gone,
        (mend("remove"), mend("flag")),
    )
    unread = finding(
        "unreadable",
        "error",
        "1 picture cannot be read" if len(broken) == 1 else f"{len(broken):,} pictures cannot be read",
        "They take no part in training. Save them anew, or take them out.",
        broken,
        (mend("remove"), mend("flag")),
    )
    return [one for one in (missing, unread) if one is not None]


def _odd(material: Material, rows: Rows, figures: Figures, vectors: npt.NDArray[np.float32], token: CancelToken) -> list[Finding]:
    dark, bright = quality.odd_light(rows, figures)
    kinds: tuple[tuple[Kind, Odd, str, str], ...] = (
        ("dark", dark, "very dark", "Far darker than the others: little is to be seen, and less to be learned."),
        ("bright", bright, "nearly white", "Far brighter than the others: little is to be seen, and less to be learned."),
        ("blurred", quality.blurred(rows, figures, material), "blurred", "They have no sharp edges, though others have."),
        ("tiny", quality.tiny(rows, material), "tiny", "Enlarged to the size of the others they show hardly anything."),
        ("aspect", quality.odd_aspect(rows, material), "of an odd shape", "Squashed to the size of the others they are distorted."),
        ("outlier", quality.outliers(rows, vectors, token), "unlike all others", "They may be a mistake, or the only ones of their kind."),
    )
    found = []
    for kind, odd, what, text in kinds:
        groups = [
            Group((int(material.ids[row]),), _measured(material, kind, row), None, score)
            for row, score in zip(odd.rows.tolist(), odd.scores.tolist(), strict=True)
        ]
        found.append(finding(kind, "hint", f"{counted(len(groups))} {what}", text, groups, (mend("remove"), mend("flag"))))
    return [one for one in found if one is not None]


def _measured(material: Material, kind: Kind, row: int) -> str:
    if kind in ("tiny", "aspect"):
        return f"{material.widths[row]:,} × {material.heights[row]:,} pixels"
    return material.names[row]
