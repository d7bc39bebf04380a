"""What a person may point at, and what is said where it is no data."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data.locators import array_of, path_of, read_idx, read_located
from engine.data.sources import natural, scan
from engine.failure import UserError
from engine.messages import NewProject
from engine.project.records import Split
from engine.session import Session


def picture(path: Path, value: int = 100, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value // 2, 7)).save(path)
    return path


def write_idx(folder: Path, part: str, labels: list[int], packed: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(len(labels) * 12, dtype=np.uint8).tobytes()
    contents = {
        f"{part}-images-idx3-ubyte": struct.pack(">HBBIII", 0, 8, 3, len(labels), 4, 3) + pixels,
        f"{part}-labels-idx1-ubyte": struct.pack(">HBBI", 0, 8, 1, len(labels)) + bytes(labels),
    }
    for name, data in contents.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)


def test_digits() -> None:
    source = scan("digits")
    assert len(source.items) == 1797
    assert source.classes == tuple("0123456789")
    first = read_located(source.items[0].locator, source.root)
    assert first.shape == (8, 8, 3)
    assert first.max() <= 255
    assert source.items[0].label == 0


def test_digits_equal_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    source = scan("digits")
    whole = array_of([item.locator for item in source.items], "")
    assert whole is not None
    assert np.array_equal(whole[..., 0], np.rint(bunch.images * 255 / 16).astype(np.uint8))
    assert [item.label for item in source.items] == bunch.target.tolist()


def test_a_folder_a_class(tmp_path: Path) -> None:
    for name in ("cat/a2.png", "cat/a10.png", "cat/more/b.png", "dog/a2.png", ".hidden/x.png", "dog/.thumb.png", "dog/Thumbs.db"):
        picture(tmp_path / name) if name.endswith(".png") else (tmp_path / name).write_bytes(b"x")
    source = scan(tmp_path)
    assert source.kind == "class folders"
    assert source.classes == ("cat", "dog")
    found = [(item.locator, item.label, item.split) for item in source.items]
    assert found == [
        ("file:cat/a2.png", 0, Split.NONE),
        ("file:cat/a10.png", 0, Split.NONE),
        ("file:cat/more/b.png", 0, Split.NONE),
        ("file:dog/a2.png", 1, Split.NONE),
    ]
    assert source.skipped == ()


def test_split_folders(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "Test/cat/1.png", "val/dog/1.png", "train/dog/2.png"):
        picture(tmp_path / "archive" / name)
    source = scan(tmp_path)  # one folder around everything does not matter
    assert source.kind == "split folders"
    assert source.classes == ("cat", "dog")
    splits = {item.locator: item.split for item in source.items}
    assert splits["file:archive/Test/cat/1.png"] is Split.TEST
    assert splits["file:archive/val/dog/1.png"] is Split.VALIDATION
    assert splits["file:archive/train/dog/2.png"] is Split.TRAIN


def test_loose_pictures_and_a_single_file(tmp_path: Path) -> None:
    path = picture(tmp_path / "b.png")
    picture(tmp_path / "a.png")
    source = scan(tmp_path)
    assert source.classes == ()
    assert [item.name for item in source.items] == ["a.png", "b.png"]
    single = scan(path)
    assert single.items[0].label == -1
    assert path_of(single.items[0].locator, single.root) == path


def test_what_lies_beside_the_data_makes_no_class(tmp_path: Path) -> None:
    for name in ("data/cat/1.png", "data/dog/1.png"):
        picture(tmp_path / name)
    (tmp_path / "README.md").write_text("a data set")
    source = scan(tmp_path)
    assert source.classes == ("cat", "dog")
    assert [item.file for item in source.skipped] == ["README.md"]
    for name in ("train/cat/1.png", "test/dog/1.png", "drawings/x.png", "train/loose.png"):
        picture(tmp_path / "splits" / name)
    source = scan(tmp_path / "splits")
    assert source.classes == ("cat", "dog")
    assert [item.label for item in source.items] == [-1, 1, -1, 0]


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    good = picture(tmp_path / "cat" / "1.png")
    bad = os.fsencode(tmp_path / "cat") + b"/\xff\xfe.png"
    try:
        with open(bad, "wb") as stream:
            stream.write(good.read_bytes())
    except OSError:
        pytest.skip("this system has no such names")
    source = scan(tmp_path)
    assert len(source.items) == 1
    assert source.skipped[0].reason == "has a name that is not valid text"
    assert source.skipped[0].file.encode()


def test_two_files_with_one_name_are_both_kept(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "same.png", 10)
    picture(tmp_path / "dog" / "same.png", 200)
    source = scan(tmp_path)
    values = [int(read_located(item.locator, source.root)[0, 0, 0]) for item in source.items]
    assert values == [10, 200]


def test_rejected_files_are_named_with_their_reason(tmp_path: Path) -> None:
    good = picture(tmp_path / "cat" / "good.jpg", size=(64, 64))
    (tmp_path / "cat" / "cut.jpg").write_bytes(good.read_bytes()[:-200])
    (tmp_path / "cat" / "empty.png").write_bytes(b"")
    (tmp_path / "cat" / "text.png").write_text("hello there")
    source = scan(tmp_path)
    assert {item.file: item.reason for item in source.skipped} == {
        "cat/cut.jpg": "is cut off",
        "cat/empty.png": "is empty (0 bytes)",
        "cat/text.png": "is not a picture (it holds text)",
    }
    assert len(source.items) == 1


def test_loose_pictures_and_empty_folders_are_warned_of(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "dog" / "1.png")
    picture(tmp_path / "loose.png")
    (tmp_path / "bird").mkdir()
    warnings = " ".join(scan(tmp_path).warnings)
    assert "bird holds no pictures" in warnings
    assert "1 picture lies beside" in warnings


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no pictures"):
        scan(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"notes\.txt is not a picture"):
        scan(tmp_path)
    with pytest.raises(UserError, match="no file or folder"):
        scan(tmp_path / "missing")


def test_folders_that_link_in_a_circle_end(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    try:
        (tmp_path / "cat" / "again").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert len(scan(tmp_path).items) == 1


def test_a_cancelled_scan_ends(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        scan(tmp_path, token)


@pytest.mark.parametrize("packed", [False, True])
def test_raw_files(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path / "MNIST" / "raw", "train", [3, 1, 3], packed)
    write_idx(tmp_path / "MNIST" / "raw", "t10k", [1], packed)
    source = scan(tmp_path)
    assert source.classes == ("1", "3")  # classes without pictures are none
    assert [(item.label, item.split) for item in source.items] == [(1, 1), (0, 1), (1, 1), (0, 3)]
    second = read_located(source.items[1].locator, source.root)
    assert np.array_equal(second[..., 0], np.arange(12, 24, dtype=np.uint8).reshape(4, 3))
    whole = array_of([item.locator for item in source.items], source.root)
    assert whole is not None
    assert whole.shape == (4, 4, 3, 1)


def test_fashion_mnist_has_its_names(tmp_path: Path) -> None:
    write_idx(tmp_path / "FashionMNIST" / "raw", "train", list(range(10)))
    assert scan(tmp_path / "FashionMNIST").classes[9] == "Ankle boot"


def test_damaged_raw_files(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", [1, 2, 3])
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(UserError, match="train-labels-idx1-ubyte is damaged"):
        scan(tmp_path)
    labels.write_bytes(struct.pack(">HBBI", 0, 8, 1, 2) + bytes(2))
    with pytest.raises(UserError, match="do not belong together"):
        scan(tmp_path)
    claims = tmp_path / "bomb"
    claims.write_bytes(struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**15, 2**15))
    with pytest.raises(UserError, match="claims to hold"):
        read_idx(claims)


def test_an_empty_project_is_no_data(tmp_path: Path) -> None:
    session = Session()
    session.run(NewProject("Empty", str(tmp_path / "Empty")), CancelToken(), lambda event: None)
    session.opened().close()
    with pytest.raises(UserError, match="holds no pictures"):
        scan(tmp_path / "Empty")


def test_natural_order() -> None:
    assert sorted(["beach_10", "Beach_2", "a", "10", "9"], key=natural) == ["9", "10", "a", "Beach_2", "beach_10"]


@pytest.mark.shared_data
def test_mnist(shared_data: Path) -> None:
    source = scan(shared_data / "MNIST")
    splits = np.array([item.split for item in source.items])
    assert np.count_nonzero(splits == Split.TRAIN) == 60_000
    assert np.count_nonzero(splits == Split.TEST) == 10_000
    assert source.classes == tuple("0123456789")
    assert [item.label for item in source.items[:5]] == [5, 0, 4, 1, 9]


@pytest.mark.shared_data
def test_real_folders(shared_data: Path) -> None:
    beach = scan(shared_data / "beach-desert-aid")
    assert beach.classes == ("Beach", "Desert")
    assert len(beach.items) == 700
    photos = scan(shared_data / "photos")
    assert len(photos.items) == 10
    assert len(photos.skipped) == 1
