"""Projects of earlier versions: brought up to date, kept as they were beside, or left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine import messages as m
from engine.failure import UserError
from engine.project import migrations
from engine.project.changes import ClassChange, LabelChange, PresenceChange, decode, encode
from engine.project.migrations import BACKUPS, VERSION
from engine.project.opened import OpenedProject
from engine.project.picture_changes import set_flags
from engine.project.records import Division, Flag, Split
from engine.project.source import read_source
from engine.project.store import FILE, Store

VERSION_1 = """
BEGIN;
CREATE TABLE classes (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, colour TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX class_names ON classes (name) WHERE removed = 0;
CREATE TABLE images (id INTEGER PRIMARY KEY AUTOINCREMENT, locator TEXT NOT NULL, name TEXT NOT NULL,
    class_id INTEGER REFERENCES classes (id), split INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, forward BLOB NOT NULL, backward BLOB NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO classes VALUES (1, 'cat', '#e69f00', 0), (2, 'tiger', '#56b4e9', 0), (3, 'gone', '#009e73', 1);
INSERT INTO images VALUES
    (1, 'file:images/1.png', '1.png', 1, 1, 0, 0), (2, 'file:images/2.png', '2.png', 2, 3, 0, 0),
    (3, 'file:images/3.png', '3.png', NULL, 0, 0, 0), (4, 'file:images/4.png', '4.png', 1, 1, 0, 1), (5, 'digits:7', 'digit 7', 2, 2, 0, 0);
INSERT INTO journal VALUES
    (1, 'Import 5 pictures', '[{"type":"class","id":1,"name":"cat","present":true},{"type":"class","id":2,"name":"dog","present":true},'
        || '{"type":"presence","ids":[[1,5]],"present":true}]',
        '[{"type":"presence","ids":[[1,5]],"present":false},{"type":"class","id":2,"name":"dog","present":false},'
        || '{"type":"class","id":1,"name":"cat","present":false}]', 0),
    (2, 'Rename "dog" to "tiger"', '[{"type":"class","id":2,"name":"tiger","present":true}]',
        '[{"type":"class","id":2,"name":"dog","present":true}]', 0),
    (3, 'Label 1 picture "tiger"', '[{"type":"labels","ids":[2],"class_ids":[2],"splits":[3]}]',
        '[{"type":"labels","ids":[2],"class_ids":[null],"splits":[0]}]', 0),
    (4, 'Remove 1 picture', '[{"type":"presence","ids":[[4,4]],"present":false}]', '[{"type":"presence","ids":[[4,4]],"present":true}]', 0),
    (5, 'Label 1 picture "cat"', '[{"type":"labels","ids":[3],"class_ids":[1],"splits":[1]}]',
        '[{"type":"labels","ids":[3],"class_ids":[null],"splits":[0]}]', 1);
UPDATE journal SET forward = CAST(forward AS BLOB), backward = CAST(backward AS BLOB);
INSERT INTO memory VALUES ('page', 'train');
INSERT INTO meta VALUES ('name', 'Old one'), ('changed', '12.5');
PRAGMA application_id = 1179604549;
PRAGMA user_version = 1;
COMMIT;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project as version 1 wrote it, in the middle of undo and redo."""
    folder = tmp_path / "old"
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.executescript(VERSION_1)
        database.execute("PRAGMA journal_mode = WAL")
    return folder


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        return [*database.iterdump(), str(database.execute("PRAGMA user_version").fetchone())]


def test_an_older_project_opens_with_all_it_has(bench, old: Path) -> None:
    before = dump(old / FILE)
    bench.run(m.OpenProject(str(old)))
    opened = bench.only(m.ProjectOpened)
    assert (opened.project.name, opened.project.copy, opened.project.division) == ("Old one", True, Division())
    assert [(record.name, record.colour, record.key) for record in opened.classes] == [("cat", "#e69f00", ""), ("tiger", "#56b4e9", "")]
    assert opened.images.ids.tolist() == [1, 2, 3, 5]
    assert opened.images.class_ids.tolist() == [1, 2, -1, 2]
    assert opened.images.splits.tolist() == [1, 3, 0, 2]
    assert not opened.images.flags.any()
    assert np.isnan(opened.images.times).all()
    assert opened.memory == {"page": "train"}
    (backup,) = (old / BACKUPS).iterdir()
    assert backup.name.startswith("project-version-1-20")
    assert dump(backup) == before


def test_its_journal_still_leads_back_and_forth(bench, old: Path) -> None:
    bench.run(m.OpenProject(str(old)))
    assert bench.only(m.HistoryChanged) is not None
    bench.run(m.Redo())
    assert bench.session.project.snapshot.table.class_ids.tolist() == [1, 2, 1, 2]
    for _ in range(2):
        bench.run(m.Undo())
    assert bench.session.project.snapshot.table.ids.tolist() == [1, 2, 3, 4, 5]
    bench.run(m.MoveClass(2, 0))
    bench.run(m.Undo())
    for _ in range(2):
        bench.run(m.Undo())
    assert [record.name for record in bench.session.project.snapshot.classes] == ["cat", "dog"]
    bench.run(m.Undo())
    assert not len(bench.session.project.snapshot.table.ids)
    assert not bench.session.project.snapshot.classes
    assert bench.run(m.Undo()) == []
    for _ in range(4):
        bench.run(m.Redo())
    assert bench.session.project.snapshot.table.class_ids.tolist() == [1, 2, -1, 1, 2]
    assert [record.name for record in bench.session.project.snapshot.classes] == ["tiger", "cat"]


def test_it_takes_what_is_new(old: Path) -> None:
    project = OpenedProject(old)
    set_flags(project, (1, 5), Flag.FLAGGED, True)
    assert project.add_class("new")
    assert [record.name for record in project.snapshot.classes] == ["cat", "tiger", "new"]
    project.close()
    project = OpenedProject(old)
    assert project.snapshot.table.flags.tolist() == [1, 0, 0, 1]
    project.close()
    assert len(list((old / BACKUPS).iterdir())) == 1  # only where something was migrated


def test_it_can_be_read_as_it_is(old: Path) -> None:
    before = dump(old / FILE)
    source = read_source(old)
    assert source.classes == ("cat", "tiger")
    assert [(item.locator, item.label, item.split) for item in source.items] == [
        ("file:images/1.png", 0, Split.TRAIN),
        ("file:images/2.png", 1, Split.TEST),
        ("file:images/3.png", -1, Split.NONE),
        ("digits:7", 1, Split.VALIDATION),
    ]
    store = Store(old, write=False)
    assert store.pictures().notes == {}
    assert store.next_steps() == ("Remove 1 picture", 'Label 1 picture "cat"')
    store.close()
    assert dump(old / FILE) == before
    assert not (old / BACKUPS).exists()


def test_a_migration_that_fails_leaves_all_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump(old / FILE)
    with monkeypatch.context() as patched:
        patched.setitem(migrations.STEPS, 2, migrations.STEPS[2] + "\nINSERT INTO nowhere VALUES (1);\n")
        with pytest.raises(UserError, match=r"could not be brought from version 1 to version 2 .*it is as it was"):
            OpenedProject(old)
    assert dump(old / FILE) == before
    project = OpenedProject(old)
    assert project.record.read_only == ""
    project.close()


def test_without_a_backup_nothing_is_migrated(old: Path) -> None:
    before = dump(old / FILE)
    (old / BACKUPS).write_text("a file stands in the way")
    with pytest.raises(UserError, match="no backup of it could be written"):
        OpenedProject(old)
    assert dump(old / FILE) == before


def test_new_and_migrated_databases_have_the_same_layout(old: Path, tmp_path: Path) -> None:
    OpenedProject(old).close()
    OpenedProject(tmp_path / "new", create=True).close()
    layouts = []
    for folder in (old, tmp_path / "new"):
        with closing(sqlite3.connect(folder / FILE)) as database:
            layouts.append(database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall())
            assert database.execute("PRAGMA user_version").fetchone()[0] == VERSION
            assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert layouts[0] == layouts[1]


def test_the_journal_keeps_what_it_was_given() -> None:
    many = LabelChange(tuple(range(5000)), (None, 1) * 2500, (2,) * 5000)
    for steps in ((ClassChange(1, "a", True),), (many, PresenceChange(((1, 3),), False))):
        assert decode(encode(steps)) == steps
    assert len(encode((many,))) < 20_000
    for damage in (b"", b"[{", b"\x78\x01nothing", encode((many,))[:-20]):
        with pytest.raises(msgspec.MsgspecError):
            decode(damage)
