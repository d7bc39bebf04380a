"""Looks at layers that are kept with a run: they come back as they were, stay few, and outlive kills, damage and full disks."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.control import CancelToken
from engine.data import dataset as data
from engine.data.sources import scan
from engine.failure import UserError
from engine.host import EngineThread
from engine.messages import (
    Event,
    JobClosed,
    LayerStatistics,
    LoadStatistics,
    Notice,
    OpenSample,
    Outcome,
    ResumeRun,
    StatisticsLoaded,
    Train,
    TrainingStarted,
)
from engine.training import kept_statistics
from engine.training.fit import fit
from engine.training.kept_statistics import FILE, FIRST, MOST, Keeper, evenly, load, most_of
from engine.training.recipe import Recipe
from engine.training.resuming import resume

QUICK = Recipe(epochs=1, batch=32, suit_augmentation=False)


def entry(step: int = 1, layers: int = 3, activations: int = 2, saturated: bool = True, seed: int = 0, bins: int = 32) -> LayerStatistics:
    numbers = np.random.default_rng((seed, step))

    def floats(*shape: int) -> np.ndarray:
        return numbers.lognormal(0, 8, shape).astype(np.float32)

    shares = [numbers.dirichlet(np.ones(bins), count).astype(np.float32) for count in (layers, activations)]
    limits = [np.sort(floats(count, 2), 1) for count in (layers, activations)]
    shares[1][0] = limits[1][0] = np.nan  # of an activation that was not heard
    norms = floats(layers)
    norms[0] = np.nan
    return LayerStatistics(
        run="run",
        step=step,
        layers=tuple(f"conv{at}" for at in range(layers)),
        gradient_norms=norms,
        weight_norms=floats(layers),
        update_ratios=floats(layers),
        activations=tuple(f"relu{at}" for at in range(activations)),
        dead=floats(activations),
        deviations=floats(activations),
        weight_histograms=shares[0],
        weight_limits=limits[0],
        activation_histograms=shares[1],
        activation_limits=limits[1],
        images_per_second=12.5,
        waiting=0.25,
        memory=None if seed else 123,
        saturated=floats(activations) if saturated else None,
    )


def assert_same(one: LayerStatistics, other: LayerStatistics) -> None:
    for name in LayerStatistics.__struct_fields__:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype == np.float32
            assert np.allclose(left, right, rtol=0, atol=1e-5 if "histograms" in name else 0, equal_nan=True), name
        else:
            assert left == right, name


def kept(folder: Path, steps: Any) -> list[LayerStatistics]:
    keeper, entries = Keeper(folder), [entry(step) for step in steps]
    for one in entries:
        keeper.keep(one)
    return entries


def steps_of(folder: Path) -> list[int]:
    return [one.step for one in load(folder).statistics]


# ------------------------------------------------------------------ round trip, size


@settings(max_examples=25, deadline=None)
@given(layers=st.integers(1, 5), activations=st.integers(1, 4), count=st.integers(1, 6), saturated=st.booleans(), seed=st.integers(0, 9))
def test_entries_come_back_as_they_were(
    tmp_path_factory: Any, layers: int, activations: int, count: int, saturated: bool, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    entries = [entry(step, layers, activations, saturated, seed) for step in range(1, count + 1)]
    keeper = Keeper(folder)
    for one in entries:
        keeper.keep(one)
    found = load(folder, "run")
    assert found.whole and len(found.statistics) == count
    for pair in zip(entries, found.statistics, strict=True):
        assert_same(*pair)


def test_a_training_of_days_keeps_few_that_lie_evenly(tmp_path: Path) -> None:
    kept(tmp_path, range(1, 1500))
    steps = steps_of(tmp_path)
    assert len(steps) <= MOST and steps[:FIRST] == [1, 2, 3, 4] and steps[-1] == 1499
    gaps = np.diff(steps[FIRST:])
    assert gaps.max() <= 2.5 * gaps.mean()
    assert (tmp_path / FILE).stat().st_size < 2 * MOST * 1024


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(1, 10**9), unique=True, max_size=80).map(sorted), most=st.integers(FIRST + 2, 40))
def test_thinning_keeps_the_first_and_the_last(steps: list[int], most: int) -> None:
    places = evenly(steps, most)
    assert len(places) == min(most, len(steps)) and places == sorted(set(places))
    assert places[:FIRST] == list(range(min(FIRST, len(steps)))) and (not steps or places[-1] == len(steps) - 1)


def test_deep_networks_keep_fewer() -> None:
    assert most_of(9 * 37) == MOST
    assert most_of(220 * 37) == MOST
    assert kept_statistics.FEWEST <= most_of(20_000 * 37) < MOST


# ------------------------------------------------------------------ going on, kills, full disks


def test_who_goes_on_drops_what_came_after(tmp_path: Path) -> None:
    kept(tmp_path, (1, 2, 5, 10, 20))
    kept(tmp_path, (8, 30))
    assert steps_of(tmp_path) == [1, 2, 5, 8, 30]
    kept(tmp_path, (1, 2))  # a new training in the same folder
    assert steps_of(tmp_path) == [1, 2]
    Keeper(tmp_path).keep(entry(3, layers=7))  # another network
    assert steps_of(tmp_path) == [3]


@pytest.mark.parametrize("lost", [1, 10, 300])
def test_a_kill_in_the_middle_of_an_entry_loses_that_alone(tmp_path: Path, lost: int) -> None:
    kept(tmp_path, range(1, 9))
    path = tmp_path / FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    found = load(tmp_path)
    assert not found.whole and [one.step for one in found.statistics] == list(range(1, 8))
    kept(tmp_path, (8, 9))
    assert load(tmp_path).whole and steps_of(tmp_path) == list(range(1, 10))


def test_a_damaged_entry_is_passed_over(tmp_path: Path) -> None:
    kept(tmp_path, range(1, 9))
    path = tmp_path / FILE
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 255
    path.write_bytes(bytes(spoilt))
    found = load(tmp_path)
    assert not found.whole and len(found.statistics) == 7


@settings(max_examples=60, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: kept_statistics.MAGIC + tail)))
def test_whatever_lies_there_is_told_in_a_sentence(tmp_path_factory: Any, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / FILE).write_bytes(content)
    with pytest.raises(UserError, match="kept of layers"):
        load(folder)
    Keeper(folder).keep(entry(1))
    assert steps_of(folder) == [1]


def test_frames_that_do_not_fit_their_names_are_no_statistics(tmp_path: Path) -> None:
    kept(tmp_path, (1,))
    packed = kept_statistics._packed(entry(2, layers=9))
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(kept_statistics._frame(packed))
        stream.write(kept_statistics._frame(msgspec.structs.replace(kept_statistics._packed(entry(3)), columns={})))
    found = load(tmp_path)
    assert not found.whole and [one.step for one in found.statistics] == [1]


def test_a_full_disk_costs_the_entry_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper, opened, full = Keeper(tmp_path), Path.open, True

    class Half:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def __enter__(self) -> Half:
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        def write(self, content: bytes) -> None:
            self.stream.write(content[: len(content) // 2])
            self.stream.flush()
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        stream = opened(path, mode, *more, **named)
        return Half(stream) if full and mode == "ab" else stream

    keeper.keep(entry(1))
    monkeypatch.setattr(Path, "open", open_)
    for step in (2, 3):
        keeper.keep(entry(step))
    full = False
    keeper.keep(entry(4))
    assert load(tmp_path).whole and steps_of(tmp_path) == [1, 4]


# ------------------------------------------------------------------ of trainings


def test_a_run_keeps_what_it_told_and_goes_on_keeping(tmp_path: Path) -> None:
    told: list[Event] = []
    folder = tmp_path / "run"
    fit(data.from_source(scan("digits")), "mlp", QUICK, None, folder, CancelToken(), told.append, threads=1)
    resume(folder, 2, CancelToken(), told.append)
    entries = [event for event in told if isinstance(event, LayerStatistics)]
    started = [place for place, event in enumerate(told) if isinstance(event, TrainingStarted)]
    assert len(started) == 2 and any(isinstance(event, LayerStatistics) for event in told[started[1] :])
    found = load(folder)
    assert found.whole and len(found.statistics) == len(entries)
    for pair in zip(entries, found.statistics, strict=True):
        assert_same(*pair)


def test_the_command(tmp_path: Path) -> None:
    host = EngineThread()
    host.start()
    try:

        def done(command: Any) -> list[Event]:
            return list(host.wait(host.submit(command)))

        done(OpenSample())
        events = done(Train("softmax", QUICK))
        run = next(event.run for event in events if isinstance(event, TrainingStarted))
        loaded = next(event for event in done(LoadStatistics(run)) if isinstance(event, StatisticsLoaded))
        assert loaded.run == run and [one.step for one in loaded.statistics][:2] == [1, 2]
        done(ResumeRun(run, 2))
        again = next(event for event in done(LoadStatistics(run)) if isinstance(event, StatisticsLoaded))
        assert again.statistics[-1].step > loaded.statistics[-1].step
        folder = next(event.record.folder for event in events if hasattr(event, "record"))
        path = Path(folder) / FILE
        path.write_bytes(path.read_bytes()[:-5])
        damaged = done(LoadStatistics(run))
        assert any(isinstance(event, Notice) and "is damaged; the rest is shown" in event.text for event in damaged)
        path.unlink()
        closed = done(LoadStatistics(run))[-1]
        assert isinstance(closed, JobClosed) and closed.outcome is Outcome.FAILED and closed.failure is not None
        assert closed.failure.message == f"The run {run} kept no word of its layers."
    finally:
        host.close()
