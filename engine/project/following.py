"""How a snapshot follows changes that are on disk, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.data.looks import Look, short_digest
from engine.messages import (
    ClassesChanged,
    Event,
    FlagsChanged,
    ImagesAdded,
    ImagesRefreshed,
    ImagesRemoved,
    LabelsChanged,
    NotesChanged,
)
from engine.project import tables
from engine.project.changes import (
    Change,
    ClassChange,
    FlagChange,
    LabelChange,
    LocatorChange,
    NoteChange,
    PresenceChange,
    Ranges,
    from_ranges,
)
from engine.project.reading import Pictures
from engine.project.records import USER_FLAGS, Flag
from engine.project.snapshot import Snapshot
from engine.project.store import FACTS, Store

Followed = tuple[Snapshot, tuple[Event, ...]]
Rows = npt.NDArray[np.int64]


def followed(before: Snapshot, step: Change, store: Store) -> Followed:
    """The snapshot after a change that the store has carried out, and what there is to tell."""
    if isinstance(step, ClassChange):
        after = msgspec.structs.replace(before, classes=store.classes())
        return after, (ClassesChanged(classes=after.classes),)
    if isinstance(step, LabelChange):
        return _labels(before, step)
    if isinstance(step, PresenceChange):
        return added(before, store, step.ids) if step.present else _removed(before, step)
    if isinstance(step, FlagChange):
        return marked(before, step.ids, np.array(step.flags, np.uint8), int(USER_FLAGS))
    if isinstance(step, NoteChange):
        return _noted(before, step)
    if isinstance(step, LocatorChange):
        return _moved(before, step)
    return before, ()


def added(before: Snapshot, store: Store, ranges: Ranges) -> Followed:
    """With pictures that have come, or come back."""
    there = set(before.rows(from_ranges(ranges)).tolist())
    new = store.pictures(ranges)
    if there:
        known = set(before.table.ids[sorted(there)].tolist())
        new = _taken(new, np.flatnonzero([number not in known for number in new.table.ids.tolist()]))
    return _joined(before, new), (ImagesAdded(images=new.table),)


def marked(before: Snapshot, ids: Sequence[int], flags: npt.NDArray[np.uint8], mask: int) -> Followed:
    """With other marks, only the bits in `mask`; ids ascending, flags uint8, one a picture."""
    rows = before.rows(ids)
    column = before.table.flags.copy()
    chosen = flags[np.searchsorted(np.array(ids, np.int64), before.table.ids[rows])]
    column[rows] = (column[rows] & (255 - mask)) | (chosen & mask)
    table = msgspec.structs.replace(before.table, flags=column)
    return msgspec.structs.replace(before, table=table), (FlagsChanged(ids=table.ids[rows], flags=column[rows]),)


def with_facts(before: Snapshot, facts: Mapping[int, int]) -> Followed:
    """With other marks MISSING and UNREADABLE, by id."""
    ids = sorted(facts)
    return marked(before, ids, np.array([facts[number] for number in ids], np.uint8), FACTS)


def with_looks(before: Snapshot, looks: Mapping[int, Look]) -> Followed:
    """With what a look at pictures gave, by id."""
    rows = before.rows(list(looks))
    found = [looks[number] for number in before.table.ids[rows].tolist()]
    columns: dict[str, Any] = {}
    for name, values in (
        ("widths", [look.width for look in found]),
        ("heights", [look.height for look in found]),
        ("sizes", [look.size for look in found]),
        ("times", [look.time for look in found]),
    ):
        columns[name] = getattr(before.table, name).copy()
        columns[name][rows] = values
    digests, hashes = before.digests.copy(), before.hashes.copy()
    digests[rows] = np.array([short_digest(look.digest) for look in found], np.uint64)
    hashes[rows] = np.array([look.hash for look in found], np.uint64)
    table = msgspec.structs.replace(before.table, **columns)
    after = msgspec.structs.replace(before, table=table, digests=digests, hashes=hashes)
    return after, (ImagesRefreshed(images=tables.taken(table, rows)),)


def _labels(before: Snapshot, step: LabelChange) -> Followed:
    table = before.table
    rows = before.rows(step.ids)
    chosen = np.searchsorted(np.array(step.ids, np.int64), table.ids[rows])
    class_ids, splits = table.class_ids.copy(), table.splits.copy()
    class_ids[rows] = np.array([-1 if number is None else number for number in step.class_ids], np.int32)[chosen]
    splits[rows] = np.array(step.splits, np.int8)[chosen]
    after = msgspec.structs.replace(before, table=msgspec.structs.replace(table, class_ids=class_ids, splits=splits))
    return after, (LabelsChanged(ids=table.ids[rows], class_ids=class_ids[rows], splits=splits[rows]),)


def _noted(before: Snapshot, step: NoteChange) -> Followed:
    notes = {number: text for number, text in before.notes.items() if number != step.id}
    if step.text:
        notes[step.id] = step.text
    noted = np.array([Flag.NOTED if step.text else 0], np.uint8)
    after, events = marked(msgspec.structs.replace(before, notes=notes), (step.id,), noted, int(Flag.NOTED))
    return after, (NotesChanged(notes={step.id: step.text}), *events)


def _moved(before: Snapshot, step: LocatorChange) -> Followed:
    locators = list(before.locators)
    by_id = dict(zip(step.ids, step.locators, strict=True))
    rows = before.rows(step.ids)
    for row in rows.tolist():
        locators[row] = by_id[int(before.table.ids[row])]
    after = msgspec.structs.replace(before, locators=tuple(locators))
    return after, (ImagesRefreshed(images=tables.taken(before.table, rows)),)


def _removed(before: Snapshot, step: PresenceChange) -> Followed:
    keep = np.ones(len(before.table.ids), np.bool_)
    keep[before.rows(from_ranges(step.ids))] = False
    gone = before.table.ids[~keep]
    kept = _taken(_pictures(before), np.flatnonzero(keep))
    notes = before.notes
    if notes:
        lost = set(gone.tolist())
        notes = {number: text for number, text in notes.items() if number not in lost}
    after = msgspec.structs.replace(before, table=kept.table, locators=kept.locators, digests=kept.digests, hashes=kept.hashes, notes=notes)
    return after, (ImagesRemoved(ids=gone),)


def _pictures(snapshot: Snapshot) -> Pictures:
    return Pictures(snapshot.table, snapshot.locators, snapshot.digests, snapshot.hashes, snapshot.notes)


def _taken(whole: Pictures, rows: Rows) -> Pictures:
    locators = whole.locators
    kept = tuple([locators[row] for row in rows.tolist()])
    table = tables.taken(whole.table, rows)
    return Pictures(table, kept, whole.digests[rows], whole.hashes[rows], whole.notes)


def _joined(before: Snapshot, new: Pictures) -> Snapshot:
    both = Pictures(
        tables.joined(before.table, new.table),
        before.locators + new.locators,
        np.concatenate([before.digests, new.digests]),
        np.concatenate([before.hashes, new.hashes]),
        {**before.notes, **new.notes} if new.notes else before.notes,
    )
    ids = both.table.ids
    if len(before.table.ids) and len(new.table.ids) and new.table.ids[0] < before.table.ids[-1]:  # undo brings back what lay between
        both = _taken(both, np.argsort(ids, kind="stable"))
    return msgspec.structs.replace(
        before, table=both.table, locators=both.locators, digests=both.digests, hashes=both.hashes, notes=both.notes
    )
