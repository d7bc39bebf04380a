"""Run folders: round trips, figures that are not finite, damage."""

from __future__ import annotations

import math
import time
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.failure import UserError
from engine.project import tables
from engine.project.digests import LabelDigest, digest, flat_digest, is_flat
from engine.project.records import RunHistory
from engine.project.runs import is_stale, list_runs, load_history, load_record, now, save_history, save_record


def history() -> RunHistory:
    return RunHistory(
        run="one",
        step_losses=np.linspace(2, 0, 5, dtype=np.float32),
        step_accuracies=np.linspace(0, 1, 5, dtype=np.float32),
        epoch_steps=np.array([3, 5], np.int64),
        train_losses=np.array([1, 0.5], np.float32),
        train_accuracies=np.array([0.5, 0.7], np.float32),
        validation_losses=np.array([np.nan, np.nan], np.float32),
        validation_accuracies=np.array([np.nan, 0.5], np.float32),
    )


def test_a_record_comes_back_as_it_was(tmp_path: Path, run_record) -> None:
    save_record(tmp_path / "one", run_record)
    assert load_record(tmp_path / "one") == msgspec.structs.replace(run_record, folder=str(tmp_path / "one"))
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["run.json"]


def test_a_records_folder_is_where_it_lies(tmp_path: Path, run_record) -> None:
    save_record(tmp_path / "one", msgspec.structs.replace(run_record, folder="/elsewhere", stale=True))
    (tmp_path / "one").rename(tmp_path / "two")
    record = load_record(tmp_path / "two")
    assert record.folder == str(tmp_path / "two")
    assert not record.stale


@settings(max_examples=40, deadline=None)
@given(st.floats(), st.floats(), st.one_of(st.none(), st.floats()))
def test_any_figures_can_be_kept(tmp_path_factory, run_record, seconds: float, loss: float, accuracy: float | None) -> None:
    folder = tmp_path_factory.mktemp("run")
    save_record(folder, msgspec.structs.replace(run_record, seconds=seconds, train_loss=loss, test_accuracy=accuracy))
    record = load_record(folder)
    assert record.seconds == (seconds if math.isfinite(seconds) else 0.0)
    assert record.train_loss == (loss if math.isfinite(loss) else None)
    assert record.test_accuracy == (accuracy if accuracy is not None and math.isfinite(accuracy) else None)


def test_curves_come_back_as_they_were(tmp_path: Path) -> None:
    save_history(tmp_path / "one", history())
    found = load_history(tmp_path / "one")
    assert found.run == "one"
    for name in RunHistory.__struct_fields__[1:]:
        expected = getattr(history(), name)
        assert getattr(found, name).dtype == expected.dtype
        assert np.array_equal(getattr(found, name), expected, equal_nan=expected.dtype.kind == "f")


def test_damage_is_told(tmp_path: Path, run_record) -> None:
    with pytest.raises(UserError, match="holds no run"):
        load_record(tmp_path)
    with pytest.raises(UserError, match="kept no curves"):
        load_history(tmp_path)
    (tmp_path / "runs" / "bad").mkdir(parents=True)
    (tmp_path / "runs" / "bad" / "run.json").write_text("{")
    (tmp_path / "runs" / "bad" / "history.npz").write_bytes(b"PK\x03\x04 not a zip")
    (tmp_path / "runs" / "stray.txt").write_text("x")
    with pytest.raises(UserError, match="is damaged"):
        load_record(tmp_path / "runs" / "bad")
    with pytest.raises(UserError, match="are damaged"):
        load_history(tmp_path / "runs" / "bad")
    save_record(tmp_path / "runs" / "old", msgspec.structs.replace(run_record, id="old", created="2024-01-01T00:00:00+00:00"))
    save_record(tmp_path / "runs" / "new", msgspec.structs.replace(run_record, id="new", created=now()))
    assert [run.id for run in list_runs(tmp_path)] == ["new", "old"]
    assert list_runs(tmp_path / "nowhere") == ()


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "history.npz", run=np.array(["x", None], object))
    with pytest.raises(UserError, match="are damaged"):
        load_history(tmp_path)


def test_staleness_allows_for_times_without_fractions(run_record) -> None:
    moment = datetime.fromisoformat("2025-05-05T10:00:00+00:00")
    whole = msgspec.structs.replace(run_record, created=moment.isoformat())
    assert not is_stale(whole, "now", moment.timestamp() + 0.5)
    assert is_stale(whole, "now", moment.timestamp() + 1.5)
    exact = msgspec.structs.replace(run_record, created=moment.replace(microsecond=250_000).isoformat())
    assert is_stale(exact, "now", moment.timestamp() + 0.5)
    assert not is_stale(msgspec.structs.replace(run_record, created="yesterday"), "now", moment.timestamp())


def test_the_digest_tells_labelled_pictures_apart() -> None:
    ids, classes, splits = np.arange(1, 9), np.repeat(np.array([1, 2, -1, -1], np.int32), 2), np.ones(8, np.int8)
    plain = digest(ids, classes, splits)
    assert plain == digest(ids[:4], classes[:4], splits[:4])  # pictures without a label do not count
    assert plain == digest(ids.astype(">i8"), classes.astype(np.int64), splits.astype(np.int32))
    others = [
        digest(ids + 1, classes, splits),
        digest(ids, classes[::-1], splits),
        digest(ids, classes, splits + 1),
        digest(ids[:3], classes[:3], splits[:3]),
    ]
    assert len({plain, *others}) == 5


changes = st.lists(st.tuples(st.integers(0, 29_999), st.integers(-1, 3), st.integers(0, 3)), max_size=8)


@settings(max_examples=30, deadline=None)
@given(st.lists(changes, max_size=5), st.sets(st.integers(0, 29_999), max_size=3))
def test_following_changes_gives_the_digest_of_the_whole(steps: list[list[tuple[int, int, int]]], gone: set[int]) -> None:
    ids = np.delete(np.arange(5, 60_005, 2), sorted(gone))
    known = tables.table(ids, ("",) * len(ids), class_ids=np.where(ids < 40_000, 1, -1), splits=np.ones(len(ids)))
    follower = LabelDigest()
    assert follower.of(known) == digest(known.ids, known.class_ids, known.splits)
    for step in steps:
        class_ids, splits = known.class_ids.copy(), known.splits.copy()
        for row, class_id, split in step:
            class_ids[row % len(ids)], splits[row % len(ids)] = class_id, split
        known = msgspec.structs.replace(known, class_ids=class_ids, splits=splits)
        assert follower.of(known) == digest(known.ids, class_ids, splits)
    fewer = tables.taken(known, np.arange(len(ids) // 2))
    assert follower.of(fewer) == digest(fewer.ids, fewer.class_ids, fewer.splits)


def test_digests_of_the_first_version_are_told_apart() -> None:
    columns = np.arange(1, 4), np.array([1, -1, 2], np.int32), np.ones(3, np.int8)
    assert flat_digest(*columns) == "07573a1d0f3505b1fa809633e248ef45"
    assert is_flat(flat_digest(*columns))
    assert not is_flat(digest(*columns))


def test_the_digest_of_70_000_pictures_costs_a_keystroke_nothing() -> None:
    ids, classes, splits = np.arange(70_000), np.arange(70_000, dtype=np.int32) % 10, np.ones(70_000, np.int8)
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        digest(ids, classes, splits)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.01
