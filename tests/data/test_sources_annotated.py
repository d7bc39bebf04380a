"""COCO, PASCAL VOC, OpenImages and YOLO: labels, cut-outs and splits as the annotations say, and what is said where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data.decoding import UnreadablePicture, read_picture
from engine.data.locators import array_of, path_of, read_located
from engine.data.sources import Source, plain_yaml, scan, voc
from engine.data.sources.boxes import WHOLE, Box, cut, main_class
from engine.data.sources.yolo import boxes_in
from engine.failure import UserError
from engine.project.records import Split

WIDTH, HEIGHT = 40, 30


def noise(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(path)
    return path


def labels(source: Source) -> dict[str, tuple[str, Split]]:
    return {item.locator: (source.classes[item.label] if item.label >= 0 else "", item.split) for item in source.items}


# ---------------------------------------------------------------- COCO


def coco(names: list[str], boxes: list[tuple[int, int, list[float] | None]], **more: object) -> str:
    parts = {
        "info": {"year": 2017},
        "images": [{"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT, "license": 3} for number, name in enumerate(names)],
        "annotations": [
            {"id": number, "image_id": image, "category_id": kind, "bbox": box, "iscrowd": 0, "segmentation": [[1.0, 2.0]], "area": 3}
            for number, (image, kind, box) in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "zebra", "supercategory": "animal"}, {"id": 17, "name": "cat"}, {"id": 90, "name": "unused"}],
    }
    return json.dumps(parts | more)


def test_coco_labels_by_the_largest_area(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        noise(tmp_path / "images" / name)
    boxes = [(0, 1, [0, 0, 10, 10]), (0, 17, [0, 0, 9, 9]), (0, 17, [20, 20, 9, 9]), (1, 1, None)]
    (tmp_path / "labels.json").write_text(coco(["a.png", "b.png", "c.png", "gone.png"], boxes))
    for data in (tmp_path, tmp_path / "labels.json"):
        source = scan(data)
        assert source.kind == "COCO"
        assert source.classes == ("zebra", "cat")  # as the file orders them, those with pictures
        assert labels(source) == {
            "file:images/a.png": ("cat", Split.NONE),
            "file:images/b.png": ("zebra", Split.NONE),
            "file:images/c.png": ("", Split.NONE),
        }
        assert [(entry.file, entry.reason) for entry in source.skipped] == [("gone.png", "is not there")]
        assert source.warnings[0].startswith("1 picture shows more than one class")


def test_coco_cut_outs(tmp_path: Path) -> None:
    whole = read_picture(noise(tmp_path / "a.png"))
    noise(tmp_path / "b.png")
    boxes = [(0, 1, [5, 6, 10, 8]), (0, 17, [30.4, 20, 99, 99]), (0, 17, [-5, -5, 10, 10]), (0, 1, [1, 1, 0, 5]), (0, 1, [400, 2, 5, 5])]
    (tmp_path / "labels.json").write_text(coco(["a.png", "b.png"], [*boxes, (0, 1, [3, 3, 0.2, 9]), (0, 17, [0, 0, WIDTH, HEIGHT])]))
    source = scan(tmp_path, boxes="crops")
    assert [item.locator for item in source.items] == [
        "crop:a.png#5,6,10,8",
        "crop:a.png#30,20,10,10",
        "crop:a.png#0,0,5,5",
        "file:a.png",  # the whole picture
    ]
    assert [item.name for item in source.items][:2] == ["a 1.png", "a 2.png"]
    assert np.array_equal(read_located(source.items[0].locator, source.root), whole[6:14, 5:15])
    assert np.array_equal(read_located(source.items[2].locator, source.root), whole[:5, :5])
    assert {entry.file: entry.reason for entry in source.skipped} == {
        "a.png, box 4 (zebra)": "has no area",
        "a.png, box 5 (zebra)": "lies outside the picture of 40 × 30 pixels",
        "a.png, box 6 (zebra)": "is smaller than a pixel",
    }
    assert source.warnings == ("1 picture without a box gave no cut-out.",)


def test_coco_splits_as_published_and_as_roboflow(tmp_path: Path) -> None:
    published = tmp_path / "coco"
    for split in ("train2017", "val2017"):
        noise(published / split / "1.png")  # the same name in both
        (published / "annotations").mkdir(exist_ok=True)
        (published / "annotations" / f"instances_{split}.json").write_text(coco(["1.png"], [(0, 1, [0, 0, 5, 5])]))
        (published / "annotations" / f"person_keypoints_{split}.json").write_text(coco(["1.png"], [(0, 17, [0, 0, 5, 5])]))
    assert labels(scan(published)) == {"file:train2017/1.png": ("zebra", Split.TRAIN), "file:val2017/1.png": ("zebra", Split.VALIDATION)}
    other = tmp_path / "roboflow"
    for split in ("train", "valid", "test"):
        noise(other / split / f"{split}.png")
        (other / split / "_annotations.coco.json").write_text(coco([f"{split}.png"], [(0, 17, [0, 0, 5, 5])]))
    assert sorted(split for _, split in labels(scan(other)).values()) == [Split.TRAIN, Split.VALIDATION, Split.TEST]
    only = published / "annotations" / "instances_train2017.json"
    assert [split for _, split in labels(scan(only)).values()] == [Split.NONE]  # training alone is no division


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (coco(["a.png"], [(0, 1, [0, 0, 5, 5]), (0, 5, [0, 0, 5, 5])]), "annotation 2 has category 5, which is not listed"),
        ('{"names": ["a"]}', "is no COCO file: object missing required field `images`"),
        ("[1, 2, 3]", "is no COCO file: expected `object`, got `array`"),
        (coco([], [])[:-9], "is not valid JSON"),
        ("", "is not valid JSON"),
        ('{"more": ' + "[" * 100_000, "is not valid JSON"),
        (coco(["a.png"], [(0, 1, [1, 2, 3])]), "annotation 1 has a box of 3 numbers"),
        (coco(["a.png"], [], images=[{"id": 1}]), "missing required field `file_name`"),
        (coco(["a.png"], [(0, 1, ["x"])]), "is no COCO file: expected `float`, got `str`"),  # type: ignore[list-item]
        (coco(["gone.png"], []), "None of the pictures of set can be used: gone.png is not there"),
        (coco(["../a.png", "/etc/passwd"], []), "is not there and 1 more"),
    ],
)
def test_what_is_no_coco_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    noise(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "wrong.json").write_text(text)
    with pytest.raises(UserError) as caught:
        scan(tmp_path / "set" / "wrong.json")
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.remedy


def test_json_of_something_else_beside_pictures_is_passed_over(tmp_path: Path) -> None:
    noise(tmp_path / "cat" / "a.png")
    (tmp_path / "settings.json").write_text('{"images": 3}')
    (tmp_path / "empty.json").write_text("")
    assert scan(tmp_path).kind == "class folders"


def test_annotations_of_pictures_that_are_not_listed(tmp_path: Path) -> None:
    noise(tmp_path / "a.png")
    (tmp_path / "x.json").write_text(coco(["a.png"], [(0, 1, None), (77, 1, None)]))
    assert scan(tmp_path).warnings == ("x.json: 1 annotations belong to pictures that are not listed.",)


# ---------------------------------------------------------------- PASCAL VOC


def annotation(name: str, *objects: tuple[str, int, int, int, int]) -> str:
    parts = "".join(
        f"<object><name>{kind}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for kind, a, b, c, d in objects
    )
    return f"<annotation><filename>{name}</filename><size><width>{WIDTH}</width></size>{parts}</annotation>"


def devkit(folder: Path) -> Path:
    for number, name in enumerate(("a", "b", "c")):
        noise(folder / "JPEGImages" / f"{name}.png", number)
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "a.xml").write_text(annotation("a.png", ("cat", 1, 1, 20, 10), ("dog", 1, 1, 5, 5)))
    (folder / "Annotations" / "b.xml").write_text(annotation("renamed.png", ("dog", 11, 6, 30, 25)))
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "train.txt").write_text("a\nc\n")
    (folder / "ImageSets" / "Main" / "val.txt").write_text("b\n")
    (folder / "ImageSets" / "Main" / "cat_train.txt").write_text("a 1\nb -1\n")
    noise(folder / "SegmentationClass" / "a.png")
    return folder


def test_voc(tmp_path: Path) -> None:
    folder = devkit(tmp_path / "VOCdevkit" / "VOC2012")
    source = scan(tmp_path)
    assert (source.kind, source.root) == ("PASCAL VOC", str(folder))
    assert labels(source) == {
        "file:JPEGImages/a.png": ("cat", Split.TRAIN),
        "file:JPEGImages/b.png": ("dog", Split.VALIDATION),
        "file:JPEGImages/c.png": ("", Split.TRAIN),
    }
    crops = scan(folder, boxes="crops")
    assert [item.locator for item in crops.items] == [
        "crop:JPEGImages/a.png#0,0,20,10",  # pixels count from 1, both corners belong to the box
        "crop:JPEGImages/a.png#0,0,5,5",
        "crop:JPEGImages/b.png#10,5,20,20",
    ]
    assert labels(scan(folder / "Annotations" / "a.xml")) == labels(source)


def test_voc_beside_the_pictures(tmp_path: Path) -> None:
    for split in ("train", "test"):
        noise(tmp_path / split / f"{split}.png")
        (tmp_path / split / f"{split}.xml").write_text(annotation(f"{split}.png", ("cat", 1, 1, 5, 5)))
    assert labels(scan(tmp_path)) == {"file:train/train.png": ("cat", Split.TRAIN), "file:test/test.png": ("cat", Split.TEST)}


BOMB = """<!DOCTYPE annotation [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><filename>&c;&c;&c;</filename></annotation>"""
OUTSIDE = '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (annotation("b.png", ("dog", 1, 1, 5, 5))[:-20], "is damaged or cut off ("),
        (BOMB, "declares a document type, which is not read"),
        (OUTSIDE, "declares a document type, which is not read"),
        (annotation("b.png", ("dog", 1, 1, 5, 5)).replace("<xmin>1", "<xmin>one"), "has a box whose sides are no numbers"),
        (annotation("b.png", ("dog", 1, 1, 5, 5)).replace("<xmin>1", "<xmin>nan"), "has a box whose sides are no numbers"),
        (annotation("b.png", ("", 1, 1, 5, 5)), "has an object without a name"),
        ('<?xml version="1.0" encoding="nonsense"?>' + annotation("b.png"), "is damaged or cut off ("),
    ],
)
def test_damaged_xml_is_named(tmp_path: Path, text: str, words: str) -> None:
    folder = devkit(tmp_path / "VOC")
    (folder / "Annotations" / "b.xml").write_text(text)
    source = scan(folder)
    found = {entry.file: entry.reason for entry in source.skipped}
    assert found["Annotations/b.xml"].startswith(words)
    assert labels(source)["file:JPEGImages/a.png"] == ("cat", Split.TRAIN)
    with pytest.raises(UserError, match=r"b\.xml "):
        scan(folder / "Annotations" / "b.xml")


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"<annotation>{text}</annotation>".encode()))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_the_xml_reader(data: bytes) -> None:
    try:
        voc.parse(data)
    except voc.BadAnnotation as error:
        assert str(error)


# ---------------------------------------------------------------- OpenImages


def test_openimages(tmp_path: Path) -> None:
    for name in ("train/0001.png", "train/0002.png", "validation/0003.png"):
        noise(tmp_path / name)
    (tmp_path / "class-descriptions-boxable.csv").write_text("/m/cat,Cat\n/m/dog,Dog\n")
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded\n"
    (tmp_path / "train-annotations-bbox.csv").write_text(
        f"{head}0001,x,/m/cat,1,0.25,0.5,0.2,0.4,0\n0001,x,/m/dog,1,0,1,0,1,0\n0002,x,/m/cat,1,0,0.5,0,0.5,0\nffff,x,/m/cat,1,0,1,0,1,0\n"
    )
    (tmp_path / "validation-annotations-human-imagelabels.csv").write_text(
        "ImageID,Source,LabelName,Confidence\n0003,verification,/m/dog,0\n0003,verification,/m/cat,1\n"
    )
    source = scan(tmp_path)
    assert source.kind == "OpenImages"
    assert labels(source) == {
        "file:train/0001.png": ("Dog", Split.TRAIN),
        "file:train/0002.png": ("Cat", Split.TRAIN),
        "file:validation/0003.png": ("Cat", Split.VALIDATION),
    }
    assert "1 picture of the tables is not in the folder." in source.warnings
    crops = scan(tmp_path, boxes="crops")
    assert [item.locator for item in crops.items] == [
        "crop:train/0001.png#10,6,10,6",
        "file:train/0001.png",
        "crop:train/0002.png#0,0,20,15",
        "file:validation/0003.png",
    ]
    (tmp_path / "train-annotations-bbox.csv").write_text(f"{head}0001,x,/m/cat,1,a,b,c,d,0\n")
    with pytest.raises(UserError, match=r"train-annotations-bbox\.csv is damaged in line 2"):
        scan(tmp_path)


# ---------------------------------------------------------------- YOLO


def yolo(folder: Path, layout: str) -> None:
    """Four pictures in the layouts in which such sets are given."""
    picture, text = {
        "images/train": ("images/{split}/{name}.png", "labels/{split}/{name}.txt"),
        "train/images": ("{split}/images/{name}.png", "{split}/labels/{name}.txt"),
        "beside": ("{split}/{name}.png", "{split}/{name}.txt"),
    }[layout]
    lines = {"a": "0 0.5 0.5 0.5 0.5\n", "b": "1 0.25 0.5 0.5 1.0\n0 0.1 0.1 0.01 0.01\n", "c": ""}
    for split in ("train", "val" if layout != "train/images" else "valid"):
        for letter, boxes in lines.items():
            noise(folder / picture.format(split=split, name=f"{split}-{letter}"))
            place = folder / text.format(split=split, name=f"{split}-{letter}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(boxes)


@pytest.mark.parametrize("layout", ["images/train", "train/images", "beside"])
@pytest.mark.parametrize("names", ["data.yaml", "classes.txt"])
def test_yolo(tmp_path: Path, layout: str, names: str) -> None:
    yolo(tmp_path, layout)
    if names == "classes.txt":
        if layout == "beside":
            pytest.skip("boxes beside pictures in split folders are described by a YAML file")
        (tmp_path / names).write_text("cat\ndog\n")
    else:
        (tmp_path / names).write_text(
            "path: ../datasets/pets\ntrain: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['cat', \"dog\"]\n"
        )
    source = scan(tmp_path)
    assert (source.kind, source.classes, source.skipped) == ("YOLO", ("cat", "dog"), ())
    found = {item.name.partition("-")[2]: source.classes[item.label] if item.label >= 0 else "" for item in source.items}
    assert found == {"a.png": "cat", "b.png": "dog", "c.png": ""}
    assert all((item.split == Split.TRAIN) == item.name.startswith("train") for item in source.items)
    assert {item.split for item in source.items} == {Split.TRAIN, Split.VALIDATION}
    crops = scan(tmp_path, boxes="crops")
    boxes = [item.locator.rpartition("#")[2] for item in crops.items if item.name.startswith("train")]
    assert boxes == ["10,8,20,14", "0,0,20,30"]  # half pixels go to the even neighbour
    assert [entry.reason for entry in crops.skipped] == ["is smaller than a pixel"] * 2


def test_yolo_lists_of_files_and_the_yaml_itself(tmp_path: Path) -> None:
    for name in "abc":
        noise(tmp_path / "images" / f"{name}.png")
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{name}.txt").write_text("7 0.5 0.5 1 1\n")
    (tmp_path / "train.txt").write_text("./images/a.png\n/somewhere/else/images/b.png\n")
    (tmp_path / "test.txt").write_text("images/c.png\n")
    (tmp_path / "pets.yaml").write_text("train: train.txt\ntest: test.txt\nnames:\n  0: cat\n  7: hot dog # with mustard\n")
    source = scan(tmp_path / "pets.yaml")
    assert labels(source) == {
        "file:images/a.png": ("hot dog", Split.TRAIN),
        "file:images/b.png": ("hot dog", Split.TRAIN),
        "file:images/c.png": ("hot dog", Split.TEST),
    }


def test_yolo_without_names_and_what_is_wrong(tmp_path: Path) -> None:
    for name in "abc":
        noise(tmp_path / f"{name}.png")
    (tmp_path / "a.txt").write_text("3 0.5 0.5 0.5 0.5")
    (tmp_path / "b.txt").write_text("10 0.5 0.5 0.5 0.5")
    assert scan(tmp_path).classes == ("3", "10")
    (tmp_path / "classes.txt").write_text("cat\ndog\nbird\nfish\n")
    source = scan(tmp_path)
    assert source.classes == ("fish",)
    assert source.skipped[0].reason.startswith("has annotations that cannot be read: b.txt has class 10 in line 1")
    (tmp_path / "b.txt").write_text("a caption of a picture")
    assert scan(tmp_path).kind == "pictures"  # captions, not boxes
    (tmp_path / "wrong.yaml").write_text("batch: 3")
    with pytest.raises(UserError, match=r"wrong\.yaml describes no pictures"):
        scan(tmp_path / "wrong.yaml")


def test_outlines_become_boxes() -> None:
    assert boxes_in("0 0.1 0.2 0.5 0.2 0.3 0.8", {}) == (Box("0", 0.1, 0.2, 0.4, pytest.approx(0.6)),)
    for text in ("0 0.5 0.5 0.5", "cat 0.5 0.5 0.5 0.5", "0 a b c d", "-1 0 0 1 1", "0 0.5 0.5 0.5 1e999"):
        with pytest.raises(ValueError, match="line 1"):
            boxes_in(text, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("names: [cat, 'hot dog', \"a, b\"]", ["cat", "hot dog", "a, b"]),
        ("names: [cat,\n  dog, # good\n  'it''s']", ["cat", "dog", "it's"]),
        ("names:\n- cat\n- dog\n", ["cat", "dog"]),
        ("names:\n  - cat\n\n  - 'dog'\nnc: 2", ["cat", "dog"]),
        ("names:\n  0: cat\n  1: 'C#'\n", {"0": "cat", "1": "C#"}),
        ('names: {0: cat, 1: "hot: dog"}', {"0": "cat", "1": "hot: dog"}),
        ("# names: no\nnames: cat # one", "cat"),
        ("names: []", []),
    ],
)
def test_the_forms_of_yaml(text: str, value: object) -> None:
    assert plain_yaml.parse(text)["names"] == value


@given(st.text(max_size=200) | st.text("abn :-[]{},'\"#\n 01", max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_yaml_reader(text: str) -> None:
    for value in plain_yaml.parse(text).values():
        assert isinstance(value, str | list | dict)


@pytest.mark.shared_data
def test_real_boxes(shared_data: Path) -> None:
    folder = shared_data / "solar-sdo-crops" / "full-disc-with-boxes"
    source = scan(folder)
    assert (source.kind, len(source.items), source.classes, source.skipped) == ("YOLO", 24, ("0", "1", "2"), ())
    crops = scan(folder, boxes="crops")
    assert len(crops.items) == sum(len(path.read_text().split("\n")) - path.read_text().endswith("\n") for path in folder.glob("*.txt"))
    for item in crops.items[:5]:
        x, y, width, height = (int(part) for part in item.locator.rpartition("#")[2].split(","))
        assert read_located(item.locator, crops.root).shape == (height, width, 3)
        assert 0 <= x < x + width <= 512 and 0 <= y < y + height <= 512


# ---------------------------------------------------------------- boxes and cut-outs


@given(
    st.tuples(*[st.floats(-100, 200)] * 2, *[st.floats(-5, 200)] * 2),
    st.integers(1, 100),
    st.integers(1, 100),
)
@settings(max_examples=300, deadline=None)
def test_a_cut_out_lies_in_its_picture(box: tuple[float, float, float, float], width: int, height: int) -> None:
    part = cut(Box("x", *box), width, height, False)
    if isinstance(part, str):
        return
    left, top, wide, high = part
    assert 0 <= left < left + wide <= width
    assert 0 <= top < top + high <= height
    assert abs(left - max(0, box[0])) <= 0.5 and abs(left + wide - min(width, box[0] + box[2])) <= 0.5


def test_areas_of_one_class_add_up() -> None:
    boxes = [Box("dog", 0, 0, 3, 3), Box("cat", 0, 0, 2, 3), Box("cat", 9, 9, 2, 2)]
    assert main_class(boxes) == ("cat", True)
    assert main_class([]) == ("", False)
    assert main_class([Box("cat", *WHOLE)]) == ("cat", False)
    assert cut(Box("cat", *WHOLE), 7, 5, True) == (0, 0, 7, 5)


def test_cut_outs_are_of_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    stored = np.zeros((20, 40, 3), np.uint8)
    stored[:, :10] = 255  # on the left as stored, on top as shown
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    part = read_located("crop:a.png#0,0,20,10", tmp_path)
    assert part.shape == (10, 20, 3)
    assert part.min() == 255
    assert read_located("crop:a.png#0,10,20,30", tmp_path).max() == 0
    assert path_of("crop:a.png#0,0,1,1", tmp_path) == tmp_path / "a.png"
    assert array_of(["crop:a.png#0,0,1,1"], tmp_path) is None
    for box in ("0,0,5", "20,0,5,5", "0,0,0,5", "-1,0,5,5", "a", "0,40,1,1"):
        with pytest.raises(UnreadablePicture):
            read_located(f"crop:a.png#{box}", tmp_path)
    with pytest.raises(UnreadablePicture, match="is not there"):
        read_located("crop:gone.png#0,0,1,1", tmp_path)


def test_a_changed_picture_is_cut_anew(tmp_path: Path) -> None:
    for value in (10, 200):
        Image.new("RGB", (8, 8 + value), (value, 0, 0)).save(tmp_path / "a.png")
        assert read_located("crop:a.png#0,0,2,2", tmp_path)[0, 0, 0] == value


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo"])
def test_cancelled(tmp_path: Path, kind: str) -> None:
    if kind == "coco":
        noise(tmp_path / "a.png")
        (tmp_path / "x.json").write_text(coco(["a.png"], []))
    elif kind == "voc":
        devkit(tmp_path)
    else:
        yolo(tmp_path, "images/train")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        scan(tmp_path, token)
