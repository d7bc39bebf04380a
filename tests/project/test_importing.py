"""Files and folders into the project: all that can be taken is, the rest is named."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.control import Cancelled, CancelToken
from engine.data.dataset import decode, from_snapshot, from_source
from engine.data.locators import read_located
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.failure import UserError
from engine.project import importing, incoming, intake
from engine.project.records import Split


def locators(bench) -> tuple[str, ...]:
    return bench.session.project.snapshot.locators


def test_a_folder_a_class(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.AddClass("dog"))
    bench.run(m.ImportPaths((str(photographs),)))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == 20
    assert finished.skipped == ()
    snapshot = bench.session.project.snapshot
    assert [record.name for record in snapshot.classes] == ["dog", "cat"]  # the class of that name is used
    assert np.bincount(snapshot.table.splits, minlength=4).tolist() == [0, 12, 4, 4]
    assert len(set(snapshot.locators)) == 20  # two files of one name are two files
    values = [read_located(locator, snapshot.root)[0, 0, 0] for locator in snapshot.locators]
    assert values == [0] * 10 + [100] * 10
    assert all(locator.startswith("file:images/") for locator in snapshot.locators)


def test_an_import_is_one_step(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FIRST_PARCEL", 3)
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    added = [event for event in bench.events if isinstance(event, m.ImagesAdded)]
    assert len(added) > 2
    assert np.concatenate([event.images.ids for event in added]).tolist() == list(range(1, 21))
    bench.run(m.Undo())
    assert len(locators(bench)) == 0
    assert bench.session.project.snapshot.classes == ()
    bench.run(m.Redo())
    assert len(locators(bench)) == 20
    assert (bench.session.project.folder / "images" / "0.png").is_file()


def test_changes_during_an_import_keep_their_order(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FIRST_PARCEL", 10)
    bench.run(m.NewProject("Mine"))
    events: list[m.Event] = []

    def emit(event: m.Event) -> None:
        first = not any(isinstance(earlier, m.ImagesAdded) for earlier in events)
        events.append(event)
        if first and isinstance(event, m.ImagesAdded):
            bench.session.project.add_class("dog")

    bench.session.run(m.ImportPaths((str(photographs),)), CancelToken(), emit)
    project = bench.session.project
    assert [record.name for record in project.snapshot.classes] == ["cat", "dog"]
    project.undo()
    assert len(locators(bench)) == 10
    project.undo()
    assert [record.name for record in project.snapshot.classes] == ["cat"]
    project.undo()
    assert len(locators(bench)) == 0
    for _ in range(3):
        project.redo()
    assert len(locators(bench)) == 20


def test_referred_files_stay_where_they_are(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),), copy=False))
    assert locators(bench)[0] == f"file:{(photographs / 'cat' / '0.png').as_posix()}"
    assert not (bench.session.project.folder / "images").exists()
    bench.run(m.ImportPaths((str(photographs),), copy=False))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == 0
    assert finished.skipped[0].reason == "is in the project already"


def test_into_one_class(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.AddClass("animal"))
    bench.run(m.ImportPaths((str(photographs), str(photographs / "cat" / "3.png")), class_id=1))
    snapshot = bench.session.project.snapshot
    assert [record.name for record in snapshot.classes] == ["animal"]
    assert (snapshot.table.class_ids == 1).all()
    assert len(snapshot.locators) == 21
    with pytest.raises(UserError, match="no longer"):
        bench.run(m.ImportPaths((str(photographs),), class_id=7))


def test_folders_dropped_together_are_classes(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs / "dog"), str(photographs / "cat"))))
    assert [record.name for record in bench.session.project.snapshot.classes] == ["dog", "cat"]


def test_loose_pictures_have_no_label(bench, photographs: Path) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs / "dog"),)))
    table = bench.session.project.snapshot.table
    assert (table.class_ids == -1).all()
    assert (table.splits == Split.NONE).all()


def test_split_folders_keep_their_splits(bench, photographs: Path) -> None:
    (photographs / "train").mkdir()
    (photographs / "cat").rename(photographs / "train" / "cat")
    (photographs / "test").mkdir()
    (photographs / "dog").rename(photographs / "test" / "cat")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(photographs),)))
    splits = bench.session.project.snapshot.table.splits
    assert np.bincount(splits, minlength=4).tolist() == [0, 9, 1, 10]


def test_bad_files_are_named(bench, photographs: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.jpg"
    Image.new("RGB", (64, 64), "red").save(good)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good.read_bytes()[:-100])
    empty = photographs / "dog" / "empty.png"
    empty.write_bytes(b"")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(good), str(cut), str(tmp_path / "missing.png"), str(photographs))))
    finished = bench.only(m.ImportFinished)
    assert finished.taken == 21
    assert {item.file: item.reason for item in finished.skipped} == {
        "cut.jpg": "is cut off",
        "missing.png": "is not there",
        "dog/empty.png": "is empty (0 bytes)",
    }
    with pytest.raises(UserError, match="is cut off"):
        bench.run(m.ImportPaths((str(cut),)))
    with pytest.raises(UserError, match="None of the 2 files"):
        bench.run(m.ImportPaths((str(cut), str(empty))))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        bench.run(m.ImportPaths((str(tmp_path / "nothing"),)))
    assert bench.only(m.ImportFinished).skipped == ()  # the failure has told why


def test_a_full_disk_keeps_what_was_taken(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run(m.NewProject("Mine"))
    original = incoming._fill
    calls: list[int] = []

    def limited(stream: BinaryIO, data: bytes | Path) -> None:
        calls.append(1)
        if len(calls) > 7:
            stream.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        original(stream, data)

    monkeypatch.setattr(incoming, "_fill", limited)
    monkeypatch.setattr(importing, "threads_here", lambda: 1)
    with pytest.raises(UserError, match="disk is full: 7 of 20 pictures"):
        bench.run(m.ImportPaths((str(photographs),)))
    assert bench.only(m.ImportFinished).taken == 7
    assert len(locators(bench)) == 7
    assert len(list((bench.session.project.folder / "images").iterdir())) == 7
    assert not (bench.session.project.folder / "incoming").exists()  # the half file is gone


def test_a_cancelled_import_keeps_what_was_taken(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FIRST_PARCEL", 4)
    bench.run(m.NewProject("Mine"))
    token = CancelToken()
    events: list[m.Event] = []

    def emit(event: m.Event) -> None:
        events.append(event)
        if isinstance(event, m.ImagesAdded):
            token.cancel()

    with pytest.raises(Cancelled):
        bench.session.run(m.ImportPaths((str(photographs),)), token, emit)
    assert isinstance(events[-1], m.ImportFinished)
    assert events[-1].taken == len(locators(bench)) == 4


def test_a_project_closed_meanwhile_ends_the_import(bench, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FIRST_PARCEL", 4)
    bench.run(m.NewProject("Mine"))

    def emit(event: m.Event) -> None:
        if isinstance(event, m.ImagesAdded):
            bench.close()

    with pytest.raises(UserError, match="closed after 4 pictures"):
        bench.session.run(m.ImportPaths((str(photographs),)), CancelToken(), emit)


def test_a_picture_from_memory(bench) -> None:
    bench.run(m.NewProject("Mine"))
    bench.run(m.AddClass("cat"))
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    bench.run(m.ImportPicture(pixels, "camera 1/2", 1))
    bench.run(m.ImportPicture(pixels[::-1], "camera 1/2"))
    snapshot = bench.session.project.snapshot
    assert snapshot.table.names == ("camera 1_2.png", "camera 1_2 (2).png")
    assert snapshot.table.class_ids.tolist() == [1, -1]
    assert np.array_equal(read_located(snapshot.locators[0], snapshot.root), pixels)
    with pytest.raises(UserError, match="not a picture"):
        bench.run(m.ImportPicture(pixels[:0], "empty"))


def test_digits_beside_own_pictures(bench, photographs: Path) -> None:
    bench.run(m.OpenSample())
    bench.run(m.ImportPaths((str(photographs),)))
    data = from_snapshot(bench.session.project.snapshot)
    assert len(data.classes) == 12
    rows = np.array([0, 1796, 1797, 1816])
    found, failed, ok = decode(data, rows, Preprocessing(8, 8, 3))
    assert failed == ()
    assert ok.all()
    for place, row in enumerate(rows[:2]):
        assert np.array_equal(found[place], read_located(data.locators[row], data.root))


@pytest.mark.shared_data
def test_mnist_whole(bench, shared_data: Path) -> None:
    bench.run(m.NewProject("MNIST"))
    bench.run(m.ImportPaths((str(shared_data / "MNIST"),)))
    assert bench.only(m.ImportFinished).taken == 70_000
    snapshot = bench.session.project.snapshot
    assert np.bincount(snapshot.table.splits, minlength=4).tolist() == [0, 54_001, 5_999, 10_000]
    assert snapshot.locators[0] == "idx:images/train-images-idx3-ubyte.gz#0"
    bench.run(m.SetLabels((1,), 2))
    bench.run(m.Undo())
    bench.run(m.Undo())
    assert len(locators(bench)) == 0


@pytest.mark.shared_data
def test_beach_and_desert_whole(bench, shared_data: Path) -> None:
    bench.run(m.NewProject("Aerial"))
    bench.run(m.ImportPaths((str(shared_data / "beach-desert-aid"),)))
    assert bench.only(m.ImportFinished).taken == 700
    table = bench.session.project.snapshot.table
    assert np.bincount(table.splits, minlength=4).tolist() == [0, 420, 140, 140]
    assert np.bincount(table.class_ids).tolist() == [0, 400, 300]


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("kind", ["classes", "train and test", "wrapped"])
def test_a_folder_and_a_project_made_from_it_are_divided_alike(bench, tmp_path: Path, kind: str, copy: bool) -> None:
    tops = {"classes": ("",), "train and test": ("train", "test"), "wrapped": ("archive",)}[kind]
    for top in tops:
        for count, name in ((47, "cat"), (90, "dog"), (3, "eel")):
            (tmp_path / "set" / top / name).mkdir(parents=True)
            for number in range(count):
                Image.new("L", (4, 4), number).save(tmp_path / "set" / top / name / f"{top}{number}.png")
    bench.run(m.NewProject("Mine"))
    bench.run(m.ImportPaths((str(tmp_path / "set"),), copy=copy))
    project = from_snapshot(bench.session.project.snapshot)
    straight = from_source(scan(tmp_path / "set"))
    names = dict(zip(bench.session.project.snapshot.table.ids.tolist(), bench.session.project.snapshot.table.names, strict=True))
    divided = {
        (project.classes[label], names[image]): split
        for image, label, split in zip(project.images.tolist(), project.labels.tolist(), project.splits.tolist(), strict=True)
    }
    assert len(divided) == len(straight.labels) == 140 * len(tops)
    for locator, label, split in zip(straight.locators, straight.labels.tolist(), straight.splits.tolist(), strict=True):
        assert divided[straight.classes[label], Path(locator).name] == split, locator
