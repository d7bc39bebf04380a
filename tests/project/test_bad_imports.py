"""Disks that fill up, folders that cannot be written, names that nobody expects, files that break: a sentence each, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import engine
from engine import messages as m
from engine.control import CancelToken
from engine.failure import UserError
from engine.project import ahead, importing, intake, opened, taking

NAMES = ["Катя и кот.png", "猫咪.jpg", "🐈‍⬛🎉.webp", 'say "cheese".png', "it's.bmp", "Mötley Crüe.jpg", "a#b%20c.png", "  spaces  .png"]
ROOT = Path(engine.__file__).parents[1]

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


def run_apart(task: str, folder: Path) -> Any:
    """What a task of importing_worker.py answers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, str(Path(__file__).with_name("importing_worker.py")), task, str(folder)]
    done = subprocess.run(words, env=environment, capture_output=True, timeout=120, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o777)
    yield place
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o777)
    shutil.rmtree(place)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None:
        pytest.skip("no disk of a given size can be made here")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def pictures(folder: Path, count: int, side: int = 200) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(made):
        Image.effect_noise((side, side), 50 + number).save(path)
    return made


def orphans(project: Path) -> set[str]:
    """Files of the project's folder that no row refers to."""
    database = sqlite3.connect(project / "project.sqlite")
    rows = {row[0].rpartition("/")[2] for row in database.execute("SELECT locator FROM images")}
    database.close()
    return {path.name for path in (project / "images").glob("*")} - rows


# ---------------------------------------------------------------- names and paths


def test_names_in_any_script(bench, tmp_path: Path) -> None:
    folder = tmp_path / "Фото 照片 📷"
    folder.mkdir()
    names = [name for name in NAMES if sys.platform != "win32" or not set(name) & set('"')]
    for number, name in enumerate(names):
        Image.new("RGB", (10, 10 + number)).save(folder / name)
    bench.run(m.NewProject("Мой проект 我的"))
    bench.run(m.ImportPaths((str(folder),)))
    assert bench.only(m.ImportFinished).skipped == ()
    snapshot = bench.session.project.snapshot
    assert sorted(snapshot.table.names) == sorted(names)
    assert sorted(snapshot.table.heights.tolist()) == [10 + number for number in range(len(names))]
    bench.run(m.WantThumbnails(tuple(snapshot.table.ids.tolist()), side=50))
    assert all(picture is not None for event in bench.events for picture in event.pictures)


@posix
def test_names_of_bytes_are_told(bench, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    pictures(folder, 2)
    try:
        shutil.copy(folder / "0.png", os.path.join(os.fsencode(folder), b"caf\xe9.png"))
    except OSError:
        pytest.skip("this file system refuses such names")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(folder), os.fsdecode(os.path.join(os.fsencode(folder), b"caf\xe9.png")))))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == 2
    assert {item.file: item.reason for item in finished.skipped} == {"caf\ufffd.png": "has a name that is not valid text"}


def test_a_path_of_300_characters(bench, tmp_path: Path) -> None:
    folder = tmp_path / "a" / ("b" * 100) / ("c" * 100) / ("d" * 100)
    try:
        made = pictures(folder, 1)[0].rename(folder / ("e" * 120 + ".png"))
    except OSError:
        pytest.skip("this system does not allow such paths")
    assert len(str(made)) > 300
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path / "a"),)))
    bench.run(m.ImportPaths((str(made),), copy=False))
    assert bench.only(m.ImportFinished).skipped[0].reason == "is in the project already"
    assert bench.session.project.snapshot.table.names == ("e" * 120 + ".png",)


def test_a_path_that_no_system_takes(bench, tmp_path: Path) -> None:
    pictures(tmp_path / "set", 1)
    bench.run(m.NewProject("Mine"))
    impossible = str(tmp_path / ("x" * 300 + ".png"))
    bench.run(m.ImportPaths((str(tmp_path / "set"), impossible, str(tmp_path / ("y" * 300)))))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == 1
    assert len(finished.skipped) == 2
    with pytest.raises(UserError):
        bench.run(m.ImportPaths((impossible,)))


# ---------------------------------------------------------------- files that go, files that are kept back


