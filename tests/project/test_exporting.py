"""Ways out: what is written can be read back, whole or not at all, and nothing of the project's own is touched."""

from __future__ import annotations

import errno
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data.locators import read_located
from engine.data.sources import Source, scan
from engine.failure import UserError
from engine.messages import AddClass, Export, Exported, ImportPaths, NewProject, OpenProject, SetLabels, SetSplits
from engine.project import outgoing
from engine.project.exporting import class_folders
from engine.project.records import Split

Labels = list[tuple[str, str, int]]


def made(bench, tmp_path: Path, photographs: Path, name: str = "Zoo", copy: bool = True):
    bench.run(NewProject(name, str(tmp_path / name)))
    bench.run(ImportPaths((str(photographs),), copy=copy))
    return bench.session.opened()


def labels_of(project, ids: Sequence[int] | None = None) -> Labels:
    snapshot = project.snapshot
    names = {record.id: record.name for record in snapshot.classes}
    rows = range(len(snapshot.table.ids)) if ids is None else snapshot.rows(ids).tolist()
    table = snapshot.table
    found = [
        (pixels(read_located(snapshot.locators[row], snapshot.root)), names.get(int(table.class_ids[row]), ""), int(table.splits[row]))
        for row in rows
    ]
    return sorted(found)


def labels_in(source: Source) -> Labels:
    return sorted(
        (pixels(read_located(item.locator, source.root)), source.classes[item.label] if item.label >= 0 else "", int(item.split))
        for item in source.items
    )


def pixels(picture: np.ndarray) -> str:
    return f"{picture.shape} {picture.tobytes().hex()[:60]}"


def unlabel_some(bench, project) -> None:
    """Two pictures without a label; they are in no split."""
    ids = tuple(project.snapshot.table.ids[:2].tolist())
    bench.run(SetLabels(ids, None))
    bench.run(SetSplits(ids, Split.NONE))


@pytest.mark.parametrize("kind", ["csv", "folders", "coco", "zip", "project"])
def test_what_is_written_is_read_back(bench, tmp_path: Path, photographs: Path, kind: str) -> None:
    project = made(bench, tmp_path, photographs)
    unlabel_some(bench, project)
    wanted = labels_of(project)
    assert {split for _, _, split in wanted} == {0, 1, 2, 3}
    place = tmp_path / f"out{ {'csv': '.csv', 'zip': '.zip', 'project': '.zip'}.get(kind, '') }"
    bench.run(Export(kind, str(place)))
    exported = bench.only(Exported)
    assert (exported.images, exported.skipped, exported.path) == (20, (), str(place))
    source = scan(place)
    assert labels_in(source) == wanted
    assert set(source.classes) == {"cat", "dog"}
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".part") or entry.name.startswith(".")]


def test_without_splits_there_is_a_folder_a_class(bench, tmp_path: Path, photographs: Path) -> None:
    project = made(bench, tmp_path, photographs)
    bench.run(SetSplits(tuple(project.snapshot.table.ids.tolist()), Split.NONE))
    bench.run(SetLabels((int(project.snapshot.table.ids[0]),), None))
    bench.run(SetSplits((int(project.snapshot.table.ids[0]),), Split.NONE))
    bench.run(SetSplits(tuple(project.snapshot.table.ids.tolist()), Split.NONE))
    bench.run(Export("folders", str(tmp_path / "out")))
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["cat", "dog", "unlabelled"]
    assert labels_in(scan(tmp_path / "out")) == labels_of(project)
    bench.run(SetSplits((int(project.snapshot.table.ids[5]),), Split.TEST))
    bench.run(Export("folders", str(tmp_path / "mixed")))
    assert sorted(entry.name for entry in (tmp_path / "mixed").iterdir()) == ["test", "undivided", "unlabelled"]
    assert labels_in(scan(tmp_path / "mixed")) == labels_of(project)


