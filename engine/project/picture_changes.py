"""Changes of pictures other than their class, each one step of undo. They belong to the store lane and return what there is to tell."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from engine.failure import UserError
from engine.project.changes import Change, FlagChange, MetaChange, NoteChange
from engine.project.dividing import redivide
from engine.project.opened import DIVISION, Events, OpenedProject, relabelled, words
from engine.project.records import USER_FLAGS, Division, Flag, Split

MARKS = {
    Flag.FLAGGED: ("Flag {0}", "Take the flag from {0}"),
    Flag.SKIPPED: ("Skip {0}", "Ask about {0} again"),
    Flag.CONFIRMED: ("Confirm the label of {0}", "Doubt the label of {0} again"),
}
SPLITS = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}
NOTE_LETTERS = 10_000


def set_splits(project: OpenedProject, images: Sequence[int], split: Split) -> Events:
    """Put pictures into a split, or (NONE) into none."""
    table = project.snapshot.table
    rows = project.snapshot.rows(images)
    rows = rows[table.splits[rows] != split]
    title = f"Put {words(len(rows))} into {SPLITS[split]}" if split else f"Take {words(len(rows))} out of their splits"
    return project.relabel(title, rows, table.class_ids[rows], np.full(len(rows), split, np.int8))


def set_flags(project: OpenedProject, images: Sequence[int], flags: Flag, on: bool) -> Events:
    """Set or clear marks of the user's.

    Raises
    ------
    UserError
        If one of them is a fact, which nobody sets.
    """
    if flags & ~USER_FLAGS:
        raise UserError("Files are found missing or unreadable by looking at them.", "Set a flag instead.")
    column = project.snapshot.table.flags
    rows = project.snapshot.rows(images)
    new = column[rows] | int(flags) if on else column[rows] & (255 - int(flags))
    changed = new != column[rows]
    rows, new = rows[changed], new[changed]
    if not len(rows):
        return ()
    ids = tuple(project.snapshot.table.ids[rows].tolist())
    marks = int(USER_FLAGS)
    forward = FlagChange(ids, tuple((new & marks).tolist()))
    backward = FlagChange(ids, tuple((column[rows] & marks).tolist()))
    set_, cleared = MARKS.get(flags, ("Mark {0}", "Take marks from {0}"))
    return project.carry_out((set_ if on else cleared).format(words(len(rows))), [forward], [backward])


def set_note(project: OpenedProject, image: int, text: str) -> Events:
    """Write a note to a picture; empty takes it away.

    Raises
    ------
    UserError
        If the picture is in the project no longer, or the note is longer than NOTE_LETTERS.
    """
    row = project.snapshot.row(image)
    if row is None:
        raise UserError("This picture is no longer in the project.", "Undo brings removed pictures back.")
    text = text.strip()
    if len(text) > NOTE_LETTERS:
        raise UserError(f"The note has {len(text):,} letters; {NOTE_LETTERS:,} are kept.", "Shorten it.")
    old = project.snapshot.notes.get(image, "")
    if text == old:
        return ()
    name = project.snapshot.table.names[row]
    title = f"Note to {name}" if text else f"Take the note from {name}"
    return project.carry_out(title, [NoteChange(image, text)], [NoteChange(image, old)])


def divide(project: OpenedProject, division: Division, own_too: bool) -> Events:
    """Divide all labelled pictures anew; those whose source brought a split keep it, unless `own_too`.

    Raises
    ------
    UserError
        If the division makes no sense.
    """
    check(division)
    snapshot = project.snapshot
    own = np.zeros(len(snapshot.table.ids), np.int8)
    if not own_too:
        kept = project.store.own_splits()
        own[snapshot.rows([number for number, _ in kept])] = [split for _, split in kept]
    splits = redivide(snapshot, own, division)
    rows = np.flatnonzero(splits != snapshot.table.splits)
    forward: list[Change] = []
    backward: list[Change] = []
    if len(rows):
        ahead, back = relabelled(snapshot, rows, snapshot.table.class_ids[rows], splits[rows])
        forward, backward = [ahead], [back]
    if division != project.record.division:
        new = "" if division == Division() else msgspec.json.encode(division).decode()
        forward.append(MetaChange(DIVISION, new))
        backward.append(MetaChange(DIVISION, project.store.meta(DIVISION)))
    return project.carry_out("Divide the pictures anew", forward, backward)


def check(division: Division) -> None:
    """See whether a division can be carried out.

    Raises
    ------
    UserError
        If its shares do not add up, or its folds do not exist.
    """
    if division.folds:
        if not 2 <= division.folds <= 20 or not 0 <= division.fold < division.folds:
            raise UserError(f"Fold {division.fold + 1} of {division.folds} does not exist.", "Choose from 2 to 20 folds, and one of them.")
    elif min(division.fractions) < 0 or abs(sum(division.fractions) - 1) > 1e-6 or division.fractions[0] <= 0:
        raise UserError("The shares of training, validation and test do not add up to the whole.", "Let them add up to 100 %.")
