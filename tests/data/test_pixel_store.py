"""The store of decoded pixels: in any order, by several threads, through kills, damage and full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data import pixel_store, pixels
from engine.data.dataset import Dataset
from engine.data.pixel_store import PixelStore
from engine.data.preprocessing import Preprocessing
from engine.project.records import Split

ROOT = Path(__file__).parents[2]
PRE = Preprocessing(8, 8, 3)


def made(count: int, shape: tuple[int, int, int] = (4, 5, 3)) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def rows_of(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parcels=st.lists(st.lists(st.integers(0, 19), min_size=1, max_size=7, unique=True), max_size=8), reopen=st.booleans())
def test_what_was_put_is_read_in_any_order(parcels: list[list[int]], reopen: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = made(20)
    place = tmp_path_factory.mktemp("store") / "a.npy"
    store = PixelStore(place, whole.shape)
    for parcel in parcels:
        store.put(np.sort(rows_of(*parcel)), whole[np.sort(parcel)])
        if reopen:
            store.close()
            store = PixelStore(place, whole.shape)
    there = sorted({row for parcel in parcels for row in parcel})
    assert store.missing().tolist() == [row for row in range(20) if row not in there]
    assert pixel_store.missing(place, 20) == (20 - len(there) if reopen or not there else 20)  # noted once a second, and on closing
    assert np.array_equal(store.taken(rows_of(*there[::-1])), whole[there[::-1]])
    store.close()
    assert pixel_store.missing(place, 20) == 20 - len(there)


def test_threads_put_and_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_store, "BETWEEN_MARKS", 0.0)
    whole = made(400)
    store = PixelStore(tmp_path / "a.npy", whole.shape)
    wrong: list[int] = []

    def work(first: int) -> None:
        for row in range(first, 400, 4):
            store.put(rows_of(row), whole[row : row + 1])
            there = np.flatnonzero(store.there(np.arange(400))).astype(np.int64)
            if not np.array_equal(store.taken(there), whole[there]):
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and not len(store.missing())
    assert store.finish()
    assert np.array_equal(np.load(tmp_path / "a.npy"), whole)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.npy"]


@pytest.mark.parametrize("damage", ["short marks", "no marks", "cut pixels", "other shape", "rubbish"])
def test_damaged_stores_begin_anew(tmp_path: Path, damage: str) -> None:
    whole = made(6)
    place = tmp_path / "a.npy"
    store = PixelStore(place, whole.shape)
    store.put(rows_of(0, 1, 2), whole[:3])
    store.close()
    part, done = place.with_suffix(".part"), place.with_suffix(".done")
    if damage == "short marks":
        done.write_bytes(b"\1")
    elif damage == "no marks":
        done.unlink()
    elif damage == "cut pixels":
        part.write_bytes(part.read_bytes()[:-10])
    elif damage == "other shape":
        np.save(tmp_path / "b.npy", whole[:, :2])
        (tmp_path / "b.npy").replace(part)
    else:
        part.write_bytes(b"rubbish")
    store = PixelStore(place, whole.shape)
    assert len(store.missing()) == 6 and not store.failure
    store.put(np.arange(6), whole)
    assert store.finish()
    assert np.array_equal(np.load(place), whole)


def folder_of_pictures(folder: Path, count: int, side: int = 60) -> Dataset:
    generator = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(generator.integers(0, 256, (side, side, 3), np.uint8)).save(folder / f"{number:03}.png")
    return Dataset(
        name="made",
        classes=("a", "b"),
        images=np.arange(count),
        labels=np.arange(count) % 2,
        splits=np.full(count, Split.TRAIN, np.int8),
        locators=tuple(f"file:{number:03}.png" for number in range(count)),
        root=str(folder),
    )


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    decoded: list[str] = []
    original = data.locators.read_located

    def read(locator: str, *rest: object) -> object:
        decoded.append(locator)
        return original(locator, *rest)

    monkeypatch.setattr(data.locators, "read_located", read)
    return decoded


def test_a_cancelled_decoding_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = folder_of_pictures(tmp_path, 40)
    monkeypatch.setattr(data, "CHUNK", 4)
    token = CancelToken()
    with monkeypatch.context() as patch:
        ticks = iter(range(1000))
        patch.setattr(data.time, "monotonic", lambda: float(next(ticks)))
        with pytest.raises(Cancelled):
            data.decode(dataset, np.arange(40), PRE, token, lambda done, total: token.cancel() if done >= 20 else None)
    decoded = counted(monkeypatch)
    told: list[int] = []
    found, failed, ok = data.decode(dataset, np.arange(40), PRE, progress=lambda done, total: told.append(done))
    assert 0 < len(decoded) <= 20
    assert failed == () and ok.all()
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path / "other"))
    assert np.array_equal(found, data.decode(dataset, np.arange(40), PRE)[0])


WORKER = """
import sys
from pathlib import Path
import numpy as np
from engine.data import dataset as data, locators, pixel_store
from tests.data.test_pixel_store import folder_of_pictures, PRE
import msgspec
pixel_store.BETWEEN_MARKS = 0.0
data.CHUNK = 4
original, count = locators.read_located, []
def read(*rest):
    count.append(1)
    if len(count) == 30:
        print("now", flush=True)
        sys.stdin.read()
    return original(*rest)
