"""Going on after a kill, a cancel, a completion: the same bits; damage and other data are told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.dataset import Dataset
from engine.data.sources import scan
from engine.failure import UserError
from engine.messages import EpochDone, Event, Notice, StepsDone, TrainingFinished, TrainingMarked
from engine.project import runs
from engine.project.records import RunRecord
from engine.training import checkpoint, loop, trained_on
from engine.training.fit import fit
from engine.training.recipe import Recipe
from engine.training.resuming import resume
from engine.training.saved import WEIGHTS, load_run

ROOT = Path(__file__).resolve().parents[2]
QUICK = Recipe(epochs=3, batch=32, suit_augmentation=False)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    whole = data.from_source(scan("digits"))
    parts = {name: getattr(whole, name)[:300] for name in ("images", "labels", "splits", "locators")}
    return msgspec.structs.replace(whole, **parts)


def trained(dataset: Dataset, folder: Path, recipe: Recipe = QUICK, token: CancelToken | None = None, **more: Any) -> RunRecord:
    return fit(
        dataset, more.pop("network", "softmax"), recipe, 8, folder, token or CancelToken(), more.pop("emit", _nobody), threads=1, **more
    )


def gone_on(folder: Path, epochs: int | None = None, events: list[Event] | None = None) -> RunRecord:
    return resume(folder, epochs, CancelToken(), _nobody if events is None else events.append)


def _nobody(event: Event) -> None:
    pass


class _CancelAt:
    """Cancels once so many steps are told."""

    def __init__(self, step: int) -> None:
        self.token, self._step = CancelToken(), step

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepsDone) and event.first_step + len(event.losses) > self._step:
            self.token.cancel()


def cancelled(dataset: Dataset, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch, recipe: Recipe = QUICK, **more: Any) -> RunRecord:
    monkeypatch.setattr(loop, "PARCEL_SECONDS", 0.0)
    stop = _CancelAt(step)
    return trained(dataset, folder, recipe, stop.token, emit=stop, **more)


# ------------------------------------------------------------------ killed


def killed(folder: Path, cases: list[dict[str, Any]]) -> None:
    common = {"epochs": 3, "batch": 32, "suit_augmentation": False, "seed": 5}
    words = [{**case, "network": "small-cnn", "recipe": {**common, **case["recipe"]}} for case in cases]
    program = [sys.executable, str(Path(__file__).with_name("killed_training.py")), str(folder), json.dumps(words)]
    place = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, env=place, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr


def assert_same(one: Path, other: Path) -> None:
    assert (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()
    left, right = (next(checkpoint.generations(folder)) for folder in (one, other))
    for name in ("module", "parts", "order", "generators"):
        assert_equal(left[name], right[name])
    curves = runs.load_history(one), runs.load_history(other)
    for name in ("step_losses", "step_accuracies", "validation_losses", "learning_rates"):
        assert np.array_equal(*(getattr(curve, name) for curve in curves), equal_nan=True), name


def assert_equal(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_equal(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for pair in zip(left, right, strict=True):
            assert_equal(*pair)
    elif isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype and torch.equal(left, right)
    else:
        assert left == right


ALL_AT_ONCE = {"shift": 0.1, "rotate": 10.0, "noise": 0.02, "erase": 0.2, "rand_augment": 4.0, "mixup": 0.4, "cutmix": 1.0}


CASES: list[dict[str, Any]] = [
    {
        "name": "all at once",  # with the network's own dropout
        "recipe": {"optimiser": "adamw", "augmentation": ALL_AT_ONCE, "balanced_sampling": True},
        "kills": [1, "writing", 29],
    },
    {"name": "plain", "recipe": {"optimiser": "sgd", "learning_rate": 0.05, "ema": 0.9, "clip": 1.0}, "kills": ["renaming", 18, 40]},
]


@pytest.mark.skipif(sys.platform == "win32", reason="children are forked")
def test_killed_trainings_end_with_the_same_bits(tmp_path: Path) -> None:
    killed(tmp_path, CASES)
    for case in CASES:
        folder = tmp_path / case["name"]
        assert_same(folder / "whole", folder / "killed")
        assert runs.load_history(folder / "killed").mark_texts.tolist() == ["Resumed"] * len(case["kills"])
        whole, again = (runs.load_record(folder / name) for name in ("whole", "killed"))
        for figure in ("outcome", "test_accuracy", "epochs", "steps", "best_epoch", "train_loss", "created"):
            assert (getattr(whole, figure) == getattr(again, figure)) is (figure != "created")


# ------------------------------------------------------------------ cancelled, completed, damaged


def test_a_cancelled_run_goes_on_and_its_curves_are_whole(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(digits, tmp_path / "whole")
    stopped = cancelled(digits, tmp_path / "run", 20, monkeypatch)
    assert stopped.outcome == "cancelled" and stopped.resumable
    events: list[Event] = []
    record = gone_on(tmp_path / "run", events=events)
    assert_same(tmp_path / "whole", tmp_path / "run")
    assert (record.outcome, record.test_accuracy, record.steps) == ("completed", whole.test_accuracy, whole.steps)
    assert record.created == stopped.created and record.network == stopped.network == "softmax"
    told = [event for event in events if isinstance(event, StepsDone)]
    assert np.array_equal(np.concatenate([event.losses for event in told]), runs.load_history(tmp_path / "whole").step_losses)
    assert [event.epoch for event in events if isinstance(event, EpochDone)] == [1, 2, 3]
    assert [event.text for event in events if isinstance(event, TrainingMarked)] == ["Resumed"]
    assert runs.load_record(tmp_path / "run") == record
    with pytest.raises(UserError, match="complete with 3 epochs"):
        gone_on(tmp_path / "run")


def test_a_completed_run_learns_on(digits: Dataset, tmp_path: Path) -> None:
    begun = trained(digits, tmp_path / "run", msgspec.structs.replace(QUICK, schedule="constant"))
    runs.save_record(tmp_path / "run", msgspec.structs.replace(begun, measured=0))  # as where weights brought mean and deviation
    five = trained(digits, tmp_path / "five", msgspec.structs.replace(QUICK, schedule="constant", epochs=5))
    with pytest.raises(UserError, match="has 3 epochs already"):
        gone_on(tmp_path / "run", 3)
    record = gone_on(tmp_path / "run", 5)
    assert (record.epochs, record.recipe.epochs, record.validation_accuracy) == (5, 5, five.validation_accuracy)
    assert record.measured == 0 and record.preprocessing == five.preprocessing
    assert np.array_equal(*(runs.load_history(tmp_path / name).step_losses for name in ("run", "five")))  # a constant rate needs no plan
    assert runs.load_history(tmp_path / "run").mark_texts.tolist() == ["5 epochs"]


def test_an_epoch_that_time_ended_leaves_the_next_one_its_figures(digits: Dataset, tmp_path: Path) -> None:
    trained(digits, tmp_path / "run", msgspec.structs.replace(QUICK, minutes=1e-9))
    record = gone_on(tmp_path / "run", 5)  # of whose steps one is made, too
    history = runs.load_history(tmp_path / "run")
    assert (record.epochs, record.steps, history.epoch_steps.tolist()) == (2, 2, [1, 2])
    assert history.train_losses.tolist() == history.step_losses.tolist()


def test_more_epochs_in_the_middle_stretch_what_is_left(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled(digits, tmp_path / "run", 24, monkeypatch)
    before = runs.load_history(tmp_path / "run").learning_rates
    gone_on(tmp_path / "run", 6)
    rates = runs.load_history(tmp_path / "run").learning_rates
    assert np.array_equal(rates[: len(before)], before)
    assert len(rates) == 6 * 17 and rates[-1] == pytest.approx(QUICK.learning_rate / 1000, rel=0.02)
    assert np.abs(np.diff(rates[len(before) - 2 :])).max() < 0.1 * QUICK.learning_rate  # no leap


def test_a_damaged_state_gives_way_to_the_one_before(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    trained(digits, tmp_path / "whole")
    cancelled(digits, tmp_path / "run", 30, monkeypatch)
    newest = tmp_path / "run" / checkpoint.CHECKPOINT
    data_of = bytearray(newest.read_bytes())
    data_of[-3] ^= 255
    newest.write_bytes(bytes(data_of))
    gone_on(tmp_path / "run")
    assert_same(tmp_path / "whole", tmp_path / "run")


def test_nothing_left_to_go_on_from(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled(digits, tmp_path / "run", 20, monkeypatch)
    for name in (checkpoint.CHECKPOINT, checkpoint.CHECKPOINT_BEFORE):
        (tmp_path / "run" / name).write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="missing or damaged"):
        gone_on(tmp_path / "run")
    assert load_run(tmp_path / "run").module is not None
    (tmp_path / "run" / trained_on.TRAINED_ON).write_bytes(b"PK")
    with pytest.raises(UserError, match="kept of its pictures is damaged"):
        gone_on(tmp_path / "run")
    for name in (checkpoint.CHECKPOINT, checkpoint.CHECKPOINT_BEFORE):
        (tmp_path / "run" / name).unlink()
    with pytest.raises(UserError, match="kept no state"):
        gone_on(tmp_path / "run")


def test_other_pixels_are_refused(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled(digits, tmp_path / "run", 20, monkeypatch)
    kept = trained_on.load(tmp_path / "run")
    turned = msgspec.structs.replace(kept.dataset, locators=kept.dataset.locators[::-1])
    trained_on.save(tmp_path / "run", kept._replace(dataset=turned))
    with pytest.raises(UserError, match="are not those that it began with"):
        gone_on(tmp_path / "run")


def test_a_run_under_way_is_neither_listed_nor_trained_twice(digits: Dataset, tmp_path: Path) -> None:
    folder, seen_during = tmp_path / "runs" / "one", []

    def look(event: Event) -> None:
        if isinstance(event, EpochDone):
            seen_during.append((runs.list_runs(tmp_path), runs.under_way(folder), runs.load_record(folder).outcome))
            with pytest.raises(UserError, match="being trained already"):
                gone_on(folder, 9)

    trained(digits, folder, msgspec.structs.replace(QUICK, epochs=1), emit=look)
    assert seen_during == [((), True, "running")]
    record = runs.load_record(folder)
    assert [run.id for run in runs.list_runs(tmp_path)] == ["one"] and not runs.under_way(folder)
    runs.save_record(folder, msgspec.structs.replace(record, outcome="running"))  # as a kill leaves it
    (folder / WEIGHTS).unlink()
    listed = runs.list_runs(tmp_path)[0]
    assert (listed.outcome, listed.resumable) == ("interrupted", True)
    with pytest.raises(UserError, match="interrupted before it had finished an epoch"):
        load_run(folder)


def test_a_probe_goes_on(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(digits, tmp_path / "first", msgspec.structs.replace(QUICK, epochs=1), network="mlp")
    recipe = msgspec.structs.replace(QUICK, probe=True, seed=1)
    more = {"network": "mlp", "weights": str(tmp_path / "first" / WEIGHTS)}
    trained(digits, tmp_path / "whole", recipe, **more)
    cancelled(digits, tmp_path / "run", 20, monkeypatch, recipe, **more)
    shutil.copytree(tmp_path / "run", tmp_path / "early")
    (tmp_path / "early" / WEIGHTS).unlink()
    with pytest.raises(UserError, match="before its first epoch"):
        gone_on(tmp_path / "early")
    events: list[Event] = []
    gone_on(tmp_path / "run", events=events)
    assert_same(tmp_path / "whole", tmp_path / "run")  # the other layers are not drawn anew
    assert not [event.text for event in events if isinstance(event, Notice)]
    assert [event.record.outcome for event in events if isinstance(event, TrainingFinished)] == ["completed"]
