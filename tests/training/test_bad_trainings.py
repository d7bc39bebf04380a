"""Trainings that cannot be, and disks and devices that fail in the middle: one sentence tells it, nothing is lost, and on it goes."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

from engine import messages as m
from engine.failure import describe
from engine.host import EngineThread
from engine.messages import Command, Event, FailureText, JobClosed, Notice, Outcome, StepsDone, TrainingFinished, TrainingStarted
from engine.project import runs
from engine.project.records import ClassRecord, Split
from engine.training import checkpoint
from engine.training.recipe import Augmentation, Recipe
from engine.training.saved import WEIGHTS
from engine.training.stepping import Stepper

QUICK = Recipe(epochs=2, batch=8, suit_augmentation=False)


class Bench:
    """An engine with a project of its own: 12 dark and 12 light pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder, numbers = folder, np.random.default_rng(0)
        for value, name in enumerate(("dark", "light")):
            (folder / name).mkdir(parents=True)
            for number in range(12):
                pixels = numbers.integers(120 * value, 120 * value + 100, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{number}.png")
        self.host = EngineThread()
        self.host.start()

    def done(self, command: Command) -> list[Event]:
        return list(self.host.wait(self.host.submit(command)))

    def opened(self, *names: str) -> list[ClassRecord]:
        """A new project of these classes' pictures; its classes."""
        place = self.folder / f"project-{len(list(self.folder.iterdir()))}"
        self.done(m.NewProject("made", str(place)))
        self.done(m.ImportPaths(tuple(str(self.folder / name) for name in names)))
        project = self.host.session.opened()
        return list(project.snapshot.classes)

    def train(self, recipe: Recipe = QUICK) -> list[Event]:
        return self.done(m.Train("softmax", recipe))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.host.close()


def failure(events: list[Event]) -> FailureText:
    closed = events[-1]
    assert isinstance(closed, JobClosed) and closed.outcome is Outcome.FAILED and closed.failure is not None
    for sentence in (closed.failure.message, closed.failure.remedy):
        assert sentence.endswith(".") and "\n" not in sentence and "Unexpected" not in sentence, sentence
    return closed.failure


def finished(events: list[Event]) -> TrainingFinished:
    return next(event for event in events if isinstance(event, TrainingFinished))


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


# ------------------------------------------------------------------ refused, or told


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(optimiser="muon", momentum=0.0), "Muon"),
        (Recipe(probe=True, dropout=0.5), "dropout"),
        (Recipe(loss="hinge", augmentation=Augmentation(cutmix=1.0)), "CutMix"),
        (Recipe(batch=0), "batch is 0"),
        (Recipe(loss="rbf"), "distances"),
    ],
)
def test_a_recipe_that_contradicts_itself_names_field_and_reason(bench: Bench, recipe: Recipe, words: str) -> None:
    if bench.host.session.project is None:
        bench.opened("dark", "light")
    events = bench.train(recipe)
    told = failure(events)
    assert told.kind == "user" and words.lower() in told.message.lower()
    assert not any(isinstance(event, TrainingStarted) for event in events)
    assert not runs.list_runs(bench.host.session.opened().folder)


def test_a_batch_larger_than_the_set_is_made_smaller(bench: Bench) -> None:
    bench.opened("dark", "light")
    events = bench.train(Recipe(epochs=2, batch=65_536, accumulate=1_024, suit_augmentation=False))
    assert finished(events).record.outcome == "completed"
    assert all(event.images_per_second < 1e7 for event in events if isinstance(event, m.LayerStatistics))
    losses = np.concatenate([event.losses for event in events if isinstance(event, StepsDone)])
    assert np.isfinite(losses).all() and len(losses) >= 2


def test_one_class_is_nothing_to_tell_apart(bench: Bench) -> None:
    classes = bench.opened("dark", "light")
    images = bench.host.session.opened().snapshot.table.ids
    bench.done(m.SetLabels(tuple(int(number) for number in images), next(one.id for one in classes if one.name == "dark")))
    assert 'in one class, "dark"' in failure(bench.train()).message


def test_a_class_without_training_pictures_is_named_and_the_others_are_learned(bench: Bench) -> None:
    classes = bench.opened("dark", "light")
    table = bench.host.session.opened().snapshot.table
    light = next(one.id for one in classes if one.name == "light")
    rows = np.flatnonzero(table.class_ids == light)
    bench.done(m.SetSplits(tuple(int(number) for number in table.ids[rows]), Split.TEST))
    events = bench.train()
    assert any('"light" has no picture in the training split' in text for text in notices(events))
    assert finished(events).record.outcome == "completed"


