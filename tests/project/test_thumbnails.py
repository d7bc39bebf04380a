"""Thumbnails kept in a project: found again, and never in the way."""

from __future__ import annotations

import errno
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.data import looks
from engine.project import pictures, thumbnails
from engine.project.pictures import thumbnail_at
from engine.project.thumbnails import FILE, ThumbnailFile, close_thumbnails, thumbnails_of

HIGH = (1 << 64) - 1  # SQLite's integers are signed


@pytest.fixture
def file(tmp_path: Path) -> ThumbnailFile:
    made = ThumbnailFile(tmp_path)
    yield made
    made.close()


def test_what_was_put_is_found_again(file: ThumbnailFile, tmp_path: Path) -> None:
    assert file.get([1, 2]) == {}
    assert not (tmp_path / FILE).exists()  # asking makes no file
    file.put({1: b"one", HIGH: b"high", 0: b"unknown"})
    assert file.get([1, 2, HIGH, 0, 1]) == {1: b"one", HIGH: b"high"}
    file.put({1: b"another", 2: b"two"})
    assert file.get([1, 2]) == {1: b"one", 2: b"two"}
    file.close()
    other = ThumbnailFile(tmp_path)
    assert other.get([HIGH]) == {HIGH: b"high"}
    other.close()


def test_thousands_in_one_go(file: ThumbnailFile) -> None:
    many = {number * 0x9E3779B97F4A7C15 % (1 << 64): number.to_bytes(4, "big") for number in range(1, 3000)}
    file.put(many)
    assert file.get([*many, 5]) == many


def test_many_threads(file: ThumbnailFile) -> None:
    missing: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 50):
            file.put({number: str(number).encode()})
            if file.get([number]) != {number: str(number).encode()}:
                missing.append(number)

    threads = [threading.Thread(target=work, args=(1000 * thread + 1,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []


@pytest.mark.parametrize("damage", [b"no database at all, but long enough to be looked at" * 50, b""])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    file = ThumbnailFile(tmp_path)
    assert file.get([1]) == {}
    file.put({1: b"one"})
    assert file.get([1]) == {1: b"one"}
    file.close()


def test_a_file_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("CREATE TABLE thumbnails (key TEXT)")
    database.execute(f"PRAGMA user_version = {thumbnails.VERSION + 1}")
    database.close()
    file = ThumbnailFile(tmp_path)
    assert file.get([1]) == {}
    file.put({1: b"one"})
    assert file.get([1]) == {1: b"one"}
    file.close()


def test_a_file_damaged_while_it_is_in_use(file: ThumbnailFile, tmp_path: Path) -> None:
    file.put({number: bytes(3000) for number in range(1, 200)})
    file.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    content[5000:] = b"\xff" * (len(content) - 5000)
    (tmp_path / FILE).write_bytes(content)
    assert set(file.get(range(1, 200))) <= set(range(1, 200))
    file.put({500: b"new"})
    file.put({501: b"new"})
    assert 501 in file.get([501])


def test_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    file = ThumbnailFile(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(thumbnails.sqlite3, "connect", refuse)
        file.put({1: b"one"})
        assert file.get([1]) == {}
    with monkeypatch.context() as patched:
        patched.setattr(ThumbnailFile, "_made", lambda self: (_ for _ in ()).throw(OSError(errno.EROFS, "read-only")))
        file.put({1: b"one"})
    assert file.get([1]) == {}
    file.close()


def test_a_deleted_file_costs_nothing_but_time(file: ThumbnailFile, tmp_path: Path) -> None:
    file.put({1: b"one"})
    file.close()
    (tmp_path / FILE).unlink()
    assert file.get([1]) == {}
    file.put({1: b"one"})
    assert file.get([1]) == {1: b"one"}


def test_few_files_stay_open(tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(thumbnails.OPEN_FILES + 2)]
    for place in places:
        place.mkdir()
        thumbnails_of(place).put({1: b"one"})
    assert len(thumbnails._open) <= thumbnails.OPEN_FILES
    assert thumbnails_of(places[0]).get([1]) == {1: b"one"}
    for place in places:
        close_thumbnails(place)
        close_thumbnails(place)


# ---------------------------------------------------------------- what the window gets


@pytest.fixture
def wide(bench, tmp_path: Path) -> Path:
    path = tmp_path / "wide.png"
    Image.effect_noise((600, 300), 80).convert("RGB").save(path)
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(path),)))
    pictures.forget()
    return path


def test_small_thumbnails_need_no_original(bench, wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(pictures, "look_into", lambda *arguments: decoded.append(arguments))
    monkeypatch.setattr(pictures, "read_reduced", lambda *arguments: decoded.append(arguments))
    for side in (128, 96, 33):
        bench.run(m.WantThumbnails((1,), side=side))
        assert bench.only(m.ThumbnailsReady).pictures[0].shape == (round(side / 2), side, 3)
    assert thumbnail_at(bench.session.project.snapshot, 0, 64).shape == (32, 64, 3)
    assert decoded == []


def test_large_thumbnails_come_from_the_original(bench, wide: Path) -> None:
    bench.run(m.WantThumbnails((1,), side=300))
    picture = bench.only(m.ThumbnailsReady).pictures[0]
    assert picture.shape == (150, 300, 3)
    assert np.abs(picture.astype(int) - np.asarray(Image.open(wide).resize((300, 150), Image.Resampling.BOX))).mean() < 2


def test_thumbnails_made_anew_are_kept(bench, wide: Path) -> None:
    project = bench.session.project
    close_thumbnails(project.folder)
    (project.folder / FILE).unlink()
    bench.run(m.WantThumbnails((1,), side=96))
    digest = int(project.snapshot.digests[0])
    assert thumbnails_of(project.folder).get([digest]) == {digest: looks.look_at(wide)[1]}


def test_a_thumbnail_of_another_content_is_not_kept(bench, wide: Path) -> None:
    project = bench.session.project
    close_thumbnails(project.folder)
    (project.folder / FILE).unlink()
    Image.new("RGB", (50, 50), "red").save(project.folder / "images" / "wide.png")  # changed by somebody else
    bench.run(m.WantThumbnails((1,), side=96))
    assert bench.only(m.ThumbnailsReady).pictures[0].shape == (50, 50, 3)
    assert thumbnails_of(project.folder).get([int(project.snapshot.digests[0])]) == {}


def test_closed_projects_let_go(bench, wide: Path) -> None:
    folder = bench.session.project.folder
    assert folder in thumbnails._open
    bench.close()
    assert folder not in thumbnails._open
    assert not (folder / f"{FILE}-wal").exists()


def test_digits_need_no_file(bench) -> None:
    bench.run(m.OpenSample())
    bench.run(m.WantThumbnails((1, 2, 3)))
    assert thumbnail_at(bench.session.project.snapshot, 5).shape == (8, 8, 3)
    assert not (bench.session.project.folder / FILE).exists()
