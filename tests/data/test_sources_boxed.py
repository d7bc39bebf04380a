"""How many pictures have boxes is told, so that crops can be offered."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from engine.data.sources import scan


@pytest.fixture
def coco(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    images, annotations = [], []
    for number in range(1, 4):
        Image.fromarray(np.full((20, 30, 3), 60 * number, np.uint8)).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 30, "height": 20})
    for number, picture in enumerate((1, 1, 2), 1):
        annotations.append({"id": number, "image_id": picture, "category_id": 1, "bbox": [1, 1, 8 + number, 9], "area": 72, "iscrowd": 0})
    table = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (folder / "annotations.json").write_text(json.dumps(table), "utf-8")
    return folder


def test_pictures_with_boxes_are_counted_where_each_gets_one_label(coco):
    found = scan(coco)
    assert (len(found.items), found.boxed) == (3, 2)
    assert scan(coco / "annotations.json").boxed == 2


def test_crops_leave_nothing_to_offer(coco):
    found = scan(coco, boxes="crops")
    assert (len(found.items), found.boxed) == (3, 0)


def test_boxes_in_an_archive_are_counted_too(coco, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in coco.iterdir():
            archive.write(file, file.name)
    assert scan(tmp_path / "set.zip", unpack_to=tmp_path / "out").boxed == 2


def test_folders_of_classes_have_none(coco):
    (coco / "annotations.json").unlink()
    assert scan(coco).boxed == 0
