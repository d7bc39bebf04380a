"""What is kept of epochs: it comes back as it was, thins out, outlives a kill, and damage is told."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

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
    EpochDone,
    Event,
    JobClosed,
    LoadMoment,
    LoadStatistics,
    Moment,
    MomentLoaded,
    OpenSample,
    Outcome,
    PinUnit,
    ProjectOpened,
    ResumeRun,
    StatisticsLoaded,
    StepsDone,
    Train,
    TrainingFinished,
    UnitProbed,
)
from engine.networks import zoo
from engine.networks.build import skeleton
from engine.project.records import Split
from engine.training import moments
from engine.training.fit import fit
from engine.training.moments import Keeper
from engine.training.recipe import Recipe
from engine.training.reporting import first_convolution

QUICK = Recipe(epochs=3, batch=32, suit_augmentation=False)


def moment(epoch: int, side: int = 8, classes: int = 3) -> Moment:
    random = np.random.default_rng(epoch)
    return Moment(
        epoch=epoch,
        filters=random.normal(size=(6, 5, 5, 3)).astype(np.float32),
        maps=random.normal(size=(16, side, side)).astype(np.float32),
        confusion=random.integers(0, 9000, (classes, classes)),
        heat=random.random((side, side)).astype(np.float32),
        box=(1, 2, side - 1, side),
        picture=random.integers(0, 256, (side, side, 3), np.uint8),
    )


def test_a_moment_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = moment(7)
    Keeper(tmp_path).keep(kept)
    found = moments.load(tmp_path, 7)
    assert moments.epochs(tmp_path) == [7] and found.epoch == 7 and found.box == kept.box
    assert np.array_equal(found.confusion, kept.confusion) and np.array_equal(found.picture, kept.picture)
    for name, share in (("filters", 1 / 127), ("maps", 1 / 127), ("heat", 1 / 255)):
        there, here = getattr(found, name), getattr(kept, name)
        assert there.shape == here.shape and there.dtype == np.float32
        assert np.abs(there - here).max() <= 0.51 * share * np.abs(here).max()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=60))
def test_figures_of_any_kind_are_kept_to_half_a_level(values: list[float]) -> None:
    given_values = np.array(values, np.float32)
    levels, extreme = moments._rounded(given_values)
    back = moments._restored(levels, extreme)
    finite = np.where(np.isfinite(given_values), given_values, 0).astype(np.float64)
    largest = np.abs(finite).max()
    assert np.isfinite(back).all()
    if largest > 1e-30:
        assert np.abs(back - finite).max() <= 0.51 * largest / 127
        assert (back[finite == 0] == 0).all()


def test_what_there_is_not_stays_away(tmp_path: Path) -> None:
    Keeper(tmp_path).keep(Moment(epoch=1, filters=None, maps=None, confusion=None, heat=None, box=None, picture=None))
    found = moments.load(tmp_path, 1)
    assert all(getattr(found, name) is None for name in ("filters", "maps", "confusion", "heat", "box", "picture"))


# ---------------------------------------------------------------- how many


def test_many_epochs_thin_out_by_powers_and_the_first_stay(tmp_path: Path) -> None:
    nothing = Moment(epoch=0, filters=None, maps=None, confusion=None, heat=None, box=None, picture=None)
    keeper = Keeper(tmp_path, most=40)
    for epoch in range(1, 301):
        keeper.keep(Moment(**{**{name: getattr(nothing, name) for name in Moment.__struct_fields__}, "epoch": epoch}))
        kept = moments.epochs(tmp_path)
        assert len(kept) <= 40 and kept[-1] == epoch
    assert kept[:6] == [1, 2, 3, 4, 5, 6] and len(kept) == 40
    gaps = [after / before for before, after in itertools.pairwise(kept) if before > 10]
    assert max(gaps) < 1.4


def test_a_run_takes_no_more_room_than_it_may(tmp_path: Path) -> None:
    one = len(moments.packed(moment(1, 64)))
    keeper = Keeper(tmp_path, most_bytes=8 * one)
    for epoch in range(1, 61):
        keeper.keep(moment(epoch, 64))
        taken = sum(path.stat().st_size for path in (tmp_path / moments.FOLDER).iterdir())
        assert taken <= 8 * one
    assert moments.epochs(tmp_path)[-1] == 60 and len(moments.epochs(tmp_path)) >= 4


def test_a_resumed_keeper_thins_as_before_and_a_training_that_begins_anew_replaces(tmp_path: Path) -> None:
    for epoch in range(1, 11):
        Keeper(tmp_path, most=8).keep(moment(epoch))  # a new keeper each time, as after a restart
    assert len(moments.epochs(tmp_path)) <= 8 and moments.epochs(tmp_path)[-1] == 10
    Keeper(tmp_path).keep(moment(4))
    assert max(moments.epochs(tmp_path)) == 4


def test_maps_of_large_pictures_are_fewer(tmp_path: Path) -> None:
    maps = np.zeros((96, 112, 112), np.float32)
    assert len(moments._fewer(maps)) == 20 and len(moments._fewer(maps[:, :28, :28])) == 64


def test_a_full_disk_costs_the_moment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    keeper = Keeper(tmp_path)
    keeper.keep(moment(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        keeper.keep(moment(2))
    assert moments.epochs(tmp_path) == [1] and not list(tmp_path.rglob("*.part"))
    keeper.keep(moment(3))
    assert moments.epochs(tmp_path) == [1, 3]


# ---------------------------------------------------------------- damage


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("run")
    Keeper(folder).keep(moment(1))
    path = folder / moments.FOLDER / "000001.npz"
    content = bytearray(path.read_bytes())
    if draw.draw(st.booleans()):
        content = content[: draw.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(draw.draw(st.integers(1, 8))):
            content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = moments.load(folder, 1)
    except UserError as error:
        assert "000001.npz" in error.message and error.remedy
    else:
        assert found.epoch == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"filters": np.zeros((3, 3), np.uint8), "filters_limits": np.array(1.0)},
        {"filters": np.zeros((3, 3, 3, 2), np.uint8), "filters_limits": np.array(1.0)},
        {"maps": np.zeros((2, 3, 3), np.float64), "maps_limits": np.array(1.0)},
        {"maps": np.zeros((2, 3, 3), np.uint8)},
        {"confusion": np.zeros((2, 3), np.int32)},
        {"heat": np.zeros((4, 4), np.uint8), "heat_limits": np.array(1.0)},
        {"picture": np.zeros((4, 4, 3), np.float32)},
        {"box": np.array([1, 2])},
        {"confusion": np.array(["a"])},
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path: Path, columns: dict[str, np.ndarray]) -> None:
    (tmp_path / moments.FOLDER).mkdir()
    np.savez(tmp_path / moments.FOLDER / "000001.npz", **columns)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="damaged"):
        moments.load(tmp_path, 1)


# ---------------------------------------------------------------- trainings


def test_a_training_keeps_what_it_showed(tmp_path: Path) -> None:
    digits = data.from_source(scan("digits"))
    pin = PinUnit(image=int(digits.images[3]), layer="conv3", channel=2)
    events: list[Event] = []
    fit(digits, "lenet-5", QUICK, None, tmp_path / "run", CancelToken(), events.append, pinned=lambda: pin, threads=1)
    assert moments.epochs(tmp_path / "run") == [1, 2, 3]
    probed = [event for event in events if isinstance(event, UnitProbed)]
    for number, unit in enumerate(probed, 1):
        found = moments.load(tmp_path / "run", number)
        assert found.filters is not None and found.filters.shape == (6, 5, 5, 1)
        assert found.maps is not None and found.maps.shape == (6, 28, 28)
        assert found.heat is not None and np.abs(found.heat - unit.heat).max() <= 1 / 255 and found.box == unit.box
        assert np.array_equal(found.picture, unit.picture)
        assert found.confusion is not None and found.confusion.sum() == np.count_nonzero(digits.splits == Split.VALIDATION)
    sizes = [path.stat().st_size for path in (tmp_path / "run" / moments.FOLDER).iterdir()]
    assert max(sizes) < 20_000


def test_an_epoch_is_told_when_its_moment_can_be_read(tmp_path: Path) -> None:
    found: list[list[int]] = []

    def hear(event: Event) -> None:
        if isinstance(event, EpochDone):
            assert moments.load(tmp_path / "run", event.epoch).confusion is not None
            found.append(moments.epochs(tmp_path / "run"))

    fit(data.from_source(scan("digits")), "lenet-5", QUICK, None, tmp_path / "run", CancelToken(), hear, threads=1)
    assert found == [[1], [1, 2], [1, 2, 3]]


def test_without_a_pinned_unit_there_is_a_picture_all_the_same(tmp_path: Path) -> None:
    digits = data.from_source(scan("digits"))
    recipe = Recipe(epochs=1, batch=128, suit_augmentation=False)
    fit(digits, "mlp", recipe, None, tmp_path / "run", CancelToken(), lambda event: None, threads=1)
    found = moments.load(tmp_path / "run", 1)
    assert found.picture is not None and found.heat is None and found.maps is None and found.filters is not None


@pytest.mark.parametrize(
    ("name", "layer"), [("lenet-5", "conv1"), ("vit-tiny", "patches"), ("neocognitron", "simple1"), ("mlp", None), ("softmax", None)]
)
def test_the_first_layer_that_has_maps_is_found(name: str, layer: str | None) -> None:
    network = zoo.make(name, zoo.card(name).default_input, 10)
    module = skeleton(network)
    assert first_convolution(network, module) == layer
    if layer is not None:
        assert module.get_submodule(layer) is not None


def test_the_window_gets_the_nearest_epoch(tmp_path: Path) -> None:
    host = EngineThread()
    host.start()
    try:
        list(host.wait(host.submit(OpenSample())))
        events = list(host.wait(host.submit(Train(network="lenet-5", recipe=QUICK))))
        run = next(event.record.id for event in events if hasattr(event, "record"))
        (loaded, closed) = [event for event in host.wait(host.submit(LoadMoment(run, 99))) if isinstance(event, MomentLoaded | JobClosed)]
        assert loaded.run == run and loaded.moment.epoch == 3 and loaded.epochs == (1, 2, 3) and closed.outcome is Outcome.COMPLETED
        for name in ("nothing", "../../etc"):
            closed = list(host.wait(host.submit(LoadMoment(name, 1))))[-1]
            assert closed.outcome is Outcome.FAILED and "kept nothing" in closed.failure.message
    finally:
        host.close()


def test_a_killed_training_keeps_those_it_had(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from engine.control import CancelToken\n"
        "from engine.data import dataset as data\n"
        "from engine.data.sources import scan\n"
        "from engine.messages import EpochDone\n"
        "from engine.training.fit import fit\n"
        "from engine.training.recipe import Recipe\n"
        "def see(event):\n"
        "    if isinstance(event, EpochDone) and event.epoch == 3:\n"
        "        os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))\n"
        "recipe = Recipe(epochs=9, batch=32, suit_augmentation=False)\n"
        "fit(data.from_source(scan('digits')), 'lenet-5', recipe, None, Path(sys.argv[1]), CancelToken(), see, threads=1)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], cwd=root, timeout=120, check=False, capture_output=True)
    assert done.returncode != 0
    assert moments.epochs(tmp_path / "run") == [1, 2, 3]  # that of an epoch is on disk before its end is told
    assert moments.load(tmp_path / "run", 3).confusion is not None


def test_the_command_loads_no_torch() -> None:
    script = "import sys, engine.training.moments; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True, timeout=60)


def test_going_on_keeps_the_field_of_the_unit_that_is_pinned_then(tmp_path: Path) -> None:
    host = EngineThread()
    host.start()
    try:
        sample = next(event for event in host.wait(host.submit(OpenSample())) if isinstance(event, ProjectOpened))
        events = list(host.wait(host.submit(Train(network="lenet-5", recipe=QUICK))))
        run = next(event.record.id for event in events if isinstance(event, TrainingFinished))
        list(host.wait(host.submit(PinUnit(image=int(sample.images.ids[3]), layer="conv3"))))
        again = list(host.wait(host.submit(ResumeRun(run, epochs=5))))
        assert [event.epoch for event in again if isinstance(event, UnitProbed)] == [4, 5]
        read = [event for event in host.wait(host.submit(LoadMoment(run, 5))) if isinstance(event, MomentLoaded)]
        assert read[0].epochs == (1, 2, 3, 4, 5) and read[0].moment.heat is not None and read[0].moment.filters is not None
        steps = max(event.first_step + len(event.losses) - 1 for event in again if isinstance(event, StepsDone))
        layers = next(event for event in host.wait(host.submit(LoadStatistics(run))) if isinstance(event, StatisticsLoaded))
        assert layers.statistics[-1].step == steps  # the last step of a training is looked at
    finally:
        host.close()
