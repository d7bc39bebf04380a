"""From data to a run on disk, and back: figures, seeds, cancelling, divergence, memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from engine.control import Cancelled, CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.failure import UserError
from engine.messages import (
    EpochDone,
    Event,
    FiltersChanged,
    JobProgress,
    Notice,
    PinUnit,
    StepsDone,
    TrainingFinished,
    TrainingStarted,
    UnitProbed,
)
from engine.project import runs
from engine.project.records import RunRecord, Split
from engine.training import pace, preparing, sampling, sizes, stepping, telling
from engine.training.fit import fit
from engine.training.recipe import FEW_GREY, PHOTOGRAPHS, Augmentation, Recipe, suited_augmentation
from engine.training.saved import WEIGHTS, load_run
from engine.training.threads import threads_for

QUICK = Recipe(epochs=2, batch=32, suit_augmentation=False)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return data.from_source(scan("digits"))


def few(dataset: Dataset, count: int) -> Dataset:
    return msgspec.structs.replace(
        dataset,
        images=dataset.images[:count],
        labels=dataset.labels[:count],
        splits=dataset.splits[:count],
        locators=dataset.locators[:count],
    )


def trained(
    dataset: Dataset, folder: Path, recipe: Recipe = QUICK, network: str = "lenet-5", emit: Callable[[Event], None] = lambda event: None
) -> RunRecord:
    return fit(dataset, network, recipe, None, folder, CancelToken(), emit, threads=1)


def test_twenty_epochs_reach_98_percent(digits: Dataset, tmp_path: Path) -> None:
    record = fit(digits, "lenet-5", Recipe(epochs=20, seed=0), None, tmp_path / "run", CancelToken(), lambda event: None)
    assert record.test_accuracy is not None
    assert record.test_accuracy >= 0.98
    assert record.outcome == "completed"
    assert record.preprocessing.resize == "squash"
    assert record.seconds < 60  # 15 on a quiet machine


def test_events_tell_the_whole_story(digits: Dataset, tmp_path: Path) -> None:
    events: list[Event] = []
    pin = PinUnit(image=int(digits.images[3]), layer="conv3", channel=2)
    record = fit(digits, "lenet-5", QUICK, None, tmp_path / "lenet-5-1", CancelToken(), events.append, pinned=lambda: pin)
    kinds = [type(event) for event in events]
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert started.parameters == record.parameters
    assert started.train_images + started.validation_images + started.test_images == len(digits.labels)
    steps = [event for event in events if isinstance(event, StepsDone)]
    assert [event.first_step for event in steps] == list(np.cumsum([1, *(len(event.losses) for event in steps[:-1])]))
    assert sum(len(event.losses) for event in steps) == record.steps == 2 * started.steps_per_epoch
    epochs = [event for event in events if isinstance(event, EpochDone)]
    assert [event.epoch for event in epochs] == [1, 2]
    assert all(event.confusion is not None and event.confusion.sum() == started.validation_images for event in epochs)
    probes = [event for event in events if isinstance(event, UnitProbed)]
    assert [event.epoch for event in probes] == [1, 2]
    assert probes[0].heat.shape == (32, 32)
    assert kinds.count(TrainingFinished) == 1
    assert JobProgress in kinds
    filters = [event.filters for event in events if isinstance(event, FiltersChanged)]
    assert filters[0].shape == (6, 5, 5, 1)
    assert not np.array_equal(filters[0], filters[-1])
    history = runs.load_history(record.folder)
    assert np.array_equal(history.step_losses, np.concatenate([event.losses for event in steps]))
    assert history.validation_accuracies.tolist() == [pytest.approx(event.validation_accuracy) for event in epochs]


def test_saved_run_answers_as_measured(digits: Dataset, tmp_path: Path) -> None:
    record = trained(digits, tmp_path / "run")
    run = load_run(record.folder)
    rows = digits.rows(Split.TEST)
    pixels, _, _ = data.decode(digits, rows, record.preprocessing)
    shares = run.probabilities(pixels)
    assert shares.dtype == np.float32
    assert np.allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares.argmax(1) == digits.labels[rows]).mean() == record.test_accuracy
    assert runs.load_record(record.folder) == msgspec.structs.replace(record, folder=str(Path(record.folder).absolute()))
    assert run.probabilities(pixels[:0]).shape == (0, 10)


SCRIPT = """
import sys
from pathlib import Path
from engine.control import CancelToken
from engine.data import dataset, sources
from engine.training.fit import fit
from engine.training.recipe import Augmentation, Recipe
recipe = Recipe(epochs=1, seed=5, augmentation=Augmentation(shift=0.1, colour=0.2))
fit(dataset.from_source(sources.scan("digits")), "small-cnn", recipe, None, Path(sys.argv[1]), CancelToken(), lambda event: None, threads=1)
"""


def test_same_seed_same_weights_in_two_processes(digits: Dataset, tmp_path: Path) -> None:
    a, b, c = folders = [tmp_path / name for name in "abc"]
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(a)], cwd=Path(__file__).parents[2]) as process:
        for folder, seed in ((b, 5), (c, 6)):
            recipe = Recipe(epochs=1, seed=seed, augmentation=Augmentation(shift=0.1, colour=0.2))
            fit(digits, "small-cnn", recipe, None, folder, CancelToken(), lambda event: None, threads=1)
        assert process.wait(timeout=100) == 0
    first, second, third = ((folder / WEIGHTS).read_bytes() for folder in folders)
    tensors = [load_run(folder).module.state_dict() for folder in folders]  # type: ignore[union-attr]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    assert not all(torch.equal(tensors[0][name], tensors[2][name]) for name in tensors[0])
    assert first == second != third


def test_nobody_else_s_random_numbers_matter(digits: Dataset, tmp_path: Path) -> None:
    states = []
    for number in range(2):
        torch.rand(number + 1)
        np.random.default_rng(number)
        trained(few(digits, 300), tmp_path / str(number), msgspec.structs.replace(QUICK, epochs=1), "small-cnn")
        states.append((tmp_path / str(number) / WEIGHTS).read_bytes())
    assert states[0] == states[1]


def test_cancelled_keeps_what_there_is_and_stops_soon(digits: Dataset, tmp_path: Path) -> None:
    token, events = CancelToken(), []
    cancelled_at: list[float] = []

    def emit(event: Event) -> None:
        events.append(event)
        if isinstance(event, EpochDone) and event.epoch == 2 and not cancelled_at:
            threading.Timer(0.05, lambda: (cancelled_at.append(time.perf_counter()), token.cancel())).start()

    record = fit(digits, "lenet-5", Recipe(epochs=500), None, tmp_path / "run", token, emit, threads=1)
    assert time.perf_counter() - cancelled_at[0] < 1  # 0.1 on a quiet machine
    assert record.outcome == "cancelled"
    assert record.test_accuracy is None
    epochs = [event for event in events if isinstance(event, EpochDone)]
    best = max(epochs, key=lambda event: (event.validation_accuracy, -event.validation_loss))
    assert (record.best_epoch, record.validation_accuracy) == (best.epoch, best.validation_accuracy)
    assert load_run(tmp_path / "run").probabilities(np.zeros((1, 32, 32, 1), np.uint8)).shape == (1, 10)


def test_the_best_epoch_answers_most_validation_pictures_right() -> None:
    def best_of(*figures: tuple[float, float]) -> int:
        best = 0
        epochs = [telling.Epoch(number, number, 0.0, 0.0, loss, accuracy, np.eye(2)) for number, (loss, accuracy) in enumerate(figures)]
        for number, epoch in enumerate(epochs):
            if telling.better(epoch, epochs[best]):
                best = number
        return best

    nan = float("nan")
    assert best_of((0.71, 0.429), (0.95, 0.84), (0.70, 0.6)) == 1
    assert best_of((0.9, 0.8), (0.5, 0.8), (0.6, 0.8)) == 1
    assert best_of((0.5, 0.8), (0.5, 0.8)) == 0
    assert best_of((nan, 0.9), (2.0, 0.1), (nan, 0.9), (1.0, 0.1)) == 3
    without = telling.Epoch(2, 2, 0.0, 0.0, nan, nan, None)
    assert telling.better(without, telling.Epoch(1, 1, 0.0, 0.0, nan, nan, None))


def test_cancelled_before_anything_leaves_nothing(digits: Dataset, tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        fit(digits, "lenet-5", QUICK, None, tmp_path / "run", token, lambda event: None)
    assert not (tmp_path / "run").exists()


def test_divergence_says_which_step_and_offers_a_usual_rate(digits: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(epochs=3, optimiser="sgd", learning_rate=1e5, schedule="constant")
    with pytest.raises(
        UserError,
        match=r"The loss became (NaN|infinite) at step \d+ with learning rate 100000\. It began at step \d+ in \w+, .*Try 0\.006\.",
    ) as caught:
        trained(digits, tmp_path / "run", recipe)
    assert "Try 0.006" in caught.value.remedy  # a tenth of that rate would be no better
    assert not (tmp_path / "run").exists()


def test_divergence_later_keeps_the_best_epoch(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = pace.learning_rate

    def rate(recipe: Recipe, step: int, steps: int) -> float:
        return 1e30 if step >= steps - 3 else spoilt(recipe, step, steps)

    monkeypatch.setattr(pace, "learning_rate", rate)
    events: list[Event] = []
    with pytest.raises(UserError, match="The weights of epoch 2 are kept"):
        trained(digits, tmp_path / "run", Recipe(epochs=3), emit=events.append)
    record = runs.load_record(tmp_path / "run")
    assert record.outcome == "failed"
    assert record.best_epoch == 2
    assert record.steps == len(runs.load_history(tmp_path / "run").step_losses)
    finished = [event.record for event in events if isinstance(event, TrainingFinished)]
    assert [run.outcome for run in finished] == ["failed"]
    assert all(np.isfinite(event.losses).all() for event in events if isinstance(event, StepsDone))
    assert all(value.isfinite().all() for value in load_run(tmp_path / "run").module.state_dict().values())  # type: ignore[union-attr]


def test_out_of_memory_halves_and_says_so(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stepping.Stepper.passes

    def scarce(self: stepping.Stepper, pixels: torch.Tensor, labels: torch.Tensor, *more: Any) -> stepping.Passed:
        if len(labels) / self.pieces > 20:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(self, pixels, labels, *more)

    recipe = msgspec.structs.replace(QUICK, epochs=1)
    plain = trained(few(digits, 900), tmp_path / "plain", recipe)
    monkeypatch.setattr(stepping.Stepper, "passes", scarce)
    events: list[Event] = []
    record = trained(few(digits, 900), tmp_path / "run", recipe, emit=events.append)
    texts = [event.text for event in events if isinstance(event, Notice)]
    assert len(texts) == 1
    assert "ran out of memory" in texts[0]
    assert record.steps == plain.steps
    assert record.train_loss == pytest.approx(plain.train_loss, rel=1e-2)  # the same sum, in parts


def test_recipe_network_and_data_are_checked_first(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="number of epochs is 0"):
        trained(digits, tmp_path / "a", Recipe(epochs=0))
    with pytest.raises(UserError, match="not a network"):
        trained(digits, tmp_path / "b", network="lenet-55")
    with pytest.raises(UserError, match="16×16 is too small for layer"):
        fit(digits, "lenet-5", QUICK, 16, tmp_path / "c", CancelToken(), lambda event: None)
    one = msgspec.structs.replace(digits, labels=np.zeros_like(digits.labels))
    with pytest.raises(UserError, match="in one class"):
        trained(one, tmp_path / "d")
    with pytest.raises(UserError, match="no device"):
        trained(digits, tmp_path / "e", Recipe(device="cuda:77"))
    assert list(tmp_path.iterdir()) == []


def test_without_validation_the_last_epoch_is_kept(digits: Dataset, tmp_path: Path) -> None:
    splits = np.where(digits.splits == Split.VALIDATION, Split.TRAIN, digits.splits).astype(np.int8)
    record = trained(msgspec.structs.replace(digits, splits=splits), tmp_path / "run")
    assert record.best_epoch == 2
    assert record.validation_accuracy is None
    assert record.test_accuracy is not None


def test_two_pictures_are_enough(digits: Dataset, tmp_path: Path) -> None:
    tiny = msgspec.structs.replace(few(digits, 2), splits=np.full(2, Split.TRAIN, np.int8))
    for network in ("lenet-5", "small-cnn", "mlp", "softmax"):
        record = trained(tiny, tmp_path / network, network=network)
        assert record.outcome == "completed"
        assert record.test_accuracy is None


def test_nearest_neighbour_is_a_run_too(digits: Dataset, tmp_path: Path) -> None:
    record = trained(digits, tmp_path / "run", Recipe(neighbours=3), "nearest-neighbour")
    assert record.test_accuracy is not None
    assert record.test_accuracy > 0.97
    assert record.epochs == record.parameters == 0
    run = load_run(tmp_path / "run")
    assert run.module is None
    pixels, _, _ = data.decode(digits, digits.rows(Split.TEST), record.preprocessing)
    assert (run.probabilities(pixels).argmax(1) == digits.labels[digits.rows(Split.TEST)]).mean() == record.test_accuracy


@pytest.fixture(scope="module")
def brief(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("brief") / "run"
    trained(few(digits, 200), folder, msgspec.structs.replace(QUICK, epochs=1))
    return folder


@pytest.mark.parametrize("name", ["run.json", "network.json", WEIGHTS])
@pytest.mark.parametrize("content", [b"", b"\x00\xff garbage", b"{}"])
def test_a_damaged_run_is_told(brief: Path, tmp_path: Path, name: str, content: bytes) -> None:
    shutil.copytree(brief, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(UserError):
        load_run(tmp_path / "run")


def test_one_other_bit_of_the_weights_is_told(brief: Path, tmp_path: Path) -> None:
    shutil.copytree(brief, tmp_path / "run")
    load_run(tmp_path / "run")
    data = bytearray((tmp_path / "run" / WEIGHTS).read_bytes())
    data[-10] ^= 1
    (tmp_path / "run" / WEIGHTS).write_bytes(data)
    with pytest.raises(UserError, match="their checksum is not that of their values"):
        load_run(tmp_path / "run")


def test_missing_files_of_a_run_are_told(brief: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        load_run(tmp_path)
    shutil.copytree(brief, tmp_path / "run")
    (tmp_path / "run" / WEIGHTS).unlink()
    with pytest.raises(UserError, match=WEIGHTS):
        load_run(tmp_path / "run")


def test_stream_shows_every_picture_equally_often() -> None:
    batches = sampling.stream(10, 4, 0, torch.device("cpu"))
    shown = torch.cat([next(batches) for _ in range(25)])
    assert torch.bincount(shown, minlength=10).tolist() == [10] * 10
    assert all(sorted(part.tolist()) == list(range(10)) for part in shown.split(10))


@pytest.mark.parametrize(("work", "most", "threads"), [(1000, 8, 1), (53_000_000, 8, 1), (420_000_000, 4, 4), (420_000_000, 16, 8)])
def test_small_networks_take_few_threads(work: int, most: int, threads: int) -> None:
    assert threads_for(work, most) == threads


@pytest.mark.parametrize(("pictures", "batch"), [(1, 1), (5, 5), (18, 8), (420, 26), (1078, 67), (2048, 128), (60000, 128)])
def test_small_data_get_small_batches(pictures: int, batch: int) -> None:
    assert sizes.batch_size(Recipe(batch=128), pictures) == batch


def test_frame_of_black_only_where_it_is_thin() -> None:
    def decide(height: int, width: int, uniform: bool = True) -> str:
        return preparing.preprocessing_for("lenet-5", data.TypicalSize(height, width, 1, uniform), None).resize

    assert decide(28, 28) == "centre"
    assert decide(32, 32) == "centre"
    assert decide(8, 8) == "squash"
    assert decide(28, 28, uniform=False) == "squash"
    assert decide(48, 48) == "squash"


def test_resize_and_ground_go_into_the_run(digits: Dataset, tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(QUICK, epochs=1)
    ways = {"resize": "pad", "ground": (9, 8, 7)}
    record = fit(few(digits, 200), "softmax", recipe, None, tmp_path / "run", CancelToken(), lambda event: None, threads=1, **ways)
    assert (record.preprocessing.resize, record.preprocessing.ground) == ("pad", (9, 8, 7))
    assert load_run(tmp_path / "run").record.preprocessing == record.preprocessing


def test_suited_augmentation_is_for_convolutions_and_for_untouched_recipes() -> None:
    assert suited_augmentation(Recipe(), True, 3, 100) == PHOTOGRAPHS
    assert suited_augmentation(Recipe(), True, 1, 100) == FEW_GREY
    assert suited_augmentation(Recipe(), False, 3, 100) == Augmentation()
    own = Augmentation(blur=0.02)
    assert suited_augmentation(Recipe(augmentation=own), True, 3, 100) == own
    assert suited_augmentation(Recipe(suit_augmentation=False), True, 3, 100) == Augmentation()


def test_own_augmentation_is_left_alone(digits: Dataset, tmp_path: Path) -> None:
    own = Augmentation(shift=0.02)
    assert trained(few(digits, 200), tmp_path / "a", Recipe(epochs=1, augmentation=own)).recipe.augmentation == own
    assert trained(few(digits, 200), tmp_path / "b", QUICK).recipe.augmentation == Augmentation()
    assert trained(few(digits, 200), tmp_path / "c", Recipe(epochs=1)).recipe.augmentation != Augmentation()


@pytest.mark.shared_data
def test_photographs_of_beach_and_desert(shared_data: Path, tmp_path: Path) -> None:
    record = fit(
        data.from_source(scan(shared_data / "beach-desert-aid")),
        "small-cnn",
        Recipe(epochs=3),
        None,
        tmp_path / "run",
        CancelToken(),
        lambda event: None,
    )
    assert record.test_accuracy is not None
    assert record.test_accuracy >= 0.9
    assert record.recipe.augmentation.flip


@pytest.mark.shared_data
@pytest.mark.timeout(300)
def test_mnist_in_four_epochs(shared_data: Path, tmp_path: Path) -> None:
    whole = data.from_source(scan(shared_data / "MNIST"))
    record = fit(whole, "lenet-5", Recipe(epochs=4), None, tmp_path / "run", CancelToken(), lambda event: None)
    assert record.test_accuracy is not None
    assert record.test_accuracy >= 0.99
    assert record.preprocessing.resize == "centre"
