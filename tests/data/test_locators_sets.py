"""Sets of files with annotations: found in the layout of their archives, labelled as torchvision labels them; and the table of sets."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import set_files

from engine.control import CancelToken
from engine.data.sources import scan
from engine.data.sources.aircraft import read as read_aircraft
from engine.data.sources.records import Source
from engine.data.standard_sets import at_hand, find_set, standard_sets, what_to_put
from engine.failure import UserError
from engine.project.records import Split


def peer(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = pytest.importorskip("torchvision.datasets")
    return getattr(datasets, name)


def rows(source: Source, *splits: Split) -> dict[Path, str]:
    """Class of each picture by its file; every file is there."""
    found = {
        Path(source.root, item.locator.removeprefix("file:")): source.classes[item.label] for item in source.items if item.split in splits
    }
    assert found and all(path.is_file() for path in found)
    return found


@pytest.fixture
def no_checksums(monkeypatch):
    for module in ("flowers102", "oxford_iiit_pet", "food101", "fgvc_aircraft"):
        peer("MNIST")
        monkeypatch.setattr(f"torchvision.datasets.{module}.check_integrity", lambda *_: True, raising=False)


def test_flowers(tmp_path, no_checksums):
    set_files.flowers(tmp_path)
    source = scan(tmp_path)
    kind = peer("Flowers102")
    for split, name in ((Split.TRAIN, "train"), (Split.VALIDATION, "val"), (Split.TEST, "test")):
        others = kind(tmp_path, split=name)
        assert rows(source, split) == {path: kind.classes[label] for path, label in zip(others._image_files, others._labels, strict=True)}
    assert source.classes == ("pink primrose", "hard-leaved pocket orchid", "canterbury bells", "passion flower", "blackberry lily")


def test_pets(tmp_path):
    set_files.pets(tmp_path)
    source = scan(tmp_path)
    for split, name in ((Split.TRAIN, "trainval"), (Split.TEST, "test")):
        others = peer("OxfordIIITPet")(tmp_path, split=name)
        assert rows(source, split) == {path: others.classes[label] for path, label in zip(others._images, others._labels, strict=True)}


def test_food(tmp_path):
    set_files.food(tmp_path)
    source = scan(tmp_path)
    for split, name in ((Split.TRAIN, "train"), (Split.TEST, "test")):
        others = peer("Food101")(tmp_path, split=name)
        expected = {path: others.classes[label].replace("_", " ") for path, label in zip(others._image_files, others._labels, strict=True)}
        assert rows(source, split) == expected


@pytest.mark.parametrize("option", ["variant", "family", "manufacturer"])
def test_aircraft(tmp_path, option):
    set_files.aircraft(tmp_path)
    source = read_aircraft(tmp_path, option, CancelToken())
    for split, name in ((Split.TRAIN, "train"), (Split.VALIDATION, "val"), (Split.TEST, "test")):
        others = peer("FGVCAircraft")(tmp_path, split=name, annotation_level=option)
        pairs = zip(others._image_files, others._labels, strict=True)
        assert rows(source, split) == {Path(path): others.classes[label] for path, label in pairs}


def test_cars(tmp_path):
    set_files.cars(tmp_path)
    source = scan(tmp_path)
    for split, name in ((Split.TRAIN, "train"), (Split.TEST, "test")):
        others = peer("StanfordCars")(tmp_path, split=name)
        assert rows(source, split) == {Path(path): others.classes[label] for path, label in others._samples}
    (tmp_path / "stanford_cars" / "cars_test_annos_withlabels.mat").unlink()
    source = scan(tmp_path)
    assert len(source.items) == 4 and "cars_test_annos_withlabels.mat" in source.warnings[0]


def test_caltech_without_its_background(tmp_path):
    set_files.caltech(tmp_path)
    source = scan(tmp_path)
    others = peer("Caltech101")(tmp_path)
    base = tmp_path / "caltech101" / "101_ObjectCategories"
    pairs = zip(others.index, others.y, strict=True)
    expected = {base / others.categories[label] / f"image_{number:04d}.jpg": others.categories[label] for number, label in pairs}
    assert rows(source, Split.NONE) == expected and source.classes == ("Faces", "accordion")


def test_birds(tmp_path):
    set_files.cub(tmp_path)
    for folder in (tmp_path, tmp_path / "CUB_200_2011"):
        source = scan(folder)
        assert source.classes == ("Black footed Albatross", "Laysan Albatross")
        assert [(item.name, item.label, item.split) for item in source.items] == [
            ("a.jpg", 0, Split.TRAIN), ("b.jpg", 0, Split.TEST), ("c.jpg", 1, Split.TRAIN),
        ]  # fmt: skip


def test_imagenet_by_names_and_two_classes_of_one_name_stay_two(tmp_path):
    set_files.imagenet(tmp_path)
    source = scan(tmp_path)
    assert source.classes == ("tench", "crane (n02012849)", "crane (n03126707)")
    assert len(rows(source, Split.TRAIN)) == 9 and len(rows(source, Split.TEST)) == 6


def test_imagenets_loose_validation_pictures_get_the_labels_of_the_kit(tmp_path):
    set_files.imagenet(tmp_path)
    kit = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    for number in (1, 2, 3):
        set_files.photo(tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.JPEG.jpg", number)
    assert any("have no labels" in words for words in scan(tmp_path).warnings)
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("3\n1\n2\n")
    source = scan(tmp_path)
    loose = {item.name: source.classes[item.label] for item in source.items if item.name.startswith("ILSVRC")}
    assert list(loose.values()) == ["crane (n03126707)", "tench", "crane (n02012849)"] and not source.warnings


# ---------------------------------------------------------------- damage


def damaged_pets(root: Path) -> Path:
    set_files.pets(root)
    return root / "oxford-iiit-pet" / "annotations" / "test.txt"


def damaged_food(root: Path) -> Path:
    set_files.food(root)
    return root / "food-101" / "meta" / "test.json"


def damaged_flowers(root: Path) -> Path:
    set_files.flowers(root)
    return root / "flowers-102" / "setid.mat"


def damaged_birds(root: Path) -> Path:
    set_files.cub(root)
    return root / "CUB_200_2011" / "images.txt"


def damaged_cars(root: Path) -> Path:
    set_files.cars(root)
    return root / "stanford_cars" / "devkit" / "cars_train_annos.mat"


@pytest.mark.parametrize("make", [damaged_pets, damaged_food, damaged_flowers, damaged_birds, damaged_cars])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00 no text", b"one word too many here\n", b'{"a": 3}'])
def test_damaged_annotations_are_told_with_their_file(tmp_path, make, content):
    file = make(tmp_path)
    file.write_bytes(content)
    with pytest.raises(UserError) as failure:
        scan(tmp_path)
    assert failure.value.message.startswith(f"{file.name} is damaged") and failure.value.remedy


def test_a_missing_annotation_says_where_it_belongs(tmp_path):
    file = damaged_pets(tmp_path)
    file.unlink()
    with pytest.raises(UserError, match=r"test\.txt is missing") as failure:
        scan(tmp_path)
    assert str(file) in failure.value.remedy


def test_annotations_lead_to_no_file_outside(tmp_path):
    set_files.food(tmp_path)
    meta = tmp_path / "food-101" / "meta" / "train.json"
    meta.write_text('{"waffles": ["../../../secret", "/etc/secret", "waffles/3"]}')
    source = scan(tmp_path)
    places = [Path(source.root, item.locator.removeprefix("file:")) for item in source.items]
    assert all(place.resolve().is_relative_to(tmp_path / "food-101" / "images") for place in places)
    assert len(source.skipped) == 1 and "secret" in source.skipped[0].file
    meta.write_text('{"waffles": ["../../../secret"]}')
    (meta.parent / "test.json").write_text("{}")
    with pytest.raises(UserError, match="name no pictures"):
        scan(tmp_path)


def test_other_folders_are_no_sets(tmp_path):
    set_files.photo(tmp_path / "images" / "cat" / "1.jpg", 1)
    set_files.photo(tmp_path / "images" / "dog" / "1.jpg", 2)
    assert scan(tmp_path).kind == "class folders"
    set_files.photo(tmp_path / "train" / "n01440764" / "1.jpg", 3)
    assert scan(tmp_path).kind == "split folders"


# ---------------------------------------------------------------- the table


def test_the_table_is_whole():
    records = standard_sets()
    assert len({record.name for record in records}) == len(records) >= 20
    for record in records:
        assert record.title and record.about and record.source and record.marks and record.folder and record.files
        assert record.pictures > 1000 and record.classes >= 10
        if record.reader:
            module, _, name = record.reader.partition(":")
            assert callable(getattr(__import__(module, fromlist=[name]), name))
        for file in record.files:
            assert not file.path.startswith("/") and ".." not in file.path
            assert len(file.md5) in (0, 32) and (not file.addresses or file.size > 0)
            assert all(address.startswith(("https://", "http://")) for address in file.addresses)
    local = {record.name for record in records if not record.fetchable}
    assert local == {"cars", "voc-2007", "voc-2012", "coco", "imagenet", "cub-200"}
    assert find_set("nothing") is None


def test_addresses_and_checksums_are_those_of_torchvision():
    files = {file.name: file for record in standard_sets() for file in record.files}
    for name, folder in (("MNIST", "MNIST"), ("FashionMNIST", "FashionMNIST"), ("KMNIST", "KMNIST")):
        kind = peer(name)
        mine = {file.name: file for record in standard_sets() if record.folder == folder for file in record.files}
        for file, md5 in kind.resources:
            assert mine[file].md5 == md5 and {f"{mirror}{file}" for mirror in kind.mirrors} <= set(mine[file].addresses)
    for kind in (peer("CIFAR10"), peer("CIFAR100"), peer("STL10")):
        assert files[kind.filename].md5 == kind.tgz_md5 and kind.url in files[kind.filename].addresses
    assert files["gzip.zip"].md5 == peer("EMNIST").md5 and peer("EMNIST").url in files["gzip.zip"].addresses
    for address, name, md5 in peer("SVHN").split_list.values():
        assert files[name].md5 == md5 and address in files[name].addresses
    for name, md5 in peer("Flowers102")._file_dict.values():
        assert files[name].md5 == md5 and f"{peer('Flowers102')._download_url_prefix}{name}" in files[name].addresses
    for address, md5 in peer("OxfordIIITPet")._RESOURCES:
        assert files[address.rpartition("/")[2]].md5 == md5 and address in files[address.rpartition("/")[2]].addresses
    assert files["food-101.tar.gz"].md5 == peer("Food101")._MD5 and peer("Food101")._URL in files["food-101.tar.gz"].addresses
    assert peer("FGVCAircraft")._URL in files["fgvc-aircraft-2013b.tar.gz"].addresses


def test_the_table_loads_neither_torch_nor_decoders(tmp_path):
    import subprocess
    import sys

    words = (
        "import sys; from engine.data import standard_sets as s; s.standard_sets(); print({'torch', 'cv2', 'PySide6'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    assert done.stdout.strip() == "set()"


def test_what_is_at_hand_is_found_from_inside_and_outside(tmp_path):
    record = find_set("cifar-10")
    assert at_hand(record, tmp_path) is None and at_hand(record, tmp_path / "gone") is None
    set_files.cifar_10(tmp_path)
    assert at_hand(record, tmp_path) == at_hand(record, tmp_path / "cifar-10-batches-py") == tmp_path
    (tmp_path / "cifar-10-batches-py" / "test_batch").unlink()
    assert at_hand(record, tmp_path) is None
    assert str(tmp_path / "cifar-10-python.tar.gz") in what_to_put(record, tmp_path)
