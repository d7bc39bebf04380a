"""What a person says of runs, and deleting them: on disk before it is told, and back again."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from engine import messages as m
from engine.failure import UserError
from engine.project import run_changes, runs
from engine.project.records import RunRecord
from engine.training.train import free_folder


@pytest.fixture
def kept(bench, run_record):  # type: ignore[no-untyped-def]
    """A project with the runs "one" and "two", each with a file of weights."""
    bench.run(m.OpenSample())
    project = bench.session.project
    for name in ("one", "two"):
        runs.save_record(project.runs_folder / name, msgspec.structs.replace(run_record, id=name, created=runs.now()))
        (project.runs_folder / name / "weights.safetensors").write_bytes(name.encode() * 100)
    return bench


def named(bench, name: str) -> RunRecord:  # type: ignore[no-untyped-def]
    return next(run for run in bench.session.project.runs() if run.id == name)


def folder(bench, name: str) -> Path:  # type: ignore[no-untyped-def]
    return Path(bench.session.project.runs_folder / name)


def test_name_star_and_note_are_kept_beside_the_record_of_the_training(kept) -> None:
    record = (folder(kept, "one") / runs.RECORD).read_bytes()
    kept.run(m.EditRun("one", title="  Bright\tidea\n"))
    assert next(run for run in kept.only(m.RunsChanged).runs if run.id == "one").title == "Bright idea"
    kept.run(m.EditRun("one", starred=True))
    kept.run(m.EditRun("one", note=" two\nlines "))
    run = named(kept, "one")
    assert (run.title, run.starred, run.note) == ("Bright idea", True, "two\nlines")
    assert (folder(kept, "one") / runs.RECORD).read_bytes() == record
    kept.run(m.EditRun("one", starred=False, note=""))
    assert (named(kept, "one").starred, named(kept, "one").note, named(kept, "one").title) == (False, "", "Bright idea")


def test_a_training_that_writes_its_record_anew_takes_no_word_away(kept) -> None:
    before = named(kept, "one")
    kept.run(m.EditRun("one", title="Mine", note="mine"))
    runs.save_record(folder(kept, "one"), msgspec.structs.replace(before, test_accuracy=0.5))
    after = named(kept, "one")
    assert (after.title, after.note, after.test_accuracy) == ("Mine", "mine", 0.5)


@pytest.mark.parametrize("title", ["", "  \n\t ", "\x00\x07", "x" * 201])
def test_names_that_are_none_are_refused(kept, title: str) -> None:
    with pytest.raises(UserError):
        kept.run(m.EditRun("one", title=title))
    assert not (folder(kept, "one") / runs.SAID).exists()


@pytest.mark.parametrize("title", ["日本語", "العربية", "a/b\\c:*?", "<b>&", "👩\u200d🔬", "x" * 200])
def test_any_other_name_is_kept(kept, title: str) -> None:
    kept.run(m.EditRun("one", title=title))
    assert named(kept, "one").title == title


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"title": 5}', b"\xff\xfe", b'{"starred": "yes"}'])
def test_damaged_words_are_passed_over_and_can_be_written_anew(kept, damage: bytes) -> None:
    (folder(kept, "one") / runs.SAID).write_bytes(damage)
    assert named(kept, "one").title == named(kept, "two").title
    kept.run(m.EditRun("one", title="again"))
    assert named(kept, "one").title == "again"


def test_a_full_disk_leaves_the_old_name(kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.run(m.EditRun("one", title="old"))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            kept.run(m.EditRun("one", title="new"))
    assert named(kept, "one").title == "old"


def test_a_deleted_run_comes_back_as_it_was(kept) -> None:
    kept.run(m.EditRun("one", title="Mine", starred=True))
    before, files = named(kept, "one"), {path.name: path.read_bytes() for path in folder(kept, "one").iterdir()}
    kept.run(m.DeleteRun("one"))
    assert [run.id for run in kept.only(m.RunsChanged).runs] == ["two"]
    assert not folder(kept, "one").exists()
    assert free_folder(kept.session.project.runs_folder, "lenet-5").name == "lenet-5-1"
    kept.run(m.RestoreRun("one"))
    assert named(kept, "one") == before
    assert {path.name: path.read_bytes() for path in folder(kept, "one").iterdir()} == files
    with pytest.raises(UserError, match="no longer kept"):
        kept.run(m.RestoreRun("one"))


def test_it_comes_back_in_a_later_sitting_too(kept) -> None:
    kept.run(m.DeleteRun("one"))
    place = str(kept.session.project.folder)
    kept.run(m.CloseProject())
    kept.run(m.OpenProject(place))
    kept.run(m.RestoreRun("one"))
    assert named(kept, "one").id == "one"


@pytest.mark.parametrize("name", ["", ".", "..", ".deleted", "../runs/two", "a\\b", "never"])
def test_only_runs_of_the_project_are_deleted_or_brought_back(kept, name: str) -> None:
    for command in (m.DeleteRun(name), m.RestoreRun(name), m.EditRun(name, title="x")):
        with pytest.raises(UserError):
            kept.run(command)
    assert {run.id for run in kept.session.project.runs()} == {"one", "two"}


def test_names_of_deleted_runs_are_not_given_again(kept) -> None:
    place = kept.session.project.runs_folder
    os.replace(folder(kept, "one"), place / "lenet-5-1")
    record = msgspec.structs.replace(runs.load_record(place / "lenet-5-1"), id="lenet-5-1")
    runs.save_record(place / "lenet-5-1", record)
    kept.run(m.DeleteRun("lenet-5-1"))
    assert free_folder(place, "lenet-5").name == "lenet-5-2"


def test_of_two_deleted_under_one_name_the_newer_comes_back_and_a_taken_place_is_left(kept) -> None:
    kept.run(m.DeleteRun("one"))
    shutil.copytree(folder(kept, "two"), folder(kept, "one"))
    with pytest.raises(UserError, match="Another run"):
        kept.run(m.RestoreRun("one"))
    (folder(kept, "one") / "newer").write_bytes(b"")
    kept.run(m.DeleteRun("one"))
    kept.run(m.RestoreRun("one"))
    assert (folder(kept, "one") / "newer").exists()
    assert (folder(kept, runs.DELETED) / "one~1").is_dir()


def test_a_run_that_is_being_trained_is_not_deleted(kept) -> None:
    with runs.trained_here(folder(kept, "one")), pytest.raises(UserError, match="is being trained"):
        kept.run(m.DeleteRun("one"))
    kept.run(m.DeleteRun("one"))


def test_what_was_deleted_long_ago_goes_as_the_project_is_opened_and_that_is_told(kept) -> None:
    for name in ("one", "two"):
        kept.run(m.DeleteRun(name))
    long_ago = time.time() - (run_changes.KEPT_DAYS + 1) * run_changes.DAY
    os.utime(folder(kept, runs.DELETED) / "one", (long_ago, long_ago))
    place = str(kept.session.project.folder)
    kept.run(m.CloseProject())
    kept.run(m.OpenProject(place))
    assert "one is gone for good" in kept.only(m.Notice).text
    assert sorted(path.name for path in folder(kept, runs.DELETED).iterdir()) == ["two"]


def test_where_the_disk_is_short_what_was_deleted_before_makes_room(kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.run(m.DeleteRun("one"))
    usage = shutil.disk_usage(kept.session.project.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=run_changes.SHORT - 1))
    kept.run(m.DeleteRun("two"))
    assert "short of room" in kept.only(m.Notice).text
    kept.run(m.RestoreRun("two"))
    with pytest.raises(UserError, match="no longer kept"):
        kept.run(m.RestoreRun("one"))


def test_a_folder_that_cannot_be_moved_stays_whole(kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(PermissionError):
            kept.run(m.DeleteRun("one"))
    assert named(kept, "one").id == "one"


def test_a_second_program_changes_nothing(kept) -> None:
    from engine.session import Session

    other = Session()
    from engine.control import CancelToken

    other.run(m.OpenProject(str(kept.session.project.folder)), CancelToken(), lambda _event: None)
    try:
        assert other.project is not None and other.project.record.read_only
        for command in (m.EditRun("one", title="x"), m.DeleteRun("one"), m.RestoreRun("one")):
            with pytest.raises(UserError):
                other.run(command, CancelToken(), lambda _event: None)
    finally:
        assert other.project is not None
        other.project.close()
    assert folder(kept, "one").is_dir()


def test_a_copy_of_the_project_has_no_deleted_runs_but_what_was_said_of_the_others(kept, tmp_path: Path) -> None:
    kept.run(m.EditRun("two", title="Mine"))
    kept.run(m.DeleteRun("one"))
    kept.run(m.SaveCopy(str(tmp_path / "copy")))
    assert [run.title for run in runs.list_runs(tmp_path / "copy")] == ["Mine"]
    assert not (tmp_path / "copy" / runs.RUNS / runs.DELETED).exists()
