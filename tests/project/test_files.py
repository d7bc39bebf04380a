"""Files that go, come back and lie elsewhere; copies of files and of whole projects."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.failure import UserError
from engine.project import copying
from engine.project.opened import Arrival, OpenedProject
from engine.project.records import Flag, Split
from engine.project.relinking import Missing, find
from engine.project.runs import save_record


def noise(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 32, 3)).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """a/0.png … a/4.png and b/0.png … b/4.png, all of other content."""
    for seed in range(10):
        noise(tmp_path / "pictures" / "ab"[seed // 5] / f"{seed % 5}.png", seed)
    return tmp_path / "pictures"


def referring(bench, pictures: Path, folder: Path) -> OpenedProject:
    bench.run(m.NewProject("Referring", str(folder), copy=False))
    bench.run(m.ImportPaths((str(pictures),)))
    assert len(bench.session.project.snapshot.locators) == 10
    return bench.session.project


def notices(bench) -> list[str]:
    return [event.text for event in bench.events if isinstance(event, m.Notice)]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_choice_of_copying_is_kept(bench, pictures: Path, tmp_path: Path) -> None:
    project = referring(bench, pictures, tmp_path / "project")
    assert not project.record.copy
    assert not (tmp_path / "project" / "images").exists()
    bench.run(m.CloseProject())
    bench.run(m.OpenProject(str(tmp_path / "project")))
    assert not bench.only(m.ProjectOpened).project.copy


def test_a_moved_project_finds_its_files_by_their_content(bench, pictures: Path, tmp_path: Path) -> None:
    referring(bench, pictures, tmp_path / "project")
    bench.run(m.CheckFiles())
    assert bench.events == []
    bench.run(m.CloseProject())
    (tmp_path / "project").rename(tmp_path / "elsewhere")
    (tmp_path / "new").mkdir()
    pictures.rename(tmp_path / "new" / "place")
    (tmp_path / "new/place/a/0.png").rename(tmp_path / "new/place/a/another name.png")
    noise(tmp_path / "new/place/a/0.png", 99)  # another picture under the old name
    (tmp_path / "new/place/b/4.png").unlink()

    bench.run(m.OpenProject(str(tmp_path / "elsewhere")))
    bench.run(m.CheckFiles())
    told = bench.only(m.FlagsChanged)
    assert told.ids.tolist() == list(range(1, 11))
    assert (told.flags == Flag.MISSING).all()
    bench.run(m.Relink(str(tmp_path / "new")))
    project = bench.session.project
    flags, locators = project.snapshot.table.flags, project.snapshot.locators
    assert flags.tolist() == [0] * 9 + [Flag.MISSING]
    assert locators[0].endswith("/another name.png")
    assert all(Path(locator.removeprefix("file:")).is_file() for locator in locators[:9])
    assert bench.only(m.HistoryChanged).undo == "Find 9 pictures again"
    assert len(bench.only(m.ImagesRefreshed).images.ids) == 9
    assert "9 of 10 missing files" in notices(bench)[0]
    assert "4.png" in notices(bench)[0]
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "third", ignore=shutil.ignore_patterns("*-wal", "*-shm", "project.lock"))
    bench.run(m.Undo())
    assert project.snapshot.locators[0] == f"file:{(pictures / 'a/0.png').as_posix()}"
    bench.run(m.Redo())
    assert project.snapshot.locators == locators


def test_a_copied_project_opens_elsewhere_as_it_is(bench, pictures: Path, tmp_path: Path) -> None:
    bench.run(m.NewProject("Mine", str(tmp_path / "mine")))
    bench.run(m.ImportPaths((str(pictures),)))
    assert all(locator.startswith("file:images/") for locator in bench.session.project.snapshot.locators)
    bench.run(m.CloseProject())
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "mine")
    shutil.rmtree(tmp_path / "mine")
    shutil.rmtree(pictures)
    shutil.unpack_archive(tmp_path / "packed.zip", tmp_path / "Ünterwegs 🦊")
    bench.run(m.OpenProject(str(tmp_path / "Ünterwegs 🦊")))
    bench.run(m.CheckFiles())
    assert bench.events == []
    bench.run(m.WantPicture(3))
    assert bench.only(m.PictureReady).pixels.shape == (24, 32, 3)


def test_what_was_never_measured_is_measured(bench, pictures: Path, tmp_path: Path) -> None:
    project = OpenedProject(tmp_path / "old", create=True)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    places = [*sorted(pictures.rglob("*.png")), tmp_path / "broken.png", tmp_path / "gone.png"]
    project.add_images("Import", [Arrival(f"file:{path.as_posix()}", path.name) for path in places])
    project.add_images("Digits", [Arrival("digits:5", "digit 5")])
    project.close()
    bench.run(m.OpenProject(str(tmp_path / "old")))
    assert not bench.session.project.snapshot.digests.any()
    bench.run(m.CheckFiles())
    snapshot = bench.session.project.snapshot
    assert snapshot.table.widths.tolist() == [32] * 10 + [0, 0, 8]
    assert snapshot.table.flags.tolist() == [0] * 10 + [Flag.UNREADABLE, Flag.MISSING, 0]
    assert len(np.unique(snapshot.digests)) == 12
    assert (snapshot.digests == 0).tolist() == [False] * 10 + [True, True, False]
    assert (snapshot.hashes[:10] != 0).all()
    assert not np.isnan(snapshot.table.times[:10]).any()
    bench.run(m.CloseProject())
    bench.run(m.OpenProject(str(tmp_path / "old")))
    again = bench.session.project.snapshot
    for name in ("digests", "hashes"):
        assert np.array_equal(getattr(again, name), getattr(snapshot, name))
    for name in ("flags", "widths", "heights", "sizes", "times"):
        assert np.array_equal(getattr(again.table, name), getattr(snapshot.table, name), equal_nan=name == "times")
    noise(tmp_path / "broken.png", 11)  # mended
    noise(pictures / "a" / "0.png", 12)
    with Image.open(pictures / "a" / "0.png") as picture:
        picture.resize((50, 40)).save(pictures / "a" / "0.png")  # edited
    bench.run(m.CheckFiles())
    snapshot = bench.session.project.snapshot
    assert snapshot.table.widths.tolist() == [50] + [32] * 10 + [0, 8]
    assert snapshot.table.flags.tolist() == [0] * 11 + [Flag.MISSING, 0]


def test_copying_in_brings_all_files_or_none(bench, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = referring(bench, pictures, tmp_path / "project")
    before = project.snapshot.locators
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        bench.run(m.KeepFiles(True), token)
    (pictures / "b" / "4.png").unlink()
    with monkeypatch.context() as patched:
        patched.setattr("engine.project.incoming._fill", _full_after(3))
        with pytest.raises(UserError, match="disk is full"):
            bench.run(m.KeepFiles(True))
    assert project.snapshot.locators == before
    assert not project.record.copy
    assert not any(name.startswith(("images/", "incoming/")) for name in files_below(tmp_path / "project"))
    bench.run(m.KeepFiles(True))
    assert bench.only(m.ProjectChanged).project.copy
    assert "4.png" in notices(bench)[0]
    assert [locator.startswith("file:images/") for locator in project.snapshot.locators] == [True] * 9 + [False]
    assert len([name for name in files_below(tmp_path / "project") if name.startswith("images/")]) == 9
    copied = project.snapshot.locators
    bench.run(m.Undo())
    assert not bench.only(m.ProjectChanged).project.copy
    assert project.snapshot.locators == before
    bench.run(m.Redo())
    assert project.snapshot.locators == copied
    bench.run(m.KeepFiles(False))
    assert project.snapshot.locators == copied
    assert bench.only(m.HistoryChanged).undo == "Leave files where they are"


def test_a_copy_has_all_that_the_project_has(bench, pictures: Path, tmp_path: Path, run_record) -> None:
    bench.run(m.NewProject("Mine", str(tmp_path / "mine")))
    bench.run(m.ImportPaths((str(pictures),)))
    bench.run(m.SetNote(1, "a note"))
    bench.run(m.RemoveImages((2,)))
    save_record(tmp_path / "mine/runs/one", run_record)
    (tmp_path / "mine/runs/training").mkdir()
    (tmp_path / "mine/runs/training/weights.safetensors.part").write_bytes(b"half")
    bench.run(m.SaveCopy(str(tmp_path / "backup/copy")))
    assert bench.only(m.Exported).images == 9
    own = {name for name in files_below(tmp_path / "mine") if name.startswith("images/")}
    assert files_below(tmp_path / "backup/copy") == own | {"project.sqlite", "runs/one/run.json"}
    bench.run(m.OpenProject(str(tmp_path / "backup/copy")))
    opened = bench.only(m.ProjectOpened)
    assert opened.notes == {1: "a note"}
    assert [run.id for run in opened.runs] == ["one"]
    bench.run(m.Undo())  # the removed picture's file has come along
    bench.run(m.CheckFiles())
    assert bench.events == []


def test_a_copy_goes_only_where_nothing_is(bench, pictures: Path, tmp_path: Path) -> None:
    project = referring(bench, pictures, tmp_path / "project")
    (tmp_path / "file").write_text("x")
    for place, reason in (
        (project.folder / "copy", "inside the project"),
        (project.folder, "inside the project"),
        (pictures, "not empty"),
        (tmp_path / "file", "is a file"),
    ):
        with pytest.raises(UserError, match=reason):
            bench.run(m.SaveCopy(str(place)))
    assert not (project.folder / "copy").exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_copy_that_fails_leaves_nothing(bench, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    bench.run(m.NewProject("Mine", str(tmp_path / "mine")))
    bench.run(m.ImportPaths((str(pictures),)))
    target = tmp_path / "copy"
    if there:
        target.mkdir()
    monkeypatch.setattr(copying.shutil, "copy2", _full_after(4))
    with pytest.raises(UserError, match="is full"):
        bench.run(m.SaveCopy(str(target)))
    assert target.exists() == there
    assert not there or not any(target.iterdir())
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        bench.run(m.SaveCopy(str(target)), token)
    assert target.exists() == there


def test_a_copy_is_of_one_moment_while_labels_change(tmp_path: Path) -> None:
    project = OpenedProject(tmp_path / "mine", create=True)
    project.add_images("Import", [Arrival(f"file:/x/{number}.png", f"{number}", "ab"[number % 2]) for number in range(2000)])
    stop = threading.Event()

    def label() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            project.set_labels(range(1, 2001), 1 + number % 2)

    project.set_labels(range(1, 2001), 1)
    writer = threading.Thread(target=label)
    writer.start()
    try:
        for number in range(3):
            (tmp_path / f"copy {number}").mkdir()
            copying.copy_database(tmp_path / "mine", tmp_path / f"copy {number}" / "project.sqlite", CancelToken())
    finally:
        stop.set()
        writer.join()
        project.close()
    for number in range(3):
        copy = OpenedProject(tmp_path / f"copy {number}")
        assert len(set(copy.snapshot.table.class_ids.tolist())) == 1  # no half change
        copy.close()


def test_a_project_that_cannot_be_written_can_be_copied(bench, tmp_path: Path, close_to_this_user) -> None:
    bench.run(m.NewProject("Mine", str(tmp_path / "mine")))
    bench.run(m.AddClass("cat"))
    bench.run(m.CloseProject())
    close_to_this_user(tmp_path / "mine")
    bench.run(m.OpenProject(str(tmp_path / "mine")))
    bench.run(m.SaveCopy(str(tmp_path / "copy")))
    bench.run(m.OpenProject(str(tmp_path / "copy")))
    assert bench.only(m.ProjectOpened).project.read_only == ""


def test_a_second_opener_sees_what_is_missing_and_can_copy(bench, pictures: Path, tmp_path: Path) -> None:
    bench.run(m.NewProject("Mine", str(tmp_path / "mine"), copy=False))
    bench.run(m.ImportPaths((str(pictures),)))
    bench.run(m.CloseProject())
    holder = OpenedProject(tmp_path / "mine")
    bench.run(m.OpenProject(str(tmp_path / "mine")))
    assert "another Fovea window" in bench.only(m.ProjectOpened).project.read_only
    (pictures / "a" / "1.png").unlink()
    bench.run(m.CheckFiles())
    assert bench.only(m.FlagsChanged).ids.tolist() == [2]
    for command in (m.Relink(str(tmp_path)), m.KeepFiles(True), m.SetNote(1, "x"), m.SetFlags((1,), Flag.FLAGGED, True)):
        with pytest.raises(UserError, match="another Fovea window"):
            bench.run(command)
    for command in (m.SetSplits((1,), Split.TEST), m.DeleteClass(1), m.MergeClasses((1,), 2), m.MoveClass(1, 1), m.SetClassKey(1, "k")):
        with pytest.raises(UserError, match="another Fovea window"):
            bench.run(command)
    bench.run(m.SaveCopy(str(tmp_path / "copy")))
    assert bench.only(m.Exported).images == 10
    holder.close()


def test_files_of_which_nothing_is_known_are_found_by_name_and_folders(tmp_path: Path) -> None:
    for name in ("x/cat/1.png", "x/dog/1.png", "x/cat/2.png", "y/2.png", "y/cat/2.png", "x/only.png"):
        noise(tmp_path / "new" / name, len(name))
    lost = [Missing(Path("/old/photos") / name, (row,)) for row, name in enumerate(("cat/1.png", "cat/2.png", "a/ONLY.png", "none.png"))]
    size = (tmp_path / "new/x/dog/1.png").stat().st_size
    found = find([*lost, Missing(Path("/else/1.png"), (9,), size=size + 1)], tmp_path / "new", CancelToken(), lambda done, total: None)
    # two files "cat/2.png" could both be meant
    assert found == {lost[0].path: tmp_path / "new/x/cat/1.png", lost[2].path: tmp_path / "new/x/only.png"}


def _full_after(calls: int):
    left = [calls]

    def full(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return shutil.copyfile(*arguments, **options) if isinstance(arguments[0], Path) else arguments[0].write(arguments[1].read_bytes())

    return full
