"""What the mends of the doctor do, as commands, and which groups of a finding are mended already. Knows no widget."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from engine.messages import Command, RemoveImages, SetFlags, SetLabels, SetSplits
from engine.project.findings import Action, Finding
from engine.project.records import Flag, ImageTable, Split

IN_THE_RECIPE = ("class-weights", "balanced-sampling")
"""Mends that change no picture but the next training's recipe."""

SAFE_FOR_ALL = {
    ("duplicate", "keep-first"),
    ("leak", "one-side"),
    ("near-duplicate", "one-side"),
    ("unreadable", "remove"),
}
"""Kind and action where the doctor is never wrong, so that one press may do it for all groups."""

FLAGS = {"confirm": Flag.CONFIRMED, "flag": Flag.FLAGGED}


def safe_for_all(finding: Finding, action: Action) -> bool:
    """Whether a mend may be offered for all groups of a finding at once."""
    return len(finding.groups) > 1 and (finding.kind, action) in SAFE_FOR_ALL


class Sight(msgspec.Struct, frozen=True, eq=False):
    """The M pictures of a finding's groups as they are at one moment, in the order of the groups.

    Attributes
    ----------
    there : bool [M]
        Still in the project.
    class_ids : int32 [M]
    splits : int8 [M]
    flags : uint8 [M]
        -1 and 0 where a picture is not there.
    """

    there: np.ndarray
    class_ids: np.ndarray
    splits: np.ndarray
    flags: np.ndarray


class Follower:
    """Follows the groups of one finding from the moment it was made.

    Parameters
    ----------
    finding : Finding
    images : ImageTable or None
        The project's pictures as the doctor saw them.
    """

    def __init__(self, finding: Finding, images: ImageTable | None) -> None:
        self.finding = finding
        sizes = np.array([len(group.images) for group in finding.groups], np.int64)
        self._sizes = sizes
        self._group = np.repeat(np.arange(len(sizes)), sizes)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._ids = np.fromiter((image for group in finding.groups for image in group.images), np.int64, int(sizes.sum()))
        self._before = self._now = self._look(images)
        self._settled = self._fulfilled(self._before)

    def follow(self, images: ImageTable | None) -> np.ndarray:
        """Which groups are mended now: bool [G].

        A group is mended where a mend of its finding holds that did not hold when the finding was made, where its pictures are gone, or
        where only one of several is left.
        """
        self._now = now = self._look(images)
        left = self._count(now.there)
        done = (self._sizes > 0) & ((left == 0) | ((self._sizes > 1) & (left <= 1)))
        for action, held in self._fulfilled(now).items():
            done |= held & ~self._settled[action]
        return done

    def images_left(self, groups: Iterable[int] | None = None) -> tuple[int, ...]:
        """Pictures of some groups (None: of all) that are in the project, each once, worst group first."""
        chosen = range(len(self._sizes)) if groups is None else groups
        found = (int(self._ids[at]) for group in chosen for at in self._of(group) if self._now.there[at])
        return tuple(dict.fromkeys(found))

    def commands(self, action: Action, groups: Iterable[int]) -> list[Command]:
        """What carries a mend out for some groups: as few commands as possible, for each is a step of undo."""
        made: dict[object, list[int]] = {}
        for group in groups:
            for key, images in self._targets(action, group):
                made.setdefault(key, []).extend(images)
        return [_command(action, key, tuple(dict.fromkeys(images))) for key, images in made.items() if images]

    # ------------------------------------------------------------ one group

    def _of(self, group: int) -> range:
        return range(int(self._starts[group]), int(self._starts[group + 1]))

    def _targets(self, action: Action, group: int) -> list[tuple[object, list[int]]]:
        """Pictures that a mend changes, each list with what they get."""
        rows = [at for at in self._of(group) if self._now.there[at]]
        images = [int(self._ids[at]) for at in rows]
        if action == "keep-first":
            return [(None, images[1:])]
        if action == "relabel":
            suggested = self.finding.groups[group].suggested
            return [] if suggested is None else [(suggested, images)]
        if action == "one-side":
            splits = [int(self._now.splits[at]) for at in rows]
            side = next((split for split in splits if split != Split.NONE), None)
            if side is None:
                return []
            return [(side, [image for image, split in zip(images, splits, strict=True) if split not in (side, Split.NONE)])]
        return [(None, images)]

    # ------------------------------------------------------------ all groups at once

    def _look(self, images: ImageTable | None) -> Sight:
        total = len(self._ids)
        if images is None or not len(images.ids):
            return Sight(np.zeros(total, bool), np.full(total, -1, np.int32), np.zeros(total, np.int8), np.zeros(total, np.uint8))
        rows = np.minimum(np.searchsorted(images.ids, self._ids), len(images.ids) - 1)
        there = images.ids[rows] == self._ids
        return Sight(
            there,
            np.where(there, images.class_ids[rows], -1),
            np.where(there, images.splits[rows], 0),
            np.where(there, images.flags[rows], 0),
        )

    def _count(self, mask: np.ndarray) -> np.ndarray:
        return np.bincount(self._group[mask], minlength=len(self._sizes))

    def _fulfilled(self, now: Sight) -> dict[Action, np.ndarray]:
        """For each mend of the finding, in which groups it holds: bool [G]."""
        left = self._count(now.there)
        held: dict[Action, np.ndarray] = {}
        for mend in self.finding.mends:
            if mend.action == "relabel":
                held[mend.action] = self._count(now.there & (now.class_ids != self._before.class_ids)) > 0
            elif mend.action == "one-side":
                divided = now.there & (now.splits != Split.NONE)
                low, high = np.full(len(left), 9), np.full(len(left), -1)
                np.minimum.at(low, self._group[divided], now.splits[divided])
                np.maximum.at(high, self._group[divided], now.splits[divided])
                held[mend.action] = (left > 0) & (low == high)
            elif mend.action in FLAGS:
                marked = now.there & ((now.flags & FLAGS[mend.action]) != 0)
                held[mend.action] = (left > 0) & (self._count(marked) == left)
        return held


def _command(action: Action, key: object, images: tuple[int, ...]) -> Command:
    if action in ("remove", "keep-first"):
        return RemoveImages(images)
    if action in FLAGS:
        return SetFlags(images, FLAGS[action], True)
    assert isinstance(key, int)
    return SetLabels(images, key) if action == "relabel" else SetSplits(images, Split(key))
