"""The database: what a killed process leaves, who may write, what is refused."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine import messages as m
from engine.failure import UserError
from engine.project.changes import PresenceChange, from_ranges, to_ranges
from engine.project.locking import ProjectLock
from engine.project.opened import OpenedProject
from engine.project.store import FILE, Store

ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import os, signal, sys
from engine import messages as m
from engine.control import CancelToken
from engine.session import Session
session = Session()
def emit(event):
    if isinstance(event, m.LabelsChanged):
        print("answered", flush=True)
        os.kill(os.getpid(), signal.SIGKILL) if hasattr(signal, "SIGKILL") else os._exit(9)
session.run(m.OpenSample(), CancelToken(), emit)
session.run(m.SetLabels((1, 2, 3), 10), CancelToken(), emit)
"""

HOLDER = """
import sys
from pathlib import Path
from engine.project.opened import OpenedProject
project = OpenedProject(Path(sys.argv[1]))
print("open" if not project.record.read_only else "read-only", flush=True)
sys.stdin.readline()
project.set_labels([2], 1)
sys.stdin.readline()
"""


def test_labels_survive_a_killed_process(bench) -> None:
    result = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.stdout == "answered\n", result.stderr
    assert result.returncode != 0
    bench.run(m.OpenSample())
    opened = bench.only(m.ProjectOpened)
    assert opened.project.read_only == ""  # the killed process holds no lock
    assert opened.images.class_ids[:3].tolist() == [10, 10, 10]
    bench.run(m.Undo())
    assert bench.session.project.snapshot.table.class_ids[:3].tolist() == [1, 2, 3]


def test_the_second_process_is_told_and_only_reads(bench) -> None:
    bench.run(m.OpenSample())
    folder = bench.session.project.folder
    bench.close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "open\n"
        bench.run(m.OpenProject(str(folder)))
        record = bench.only(m.ProjectOpened).project
        assert "open in another Fovea window" in record.read_only
        if os.name != "nt":
            assert f"(process {holder.pid})" in record.read_only
        for command in (m.SetLabels((1,), 2), m.AddClass("x"), m.RemoveImages((1,)), m.Undo(), m.ImportPaths((str(ROOT),))):
            with pytest.raises(UserError, match="another Fovea window"):
                bench.run(command)
        bench.run(m.Remember("page", "data"))  # nothing to say: the window remembers on its own
        assert bench.session.project.snapshot.table.class_ids[0] == 1
    finally:
        holder.communicate("\n\n", timeout=30)
    bench.run(m.OpenProject(str(folder)))
    assert bench.only(m.ProjectOpened).project.read_only == ""
    assert bench.session.project.snapshot.table.class_ids[1] == 1


def test_two_openers_in_one_process(tmp_path: Path) -> None:
    first = OpenedProject(tmp_path, create=True)
    second = OpenedProject(tmp_path)
    assert second.record.read_only
    assert ProjectLock(tmp_path).take()
    second.close()
    first.close()
    third = OpenedProject(tmp_path)
    assert third.record.read_only == ""
    third.close()


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    OpenedProject(tmp_path, create=True).close()
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UserError, match="later version"):
        OpenedProject(tmp_path)
    lock = ProjectLock(tmp_path)
    assert lock.take() == ""  # a refusal lets go of the lock
    lock.release()


@pytest.mark.parametrize("damage", ["text", "middle", "cut"])
def test_a_damaged_database_is_refused(tmp_path: Path, damage: str) -> None:
    project = OpenedProject(tmp_path, create=True)
    for number in range(200):
        project.add_class(f"class {number}")
    project.close()
    path = tmp_path / FILE
    data = path.read_bytes()
    if damage == "text":
        path.write_bytes(b"this is not a database, only some text\n" * 100)
    elif damage == "middle":
        path.write_bytes(data[:4096] + b"\xff" * (len(data) - 8192) + data[-4096:])
    else:
        path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="is damaged"):
        OpenedProject(tmp_path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("CREATE TABLE theirs (a)")
    database.close()
    with pytest.raises(UserError, match="another program"):
        OpenedProject(tmp_path)


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path, close_to_this_user) -> None:
    OpenedProject(tmp_path, create=True).close()
    close_to_this_user(tmp_path)
    project = OpenedProject(tmp_path)
    assert "cannot be written" in project.record.read_only
    project.close()


def test_a_database_that_cannot_be_written_is_read(tmp_path: Path, close_to_this_user) -> None:
    OpenedProject(tmp_path, create=True).close()
    close_to_this_user(tmp_path / FILE)
    project = OpenedProject(tmp_path)
    assert "cannot be written" in project.record.read_only
    with pytest.raises(UserError, match="cannot be written"):
        project.add_class("cat")
    project.close()


def test_a_failed_change_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, create=True)
    store.add_class("cat", "#000000")
    with pytest.raises(sqlite3.IntegrityError):
        store.add_class("cat", "#000000")
    assert [record.name for record in store.classes()] == ["cat"]
    assert store.next_steps() == ('Add class "cat"', "")
    store.close()


def test_ranges() -> None:
    assert to_ranges([]) == ()
    assert to_ranges([7, 1, 2, 3, 9, 8]) == ((1, 3), (7, 9))
    assert from_ranges(((1, 3), (7, 9))) == [1, 2, 3, 7, 8, 9]
    assert PresenceChange(((1, 1),), True).present
