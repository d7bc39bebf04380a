"""Files of many pictures: read as torchvision reads them, and refused with a sentence where they are not what they say."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import set_files
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.control import CancelToken
from engine.data import arrays
from engine.data.arrays import read_array, read_batch
from engine.data.dataset import decode, from_source, typical_size
from engine.data.decoding import UnreadablePicture
from engine.data.locators import array_of, parted, path_of, read_located
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.data.sources.cifar import read_10, read_100
from engine.data.sources.records import Source
from engine.failure import UserError
from engine.project.records import Split

NOW = CancelToken()


@pytest.fixture(autouse=True)
def nothing_kept():
    arrays._kept.clear()
    yield
    arrays._kept.clear()


def peer(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = pytest.importorskip("torchvision.datasets")
    return getattr(datasets, name)


def believed(monkeypatch: pytest.MonkeyPatch, kind: type) -> type:
    """A class of torchvision that does not ask for the checksums of the true files."""
    monkeypatch.setattr(kind, "_check_integrity", lambda self: True, raising=False)
    return kind


def of_split(source: Source, split: Split) -> list:
    return [item for item in source.items if item.split is split]


def equal(source: Source, split: Split, others, names: list[str] | None = None) -> None:
    """Pictures and labels of a split are those of a data set of torchvision, in the same order."""
    items = of_split(source, split)
    assert len(items) == len(others) > 0
    for item, (picture, label) in zip(items, others, strict=True):
        np.testing.assert_array_equal(read_located(item.locator, source.root), np.asarray(picture.convert("RGB")))
        assert source.classes[item.label] == (names or others.classes)[label]


# ---------------------------------------------------------------- the same as torchvision


def test_cifar_10(tmp_path, monkeypatch):
    set_files.cifar_10(tmp_path)
    kind = believed(monkeypatch, peer("CIFAR10"))
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    source = scan(tmp_path)
    assert source.name == "CIFAR-10" and len(source.items) == 24
    equal(source, Split.TRAIN, kind(tmp_path, train=True))
    equal(source, Split.TEST, kind(tmp_path, train=False))
    inside = read_10(tmp_path / "cifar-10-batches-py", "", NOW)
    assert inside is not None and [item.label for item in inside.items] == [item.label for item in source.items]


def test_cifar_100_fine_and_coarse(tmp_path, monkeypatch):
    set_files.cifar_100(tmp_path)
    kind = believed(monkeypatch, peer("CIFAR100"))
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    source = scan(tmp_path)
    equal(source, Split.TRAIN, kind(tmp_path, train=True))
    equal(source, Split.TEST, kind(tmp_path, train=False))
    coarse = read_100(tmp_path, "coarse", NOW)
    assert coarse.classes == tuple(f"coarse {number}" for number in range(6))
    assert [item.label for item in coarse.items] == [0, 1, 2, 3, 4, 5] * 2
    assert [item.locator for item in coarse.items] == [item.locator for item in source.items]


def test_the_binary_version_holds_the_same_pictures_without_a_pickle(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "read_batch", lambda path: pytest.fail(f"{path} was read as a pickle"))
    set_files.cifar_binary(tmp_path)
    ten = read_10(tmp_path, "", NOW)
    assert ten.classes == ("airplane", "automobile", "bird", "cat", "deer") and len(ten.items) == 30
    expected = set_files.noise(5, 3072).reshape(5, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(array_of([item.locator for item in ten.items[:5]], ten.root), expected)
    fine, coarse = read_100(tmp_path, "fine", NOW), read_100(tmp_path, "coarse", NOW)
    assert [fine.classes[item.label] for item in fine.items[:3]] == ["fine 0", "fine 3", "fine 6"]
    assert [coarse.classes[item.label] for item in coarse.items[:3]] == ["coarse 0", "coarse 1", "coarse 2"]
    np.testing.assert_array_equal(read_located(fine.items[4].locator, fine.root), expected[4])
    assert arrays._held(read_array("cifar10", tmp_path / "cifar-10-batches-bin" / "test_batch.bin")) == 0


def test_svhn(tmp_path, monkeypatch):
    set_files.svhn(tmp_path)
    kind = believed(monkeypatch, peer("SVHN"))
    source = scan(tmp_path)
    for split, name in ((Split.TRAIN, "train"), (Split.TEST, "test")):
        equal(source, split, kind(tmp_path / "svhn", split=name), list("0123456789"))


def test_stl_10_with_and_without_the_unlabelled_part(tmp_path, monkeypatch):
    from engine.data.sources.stl import read

    set_files.stl(tmp_path)
    kind = believed(monkeypatch, peer("STL10"))
    source = scan(tmp_path)
    equal(source, Split.TRAIN, kind(tmp_path, split="train"))
    equal(source, Split.TEST, kind(tmp_path, split="test"))
    more = read(tmp_path, "unlabelled", NOW)
    loose = [item for item in more.items if item.label < 0]
    for item, (picture, _) in zip(loose, kind(tmp_path, split="unlabeled"), strict=True):
        np.testing.assert_array_equal(read_located(item.locator, more.root), np.asarray(picture))


@pytest.mark.parametrize("option", ["balanced", "letters", "digits", "byclass", "bymerge", "mnist"])
def test_emnist_stands_upright(tmp_path, option):
    from engine.data.sources.emnist import read_emnist

    many = {"balanced": 47, "letters": 27, "byclass": 62, "bymerge": 47}.get(option, 10)
    set_files.emnist(tmp_path, option, np.arange(1 if option == "letters" else 0, many), packed=False)
    others = peer("EMNIST")(tmp_path, split=option, train=True)
    source = read_emnist(tmp_path, option, NOW)
    assert set(source.classes) == set(others.classes) - {"N/A"}
    for item, (picture, label) in zip(of_split(source, Split.TRAIN), others, strict=True):
        # torchvision leaves the pictures lying on their side
        np.testing.assert_array_equal(read_located(item.locator, source.root)[:, :, 0], np.asarray(picture).T)
        expected = others.classes[label]
        assert source.classes[item.label].casefold() == expected.casefold()
        if option not in ("balanced", "bymerge"):
            assert source.classes[item.label] == expected


def test_packed_emnist_is_found_among_other_divisions(tmp_path):
    set_files.emnist(tmp_path, "letters", np.arange(1, 27), packed=True)
    set_files.emnist(tmp_path, "digits", np.arange(10), packed=True)
    assert scan(tmp_path).name == "EMNIST letters"
    assert scan(tmp_path / "EMNIST" / "raw").classes[:2] == ("a", "b")


# ---------------------------------------------------------------- training on them


def test_colour_arrays_are_decoded_for_training_as_single_pictures_are(tmp_path):
    from engine.data.decoding import to_working_size

    set_files.cifar_10(tmp_path)
    data = from_source(scan(tmp_path))
    assert typical_size(data) == (32, 32, 3, True)
    rows = np.arange(len(data.labels))
    for contract in (
        Preprocessing(32, 32, 3), Preprocessing(32, 32, 1), Preprocessing(20, 28, 3, "crop"), Preprocessing(40, 40, 1, "pad"),
        Preprocessing(24, 24, 3, "centre"), Preprocessing(24, 24, 1, "centre"),
    ):  # fmt: skip
        pixels, failed, ok = decode(data, rows, contract)
        assert ok.all() and not failed
        for row in (0, 7, 23):
            np.testing.assert_array_equal(pixels[row], to_working_size(read_located(data.locators[row], data.root), contract))


def test_grey_and_colour_in_one_project_are_read_one_by_one(tmp_path):
    set_files.cifar_10(tmp_path)
    set_files.idx(tmp_path / "m" / "train-images-idx3-ubyte", set_files.noise(3, 32, 32))
    both = ["cifar:cifar-10-batches-py/test_batch#1", "idx:m/train-images-idx3-ubyte#2"]
    assert array_of(both, tmp_path) is None
    assert read_located(both[0], tmp_path).shape == read_located(both[1], tmp_path).shape == (32, 32, 3)
    assert array_of(["cifar:cifar-10-batches-py/test_batch#1", "digits:4"], tmp_path) is None


def test_kinds_and_places_of_locators(tmp_path):
    assert parted("svhn:a b/x#1.mat#12") == ("svhn", "a b/x#1.mat", "12")
    assert path_of("stl:x/train_X.bin#0", tmp_path) == tmp_path / "x" / "train_X.bin"
    assert path_of("digits:3", tmp_path) is None and path_of("nonsense:3", tmp_path) is None
    with pytest.raises(UnreadablePicture, match="unknown kind"):
        read_located("nonsense:3", tmp_path)


def test_only_what_is_in_use_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "KEPT_BYTES", 30_000)
    set_files.cifar_10(tmp_path)
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4"):
        read_array("cifar", tmp_path / "cifar-10-batches-py" / name)
    assert sum(arrays._held(array) for array in arrays._kept.values()) <= 30_000 and len(arrays._kept) == 2


# ---------------------------------------------------------------- hostile files


class _Evil:
    def __init__(self, function, *arguments) -> None:
        self.wanted = function, arguments

    def __reduce__(self):
        return self.wanted


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("where", ["data", "labels", "batch_label"])
def test_a_pickle_that_would_run_something_is_refused_before_it_does(tmp_path, protocol, where):
    mark = tmp_path / "it ran"
    batch = {"data": set_files.noise(2, 3072), "labels": [0, 1], "batch_label": "x", where: _Evil(os.mkdir, str(mark))}
    (tmp_path / "batch").write_bytes(pickle.dumps(batch, protocol))
    with pytest.raises(UserError, match=r"batch is refused: it (wants to run|holds a step)") as refusal:
        read_batch(tmp_path / "batch")
    assert refusal.value.remedy and not mark.exists()


@pytest.mark.parametrize(
    "evil",
    [
        _Evil(eval, "1"), _Evil(getattr, dict, "fromkeys"), _Evil(np.load, "x.npy"), _Evil(np.ndarray, (10**12,)), _Evil(bytearray, 10**12),
        np.array([{"a": 1}], object), np.arange(3.0), np.zeros(3, [("a", "u1")]), set_files.noise(4, 4).T, Path("x"), type("X", (), {}),
    ],
)  # fmt: skip
def test_nothing_but_containers_and_arrays_of_bytes_is_built(tmp_path, evil):
    try:
        content = pickle.dumps({"data": evil}, 2)
    except (pickle.PicklingError, AttributeError):
        pytest.skip("no pickle can hold it")
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(UserError, match=r"refused|damaged"):
        read_batch(tmp_path / "batch")


def test_persistent_references_and_extension_codes_are_refused(tmp_path):
    for content in (b"\x80\x02Pevil\n.", b"\x80\x02\x82\x01.", b"cos\nsystem\n(S'true'\ntR."):
        (tmp_path / "batch").write_bytes(content)
        with pytest.raises(UserError, match=r"refused|damaged"):
            read_batch(tmp_path / "batch")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_batches_give_a_sentence_and_nothing_else(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("damaged")
    whole = bytearray(set_files.as_python_2({"data": set_files.noise(1, 3072), "labels": [1]}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    (place / "batch").write_bytes(content)
    try:
        read_array("cifar", place / "batch")
    except UserError as error:
        assert error.message.startswith("batch ") and error.remedy


@pytest.mark.parametrize("kind", sorted(arrays.READERS))
@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"no pictures at all " * 400, b"\x1f\x8b\x08broken", os.urandom(3073)])
def test_files_of_another_kind_are_told(tmp_path, kind, content):
    if (kind, len(content)) == ("cifar10", 3073):
        pytest.skip("3,073 bytes are a picture of it, whatever they say")
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match=r"file is (damaged|refused|no batch)"):
        read_array(kind, tmp_path / "file")
    with pytest.raises(UnreadablePicture):
        read_located(f"{kind}:file#0", tmp_path)


def test_labels_that_do_not_fit_are_told(tmp_path):
    set_files.stl(tmp_path)
    (tmp_path / "stl10_binary" / "test_y.bin").write_bytes(b"\x01\x02")
    with pytest.raises(UserError, match="3 pictures, but there are 2 labels"):
        scan(tmp_path)
    (tmp_path / "stl10_binary" / "test_y.bin").write_bytes(b"\x01\x02\x63")
    with pytest.raises(UserError, match="more classes"):
        scan(tmp_path)
