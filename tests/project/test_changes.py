"""Classes merged, deleted, moved, coloured and given keys; splits, marks, notes and divisions: what each tells, refuses and is called."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.failure import UserError
from engine.project.opened import Arrival, OpenedProject
from engine.project.records import Division, Flag, Split
from engine.project.store import FILE


@pytest.fixture
def mine(bench, photographs: Path):
    """A project of ten cats (1 to 10), ten dogs (11 to 20) and three classes."""
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    bench.run(m.AddClass("cow"))
    assert [record.name for record in bench.session.project.snapshot.classes] == ["cat", "dog", "cow"]
    return bench


def kinds(bench) -> list[str]:
    return [type(event).__name__ for event in bench.events]


def classes(bench) -> list[tuple[str, str, str]]:
    return [(record.name, record.colour, record.key) for record in bench.session.project.snapshot.classes]


def undo_title(bench) -> str:
    return bench.only(m.HistoryChanged).undo


def labels(bench) -> list[int]:
    return bench.session.project.snapshot.table.class_ids.tolist()


def test_a_deleted_class_leaves_its_pictures(mine) -> None:
    splits = mine.session.project.snapshot.table.splits.tolist()
    mine.run(m.DeleteClass(1))
    assert kinds(mine) == ["LabelsChanged", "ClassesChanged", "HistoryChanged"]
    assert undo_title(mine) == 'Delete class "cat"'
    assert labels(mine) == [-1] * 10 + [2] * 10
    assert mine.session.project.snapshot.table.splits.tolist() == splits
    mine.run(m.Undo())
    assert kinds(mine) == ["ClassesChanged", "LabelsChanged", "HistoryChanged"]  # never a picture of a class that is not there
    assert labels(mine) == [1] * 10 + [2] * 10
    mine.run(m.DeleteClass(3))
    assert kinds(mine) == ["ClassesChanged", "HistoryChanged"]
    with pytest.raises(UserError, match="no longer"):
        mine.run(m.DeleteClass(3))


def test_merged_classes_are_one(mine) -> None:
    mine.run(m.MergeClasses((1, 3, 2, 1), 2))
    assert undo_title(mine) == 'Merge "cat", "cow" into "dog"'
    assert labels(mine) == [2] * 20
    assert [name for name, _, _ in classes(mine)] == ["dog"]
    mine.run(m.AddClass("cat"))  # the name is free again
    mine.run(m.Undo())
    mine.run(m.Undo())
    assert labels(mine) == [1] * 10 + [2] * 10
    assert [name for name, _, _ in classes(mine)] == ["cat", "dog", "cow"]
    assert mine.run(m.MergeClasses((2,), 2)) == []
    with pytest.raises(UserError, match="no longer"):
        mine.run(m.MergeClasses((1,), 99))
    assert mine.session.project.history().undo == 'Add class "cow"'


def test_classes_have_an_order(mine) -> None:
    def names() -> str:
        return " ".join(name for name, _, _ in classes(mine))

    mine.run(m.MoveClass(3, 0))
    assert undo_title(mine) == 'Move class "cow"'
    assert names() == "cow cat dog"
    mine.run(m.MoveClass(3, 99))
    assert names() == "cat dog cow"
    mine.run(m.MoveClass(1, 1))
    assert names() == "dog cat cow"
    assert mine.run(m.MoveClass(1, 1)) == []
    mine.run(m.AddClass("ant"))
    mine.run(m.DeleteClass(2))
    assert names() == "cat cow ant"
    mine.run(m.MoveClass(4, 0))
    mine.run(m.Undo())
    mine.run(m.Undo())
    assert names() == "dog cat cow ant"
    folder = str(mine.session.project.folder)
    mine.run(m.CloseProject())
    mine.run(m.OpenProject(folder))
    assert names() == "dog cat cow ant"


def test_colours_and_keys(mine) -> None:
    before = classes(mine)
    mine.run(m.ColourClass(1, "#ABCDEF"))
    assert kinds(mine) == ["ClassesChanged", "HistoryChanged"]
    assert classes(mine)[0] == ("cat", "#abcdef", "")
    assert mine.run(m.ColourClass(1, "#abcdef")) == []
    for wrong in ("red", "#12345", "#1234567", ""):
        with pytest.raises(UserError, match="is no colour"):
            mine.run(m.ColourClass(1, wrong))
    mine.run(m.SetClassKey(1, "C"))
    mine.run(m.SetClassKey(3, "c"))
    assert kinds(mine) == ["ClassesChanged", "HistoryChanged"]
    assert undo_title(mine) == 'Key "c" for class "cow"'
    assert [key for _, _, key in classes(mine)] == ["", "", "c"]
    for wrong in ("cc", "1", "?"):
        with pytest.raises(UserError, match="is no letter"):
            mine.run(m.SetClassKey(1, wrong))
    mine.run(m.Undo())
    assert [key for _, _, key in classes(mine)] == ["c", "", ""]
    mine.run(m.Redo())
    mine.run(m.SetClassKey(3, ""))
    assert undo_title(mine) == 'Take the key from class "cow"'
    for _ in range(4):
        mine.run(m.Undo())
    assert classes(mine) == before


def test_marks_are_kept_beside_facts(mine) -> None:
    project: OpenedProject = mine.session.project
    project.set_facts({2: int(Flag.MISSING)})
    mine.run(m.SetFlags((1, 2, 3, 999), Flag.FLAGGED, True))
    assert kinds(mine) == ["FlagsChanged", "HistoryChanged"]
    assert undo_title(mine) == "Flag 3 pictures"
    mine.run(m.SetFlags((2, 4), Flag.FLAGGED | Flag.CONFIRMED, True))
    assert mine.only(m.FlagsChanged).flags.tolist() == [Flag.FLAGGED | Flag.CONFIRMED | Flag.MISSING, Flag.FLAGGED | Flag.CONFIRMED]
    assert mine.run(m.SetFlags((1, 3), Flag.FLAGGED, True)) == []
    mine.run(m.SetFlags((2,), Flag.FLAGGED, False))
    assert mine.only(m.FlagsChanged).flags.tolist() == [Flag.CONFIRMED | Flag.MISSING]
    project.set_facts({2: 0})  # found again: undo does not lose it anew
    for _ in range(3):
        mine.run(m.Undo())
    assert not project.snapshot.table.flags.any()
    with pytest.raises(UserError, match="by looking"):
        mine.run(m.SetFlags((1,), Flag.MISSING, True))


def test_notes(mine) -> None:
    mine.run(m.SetNote(3, "  blurred? \n"))
    assert kinds(mine) == ["NotesChanged", "FlagsChanged", "HistoryChanged"]
    assert mine.only(m.NotesChanged).notes == {3: "blurred?"}
    assert mine.only(m.FlagsChanged).flags.tolist() == [Flag.NOTED]
    mine.run(m.SetNote(3, "sharp"))
    assert mine.run(m.SetNote(3, "sharp")) == []
    mine.run(m.RemoveImages((3,)))
    assert mine.session.project.snapshot.notes == {}
    with pytest.raises(UserError, match="no longer in the project"):
        mine.run(m.SetNote(3, "x"))
    with pytest.raises(UserError, match="are kept"):
        mine.run(m.SetNote(4, "x" * 20_000))
    mine.run(m.Undo())
    assert mine.session.project.snapshot.notes == {3: "sharp"}
    mine.run(m.SetNote(3, ""))
    assert undo_title(mine) == "Take the note from 2.png"
    assert mine.only(m.FlagsChanged).flags.tolist() == [0]
    folder = str(mine.session.project.folder)
    mine.run(m.Undo())
    mine.run(m.CloseProject())
    mine.run(m.OpenProject(folder))
    assert mine.only(m.ProjectOpened).notes == {3: "sharp"}


def test_splits_by_hand(mine) -> None:
    before = mine.session.project.snapshot.table.splits.tolist()
    mine.run(m.SetSplits((1, 2, 3), Split.TEST))
    changed = mine.only(m.LabelsChanged)
    assert set(changed.splits.tolist()) == {Split.TEST}
    assert undo_title(mine) in {"Put 1 picture into test", *(f"Put {number} pictures into test" for number in (2, 3))}
    assert mine.session.project.snapshot.table.splits[:3].tolist() == [Split.TEST] * 3
    assert mine.run(m.SetSplits((1,), Split.TEST)) == []
    mine.run(m.Undo())
    assert mine.session.project.snapshot.table.splits.tolist() == before


def test_dividing_anew_respects_what_sources_brought(bench, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for part, count in (("train", 30), ("test", 10)):
        for number in range(count):
            path = tmp_path / "set" / part / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(chance.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(path)
    (tmp_path / "loose").mkdir()
    for number in range(40):
        Image.fromarray(chance.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(tmp_path / "loose" / f"l{number}.png")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path / "set"),)))
    bench.run(m.ImportPaths((str(tmp_path / "loose"),), 1))
    table = bench.session.project.snapshot.table
    own_test = set(table.ids[:40][table.splits[:40] == Split.TEST].tolist())
    assert len(own_test) == 10
    division = Division((0.5, 0.25, 0.25), seed=4)
    bench.run(m.Divide(division))
    assert kinds(bench) == ["LabelsChanged", "ProjectChanged", "HistoryChanged"]
    assert undo_title(bench) == "Divide the pictures anew"
    assert bench.only(m.ProjectChanged).project.division == division
    after = bench.session.project.snapshot.table
    assert own_test <= set(after.ids[after.splits == Split.TEST].tolist())
    assert (after.splits > 0).all()
    bench.run(m.Divide(division, own_too=True))
    all_anew = bench.session.project.snapshot.table
    assert not own_test <= set(all_anew.ids[all_anew.splits == Split.TEST].tolist())
    assert abs(np.count_nonzero(all_anew.splits == Split.TEST) - 20) <= 2
    folder = str(bench.session.project.folder)
    bench.run(m.CloseProject())
    bench.run(m.OpenProject(folder))
    assert bench.only(m.ProjectOpened).project.division == division
    bench.run(m.Undo())
    bench.run(m.Undo())
    assert bench.only(m.ProjectChanged).project.division == Division()
    assert np.array_equal(bench.session.project.snapshot.table.splits, table.splits)
    bench.run(m.Divide(Division(folds=5, fold=2), own_too=True))
    assert np.count_nonzero(bench.session.project.snapshot.table.splits == Split.TEST) == 16
    for wrong in (
        Division((0.5, 0.5, 0.5)),
        Division((0.0, 0.5, 0.5)),
        Division((1.5, -0.5, 0.0)),
        Division(folds=30),
        Division(folds=3, fold=3),
    ):
        with pytest.raises(UserError):
            bench.run(m.Divide(wrong))


def test_a_full_disk_changes_nothing(mine) -> None:
    project: OpenedProject = mine.session.project
    before = msgspec.structs.astuple(project.snapshot)
    with project.store.transaction() as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")  # as SQLite answers where no byte is free
    big = [Arrival(f"file:images/{number}.png", "x" * 2000, "new class") for number in range(100)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        project.add_images("Import", big)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        for number in range(10_000):
            project.carry_out("x" * 500, *_note(project, number))
    done = project.history().undo
    database.execute("PRAGMA max_page_count = 1000000")
    assert [record.name for record in project.snapshot.classes] == ["cat", "dog", "cow"]
    kept = msgspec.structs.astuple(project.snapshot)[1:3]
    assert kept[1] == before[2]
    folder = project.folder
    notes = dict(project.snapshot.notes)
    mine.run(m.CloseProject())
    mine.run(m.OpenProject(str(folder)))
    assert mine.only(m.ProjectOpened).notes == notes
    assert mine.only(m.HistoryChanged).undo == done
    mine.run(m.AddClass("new class"))


def _note(project: OpenedProject, number: int):
    from engine.project.changes import NoteChange

    old = project.snapshot.notes.get(1, "")
    return [NoteChange(1, f"{number}" * 300)], [NoteChange(1, old)]


def test_an_import_that_was_never_divided_is_divided_on_opening(tmp_path: Path) -> None:
    project = OpenedProject(tmp_path / "mine", create=True)
    project.add_images("First", [Arrival(f"file:images/a{number}.png", f"a{number}", "a", split=Split.TRAIN) for number in range(3)])
    arrivals = [Arrival(f"file:images/{number}.png", f"{number}", "ab"[number % 2]) for number in range(40)]
    _, entry = project.add_images("Import", arrivals[:20], divide=False)
    project.add_images("Import", arrivals[20:], entry, divide=False)
    assert (project.snapshot.table.splits[3:] == Split.NONE).all()
    project.close()  # as the end of a killed process would be
    for _ in range(2):
        project = OpenedProject(tmp_path / "mine")
        assert np.bincount(project.snapshot.table.splits, minlength=4)[0] == 0
        assert project.snapshot.table.splits[:3].tolist() == [Split.TRAIN] * 3
        assert project.history().undo == "Import"
        project.close()
    assert (tmp_path / "mine" / FILE).is_file()
