"""The store lane's commands: what they answer, what they keep, what they refuse."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine import messages as m
from engine import places
from engine.data.dataset import from_snapshot, from_source
from engine.data.sources import scan
from engine.failure import UserError
from engine.project.colours import colour
from engine.project.opened import Arrival, OpenedProject
from engine.project.records import Split
from engine.project.runs import now, save_record
from engine.project.source import read_source


def test_the_sample_opens_quickly_with_labels_and_splits(bench) -> None:
    begun = time.perf_counter()
    bench.run(m.OpenSample())
    assert time.perf_counter() - begun < 2.0
    opened = bench.only(m.ProjectOpened)
    assert opened.project.folder == str(places.projects() / "Digits")
    assert [record.name for record in opened.classes] == list("0123456789")
    assert len(opened.images.ids) == 1797
    assert len({record.colour for record in opened.classes}) == 10
    assert bench.only(m.HistoryChanged).undo == ""


def test_the_sample_is_what_the_commands_train_on(bench) -> None:
    bench.run(m.OpenSample())
    window, command = from_snapshot(bench.session.project.snapshot), from_source(scan("digits"))
    assert window.classes == command.classes
    assert window.locators == command.locators
    assert np.array_equal(window.labels, command.labels)
    assert np.array_equal(window.splits, command.splits)


def test_a_project_is_data_for_the_commands_while_it_is_open(bench) -> None:
    bench.run(m.OpenSample())
    source = scan(bench.session.project.folder)
    assert source.kind == "project"
    assert len(source.items) == 1797
    assert source.items[0].split is not Split.NONE


def test_labels_survive_reopening(bench) -> None:
    bench.run(m.OpenSample())
    folder = str(bench.session.project.folder)
    bench.run(m.SetLabels((5, 3, 5), 2))
    changed = bench.only(m.LabelsChanged)
    assert changed.ids.tolist() == [3, 5]
    assert changed.class_ids.tolist() == [2, 2]
    assert changed.class_ids.dtype == np.int32
    assert bench.only(m.HistoryChanged).undo == 'Label 2 pictures "1"'
    bench.run(m.CloseProject())
    bench.only(m.ProjectClosed)
    bench.run(m.OpenProject(folder))
    opened = bench.only(m.ProjectOpened)
    assert opened.images.class_ids[[2, 4]].tolist() == [2, 2]
    assert bench.only(m.HistoryChanged).undo == 'Label 2 pictures "1"'
    bench.run(m.Undo())
    assert bench.only(m.LabelsChanged).class_ids.tolist() == [3, 5]
    assert bench.only(m.HistoryChanged).redo == 'Label 2 pictures "1"'


def test_pictures_get_a_split_with_their_first_label_and_keep_it(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.AddClass("cat"))
    bench.run(m.AddClass("dog"))
    bench.run(m.ImportPaths((str(photographs / "cat"),)))
    assert (bench.session.project.snapshot.table.splits == Split.NONE).all()
    ids = tuple(range(1, 11))
    for image in ids:
        bench.run(m.SetLabels((image,), 1))
    splits = bench.session.project.snapshot.table.splits.copy()
    assert np.bincount(splits, minlength=4).tolist() == [0, 6, 2, 2]
    bench.run(m.SetLabels(ids, 2))
    assert np.array_equal(bench.only(m.LabelsChanged).splits, splits)
    bench.run(m.SetLabels(ids, None))
    assert (bench.only(m.LabelsChanged).class_ids == -1).all()
    assert np.array_equal(bench.session.project.snapshot.table.splits, splits)


def test_snapshots_that_others_hold_do_not_change(bench) -> None:
    bench.run(m.OpenSample())
    before = bench.session.project.snapshot
    labels = before.table.class_ids.copy()
    bench.run(m.SetLabels((1, 2, 3), 9))
    bench.run(m.RemoveImages((4,)))
    assert np.array_equal(before.table.class_ids, labels)
    assert len(before.locators) == 1797
    assert bench.session.project.snapshot.row(4) is None
    assert bench.session.project.snapshot.row(5) == 3


def test_removed_pictures_come_back(bench) -> None:
    bench.run(m.OpenSample())
    bench.run(m.RemoveImages((10, 7, 100_000)))
    assert bench.only(m.ImagesRemoved).ids.tolist() == [7, 10]
    bench.run(m.Undo())
    added = bench.only(m.ImagesAdded).images
    assert added.ids.tolist() == [7, 10]
    assert added.names == ("digit 6", "digit 9")
    assert len(bench.session.project.snapshot.locators) == 1797
    assert bench.run(m.Undo()) == []


def test_classes(bench) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.AddClass(" cat "))
    assert bench.only(m.ClassesChanged).classes[0].name == "cat"
    with pytest.raises(UserError, match="already"):
        bench.run(m.AddClass("cat"))
    with pytest.raises(UserError, match="needs a name"):
        bench.run(m.AddClass("  "))
    bench.run(m.AddClass("Cat"))
    with pytest.raises(UserError, match="already"):
        bench.run(m.RenameClass(1, "Cat"))
    bench.run(m.RenameClass(1, "tiger"))
    assert [record.name for record in bench.only(m.ClassesChanged).classes] == ["tiger", "Cat"]
    bench.run(m.Undo())
    bench.run(m.Undo())
    assert [record.name for record in bench.only(m.ClassesChanged).classes] == ["cat"]
    with pytest.raises(UserError, match="no longer"):
        bench.run(m.SetLabels((1,), 99))


def test_colours_differ() -> None:
    colours = [colour(number) for number in range(60)]
    assert len(set(colours)) == 60
    assert colours[0] == "#e69f00"


def test_memory(bench) -> None:
    bench.run(m.NewProject("Mine"))
    folder = str(bench.session.project.folder)
    bench.run(m.Remember("page", "train"))
    assert bench.run(m.Remember("page", "check")) == []
    bench.run(m.CloseProject())
    bench.run(m.OpenProject(folder))
    assert bench.only(m.ProjectOpened).memory == {"page": "check"}


def test_new_projects_get_free_folders_that_every_system_allows(bench) -> None:
    bench.run(m.NewProject("a/b: c?"))
    first = bench.session.project.folder
    bench.run(m.NewProject("a/b: c?"))
    assert bench.session.project.folder == first.with_name(f"{first.name} 2")
    assert bench.session.project.record.name == "a/b: c?"
    bench.run(m.NewProject("CON"))
    assert bench.session.project.folder.name == "_CON"
    with pytest.raises(UserError, match="needs a name"):
        bench.run(m.NewProject(" "))
    with pytest.raises(UserError, match="already"):
        bench.run(m.NewProject("x", str(first)))


def test_a_folder_that_cannot_be_opened_leaves_the_open_project(bench, tmp_path: Path) -> None:
    bench.run(m.OpenSample())
    with pytest.raises(UserError, match="holds no project"):
        bench.run(m.OpenProject(str(tmp_path)))
    assert bench.session.opened().record.name == "Digits"
    with pytest.raises(UserError, match='no sample "iris"'):
        bench.run(m.OpenSample("iris"))


def test_without_a_project(bench) -> None:
    with pytest.raises(UserError, match="No project is open"):
        bench.run(m.SetLabels((1,), 1))
    bench.run(m.CloseProject())
    bench.only(m.ProjectClosed)


def test_pinned_units(bench) -> None:
    bench.run(m.PinUnit(3, "conv1", 2))
    assert bench.session.pinned.image == 3
    bench.run(m.PinUnit(3, ""))
    assert bench.session.pinned is None


def test_runs_turn_stale_and_can_be_deleted(bench, run_record) -> None:
    bench.run(m.OpenSample())
    project: OpenedProject = bench.session.project
    save_record(project.runs_folder / "one", msgspec.structs.replace(run_record, id="one", created=now()))
    assert [run.stale for run in project.runs()] == [False]
    bench.run(m.Remember("page", "train"))
    assert [run.stale for run in project.runs()] == [False]
    bench.run(m.SetLabels((1,), 9))
    assert bench.only(m.RunsChanged).runs[0].stale
    save_record(project.runs_folder / "two", msgspec.structs.replace(run_record, id="two", created=now()))
    assert [(run.id, run.stale) for run in project.runs()] == [("two", False), ("one", True)]
    bench.run(m.DeleteRun("one"))
    assert [run.id for run in bench.only(m.RunsChanged).runs] == ["two"]
    assert not (project.runs_folder / "one").exists()
    for name in ("one", "..", "", "../runs/two"):
        with pytest.raises(UserError, match="has no run"):
            bench.run(m.DeleteRun(name))
    with pytest.raises(UserError, match="kept no curves"):
        bench.run(m.LoadHistory("two"))


@pytest.mark.parametrize("first_version", [False, True])
def test_a_run_is_stale_as_long_as_its_labelled_pictures_are_others(bench, run_record, photographs: Path, first_version: bool) -> None:
    bench.run(m.OpenSample())
    project: OpenedProject = bench.session.project
    trained_from = project.snapshot.flat_digest() if first_version else from_snapshot(project.snapshot).digest
    save_record(project.runs_folder / "one", msgspec.structs.replace(run_record, id="one", created=now(), data_digest=trained_from))
    old = msgspec.structs.replace(run_record, id="old", created="2020-01-01T00:00:00+00:00", data_digest="of other pictures")
    save_record(project.runs_folder / "old", old)

    project.runs()
    stale = False
    for command, expected in (
        (m.SetLabels((1,), 9), True),
        (m.SetLabels((2,), 9), True),
        (m.Undo(), True),
        (m.Undo(), False),
        (m.Redo(), True),
        (m.SetLabels((1,), 1), False),
        (m.AddClass("ten"), False),
        (m.RemoveImages((5, 6)), True),
        (m.Undo(), False),
        (m.SetLabels((7,), None), True),
        (m.Undo(), False),
        (m.ImportPaths((str(photographs / "cat"),)), False),
        (m.ImportPaths((str(photographs / "dog"),), 1), True),
        (m.Undo(), False),
    ):
        bench.run(command)
        told = [event.runs for event in bench.events if isinstance(event, m.RunsChanged)]  # only where something turned
        assert [[run.stale for run in told_runs] for told_runs in told] == ([[expected, True]] if expected != stale else []), command
        stale = expected
    assert [run.stale for run in project.runs()] == [stale, True]
    bench.run(m.CloseProject())
    bench.run(m.OpenProject(str(project.folder)))
    assert [run.stale for run in bench.only(m.ProjectOpened).runs] == [False, True]
    assert first_version or read_source(project.folder).digest == trained_from


def test_classes_without_pictures_are_not_trained_on(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.AddClass("empty"))
    bench.run(m.ImportPaths((str(photographs),)))
    data = from_snapshot(bench.session.project.snapshot)
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0] * 10 + [1] * 10
    assert data.images.tolist() == list(range(1, 21))


def test_pictures_with_a_class_each_are_one_step_of_undo(bench, tmp_path: Path) -> None:
    bench.run(m.NewProject("Mine"))
    project = bench.session.project
    project.add_class("cat")
    project.add_class("dog")
    project.add_images("Import", [Arrival(f"file:images/{number}.png", f"{number}.png") for number in range(4)])
    ids = tuple(project.snapshot.table.ids.tolist())
    bench.events = []
    bench.run(m.LabelEach((ids[3], ids[0], ids[2]), (1, 2, 1)))
    assert project.snapshot.table.class_ids.tolist() == [2, -1, 1, 1]
    assert project.snapshot.table.splits.tolist()[1] == Split.NONE and (project.snapshot.table.splits[[0, 2, 3]] != Split.NONE).all()
    assert bench.only(m.HistoryChanged).undo == "Label 3 pictures"
    bench.run(m.Undo())
    assert (project.snapshot.table.class_ids == -1).all()
    bench.run(m.Redo())
    assert project.snapshot.table.class_ids.tolist() == [2, -1, 1, 1]
