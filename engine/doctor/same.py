"""Findings about pictures that are the same, or nearly so: in several splits, under several labels, or just several times."""

from __future__ import annotations

import msgspec
import numpy as np

from engine.doctor import near
from engine.doctor.material import Material, Rows
from engine.doctor.words import counted, finding, mend
from engine.project.findings import Finding, Group
from engine.project.records import Split

ORDER = {Split.TRAIN: 0, Split.VALIDATION: 1, Split.TEST: 2, Split.NONE: 3}
TITLES = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test", Split.NONE: "no split"}


def findings(material: Material, twins: Rows) -> list[Finding]:
    """Leaks, conflicts, duplicates and near-duplicates.

    Parameters
    ----------
    material : Material
        The pictures.
    twins : int64 [P, 2]
        Pairs of rows that show nearly the same.
    """
    equal = near.pairs(material.digests, 0)
    leaks: list[Group] = []
    conflicts: list[Group] = []
    copies: list[Group] = []
    alike: list[Group] = []
    exact = near.components(len(material.ids), equal)
    for members in groups_of(len(material.ids), np.concatenate([equal, twins])):
        same = len(set(exact[members].tolist())) == 1
        labels = {int(label) for label in material.labels[members] if label >= 0}
        splits = {Split(int(split)) for split in material.splits[members]} - {Split.NONE}
        if len(labels) > 1:
            named = " and ".join(f'"{material.classes[label]}"' for label in sorted(labels))
            conflicts.append(_group(material, members, f"labelled {named}", 1.0 if same else 0.8))
        if len(splits) > 1:
            places = " and in ".join(TITLES[split] for split in sorted(splits, key=lambda split: ORDER[split]))
            leaks.append(_group(material, members, f"in {places}{'' if same else ', nearly the same'}", 1.0 if same else 0.8))
            continue
        if len(labels) <= 1:
            (copies if same else alike).append(
                _group(
                    material,
                    members,
                    f"{len(members):,} times the same" if same else f"{len(members):,} pictures, nearly the same",
                    1.0 if same else 0.8,
                )
            )
    return [found for found in (_leak(leaks), _conflict(conflicts), _duplicate(copies), _near(alike)) if found is not None]


def groups_of(count: int, pairs: Rows) -> list[Rows]:
    """Connected rows, each group ascending, of `count` rows joined by pairs int64 [P, 2]."""
    joined = near.components(count, pairs)
    sizes = np.bincount(joined, minlength=count)
    rows = np.flatnonzero(sizes[joined] > 1)
    order = rows[np.argsort(joined[rows], kind="stable")]
    return [part for part in np.split(order, np.flatnonzero(np.diff(joined[order])) + 1) if len(part)]


def _group(material: Material, members: Rows, words: str, score: float) -> Group:
    # training pictures first: "one side" then keeps the test clean
    places = np.array([ORDER[Split(int(split))] for split in material.splits[members]], np.int64)
    ordered = members[np.lexsort((members, places))]
    return Group(tuple(material.ids[ordered].tolist()), words, None, score)


def _leak(groups: list[Group]) -> Finding | None:
    count = sum(len(group.images) for group in groups)
    return finding(
        "leak",
        "error",
        f"{counted(count)} in more than one split",
        "What was learned from is measured on as well, so the test result looks better than it is. Put each group into one split.",
        groups,
        (mend("one-side"), mend("keep-first"), mend("remove"), mend("flag")),
    )


def _conflict(groups: list[Group]) -> Finding | None:
    what = "1 picture has" if len(groups) == 1 else f"{len(groups):,} pictures have"
    return finding(
        "conflict",
        "error",
        f"{what} two labels",
        "The same picture, or nearly the same, lies in different classes, so one of the labels is wrong. Relabel or remove what is wrong.",
        groups,
        (mend("keep-first"), msgspec.structs.replace(mend("remove"), title="Remove all of them"), mend("flag")),
    )


def _duplicate(groups: list[Group]) -> Finding | None:
    extra = sum(len(group.images) - 1 for group in groups)
    return finding(
        "duplicate",
        "warning",
        f"{counted(extra)} there more than once",
        "Copies count several times in training and make some pictures weigh more than others. Keep one of each.",
        groups,
        (mend("keep-first"), mend("flag")),
    )


def _near(groups: list[Group]) -> Finding | None:
    count = sum(len(group.images) for group in groups)
    return finding(
        "near-duplicate",
        "hint",
        f"{counted(count)} hardly different from another",
        "They show the same, rescaled, compressed or cut a little. That does no harm in one split, but teaches little; keep the best.",
        groups,
        (mend("keep-first"), mend("one-side"), mend("flag")),
    )