locators.read_located = read
from engine.project.records import Split
folder = Path(sys.argv[1])
n = len(list(folder.glob("*.png")))
dataset = data.Dataset(name="made", classes=("a", "b"), images=np.arange(n), labels=np.arange(n) % 2,
    splits=np.full(n, Split.TRAIN, np.int8), locators=tuple(f"file:{i:03}.png" for i in range(n)), root=str(folder))
data.decode(dataset, np.arange(n), PRE)
"""


def test_a_killed_decoding_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = folder_of_pictures(tmp_path, 40)
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ.copy()
    ) as process:
        assert process.stdout is not None and process.stdout.readline().strip() == b"now"
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait(timeout=20)
    decoded = counted(monkeypatch)
    found, _, ok = data.decode(dataset, np.arange(40), PRE)
    assert ok.all()
    assert 0 < len(decoded) <= 24  # at least four parcels of four were noted
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path / "other"))
    assert np.array_equal(found, data.decode(dataset, np.arange(40), PRE)[0])


def test_files_that_change_while_they_are_decoded_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    dataset = folder_of_pictures(tmp_path, 8)
    original = data.locators.read_located

    def read(locator: str, *rest: object) -> object:
        if locator == "file:006.png":
            (tmp_path / "006.png").unlink()
        return original(locator, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(data.locators, "read_located", read)
        found, failed, _ = data.decode(dataset, np.arange(8), PRE)
    assert [(problem.file, problem.reason) for problem in failed] == [("006.png", "is not there")]
    assert found[5].any() and not found[6].any()
    assert list((own_home / "cache" / "pixels").glob("*.npy")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; where none can be mounted, the test of a process with a limit of its own stands for it."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        sys.platform == "linux"
        and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode == 0
    )
    if not mounted:
        pytest.skip("no file system can be mounted")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_fills_up(small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_store, "SPARE_BYTES", -(1 << 40))
    dataset = folder_of_pictures(tmp_path, 60)
    big = Preprocessing(100, 100, 3)
    monkeypatch.setattr(data, "CHUNK", 4)
    expected = data.decode(dataset, np.arange(60), big)[0]
    monkeypatch.setenv("FOVEA_HOME", str(small_disk))
    found, failed, ok = data.decode(dataset, np.arange(60), big)
    assert ok.all() and failed == ()
    assert np.array_equal(found, expected)
    assert not list(small_disk.glob("cache/pixels/*"))


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from engine.data.pixel_store import PixelStore
place, whole = Path(sys.argv[1]), np.ones((64, 100, 100, 3), np.uint8)
store = PixelStore(place, whole.shape)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
for row in range(64):
    store.put(np.array([row]), whole[row : row + 1])
there = np.flatnonzero(store.there(np.arange(64)))
print(len(there), bool(store.failure), bool(store.taken(there).all()), store.finish())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX's")
def test_what_was_there_before_the_disk_was_full_is_read(tmp_path: Path) -> None:
    answer = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path / "a.npy")], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.stdout.split() == ["33", "True", "True", "False"], answer.stderr


def test_what_was_not_used_for_longest_goes_first_finished_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("a.npy", "b.part", "c.npy")):
        (tmp_path / name).write_bytes(bytes(1000))
        os.utime(tmp_path / name, (number + 1, number + 1))
    (tmp_path / "b.done").write_bytes(b"\1")
    (tmp_path / "a.json").write_bytes(b"{}")
    monkeypatch.setattr(pixels, "KEEP_BYTES", 1500)
    pixels.tidy(tmp_path / "c.npy")
    assert [file.name for file in tmp_path.iterdir()] == ["c.npy"]