def test_a_file_removed_in_the_middle(bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pictures(tmp_path / "set", 12)
    monkeypatch.setattr(ahead, "AHEAD", 1)
    monkeypatch.setattr(taking, "FEW", 1)
    monkeypatch.setattr(intake, "FIRST_PARCEL", 2)
    monkeypatch.setattr(importing, "threads_here", lambda: 1)
    bench.run(m.NewProject("Mine"))
    events: list[m.Event] = []

    def emit(event: m.Event) -> None:
        events.append(event)
        if isinstance(event, m.ImagesAdded):
            made[9].unlink(missing_ok=True)

    bench.session.run(m.ImportPaths((str(tmp_path / "set"),)), CancelToken(), emit)
    assert isinstance(events[-1], m.ImportFinished)
    assert events[-1].taken == 11
    assert [(item.file, item.reason) for item in events[-1].skipped] == [("9.png", "is not there")]


@posix
def test_files_that_may_not_be_read(open_folder: Path) -> None:
    pictures(open_folder / "set", 3)
    (open_folder / "set" / "1.png").chmod(0)
    pictures(open_folder / "set" / "secret", 1)
    (open_folder / "set" / "secret").chmod(0)
    whole, one, hidden = run_apart("denied", open_folder)
    reason = "may not be read (its permissions forbid it)"
    assert whole == {"told": "", "taken": 2, "skipped": {"1.png": reason}}
    assert one["told"].startswith(f"1.png {reason}.")
    assert hidden["told"].startswith(f"0.png {reason}.")


@posix
def test_projects_that_cannot_be_written(open_folder: Path) -> None:
    pictures(open_folder / "set", 3)
    meanwhile, rows, afterwards = run_apart("read_only", open_folder)
    assert meanwhile["told"].startswith("The project's folder cannot be written (Permission denied); 0 of 3 pictures were taken.")
    assert (meanwhile["taken"], rows) == (0, 0)
    assert afterwards["taken"] == 0
    assert "cannot be written" in afterwards["told"] or "read" in afterwards["told"]
    assert afterwards["told"].count(".") >= 2  # what and what to do


# ---------------------------------------------------------------- disks that fill up


def test_a_disk_that_fills_up(bench, tmp_path: Path, small_disk: Path) -> None:
    made = pictures(tmp_path / "set", 60, 300)  # 90 kB each
    bench.run(m.NewProject("Mine", str(small_disk / "project")))
    bench.events = []
    with pytest.raises(UserError, match=r"disk is full: [0-9]+ of 60 pictures were taken") as told:
        bench.run(m.ImportPaths((str(tmp_path / "set"),)))
    taken = bench.only(m.ImportFinished).taken
    assert f" {taken} of 60 " in told.value.message
    assert len(bench.session.project.snapshot.locators) == taken
    bench.close()
    shutil.copytree(small_disk / "project", tmp_path / "elsewhere")  # the rows and files of what was taken are there
    assert orphans(tmp_path / "elsewhere") == set()
    bench.run(m.OpenProject(str(tmp_path / "elsewhere")))
    bench.run(m.ImportPaths((str(tmp_path / "set"),)))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == len(made) - taken
    assert len(finished.skipped) == taken
    assert all((tmp_path / "elsewhere" / locator[5:]).is_file() for locator in bench.session.project.snapshot.locators)


def test_a_database_that_fills_up(bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "set", 9)
    monkeypatch.setattr(intake, "FIRST_PARCEL", 4)
    add, calls = opened.OpenedProject.add_images, []

    def full(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) > 1:
            raise sqlite3.OperationalError("database or disk is full")
        return add(*arguments, **options)

    monkeypatch.setattr(opened.OpenedProject, "add_images", full)
    bench.run(m.NewProject("Mine"))
    folder = bench.session.project.folder
    with pytest.raises(UserError, match="disk is full: 4 of 9 pictures"):
        bench.run(m.ImportPaths((str(tmp_path / "set"),)))
    assert len(list((folder / "images").iterdir())) == 4
    bench.close()
    bench.run(m.OpenProject(str(folder)))
    assert orphans(folder) == set()
    assert not (folder / "incoming").exists()


# ---------------------------------------------------------------- hostile files


@pytest.mark.shared_data
def test_hostile_files_are_taken_or_named(shared_data: Path) -> None:
    """All of them, in a process of its own; the command `data` says the same of each."""
    window, slowest, memory, shown = run_apart("measured", shared_data / "hostile")
    assert slowest[0] < 5, slowest
    assert memory < 1_000_000_000
    assert all(reason and not reason.endswith(".") for reason in window["skipped"].values())
    files = [path for path in (shared_data / "hostile").rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert window["taken"] + len(window["skipped"]) == len(files)
    assert shown == window["taken"]
    words = [sys.executable, "main.py", "data", str(shared_data / "hostile"), "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=120, text=True)
    command = json.loads(done.stdout)
    assert command["images"] == window["taken"]
    assert {item["file"]: item["reason"] for item in command["skipped"]} == window["skipped"]