# ------------------------------------------------------------------ the disk


def test_a_disk_that_is_full_from_some_moment_on_costs_the_later_states_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that writes fails, not the checkpoint alone; what was kept before is gone on from once there is room again."""
    bench.opened("dark", "light")
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    write, full = checkpoint.write, False

    def written(path: Path, state: checkpoint.State) -> None:
        nonlocal full
        full = full or state["step"] > 0
        if full:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, state)

    def whole(path: Path, data: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        plainly(path, data)

    plainly = runs.write_whole
    monkeypatch.setattr(checkpoint, "write", written)
    monkeypatch.setattr(runs, "write_whole", whole)
    events = bench.train()
    told = [text for text in notices(events) if "could not be kept" in text]
    assert len(told) == 1 and "the training goes on" in told[0]
    assert all(event.training for event in events if isinstance(event, m.Notice) and event.text in told)
    steps = sum(len(event.losses) for event in events if isinstance(event, StepsDone))
    assert steps == 2 * next(event.steps_per_epoch for event in events if isinstance(event, TrainingStarted))  # to the end
    assert "disk is full" in failure(events).message
    monkeypatch.undo()
    (run,) = runs.list_runs(bench.host.session.opened().folder)
    assert run.outcome == "interrupted" and not list(Path(run.folder).glob("*.part"))
    assert finished(bench.done(m.ResumeRun(run.id))).record.outcome == "completed"


def test_where_the_weights_have_no_room_the_older_state_makes_some(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.opened("dark", "light")
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    plainly = runs.write_whole

    def whole(path: Path, data: bytes) -> None:
        if path.name == WEIGHTS and (path.parent / runs.CHECKPOINT_BEFORE).exists():
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        plainly(path, data)

    monkeypatch.setattr(runs, "write_whole", whole)
    record = finished(bench.train()).record
    assert record.outcome == "completed" and record.resumable
    assert not (Path(record.folder) / runs.CHECKPOINT_BEFORE).exists()
    assert next(checkpoint.generations(Path(record.folder)))["step"] == record.steps


def test_safetensors_words_for_a_full_disk_become_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError) as caught:
        checkpoint.write(tmp_path / "state", {"step": 1})
    assert caught.value.errno == errno.ENOSPC and describe(caught.value).kind == "disk"


# ------------------------------------------------------------------ the device

LOST = (
    "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported at some other API call",
    "CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "HIP error: the operation cannot be performed in the present state",
)


@pytest.mark.parametrize("words", LOST)
def test_a_lost_device_is_named_in_a_sentence(words: str) -> None:
    told = describe(RuntimeError(words))
    assert (told.kind, told.message) == ("device", f"The device failed: {words.splitlines()[0]}.")
    assert "start Fovea again" in told.remedy
    assert describe(torch.OutOfMemoryError("CUDA out of memory.")).kind == "memory"
    assert describe(RuntimeError("mat1 and mat2 shapes cannot be multiplied")).kind == "RuntimeError"


def lost_at(step: int, whole: Callable[..., Any]) -> Callable[..., Any]:
    done = 0

    def passes(self: Stepper, *arguments: Any) -> Any:
        nonlocal done
        done += 1
        if done > step:
            raise RuntimeError(LOST[0])
        return whole(self, *arguments)

    return passes


@pytest.mark.parametrize("step", [0, 3])
def test_a_device_that_is_lost_in_the_middle_ends_the_training_and_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    bench.opened("dark", "light")
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    monkeypatch.setattr(Stepper, "passes", lost_at(step, Stepper.passes))
    events = bench.train()
    told = failure(events)
    per_epoch = next(event.steps_per_epoch for event in events if isinstance(event, TrainingStarted))
    assert told.kind == "device" and "unspecified launch failure" in told.message
    monkeypatch.undo()
    project = bench.host.session.opened().folder
    listed = runs.list_runs(project)
    if step == 0:  # nothing was learned
        assert not listed and not any((project / runs.RUNS).glob("softmax*"))
    else:
        (run,) = listed
        assert (run.outcome, run.resumable, run.epochs) == ("interrupted", True, step // per_epoch)
        assert any(isinstance(event, m.ModelReady) for event in bench.done(m.UseRun(run.id)))  # the best epoch's weights
        assert finished(bench.done(m.ResumeRun(run.id))).record.outcome == "completed"
    assert finished(bench.train()).record.outcome == "completed"
