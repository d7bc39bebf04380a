"""Pictures on their way to the loop: resident, mapped or streamed, the same bits; damage, full disks and cancelling on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch

from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data import locators, pixel_store, pixels
from engine.data.augmentation import Normalise
from engine.data.dataset import Dataset
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.messages import Event, Notice, StepsDone, TrainingStarted
from engine.networks import zoo
from engine.networks.build import build
from engine.project.records import RunRecord, Split
from engine.training import loop, seen, streaming, supplying, telling
from engine.training.feeding import Feed, Part, Resident, stand_ins
from engine.training.fit import fit
from engine.training.precision import Arithmetic
from engine.training.recipe import Augmentation, Recipe
from engine.training.resuming import resume
from engine.training.sampling import stream
from engine.training.saved import WEIGHTS
from engine.training.streaming import Streamed, Whole
from engine.training.supplying import Later, Streaming, feed_of, measure, part_of, supply

CPU = torch.device("cpu")
PRE = Preprocessing(32, 32, 1, "squash", (0.5,), (0.25,))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> object:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in threading.enumerate() if thread not in before and "fovea" in thread.name] == []


def no_progress(done: int, total: int) -> None:
    pass


def silent(text: str) -> None:
    pass


def pictures(folder: Path, count: int = 120) -> Dataset:
    """Two classes of JPEGs, 40 x 48; five of six are for training, the others for validation."""
    generator = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number:03}.jpg"
        noise = generator.integers(0, 90, (40, 48, 3), np.uint8)
        noise[:, : 24 + 20 * (number % 2)] += 100
        cv2.imwrite(str(path), noise)
    return Dataset(
        name="made",
        classes=("even", "odd"),
        images=np.arange(count),
        labels=(np.arange(count) % 2).astype(np.int64),
        splits=np.where(np.arange(count) % 6 == 5, Split.VALIDATION, Split.TRAIN).astype(np.int8),
        locators=tuple(f"file:{number:03}.jpg" for number in range(count)),
        root=str(folder),
    )


class Watcher:
    """Counts epochs, and calls back at each parcel."""

    def __init__(self, at: Callable[[], None] = lambda: None) -> None:
        self._at = at
        self.notices: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., object]:
        return lambda *arguments: None

    def watching(self, step: int) -> object:
        return torch.enable_grad()

    def parcel(self, parcel: telling.Parcel) -> None:
        self._at()

    def notice(self, text: str) -> None:
        self.notices.append(text)


def weights_of(training: Feed | Part, validation: Part | supplying.LaterPart | None, token: CancelToken | None = None) -> bytes:
    torch.manual_seed(0)
    module = build(zoo.make("lenet-5", (1, 32, 32), 2), 0)
    augmentation = Augmentation(shift=0.1)
    recipe = Recipe(epochs=3, batch=16, learning_rate=1e-3, suit_augmentation=False, augmentation=augmentation)
    loop.train(module, training, validation, recipe, Normalise(PRE, CPU), Arithmetic(), token or CancelToken(), Watcher())
    return b"".join(value.numpy().tobytes() for value in module.state_dict().values())


def streamed(dataset: Dataset, tell: Callable[[str], None] = lambda text: None, token: CancelToken | None = None) -> Streamed:
    token = token or CancelToken()
    feed = feed_of(supply(dataset, PRE, token, no_progress, silent, streams=True).training, CPU, token, tell)
    assert isinstance(feed, Streamed)
    return feed


def trained(dataset: Dataset, streams: bool) -> bytes:
    token = CancelToken()
    parts = supply(dataset, PRE, token, no_progress, silent, streams=streams)
    feed = feed_of(parts.training, CPU, token, lambda text: None)
    try:
        return weights_of(feed, part_of(parts.validation, CPU))
    finally:
        feed.close()


def test_resident_mapped_and_streamed_give_the_same_weights(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path)
    monkeypatch.setattr(data, "decoding_threads", lambda names, root: 3)
    first = trained(dataset, streams=True)  # decoded on the way
    with monkeypatch.context() as patch:
        decoded: list[str] = []
        read = locators.read_located
        patch.setattr(locators, "read_located", lambda name, *rest: decoded.append(name) or read(name, *rest))
        assert trained(dataset, streams=True) == first  # from the store
        assert len(set(decoded)) <= 20  # validation pictures at most
    assert trained(dataset, streams=False) == first  # mapped, resident
    monkeypatch.setattr(supplying, "fits", lambda array, device: False)
    assert trained(dataset, streams=False) == first  # mapped, fetched ahead
    monkeypatch.setenv("FOVEA_HOME", str(own_home / "other"))
    assert trained(dataset, streams=False) == first  # decoded first


def test_the_same_with_pictures_that_cannot_be_read(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path)
    for number in (3, 4, 60, 119):
        (tmp_path / f"{number:03}.jpg").write_bytes(b"no picture")
    told: list[str] = []
    feed = streamed(dataset, told.append)
    other = supply(dataset, PRE, CancelToken(), no_progress, silent, streams=True)  # two at the same store do not disturb each other
    validation = part_of(other.validation, CPU)
    first = weights_of(feed, validation)
    other.close()
    feed.close()
    assert sorted(text.split(" ")[0] for text in told) == ["003.jpg", "004.jpg", "060.jpg"]
    assert len(validation.labels) == 19
    assert trained(dataset, streams=False) == first
    part = supply(dataset, PRE, CancelToken(), no_progress, silent, streams=False)
    assert part.training.pictures == 97
    assert {problem.file for problem in part.failed} == {"003.jpg", "004.jpg", "060.jpg", "119.jpg"}
    monkeypatch.setenv("FOVEA_HOME", str(own_home / "other"))
    assert trained(dataset, streams=False) == first


def test_stand_ins_are_the_next_of_the_class_then_others() -> None:
    labels = np.array([0, 1, 0, 1, 0])
    assert list(stand_ins(labels, 2)) == [4, 0, 3, 1]
    assert list(stand_ins(labels, 3)) == [1, 4, 0, 2]


def test_a_file_removed_in_the_middle_is_told_and_replaced(tmp_path: Path) -> None:
    dataset = pictures(tmp_path)
    rows = dataset.rows(Split.TRAIN)
    told: list[str] = []
    feed = streamed(dataset, told.append)
    feed.batch(torch.arange(10))
    for number in (3, 12):
        (tmp_path / dataset.locators[rows[number]].removeprefix("file:")).unlink()
    shown, labels = feed.batch(torch.tensor([3, 12, 13]))
    assert "is not there" in told[0] and len(told) == 1  # 3 was decoded before
    expected, _ = feed.batch(torch.tensor([3, next(stand_ins(dataset.labels[rows], 12)), 13]))
    assert torch.equal(shown, expected)
    assert labels.tolist() == dataset.labels[rows][[3, 12, 13]].tolist()
    feed.close()


def test_nothing_readable_is_refused(tmp_path: Path) -> None:
    dataset = pictures(tmp_path, 12)
    for file in tmp_path.iterdir():
        file.unlink()
    feed = streamed(dataset)
    with pytest.raises(UserError, match="None of the training pictures"):
        feed.batch(torch.arange(4))
    feed.close()
    with pytest.raises(UserError, match="None of the training pictures"):
        supply(dataset, PRE, CancelToken(), no_progress, silent, streams=False)


def test_batches_come_in_the_sampler_s_order_whatever_the_timing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path, 60)
    monkeypatch.setattr(data, "decoding_threads", lambda names, root: 4)
    monkeypatch.setattr(streaming, "PARCEL", 3)
    part = supply(dataset, PRE, CancelToken(), no_progress, silent, streams=False).training
    resident = feed_of(part, CPU, CancelToken(), lambda text: None)
    assert isinstance(resident, Resident)
    feed = Streamed(Slow(part.pixels), part.labels, CPU, 4, CancelToken(), lambda text: None)
    ours, theirs = feed.ahead(stream(50, 8, 1, CPU)), stream(50, 8, 1, CPU)
    for _ in range(20):
        rows, expected = next(ours), next(theirs)
        assert torch.equal(rows, expected)
        for found, wanted in zip(feed.batch(rows), resident.batch(expected), strict=True):
            assert torch.equal(found, wanted)
        between = feed.batch(torch.tensor([0, 1]))[0]  # whoever looks at others does not disturb the order
        assert torch.equal(between, resident.batch(torch.tensor([0, 1]))[0])
    assert feed.waited > 0
    feed.close()


class Slow(Whole):
    """Parcels take unequal times."""

    def ready(self, rows: np.ndarray) -> bool:
        return False

    def fetch(self, rows: np.ndarray, into: np.ndarray, check: Callable[[], None]) -> np.ndarray:
        threading.Event().wait(int(rows[0]) % 3 / 500)
        return super().fetch(rows, into, check)


class Stuck(Whole):
    """Never ready."""

    def __init__(self, pixels: np.ndarray) -> None:
        super().__init__(pixels)
        self.asked = threading.Event()

    def fetch(self, rows: np.ndarray, into: np.ndarray, check: Callable[[], None]) -> np.ndarray:
        self.asked.set()
        while True:
            check()
            threading.Event().wait(0.002)


def test_cancelled_within_a_tenth_of_a_second() -> None:
    token, cancelled = CancelToken(), []
    stuck = Stuck(np.zeros((64, 32, 32, 1), np.uint8))
    feed = Streamed(stuck, np.zeros(64, np.int64), CPU, 2, token, lambda text: None)

    def cancel() -> None:
        stuck.asked.wait()
        cancelled.append(time.monotonic())
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        feed.batch(next(feed.ahead(stream(64, 8, 0, CPU))))
    thread.join()
    feed.close()
    assert time.monotonic() - cancelled[0] < 0.1


def test_closing_stops_what_is_under_way() -> None:
    feed = Streamed(Stuck(np.zeros((64, 32, 32, 1), np.uint8)), np.zeros(64, np.int64), CPU, 2, CancelToken(), lambda text: None)
    next(feed.ahead(stream(64, 8, 0, CPU)))
    begun = time.monotonic()
    feed.close()
    assert time.monotonic() - begun < 0.2


def test_waiting_is_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    class Timed(Whole):
        def fetch(self, rows: np.ndarray, into: np.ndarray, check: Callable[[], None]) -> np.ndarray:
            threading.Event().wait(0.2)
            return super().fetch(rows, into, check)

    feed = Streamed(Timed(np.zeros((64, 8, 8, 1), np.uint8)), np.zeros(64, np.int64), CPU, 1, CancelToken(), lambda text: None)
    feed.batch(torch.arange(8))
    assert 0.19 < feed.waited < 0.4
    order = feed.ahead(stream(64, 8, 0, CPU))
    rows = next(order)
    before = feed.waited
    threading.Event().wait(0.7)  # the loop computes
    feed.batch(rows)
    assert feed.waited - before < 0.01
    feed.close()


def test_ahead_is_bounded() -> None:
    feed = Streamed(Whole(np.zeros((9, 224, 224, 3), np.uint8)), np.zeros(9, np.int64), CPU, 1, CancelToken(), lambda text: None)
    assert feed.depth(8) == streaming.DEEPEST
    assert feed.depth(256) == 256_000_000 // (256 * 224 * 224 * 3) == 6
    assert feed.depth(4096) == streaming.SHALLOWEST
    drawn: list[int] = []

    def batches() -> object:
        while True:
            drawn.append(0)
            yield torch.arange(8)

    order = feed.ahead(batches())
    for step in range(30):
        feed.batch(next(order))
        assert len(drawn) <= step + streaming.DEEPEST
    feed.close()


def test_a_full_disk_is_told_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path)
    expected = trained(dataset, streams=False)
    monkeypatch.setenv("FOVEA_HOME", str(tmp_path / "other"))
    write, writes = pixel_store._write, []

    def full(stream: object, pixels: np.ndarray) -> None:
        writes.append(len(pixels))
        if len(writes) > 3:
            raise OSError(28, "No space left on device")
        write(stream, pixels)

    monkeypatch.setattr(pixel_store, "_write", full)
    told: list[str] = []
    token = CancelToken()
    parts = supply(dataset, PRE, token, no_progress, silent, streams=True)
    feed = feed_of(parts.training, CPU, token, told.append)
    assert weights_of(feed, part_of(parts.validation, CPU)) == expected
    assert len(writes) >= 5  # the validation pictures' own file had no room either
    feed.close()
    assert told == ["Decoded pictures are not kept (No space left on device): later epochs read their files anew."]


def test_no_room_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path, 24)
    monkeypatch.setattr(pixel_store, "SPARE_BYTES", 1 << 60)
    told: list[str] = []
    feed = streamed(dataset, told.append)
    first, _ = feed.batch(torch.arange(8))
    again, _ = feed.batch(torch.arange(8))
    feed.close()
    assert torch.equal(first, again)
    assert len(told) == 1 and "no room" in told[0]


def test_seen_pictures_are_those_that_were_shown(tmp_path: Path) -> None:
    dataset = pictures(tmp_path, 24)
    feed = streamed(dataset)
    feed.batch(torch.tensor([2, 3, 3, 9]))
    feed.close()
    part = supply(dataset, PRE, CancelToken(), no_progress, silent, streams=False).training
    assert np.array_equal(feed.seen(), np.unique(seen.hashes(part.pixels[[2, 3, 9]], CancelToken())))


def test_mean_and_deviation_are_of_the_same_pictures_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path)
    monkeypatch.setattr(supplying, "MEASURED", 30)
    token = CancelToken()
    found = []
    for streams in (True, False):
        part = supply(dataset, PRE, token, no_progress, silent, streams=streams).training
        assert not isinstance(part, Later)
        found.append(measure(part, True, token, no_progress))
        if isinstance(part, Streaming):
            part.filling.close()
    assert found[0] == found[1]
    assert found[0].pictures == 30
    assert measure(part, False, token, no_progress).pictures == 100  # arrays: all


def test_streams_where_decoding_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pictures(tmp_path, 24)
    assert not supply(dataset, PRE, CancelToken(), no_progress, silent).streams
    other = msgspec.structs.replace(PRE, height=24)
    monkeypatch.setattr(supplying, "PATIENCE_SECONDS", 1e-6)
    part = supply(dataset, other, CancelToken(), no_progress, silent)
    assert part.streams
    part.close()
    assert not supply(dataset, PRE, CancelToken(), no_progress, silent).streams  # all is kept already


def test_a_resident_feed_gives_rows() -> None:
    part = Part(torch.arange(12, dtype=torch.uint8).view(12, 1, 1, 1), torch.arange(12))
    feed = Resident(part, CPU)
    shown, labels = feed.batch(torch.tensor([3, 5]))
    assert shown.flatten().tolist() == labels.tolist() == [3, 5]
    assert feed.waited == 0.0


def fitted(dataset: Dataset, folder: Path, events: list[Event], token: CancelToken | None = None) -> RunRecord:
    recipe = Recipe(epochs=2, batch=16, suit_augmentation=False)
    return fit(dataset, "lenet-5", recipe, 32, folder, token or CancelToken(), events.append, threads=1)


def test_whole_trainings_are_the_same_streamed_or_not(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    dataset = pictures(tmp_path / "files")
    dataset = msgspec.structs.replace(dataset, splits=np.where(np.arange(120) % 6 == 4, Split.TEST, dataset.splits).astype(np.int8))
    for number in (2, 5, 11):
        (tmp_path / "files" / f"{number:03}.jpg").write_bytes(b"no picture")
    monkeypatch.setattr(supplying, "MEASURED", 40)
    first = fitted(dataset, tmp_path / "whole", [])
    monkeypatch.setenv("FOVEA_HOME", str(own_home / "other"))
    monkeypatch.setattr(supplying, "PATIENCE_SECONDS", 0.0)
    events: list[Event] = []
    second = fitted(dataset, tmp_path / "streamed", events)
    texts = [event.text for event in events if isinstance(event, Notice)]
    assert any("begins while pictures are still being read" in text for text in texts)
    assert {text.split(" ")[0] for text in texts if "no" in text and ".jpg" in text} == {"002.jpg", "005.jpg", "011.jpg"}
    same = ("train_loss", "validation_accuracy", "test_accuracy", "preprocessing", "train_images", "measured", "steps")
    for name in same:
        assert getattr(first, name) == getattr(second, name), name
    assert first.train_images == 79
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "streamed" / WEIGHTS).read_bytes()
    assert np.array_equal(seen.known(tmp_path / "whole"), seen.known(tmp_path / "streamed"))
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert (started.validation_images, started.test_images) == (20, 20)  # nobody knows yet which of them cannot be read


def test_a_cancelled_stream_leaves_no_thread_and_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    dataset = pictures(tmp_path / "files")
    monkeypatch.setattr(supplying, "PATIENCE_SECONDS", 0.0)
    token = CancelToken()

    class Cancelling(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            if isinstance(event, TrainingStarted):
                token.cancel()

    with pytest.raises(Cancelled):
        fitted(dataset, tmp_path / "run", Cancelling(), token)
    rows = dataset.rows(Split.TRAIN)
    record = fitted(dataset, tmp_path / "again", [])
    names = [dataset.locators[row] for row in rows]
    assert pixel_store.missing(pixels.place_for(names, dataset.root, record.preprocessing), len(rows)) == 0


def test_a_stream_that_was_cancelled_is_resumed_with_the_same_bits(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    dataset = pictures(tmp_path / "files")
    (tmp_path / "files" / "008.jpg").write_bytes(b"no picture")
    monkeypatch.setattr(supplying, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "PARCEL_SECONDS", 0.0)
    fitted(dataset, tmp_path / "whole", [])
    for number, stopped in enumerate((2, 9, 14)):  # of 16 or more steps an epoch: in the first, as pictures are still being decoded
        monkeypatch.setenv("FOVEA_HOME", str(own_home / str(number)))
        token = CancelToken()

        class Cancelling(list[Event]):
            def append(self, event: Event, stopped: int = stopped, token: CancelToken = token) -> None:
                super().append(event)
                if isinstance(event, StepsDone) and event.first_step >= stopped:
                    token.cancel()

        folder = tmp_path / f"stopped after {stopped}"
        assert fitted(dataset, folder, Cancelling(), token).outcome == "cancelled"
        assert resume(folder, None, CancelToken(), lambda event: None).outcome == "completed"
        assert (folder / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
        assert np.array_equal(seen.known(folder), seen.known(tmp_path / "whole"))
