"""Undo, redo and reopening, for any order of changes, against a plain list of states."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import messages as m
from engine.control import CancelToken
from engine.data.looks import Look
from engine.failure import UserError
from engine.messages import Command, Event
from engine.project import tables
from engine.project.changes import LocatorChange
from engine.project.opened import Arrival, OpenedProject
from engine.project.records import Division, Flag, ImageTable, Split
from engine.session import Session

COLUMNS = ("ids", "class_ids", "splits", "flags", "widths", "heights", "sizes", "times")

images = st.lists(st.integers(1, 14), min_size=1, max_size=5).map(tuple)
names = st.sampled_from(["a", "b", "c", "d"])
numbers = st.integers(0, 4)
marks = st.sampled_from([Flag.FLAGGED, Flag.SKIPPED, Flag.CONFIRMED, Flag.FLAGGED | Flag.CONFIRMED])
divisions = st.sampled_from([Division(), Division(seed=3), Division((0.5, 0.0, 0.5)), Division(folds=2, fold=1)])

# A number stands for one of the classes that are there; where there is none the step is passed over.
changes = st.one_of(
    st.tuples(st.just("label"), images, st.integers(-1, 4)),
    st.tuples(st.just("splits"), images, st.sampled_from(Split)),
    st.tuples(st.just("flags"), images, st.tuples(marks, st.booleans())),
    st.tuples(st.just("note"), st.integers(1, 14), st.sampled_from(["", "x", "two\nlines"])),
    st.tuples(st.just("remove"), images, st.none()),
    st.tuples(st.just("class"), names, st.none()),
    st.tuples(st.just("rename"), numbers, names),
    st.tuples(st.just("delete"), numbers, st.none()),
    st.tuples(st.just("merge"), st.tuples(numbers, numbers), numbers),
    st.tuples(st.just("move"), numbers, numbers),
    st.tuples(st.just("colour"), numbers, st.sampled_from(["#000000", "#ffffff"])),
    st.tuples(st.just("key"), numbers, st.sampled_from(["k", "l", ""])),
    st.tuples(st.just("divide"), divisions, st.booleans()),
    st.tuples(st.just("relocate"), images, st.none()),
    st.tuples(st.just("add"), st.one_of(names, st.none()), st.tuples(st.integers(1, 3), st.sampled_from(Split))),
    st.tuples(st.sampled_from(["facts", "looks"]), images, st.none()),
)
steps = st.lists(st.one_of(changes, changes, st.tuples(st.sampled_from(["undo", "redo", "reopen"]), st.none(), st.none())), max_size=25)


def look(seed: int) -> Look:
    digest = seed.to_bytes(2, "big") * 8
    return Look(digest, 30 + seed, 20, 1000 + seed, 1e9 + seed, (1 << 63) + seed, 0.5, 0.2, 0.1)


def state_of(project: OpenedProject) -> tuple[Any, ...]:
    """All that undo is about; what is found out about files is not."""
    snapshot, table = project.snapshot, project.snapshot.table
    count = len(table.ids)
    assert {len(getattr(table, name)) for name in COLUMNS} == {count}
    assert len(table.names) == len(snapshot.locators) == len(snapshot.digests) == len(snapshot.hashes) == count
    assert (np.diff(table.ids) > 0).all()
    present = {record.id for record in snapshot.classes}
    assert set(table.class_ids.tolist()) <= present | {-1}  # no picture has a class that is not there
    keys = [record.key for record in snapshot.classes if record.key]
    assert len(keys) == len(set(keys))
    noted = table.ids[(table.flags & Flag.NOTED) != 0].tolist()
    assert noted == sorted(snapshot.notes)
    marks = (table.flags & 15).tolist()
    rows = zip(table.ids.tolist(), table.class_ids.tolist(), table.splits.tolist(), marks, snapshot.locators, strict=True)
    return snapshot.classes, tuple(rows), snapshot.notes, project.record.division


def facts_of(project: OpenedProject) -> list[list[Any]]:
    snapshot, table = project.snapshot, project.snapshot.table
    columns = (table.ids, table.flags, table.widths, table.sizes, np.nan_to_num(table.times), snapshot.digests, snapshot.hashes)
    return [column.tolist() for column in columns]


class Follower:
    """What a window knows, from the events alone."""

    def __init__(self, project: OpenedProject) -> None:
        self.images: ImageTable = project.snapshot.table
        self.classes, self.notes, self.record = project.snapshot.classes, dict(project.snapshot.notes), project.record

    def hear(self, event: Event) -> None:
        if isinstance(event, m.ImagesAdded | m.ImagesRefreshed):
            self.images = tables.merged(self.images, event.images)
        elif isinstance(event, m.ImagesRemoved):
            self.images = tables.taken(self.images, np.flatnonzero(~np.isin(self.images.ids, event.ids)))
            self.notes = {image: text for image, text in self.notes.items() if image not in event.ids.tolist()}
        elif isinstance(event, m.LabelsChanged):
            self.images = tables.changed(self.images, event.ids, class_ids=event.class_ids, splits=event.splits)
        elif isinstance(event, m.FlagsChanged):
            self.images = tables.changed(self.images, event.ids, flags=event.flags)
        elif isinstance(event, m.NotesChanged):
            self.notes = {image: text for image, text in {**self.notes, **event.notes}.items() if text}
        elif isinstance(event, m.ClassesChanged):
            self.classes = event.classes
        elif isinstance(event, m.ProjectChanged):
            self.record = event.project

    def check(self, project: OpenedProject) -> None:
        snapshot = project.snapshot
        assert self.images.names == snapshot.table.names
        for name in COLUMNS:
            mine, theirs = getattr(self.images, name), getattr(snapshot.table, name)
            assert mine.dtype == theirs.dtype
            assert np.array_equal(mine, theirs, equal_nan=name == "times"), name
        assert self.classes == snapshot.classes
        assert self.notes == snapshot.notes
        assert self.record == project.record


def command_for(project: OpenedProject, kind: str, what: Any, more: Any) -> Command | None:
    """The command of a step; None where there is no class for it."""
    classes = [record.id for record in project.snapshot.classes]

    def class_of(number: int) -> int:
        return classes[number % len(classes)]

    if kind == "label":
        return m.SetLabels(what, class_of(more) if more >= 0 and classes else None)
    by_picture: dict[str, Callable[[], Command]] = {
        "splits": lambda: m.SetSplits(what, more),
        "flags": lambda: m.SetFlags(what, *more),
        "note": lambda: m.SetNote(what, more),
        "remove": lambda: m.RemoveImages(what),
        "class": lambda: m.AddClass(what),
        "divide": lambda: m.Divide(what, more),
        "undo": m.Undo,
        "redo": m.Redo,
    }
    by_class: dict[str, Callable[[], Command]] = {
        "rename": lambda: m.RenameClass(class_of(what), more),
        "delete": lambda: m.DeleteClass(class_of(what)),
        "merge": lambda: m.MergeClasses(tuple(class_of(number) for number in what), class_of(more)),
        "move": lambda: m.MoveClass(class_of(what), more),
        "colour": lambda: m.ColourClass(class_of(what), more),
        "key": lambda: m.SetClassKey(class_of(what), more),
    }
    if kind in by_picture:
        return by_picture[kind]()
    return by_class[kind]() if classes else None


def do(session: Session, kind: str, what: Any, more: Any) -> list[Event]:
    """Carry a step out; gives what was told."""
    project = session.opened()
    snapshot = project.snapshot
    there = [snapshot.row(image) for image in dict.fromkeys(what)] if kind in ("facts", "looks", "relocate") else []
    rows = sorted(row for row in there if row is not None)
    if kind == "add":
        count, split = more
        made = [
            Arrival(f"file:images/{len(snapshot.locators)}-{index}.png", f"{index}", what, None, split, look(index) if index % 2 else None)
            for index in range(count)
        ]
        return list(project.add_images("Import", made)[0])
    if kind == "relocate":
        ids = tuple(int(snapshot.table.ids[row]) for row in rows)
        old = tuple(snapshot.locators[row] for row in rows)
        new = LocatorChange(ids, tuple(f"{locator}x" for locator in old))
        return list(project.carry_out("Move", [new], [LocatorChange(ids, old)])) if rows else []
    if kind == "facts":
        return list(project.set_facts({int(snapshot.table.ids[row]): int(Flag.MISSING) for row in rows}))
    if kind == "looks":
        return list(project.set_looks({int(snapshot.table.ids[row]): look(row) for row in rows}))
    command = command_for(project, kind, what, more)
    events: list[Event] = []
    if command is not None:
        try:
            session.run(command, CancelToken(), events.append)
        except UserError:
            assert not events
    return events


@settings(max_examples=60, deadline=None)
@given(steps)
def test_any_order_of_changes_can_be_taken_back_and_reopened(sequence: list[tuple[str, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = Session()
        session.project = project = OpenedProject(Path(folder), create=True)
        follower = Follower(project)
        try:
            past, future = [state_of(project)], []
            for kind, what, more in sequence:
                events: list[Event] = []
                if kind == "reopen":
                    facts = facts_of(project)
                    project.close()
                    session.project = project = OpenedProject(Path(folder))
                    assert facts_of(project) == facts
                else:
                    events = do(session, kind, what, more)
                for event in events:
                    follower.hear(event)
                follower.check(project)
                if kind == "undo":
                    assert bool(events) == (len(past) > 1)
                    if len(past) > 1:
                        future.append(past.pop())
                elif kind == "redo":
                    assert bool(events) == bool(future)
                    if future:
                        past.append(future.pop())
                elif any(isinstance(event, m.HistoryChanged) for event in events):
                    assert project.history().undo
                    past.append(state_of(project))
                    future = []
                assert state_of(project) == past[-1]
            for _ in range(len(past) - 1):
                assert project.undo()
            assert state_of(project) == past[0]
            for _ in range(len(past) - 1):
                assert project.redo()
            assert state_of(project) == past[-1]
        finally:
            project.close()