def test_only_the_chosen_pictures(bench, tmp_path: Path, photographs: Path) -> None:
    project = made(bench, tmp_path, photographs)
    ids = tuple(project.snapshot.table.ids[3:8].tolist())
    bench.run(Export("csv", str(tmp_path / "some.csv"), images=ids))
    assert labels_in(scan(tmp_path / "some.csv")) == labels_of(project, ids)
    with pytest.raises(UserError, match="no pictures to export"):
        bench.run(Export("csv", str(tmp_path / "none.csv"), images=()))


@pytest.mark.parametrize("kind", ["csv", "folders", "coco", "zip"])
def test_pictures_without_files_become_png(bench, tmp_path: Path, kind: str) -> None:
    from engine.messages import OpenSample

    bench.run(OpenSample())
    project = bench.session.opened()
    ids = tuple(project.snapshot.table.ids[:30].tolist())
    place = tmp_path / f"digits{ {'csv': '.csv', 'zip': '.zip'}.get(kind, '') }"
    bench.run(Export(kind, str(place), images=ids))
    assert labels_in(scan(place)) == labels_of(project, ids)
    if kind == "csv":
        assert len(list((tmp_path / "digits pictures").glob("*.png"))) == 30


def test_a_table_says_relative_paths_where_files_lie_below_it(bench, tmp_path: Path, photographs: Path) -> None:
    made(bench, tmp_path, photographs)
    bench.run(Export("csv", str(tmp_path / "labels.csv")))
    lines = (tmp_path / "labels.csv").read_text("utf-8").splitlines()
    assert lines[0] == "file,label,split"
    assert lines[1].startswith("Zoo/images/0.png,cat,")
    (tmp_path / "elsewhere").mkdir()
    bench.run(Export("csv", str(tmp_path / "elsewhere" / "labels.csv")))
    second = (tmp_path / "elsewhere" / "labels.csv").read_text("utf-8").splitlines()[1]
    assert second.startswith(f"{(tmp_path / 'Zoo/images/0.png').as_posix()},cat,")


def test_linked_files_take_no_room(bench, tmp_path: Path, photographs: Path) -> None:
    made(bench, tmp_path, photographs)
    bench.run(Export("folders", str(tmp_path / "out"), link=True))
    files = list((tmp_path / "out").rglob("*.png"))
    assert len(files) == 20
    assert all(path.is_symlink() or path.stat().st_nlink > 1 for path in files)


