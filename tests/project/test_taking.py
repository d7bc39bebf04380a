"""What an import does with each picture: looked at once, known ones passed over, files copied once, moved or referred to."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.data.locators import read_located
from engine.data.looks import decoded, look_at, short_digest
from engine.data.sources import Item, Source
from engine.project import ahead, importing, taking
from engine.project.ahead import in_order
from engine.project.records import Split
from engine.project.thumbnails import thumbnails_of


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


def test_pictures_come_with_their_looks_and_thumbnails(bench, tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    Image.effect_noise((600, 300), 80).convert("RGB").save(path)
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(path),)))
    snapshot = bench.session.project.snapshot
    look, thumbnail = look_at(path)
    table = snapshot.table
    assert (table.widths[0], table.heights[0], table.sizes[0], table.times[0]) == (600, 300, look.size, look.time)
    assert int(snapshot.digests[0]) == short_digest(look.digest)
    assert int(snapshot.hashes[0]) == look.hash != 0
    assert thumbnails_of(snapshot.root).get([int(snapshot.digests[0])]) == {int(snapshot.digests[0]): thumbnail}


def test_each_file_is_read_once(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        opened.append(str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    assert sorted(opened) == sorted(str(path) for path in photographs.glob("*/*.png"))


def test_pictures_that_are_there_are_passed_over(bench, photographs: Path, tmp_path: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    (photographs / "cat" / "0.png").rename(photographs / "cat" / "new name.png")
    Image.new("RGB", (20, 10), (9, 9, 9)).save(photographs / "cat" / "1.png")  # another picture of a known name
    bench.run(m.ImportPaths((str(photographs),)))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == 2
    assert {item.reason for item in finished.skipped} == {"is in the project already"}
    assert len(finished.skipped) == 18
    assert finished.skipped[0].file == "cat/2.png"
    images = bench.session.project.folder / "images"
    assert len(entries(images)) == 22
    bench.run(m.ImportPaths((str(photographs),)))  # nothing new is no failure
    assert bench.only(m.ImportFinished).taken == 0
    assert len(entries(images)) == 22


def test_twins_within_an_import_are_taken(bench, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("RGB", (20, 10), (9, 9, 9)).save(tmp_path / "set" / name / "same.png")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path / "set"),)))
    assert bench.only(m.ImportFinished).taken == 2


def test_files_of_many_pictures_are_copied_once(bench, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "train-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 3]) + pixels.tobytes())
    (raw / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 5, 0, 1, 0, 1, 0]))
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(raw),)))
    snapshot = bench.session.project.snapshot
    assert snapshot.locators == tuple(f"idx:images/train-images-idx3-ubyte#{row}" for row in range(5))
    assert entries(bench.session.project.folder / "images") == ["train-images-idx3-ubyte"]
    assert np.array_equal(read_located(snapshot.locators[4], snapshot.root)[:, :, 0], pixels[4])
    assert len(set(snapshot.digests.tolist())) == 5
    bench.run(m.ImportPaths((str(raw),)))
    assert bench.only(m.ImportFinished).taken == 0
    assert entries(bench.session.project.folder / "images") == ["train-images-idx3-ubyte"]
    assert not (bench.session.project.folder / "incoming").exists()


@pytest.mark.parametrize("copy", [True, False])
def test_cut_outs_share_their_file(bench, tmp_path: Path, copy: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "street.png")
    items = tuple(Item(f"crop:street.png#{left},5,40,30", 0, Split.TRAIN, f"street {left}") for left in (0, 40, 80))
    bench.run(m.NewProject("Mine", copy=copy))
    source = Source("street", "boxes", str(tmp_path), ("car",), items, warnings=("One box was empty.",))
    importing.import_sources(bench.session, [source], CancelToken(), bench.events.append)
    snapshot = bench.session.project.snapshot
    place = "images/street.png" if copy else (tmp_path / "street.png").as_posix()
    assert snapshot.locators == tuple(f"crop:{place}#{left},5,40,30" for left in (0, 40, 80))
    assert np.array_equal(read_located(snapshot.locators[1], snapshot.root), pixels[5:35, 40:80])
    assert snapshot.table.widths.tolist() == [40, 40, 40]
    kept = thumbnails_of(snapshot.root).get(snapshot.digests.tolist())
    assert np.array_equal(decoded(kept[int(snapshot.digests[1])]), pixels[5:35, 40:80])
    assert bench.only(m.ImportFinished).warnings == ("One box was empty.",)


@pytest.mark.parametrize("copy", [True, False])
def test_archives_leave_nothing_behind(bench, photographs: Path, tmp_path: Path, copy: bool) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(photographs.glob("*/*.png")):
            packed.write(path, path.relative_to(photographs))
    bench.run(m.NewProject("Mine", copy=copy))
    bench.run(m.ImportPaths((str(archive),)))
    assert bench.only(m.ImportFinished).taken == 20
    snapshot = bench.session.project.snapshot
    assert [record.name for record in snapshot.classes] == ["cat", "dog"]
    assert all(locator.startswith("file:images/") for locator in snapshot.locators)
    assert entries(bench.session.project.folder / "images") == sorted(locator.rpartition("/")[2] for locator in snapshot.locators)
    assert not (bench.session.project.folder / "incoming").exists()
    assert archive.exists()


def test_boxes_are_followed(bench, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (100, 50), "red").save(tmp_path / "images" / "a.jpg")
    (tmp_path / "labels" / "a.txt").write_text("1 0.25 0.5 0.5 1.0\n0 0.75 0.5 0.1 0.2\n")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path),), boxes="crops"))
    table = bench.session.project.snapshot.table
    assert sorted(zip(table.widths.tolist(), table.heights.tolist(), strict=True)) == [(10, 10), (50, 50)]
    assert entries(bench.session.project.folder / "images") == ["a.jpg"]


def test_warnings_of_the_source_are_told(bench, photographs: Path) -> None:
    (photographs / "eel").mkdir()
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    assert bench.only(m.ImportFinished).warnings == ("The folder eel holds no pictures and makes no class.",)


def test_a_class_of_unreadable_pictures_is_not_made(bench, photographs: Path) -> None:
    (photographs / "eel").mkdir()
    for number in range(3):
        (photographs / "eel" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff" + bytes(50))
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    snapshot = bench.session.project.snapshot
    assert [record.name for record in snapshot.classes] == ["cat", "dog"]
    assert np.bincount(snapshot.table.class_ids).tolist() == [0, 10, 10]
    assert [item.file for item in bench.only(m.ImportFinished).skipped] == ["eel/0.jpg", "eel/1.jpg", "eel/2.jpg"]


def test_the_order_is_that_of_the_folder(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "threads_here", lambda: 5)
    monkeypatch.setattr(taking, "FEW", 1)
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    assert bench.session.project.snapshot.table.names == tuple(f"{number}.png" for number in range(10)) * 2
    assert bench.session.project.snapshot.locators[10] == "file:images/0 (2).png"


# ---------------------------------------------------------------- work ahead


def test_answers_come_in_order() -> None:
    found = list(in_order(lambda number: number * number, range(200), 4, CancelToken()))
    assert found == [(number, number * number) for number in range(200)]


def test_work_ahead_is_bounded() -> None:
    begun: list[int] = []
    answers = in_order(begun.append, range(10_000), 2, CancelToken())
    next(answers)
    assert len(begun) <= 2 * ahead.AHEAD + 1
    answers.close()


def test_failures_come_in_their_turn() -> None:
    answers = in_order(lambda number: 1 // (number - 3), range(10), 2, CancelToken())
    assert [next(answers)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_nobody_waits_for_work_that_goes_on() -> None:
    token, begun, let_go = CancelToken(), threading.Event(), threading.Event()

    def work(number: int) -> None:
        begun.set()
        let_go.wait(20)

    def cancel() -> None:
        begun.wait(20)
        token.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        with pytest.raises(Cancelled):
            next(in_order(work, range(4), 1, token))
        assert not let_go.is_set()
    finally:
        let_go.set()
        canceller.join()


def test_a_file_that_comes_too_late_goes(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import is cancelled while a thread is about to write."""
    token, waiting, let_go = CancelToken(), threading.Event(), threading.Event()
    done: list[object] = []
    write = taking.Incoming.write

    def slow(self: object, name: str, *rest: object) -> object:
        waiting.set()
        let_go.wait(20)
        done.append(write(self, name, *rest))
        return done[-1]

    def cancel() -> None:
        waiting.wait(20)
        token.cancel()

    monkeypatch.setattr(taking.Incoming, "write", slow)
    monkeypatch.setattr(importing, "threads_here", lambda: 1)
    bench.run(m.NewProject("Mine"))
    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(Cancelled):
        bench.run(m.ImportPaths((str(photographs),)), token)
    canceller.join()
    before = {thread for thread in threading.enumerate() if thread.name.startswith("fovea-import")}
    let_go.set()
    for thread in before:
        thread.join(20)
    assert done == [None]
    assert entries(bench.session.project.folder / "incoming") == entries(bench.session.project.folder / "images") == []
