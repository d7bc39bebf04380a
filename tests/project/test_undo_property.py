"""Undo, redo and reopening, for any order of changes, against a plain list of states."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.project.class_changes import rename_class
from engine.project.opened import Arrival, OpenedProject

State = tuple[tuple[tuple[int, str], ...], tuple[tuple[int, int, int, str], ...]]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("label"), st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(-1, 4)),
        st.tuples(st.just("remove"), st.lists(st.integers(1, 12), min_size=1, max_size=5), st.just(0)),
        st.tuples(st.just("class"), st.sampled_from(["a", "b", "c", "d"]), st.just(0)),
        st.tuples(st.just("rename"), st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 3)),
        st.tuples(st.just("add"), st.sampled_from(["a", "b", None]), st.integers(1, 3)),
        st.tuples(st.sampled_from(["undo", "redo", "reopen"]), st.just(None), st.just(0)),
    ),
    max_size=25,
)


def state_of(project: OpenedProject) -> State:
    snapshot = project.snapshot
    table = snapshot.table
    assert len(table.ids) == len(table.class_ids) == len(table.splits) == len(table.names) == len(snapshot.locators)
    rows = zip(table.ids.tolist(), table.class_ids.tolist(), table.splits.tolist(), snapshot.locators, strict=True)
    present = {record.id for record in snapshot.classes}
    assert set(table.class_ids.tolist()) <= present | {-1}  # no picture has a class that is not there
    return tuple((record.id, record.name) for record in snapshot.classes), tuple(rows)


def do(project: OpenedProject, kind: str, what: object, number: int) -> bool:
    """Carry a step out; tells whether anything changed."""
    classes = project.snapshot.classes
    if kind == "label":
        class_id = classes[number % len(classes)].id if number >= 0 and classes else None
        return bool(project.set_labels(what, class_id))
    if kind == "remove":
        return bool(project.remove_images(what))
    if kind == "class":
        return all(record.name != what for record in classes) and bool(project.add_class(what))
    if kind == "rename":
        free = all(record.name != what for record in classes)
        return bool(classes and free and rename_class(project, classes[number % len(classes)].id, what))
    arrivals = [Arrival(f"file:{len(project.snapshot.locators)}-{index}.png", f"{index}", what) for index in range(number)]
    return bool(project.add_images("Import", arrivals)[0])


@settings(max_examples=40, deadline=None)
@given(steps)
def test_any_order_of_changes_can_be_taken_back_and_reopened(sequence: list[tuple[str, object, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = OpenedProject(Path(folder), create=True)
        try:
            past, future = [state_of(project)], []
            for kind, what, number in sequence:
                if kind == "reopen":
                    project.close()
                    project = OpenedProject(Path(folder))
                elif kind == "undo":
                    assert bool(project.undo()) == (len(past) > 1)
                    if len(past) > 1:
                        future.append(past.pop())
                elif kind == "redo":
                    assert bool(project.redo()) == bool(future)
                    if future:
                        past.append(future.pop())
                elif do(project, kind, what, number):
                    past.append(state_of(project))
                    future = []
                assert state_of(project) == past[-1]
            for _ in range(len(past) - 1):
                project.undo()
            assert state_of(project) == past[0]
        finally:
            project.close()