def test_without_links_files_are_copied(bench, tmp_path: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = made(bench, tmp_path, photographs)

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    bench.run(Export("folders", str(tmp_path / "out"), link=True))
    assert labels_in(scan(tmp_path / "out")) == labels_of(project)


def test_class_names_become_folders_of_every_system() -> None:
    folders = class_folders(["a/b", "a_b", "Cat", "cat", "CON", "Ünlabelled", "unlabelled", "what?", "  dots.. ", "", "日本"])
    assert len({name.casefold() for name in folders.values()}) == len(folders) == 10
    assert folders["a/b"] == "a_b"
    assert folders["a_b"] == "a_b (2)"
    assert folders["cat"] == "cat (2)"
    assert folders["unlabelled"] == "unlabelled (2)"
    assert folders["日本"] == "日本"
    assert not any(set(name) & set('<>:"/\\|?*') for name in folders.values())


def test_classes_that_are_not_found_by_name_keep_their_pictures_apart(bench, tmp_path: Path, photographs: Path) -> None:
    project = made(bench, tmp_path, photographs)
    bench.run(AddClass("ca:t"))
    bench.run(AddClass("ca?t"))
    by_name = {record.name: record.id for record in project.snapshot.classes}
    ids = project.snapshot.table.ids.tolist()
    bench.run(SetLabels(tuple(ids[:5]), by_name["ca:t"]))
    bench.run(SetLabels(tuple(ids[5:10]), by_name["ca?t"]))
    bench.run(Export("coco", str(tmp_path / "coco")))
    assert labels_in(scan(tmp_path / "coco")) == labels_of(project)
    bench.run(Export("folders", str(tmp_path / "out")))
    assert set(scan(tmp_path / "out").classes) == {"ca_t", "ca_t (2)", "dog"}


@pytest.mark.parametrize("kind", ["csv", "folders", "coco", "zip", "project"])
def test_missing_pictures_are_named(bench, tmp_path: Path, photographs: Path, kind: str) -> None:
    made(bench, tmp_path, photographs)
    (tmp_path / "Zoo" / "images" / "3.png").unlink()
    bench.run(Export(kind, str(tmp_path / "out.zip" if kind in ("zip", "project") else tmp_path / "out")))
    exported = bench.only(Exported)
    assert exported.images == 19
    assert [(entry.file, entry.reason) for entry in exported.skipped] == [("3.png", "is missing")]


def test_a_folder_that_is_not_empty_is_not_written_into(bench, tmp_path: Path, photographs: Path) -> None:
    made(bench, tmp_path, photographs)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    for kind in ("folders", "coco"):
        with pytest.raises(UserError, match="is not empty"):
            bench.run(Export(kind, str(photographs)))
        with pytest.raises(UserError, match="own folder"):
            bench.run(Export(kind, str(tmp_path / "Zoo" / "out")))
    for kind in ("csv", "zip", "project"):
        with pytest.raises(UserError, match="own folder"):
            bench.run(Export(kind, str(tmp_path / "Zoo" / "project.sqlite")))
        with pytest.raises(UserError, match="is a folder"):
            bench.run(Export(kind, str(photographs)))
        with pytest.raises(UserError, match="There is no folder"):
            bench.run(Export(kind, str(tmp_path / "nowhere" / "out.zip")))
    assert sorted(str(path) for path in tmp_path.rglob("*") if "-wal" not in path.name and "-shm" not in path.name) == [
        name for name in before if "-wal" not in name and "-shm" not in name
    ]


def test_an_empty_folder_is_filled_and_a_file_is_replaced(bench, tmp_path: Path, photographs: Path) -> None:
    project = made(bench, tmp_path, photographs)
    (tmp_path / "out").mkdir()
    (tmp_path / "labels.csv").write_text("old")
    bench.run(Export("folders", str(tmp_path / "out")))
    bench.run(Export("csv", str(tmp_path / "labels.csv")))
    assert labels_in(scan(tmp_path / "out")) == labels_in(scan(tmp_path / "labels.csv")) == labels_of(project)


class _AfterSome(CancelToken):
    """Cancelled once it was checked so often."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.cancel()
        super().check()


@pytest.mark.parametrize("kind", ["csv", "folders", "coco", "zip", "project"])
@pytest.mark.parametrize("there", [False, True])
def test_a_cancelled_export_leaves_nothing(bench, tmp_path: Path, photographs: Path, kind: str, there: bool) -> None:
    made(bench, tmp_path, photographs)
    (tmp_path / "target").mkdir()
    place = tmp_path / "target" / "out"
    if there and kind in ("folders", "coco"):
        place.mkdir()
    elif there:
        place.write_text("old")
    with pytest.raises(Cancelled):
        bench.run(Export(kind, str(place)), _AfterSome(9))
    left = list((tmp_path / "target").rglob("*"))
    assert left == ([place] if there else [])
    assert not place.is_file() or place.read_text() == "old"


@pytest.mark.parametrize("kind", ["folders", "coco", "zip", "project"])
def test_a_full_disk_leaves_nothing(bench, tmp_path: Path, photographs: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made(bench, tmp_path, photographs)
    (tmp_path / "target").mkdir()
    real, count = outgoing._copy, []

    def full(reader: object, writer: object, token: CancelToken) -> None:
        count.append(1)
        if len(count) > 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(reader, writer, token)

    monkeypatch.setattr(outgoing, "_copy", full)
    with pytest.raises(UserError, match="The disk is full"):
        bench.run(Export(kind, str(tmp_path / "target" / "out")))
    assert list((tmp_path / "target").iterdir()) == []


def test_coco_as_other_programs_read_it(bench, tmp_path: Path, photographs: Path) -> None:
    project = made(bench, tmp_path, photographs)
    bench.run(SetSplits(tuple(project.snapshot.table.ids.tolist()), Split.NONE))
    bench.run(Export("coco", str(tmp_path / "coco")))
    coco = json.loads((tmp_path / "coco" / "annotations.json").read_text("utf-8"))
    assert [entry["name"] for entry in coco["categories"]] == ["cat", "dog"]
    assert len(coco["images"]) == len(coco["annotations"]) == 20
    for image, annotation in zip(coco["images"], coco["annotations"], strict=True):
        with Image.open(tmp_path / "coco" / image["file_name"]) as opened:
            assert opened.size == (image["width"], image["height"]) == (20, 10)
        assert annotation["image_id"] == image["id"]
        assert annotation["bbox"] == [0, 0, 20, 10]
        assert annotation["area"] == 200


def test_cut_outs_become_boxes(bench, tmp_path: Path) -> None:
    folder = tmp_path / "boxes"
    (folder / "images").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(folder / "images" / "a.png")
    boxes = [(1, [0, 0, 20, 10]), (2, [30, 20, 30, 20])]
    coco = {
        "images": [{"id": 7, "file_name": "a.png"}],
        "annotations": [{"image_id": 7, "category_id": kind, "bbox": box} for kind, box in boxes],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    (folder / "set.json").write_text(json.dumps(coco))
    bench.run(NewProject("Boxes", str(tmp_path / "Boxes")))
    bench.run(ImportPaths((str(folder),), boxes="crops"))
    project = bench.session.opened()
    assert [name for _, name, _ in labels_of(project)] == ["cat", "dog"] or len(labels_of(project)) == 2
    bench.run(SetSplits(tuple(project.snapshot.table.ids.tolist()), Split.NONE))
    bench.run(Export("coco", str(tmp_path / "out")))
    written = json.loads((tmp_path / "out" / "annotations.json").read_text("utf-8"))
    assert [annotation["bbox"] for annotation in written["annotations"]] == [box for _, box in boxes]
    assert len(list((tmp_path / "out" / "images").iterdir())) == 1
    assert labels_in(scan(tmp_path / "out", boxes="crops")) == labels_of(project)
    bench.run(Export("zip", str(tmp_path / "out.zip")))
    assert labels_in(scan(tmp_path / "out.zip")) == labels_of(project)


def test_a_packed_project_opens_elsewhere(bench, tmp_path: Path, photographs: Path) -> None:
    project = made(bench, tmp_path, photographs, copy=False)  # it refers to pictures that will be gone
    (project.runs_folder / "one").mkdir(parents=True)
    (project.runs_folder / "one" / "weights.safetensors").write_bytes(b"weights")
    (project.runs_folder / "one" / "run.json").write_text("{}")
    wanted, titles = labels_of(project), project.store.next_steps()
    bench.run(Export("project", str(tmp_path / "packed.zip")))
    assert bench.only(Exported).images == 20
    bench.close()
    for path in photographs.rglob("*.png"):
        path.unlink()
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert all(name.startswith("Zoo/") for name in names)
        assert not [name for name in names if name.endswith((".lock", "-wal", "-shm"))]
        archive.extractall(tmp_path / "elsewhere")
    bench.run(OpenProject(str(tmp_path / "elsewhere" / "Zoo")))
    opened = bench.session.opened()
    assert labels_of(opened) == wanted
    assert opened.store.next_steps() == titles  # what was done can still be undone
    assert (opened.runs_folder / "one" / "weights.safetensors").read_bytes() == b"weights"
    assert opened.record.read_only == ""
