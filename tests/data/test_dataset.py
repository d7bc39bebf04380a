"""Data for training: classes, splits, sizes, pixels and what is said of bad data."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data import dataset as datasets
from engine.data import pixels
from engine.data.decoding import to_working_size
from engine.data.locators import read_located
from engine.data.pixel_store import PixelStore
from engine.data.preprocessing import Preprocessing
from engine.data.sources import scan
from engine.failure import UserError
from engine.project.records import Split


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 20 coloured pictures, 12 x 10 pixels."""
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(20):
            Image.fromarray(generator.integers(0, 256, (12, 10, 3), np.uint8)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_from_a_source(folder: Path) -> None:
    data = datasets.from_source(scan(folder))
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0] * 20 + [1] * 20
    assert [len(data.rows(split)) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)] == [24, 8, 8]
    assert datasets.typical_size(data) == (12, 10, 3, True)


def test_content_decides_not_names(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = datasets.from_source(scan(folder))
    other = tmp_path_factory.mktemp("other")
    for name in ("cat", "dog"):
        (other / name).mkdir()
        for number in range(20):
            (other / name / f"{19 - number} renamed.png").write_bytes((folder / name / f"{number}.png").read_bytes())
    renamed = datasets.from_source(scan(other))
    splits = dict(zip([Path(name).read_bytes() for name in paths(renamed)], renamed.splits.tolist(), strict=True))
    assert [splits[Path(name).read_bytes()] for name in paths(data)] == data.splits.tolist()


def paths(data: datasets.Dataset) -> list[str]:
    return [str(Path(data.root, locator.removeprefix("file:"))) for locator in data.locators]


def test_copies_of_a_picture_stay_together(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(30):
            picture = Image.fromarray(generator.integers(0, 256, (9, 9, 3), np.uint8)).resize((90, 90), Image.Resampling.BICUBIC)
            picture.save(tmp_path / name / f"{number}.png")
            if number % 3 == 0:
                picture.resize((60, 60)).save(tmp_path / name / f"{number} small.jpg", quality=70)
    data = datasets.from_source(scan(tmp_path))
    by_name = {locator.removeprefix("file:"): split for locator, split in zip(data.locators, data.splits.tolist(), strict=True)}
    for name in ("cat", "dog"):
        for number in range(0, 30, 3):
            assert by_name[f"{name}/{number} small.jpg"] == by_name[f"{name}/{number}.png"]
    for label in (0, 1):
        counts = np.bincount(data.splits[data.labels == label], minlength=4)
        assert (np.abs(counts[1:] - np.array([24, 8, 8])) <= 1).all()


@pytest.mark.parametrize("resize", ["squash", "crop", "pad", "centre"])
def test_decoding_in_parcels_equals_one_by_one(folder: Path, resize: str) -> None:
    data = datasets.from_source(scan(folder))
    preprocessing = Preprocessing(8, 9, 1, resize)
    rows = np.arange(40)[::-1].copy()
    found, failed, ok = datasets.decode(data, rows, preprocessing)
    assert failed == ()
    assert ok.all()
    for place, row in enumerate(rows):
        assert np.array_equal(found[place], to_working_size(read_located(data.locators[row], data.root), preprocessing))


@pytest.mark.parametrize("resize", ["squash", "crop", "pad", "centre"])
@pytest.mark.parametrize(("side", "channels"), [(8, 1), (8, 3), (20, 1), (5, 3)])
def test_arrays_are_fitted_as_pictures_are(resize: str, side: int, channels: int) -> None:
    data = datasets.from_source(scan("digits"))
    preprocessing = Preprocessing(side, side, channels, resize)
    rows = np.array([0, 7, 1796])
    found, _, _ = datasets.decode(data, rows, preprocessing)
    for place, row in enumerate(rows):
        assert np.array_equal(found[place], to_working_size(read_located(data.locators[row], data.root), preprocessing))


def test_pixels_are_kept_and_noticed_when_files_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = datasets.from_source(scan(folder))
    preprocessing = Preprocessing(8, 8, 3)
    first, _, _ = datasets.decode(data, np.arange(40), preprocessing)
    first = first.copy()

    def forbidden(locator: str, root: str) -> None:
        raise AssertionError("decoded twice")

    with monkeypatch.context() as patch:
        patch.setattr(datasets.locators, "read_located", forbidden)
        again, _, ok = datasets.decode(data, np.arange(40), preprocessing)
        assert ok.all()
        assert np.array_equal(first, again)
        again[0] = 0  # a copy: the file does not follow
    Image.new("RGB", (30, 30), (1, 2, 3)).save(folder / "cat" / "0.png")
    changed, _, _ = datasets.decode(data, np.arange(40), preprocessing)
    assert (changed[0] == (1, 2, 3)).all()
    assert np.array_equal(changed[1:], first[1:])


def test_unreadable_files_are_named_and_black(folder: Path) -> None:
    data = datasets.from_source(scan(folder))
    whole = (folder / "dog" / "3.png").read_bytes()
    (folder / "dog" / "3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "0.png").unlink()
    for _ in range(2):  # decoded, then from the cache
        found, failed, ok = datasets.decode(data, np.arange(40), Preprocessing(8, 8, 3))
        assert {(item.file, item.reason) for item in failed} == {("cat/0.png", "is not there"), ("dog/3.png", "is cut off")}
        assert np.flatnonzero(~ok).tolist() == [0, 23]
        assert (found[~ok] == 0).all()


def test_a_full_disk_costs_only_time(folder: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    data = datasets.from_source(scan(folder))
    expected, _, _ = datasets.decode(data, np.arange(40), Preprocessing(8, 8, 3))
    expected = expected.copy()

    class Full:
        def __init__(self, stream: object) -> None:
            self._stream, self._writes = stream, 0

        def write(self, block: object) -> int:
            self._writes += 1
            if self._writes > 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._stream.write(block)

        def __getattr__(self, name: str) -> object:
            return getattr(self._stream, name)

    original = PixelStore._open

    def limited(self: PixelStore) -> None:
        original(self)
        self._stream = Full(self._stream)

    monkeypatch.setattr(PixelStore, "_open", limited)
    monkeypatch.setattr(datasets, "CHUNK", 7)
    monkeypatch.setenv("FOVEA_HOME", str(own_home / "other"))
    found, _, ok = datasets.decode(data, np.arange(40), Preprocessing(8, 8, 3))
    assert ok.all()
    assert np.array_equal(found, expected)
    assert list((own_home / "other" / "cache" / "pixels").iterdir()) == []


def test_many_threads_keep_the_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = datasets.from_source(scan(folder))
    expected, _, _ = datasets.decode(data, np.arange(40), Preprocessing(8, 8, 3))
    monkeypatch.setattr(datasets, "CHUNK", 3)
    monkeypatch.setattr(datasets, "decoding_threads", lambda names, root: 4)
    monkeypatch.setattr(pixels, "load", lambda place: None)
    told: list[tuple[int, int]] = []
    found, _, _ = datasets.decode(data, np.arange(40), Preprocessing(8, 8, 3), progress=lambda done, total: told.append((done, total)))
    assert np.array_equal(found, expected)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        datasets.decode(data, np.arange(40), Preprocessing(8, 8, 3), token)


def test_mean_and_deviation_are_numpys() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (50, 9, 7, 3), np.uint8)
    mean, deviation = datasets.measure(pictures)
    scaled = pictures / 255.0
    assert np.allclose(mean, scaled.mean(axis=(0, 1, 2)), atol=1e-12)
    assert np.allclose(deviation, scaled.std(axis=(0, 1, 2)), atol=1e-9)
    assert datasets.measure(np.zeros((2, 3, 3, 1), np.uint8)) == ((0.0,), (1 / 255,))


def test_what_cannot_be_trained_is_refused(folder: Path) -> None:
    data = datasets.from_source(scan(folder))
    assert datasets.check_trainable(data) == []
    one = msgspec.structs.replace(data, labels=np.zeros(40, np.int64))
    with pytest.raises(UserError, match='one class, "cat"'):
        datasets.check_trainable(one)
    none = msgspec.structs.replace(data, labels=data.labels[:0], splits=data.splits[:0])
    with pytest.raises(UserError, match="No picture has a label"):
        datasets.check_trainable(none)
    untrained = msgspec.structs.replace(data, splits=np.full(40, Split.TEST, np.int8))
    with pytest.raises(UserError, match="training split"):
        datasets.check_trainable(untrained)
    single = msgspec.structs.replace(data, labels=np.array([0] * 39 + [1]))
    assert any('"dog" has a single picture' in text for text in datasets.check_trainable(single))


def test_grey_pictures_need_one_channel(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("L", (9, 9), 80).save(tmp_path / name / "1.png")
        Image.new("RGB", (11, 9), (80, 80, 80)).save(tmp_path / name / "2.png")
    size = datasets.typical_size(datasets.from_source(scan(tmp_path)))
    assert size.channels == 1
    assert not size.uniform


@pytest.mark.shared_data
def test_beach_and_desert(shared_data: Path) -> None:
    data = datasets.from_source(scan(shared_data / "beach-desert-aid"))
    assert [len(data.rows(split)) for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)] == [420, 140, 140]
    found, failed, ok = datasets.decode(data, data.rows(Split.TEST), Preprocessing(64, 64, 3))
    assert found.shape == (140, 64, 64, 3)
    assert failed == ()
    assert ok.all()
