"""Holding a training, letting it go on, changing it in the middle; where numbers end, and where memory does."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
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
from engine.host import EngineThread
from engine.messages import (
    Event,
    ForkRun,
    JobClosed,
    Notice,
    OpenSample,
    ResumeRun,
    RunsChanged,
    SteerTraining,
    StepsDone,
    Train,
    TrainingFinished,
    TrainingMarked,
    TrainingPaused,
    TrainingStarted,
)
from engine.project import runs
from engine.training import checkpoint, loop
from engine.training.fit import fit
from engine.training.recipe import Recipe
from engine.training.resuming import resume
from engine.training.saved import WEIGHTS
from engine.training.steering import Steering
from engine.training.stepping import Stepper

QUICK = Recipe(epochs=3, batch=32, suit_augmentation=False)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    whole = data.from_source(scan("digits"))
    parts = {name: getattr(whole, name)[:300] for name in ("images", "labels", "splits", "locators")}
    return msgspec.structs.replace(whole, **parts)


class Watched:
    """Collects events, and does something once a step is told."""

    def __init__(self, step: int = 0, do: Callable[[], None] = lambda: None) -> None:
        self.events: list[Event] = []
        self._step, self._do = step, do

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self._step and isinstance(event, StepsDone) and event.first_step + len(event.losses) > self._step:
            self._step = 0
            self._do()

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def steered(digits: Dataset, folder: Path, step: int, recipe: Recipe = QUICK, **wish: Any) -> Watched:
    steering = Steering(folder.name)
    watched = Watched(step, lambda: steering.wish(**wish))
    fit(digits, "softmax", recipe, 8, folder, CancelToken(), watched, threads=1, steering=steering)
    return watched


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "PARCEL_SECONDS", 0.0)


def test_a_new_rate_scales_the_rest(digits: Dataset, tmp_path: Path) -> None:
    plain, changed = tmp_path / "plain", tmp_path / "run"
    fit(digits, "softmax", QUICK, 8, plain, CancelToken(), lambda event: None, threads=1)
    watched = steered(digits, changed, 20, learning_rate=QUICK.learning_rate / 4)
    before, after = (runs.load_history(folder).learning_rates for folder in (plain, changed))
    assert np.array_equal(before[:20], after[:20])
    assert np.allclose(after[20:], before[20:] / 4)
    assert [(mark.step, mark.text) for mark in watched.of(TrainingMarked)] == [(20, "Learning rate: peak 0.0015")]
    history = runs.load_history(changed)
    assert (history.mark_steps.tolist(), history.mark_texts.tolist()) == ([20], ["Learning rate: peak 0.0015"])
    told = {event.first_step: event.learning_rate for event in watched.of(StepsDone)}
    assert told[21] == pytest.approx(after[20])


@pytest.mark.parametrize(("epochs", "there"), [(2, 2), (5, 5), (1, 2)])
def test_other_epochs(digits: Dataset, tmp_path: Path, epochs: int, there: int) -> None:
    steered(digits, tmp_path / "run", 20, epochs=epochs)
    record = runs.load_record(tmp_path / "run")
    assert (record.outcome, record.epochs, record.recipe.epochs) == ("completed", there, there)
    rates = runs.load_history(tmp_path / "run").learning_rates
    assert len(rates) == 17 * there and rates[-1] < 0.05 * QUICK.learning_rate


def test_it_ends_in_good_order(digits: Dataset, tmp_path: Path) -> None:
    watched = steered(digits, tmp_path / "run", 20, finish=True)
    record = runs.load_record(tmp_path / "run")
    assert (record.outcome, record.epochs, record.recipe.epochs) == ("completed", 2, 3)
    assert record.test_accuracy is not None
    assert [mark.text for mark in watched.of(TrainingMarked)] == ["Ends after this epoch"]
    assert resume(tmp_path / "run", 3, CancelToken(), lambda event: None).epochs == 3


def test_a_held_training_rests_and_goes_on_with_the_same_bits(digits: Dataset, tmp_path: Path) -> None:
    fit(digits, "softmax", QUICK, 8, tmp_path / "whole", CancelToken(), lambda event: None, threads=1)
    steering, held = Steering("run"), threading.Event()
    used: list[float] = []

    def emit(event: Event) -> None:
        watched(event)
        if isinstance(event, TrainingPaused) and event.paused:
            held.set()

    def let_go() -> None:
        held.wait(60)
        begun = time.process_time()
        threading.Event().wait(0.5)
        used.append(time.process_time() - begun)
        steering.wish(paused=False)

    watched = Watched(20, lambda: steering.wish(paused=True))
    thread = threading.Thread(target=let_go)
    thread.start()
    record = fit(digits, "softmax", QUICK, 8, tmp_path / "run", CancelToken(), emit, threads=1, steering=steering)
    thread.join()
    assert [(event.paused, event.step) for event in watched.of(TrainingPaused)] == [(True, 20), (False, 20)]
    assert used[0] < 0.2  # seconds of all processors in half a second
    assert record.seconds < 0.5 + 10
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "run" / WEIGHTS).read_bytes()


def test_close_while_held_and_go_on(digits: Dataset, tmp_path: Path) -> None:
    fit(digits, "softmax", QUICK, 8, tmp_path / "whole", CancelToken(), lambda event: None, threads=1)
    steering, token = Steering("run"), CancelToken()

    def emit(event: Event) -> None:
        watched(event)
        if isinstance(event, TrainingPaused):
            token.cancel()

    watched = Watched(20, lambda: steering.wish(paused=True))
    record = fit(digits, "softmax", QUICK, 8, tmp_path / "run", token, emit, threads=1, steering=steering)
    assert (record.outcome, record.resumable, record.steps) == ("cancelled", True, 20)
    resume(tmp_path / "run", None, CancelToken(), lambda event: None)
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "run" / WEIGHTS).read_bytes()


# ------------------------------------------------------------------ through the host


def test_the_commands(tmp_path: Path) -> None:
    host = EngineThread()
    host.start()
    try:
        list(host.wait(host.submit(OpenSample())))
        list(host.wait(host.submit(SteerTraining(run="softmax-1", paused=True))))
        job = host.submit(Train(network="softmax", recipe=msgspec.structs.replace(QUICK, epochs=3000)))
        seen: list[Event] = []
        asked = 0.0
        for event in host.wait(job):
            seen.append(event)
            if isinstance(event, TrainingStarted):
                host.submit(SteerTraining(run=event.run, learning_rate=-1.0))
                host.submit(SteerTraining(run=event.run, paused=True))
                asked = time.perf_counter()
            elif isinstance(event, TrainingPaused) and event.paused:
                assert time.perf_counter() - asked < 2.0  # a tenth of a second where nobody else computes
                host.submit(SteerTraining(run=event.run, paused=False, epochs=1))
        refused = [event.failure for event in seen if isinstance(event, JobClosed) and event.command == "SteerTraining" and event.failure]
        assert [failure.message for failure in refused] == ["The learning rate is -1."]
        finished = next(event.record for event in seen if isinstance(event, TrainingFinished))
        assert (finished.outcome, finished.resumable) == ("completed", True)

        on = list(host.wait(host.submit(ResumeRun(run=finished.id, epochs=finished.epochs + 1))))
        assert next(event.record for event in on if isinstance(event, TrainingFinished)).epochs == finished.epochs + 1
        forked = list(host.wait(host.submit(ForkRun(run=finished.id, recipe=QUICK))))
        record = next(event.record for event in forked if isinstance(event, TrainingFinished))
        assert record.parent == finished.id and record.preprocessing == finished.preprocessing
        told = [event for event in forked if isinstance(event, RunsChanged)][-1]
        assert {run.id for run in told.runs} == {finished.id, record.id}
        first = next(event for event in forked if isinstance(event, StepsDone))
        assert float(first.losses[0]) < 2.0  # it does not begin anew, with the logarithm of ten
    finally:
        host.close()


# ------------------------------------------------------------------ numbers, memory, disk


def test_it_says_in_which_layer_numbers_ended(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loop._Run.step

    def spoilt(self: loop._Run, step: int, pixels: torch.Tensor, labels: torch.Tensor) -> None:
        weight = dict(self.module.named_parameters())["conv3.weight"]
        spoiling = weight.register_hook(lambda gradient: torch.full_like(gradient, torch.inf) if step == 36 else gradient)
        whole(self, step, pixels, labels)
        spoiling.remove()

    monkeypatch.setattr(loop._Run, "step", spoilt)
    with pytest.raises(UserError, match=r"at step 38 .* It began at step 37 in conv3, whose gradients were no finite numbers") as caught:
        fit(digits, "lenet-5", QUICK, None, tmp_path / "run", CancelToken(), lambda event: None, threads=1)
    assert "The weights of epoch 2 are kept" in caught.value.remedy
    record = runs.load_record(tmp_path / "run")
    assert (record.outcome, record.best_epoch, record.resumable, record.steps) == ("failed", 2, True, 37)
    monkeypatch.setattr(loop._Run, "step", whole)
    assert resume(tmp_path / "run", None, CancelToken(), lambda event: None).outcome == "completed"


def test_memory_that_runs_out_is_marked(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, shown = Stepper.passes, []

    def scarce(self: Stepper, *given: Any) -> Any:
        if len(shown) >= 10 and self.pieces == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        shown.append(1)
        return whole(self, *given)

    monkeypatch.setattr(Stepper, "passes", scarce)
    fit(digits, "softmax", QUICK, 8, tmp_path / "run", CancelToken(), lambda event: None, threads=1)
    history = runs.load_history(tmp_path / "run")
    assert (history.mark_steps.tolist(), history.mark_texts.tolist()) == ([10], ["Out of memory: 2 parts a batch"])


def test_a_full_disk_is_told_once_and_the_training_goes_on(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    save, written = checkpoint.save_file, 0

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        nonlocal written
        written += 1
        if written > 1:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(tensors, path, metadata)

    monkeypatch.setattr(checkpoint, "save_file", full)
    watched = Watched()
    record = fit(digits, "softmax", QUICK, 8, tmp_path / "run", CancelToken(), watched, threads=1)
    assert record.outcome == "completed"
    told = [event.text for event in watched.of(Notice) if "could not be kept" in event.text]
    assert len(told) == 1 and "No space left on device" in told[0]
    assert not list((tmp_path / "run").glob("*.part"))
    assert [state["step"] for state in checkpoint.generations(tmp_path / "run")] == [0]
