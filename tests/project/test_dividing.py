"""Splits in a project: what joins finds its place, what is there never moves, and near-duplicates stay together."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.splits import complete
from engine.project import tables
from engine.project.dividing import divide_joining, redivide
from engine.project.records import Division, Split
from engine.project.snapshot import Snapshot


def marks(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Digests and hashes of pictures that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return rng.integers(2**40, 2**64, count, dtype=np.uint64), rng.integers(1, 2**64, count, dtype=np.uint64)


def keys_of(digests: np.ndarray) -> list[str]:
    return [f"{digest:016x}" for digest in digests.tolist()]


def snapshot_of(class_ids: np.ndarray, splits: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> Snapshot:
    count = len(class_ids)
    table = tables.table(np.arange(1, count + 1), [f"{row}.png" for row in range(count)], class_ids=class_ids, splits=splits)
    return Snapshot((), table, tuple(f"file:{row}.png" for row in range(count)), "", digests, hashes)


def empty() -> Snapshot:
    nothing = np.zeros(0, np.int64)
    return snapshot_of(nothing, nothing, nothing.astype(np.uint64), nothing.astype(np.uint64))


def none(count: int) -> np.ndarray:
    return np.zeros(count, np.int8)


def test_the_first_ones_are_divided_as_a_folder_is() -> None:
    digests, hashes = marks(100)
    labels = np.repeat([3, 7], 50)
    found = divide_joining(empty(), labels, none(100), keys_of(digests), hashes)
    assert np.array_equal(found, complete(labels, none(100), keys_of(digests)))
    own = np.where(np.arange(100) % 5 == 0, Split.TEST, Split.TRAIN).astype(np.int8)
    found = divide_joining(empty(), labels, own, keys_of(digests), hashes)
    assert np.array_equal(found, complete(labels, own, keys_of(digests)))
    assert (found == Split.VALIDATION).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=60), st.integers(0, 5))
def test_each_step_keeps_to_the_fractions(classes: list[int], seed: int) -> None:
    """Labelled one by one, in any order of classes."""
    count = len(classes)
    digests, hashes = marks(count, seed)
    class_ids, splits = np.full(count, -1), none(count)
    for row, class_id in enumerate(classes):
        before = snapshot_of(class_ids, splits, digests, hashes)
        key, look = keys_of(digests[row : row + 1]), hashes[row : row + 1]
        splits[row] = divide_joining(before, np.array([class_id]), none(1), key, look, np.array([row]))[0]
        class_ids[row] = class_id
    for class_id in set(classes):
        counts = np.bincount(splits[class_ids == class_id], minlength=4)
        assert (np.abs(counts[1:] - np.array([0.6, 0.2, 0.2]) * counts.sum()) <= 1).all()


def test_twins_go_where_their_twin_is() -> None:
    digests, hashes = marks(60)
    class_ids = np.repeat([1, 2], 30)
    splits = np.tile([1, 1, 1, 2, 3], 12).astype(np.int8)
    there = snapshot_of(class_ids, splits, digests, hashes)
    new_digests, new_hashes = marks(60, 1)
    new_hashes[:30] = hashes[:30] ^ np.uint64(0b100110)
    new_digests[30:] = digests[30:]
    found = divide_joining(there, class_ids, none(60), keys_of(new_digests), new_hashes)
    assert np.array_equal(found, splits)


def test_twins_that_join_at_once_stay_together() -> None:
    digests, hashes = marks(90)
    hashes[60:] = hashes[:30] ^ np.uint64(0b11)
    digests[30:60] = digests[:30]
    there = snapshot_of(np.repeat(1, 20), np.tile([1, 1, 1, 2, 3], 4), *marks(20, 9))
    for before in (there, empty()):
        found = divide_joining(before, np.repeat([1, 2], 45), none(90), keys_of(digests), hashes)
        assert np.array_equal(found[:30], found[30:60])
        assert np.array_equal(found[:30], found[60:])
        assert set(found.tolist()) == {1, 2, 3}


def test_a_film_of_one_thing_reaches_every_split() -> None:
    """Frames recorded one after the other hardly differ; a class all on one side could not be measured."""
    count = 60
    digests, hashes = marks(count)
    hashes[:] = hashes[0]
    hashes ^= np.uint64(1) << np.arange(count, dtype=np.uint64) % np.uint64(64)
    class_ids, splits = np.full(count, -1), none(count)
    for row in range(count):
        before = snapshot_of(class_ids, splits, digests, hashes)
        key, look = keys_of(digests[row : row + 1]), hashes[row : row + 1]
        splits[row] = divide_joining(before, np.array([1]), none(1), key, look, np.array([row]))[0]
        class_ids[row] = 1
    counts = np.bincount(splits, minlength=4)
    assert counts[Split.TEST] >= 6
    assert counts[Split.VALIDATION] >= 6


def test_pictures_without_a_class_get_no_split() -> None:
    digests, hashes = marks(6)
    found = divide_joining(empty(), np.array([-1, 1, -1, 1, 1, -1]), none(6), keys_of(digests), hashes)
    assert found[[0, 2, 5]].tolist() == [0, 0, 0]
    assert (found[[1, 3, 4]] > 0).all()


def test_a_division_of_the_users_counts_for_what_joins() -> None:
    digests, hashes = marks(50)
    wanted = Division((0.8, 0.0, 0.2))
    found = divide_joining(empty(), np.ones(50, np.int64), none(50), keys_of(digests), hashes, None, wanted)
    assert np.bincount(found, minlength=4).tolist() == [0, 40, 0, 10]


def test_dividing_anew_keeps_own_splits_and_groups() -> None:
    digests, hashes = marks(300)
    hashes[200:] = hashes[100:200] ^ np.uint64(0b101)
    class_ids = np.tile([1, 2, -1], 100)
    own = none(300)
    own[:30] = Split.TEST
    snapshot = snapshot_of(class_ids, np.where(class_ids > 0, 1, 0), digests, hashes)
    found = redivide(snapshot, own, Division((0.5, 0.25, 0.25), seed=4))
    kept = (own != Split.NONE) & (class_ids > 0)
    assert np.array_equal(found[kept], own[kept])
    assert (found[class_ids < 0] == 0).all()
    both = (class_ids[100:200] > 0) & (class_ids[200:] > 0)
    assert np.array_equal(found[100:200][both], found[200:][both])
    counts = np.bincount(found[class_ids > 0], minlength=4)
    assert (np.abs(counts[1:] - np.array([100, 50, 50])) <= 4).all()
    assert not np.array_equal(found, redivide(snapshot, own, Division((0.5, 0.25, 0.25), seed=5)))


def test_a_test_part_that_came_with_the_pictures_stays_what_it_is() -> None:
    digests, hashes = marks(700)
    own = np.where(np.arange(700) < 600, Split.TRAIN, Split.TEST).astype(np.int8)
    found = redivide(snapshot_of(np.tile([1, 2], 350), own, digests, hashes), own, Division())
    assert np.array_equal(found == Split.TEST, own == Split.TEST)
    assert np.count_nonzero(found == Split.VALIDATION) == 60


@pytest.mark.parametrize("k", [2, 5, 20])
def test_each_picture_is_in_exactly_one_folds_test(k: int) -> None:
    digests, hashes = marks(203)
    class_ids = np.append(np.tile([1, 2], 101), -1)
    hashes[150:160] = hashes[140:150] ^ np.uint64(1)
    snapshot = snapshot_of(class_ids, none(203), digests, hashes)
    parts = [redivide(snapshot, none(203), Division(folds=k, fold=fold)) for fold in range(k)]
    tested = sum((part == Split.TEST).astype(int) for part in parts)
    assert (tested[class_ids > 0] == 1).all()
    assert tested[-1] == 0
    for part in parts:
        assert (part[class_ids > 0] != Split.NONE).all()
        assert np.array_equal(part[150:160], part[140:150])
        rest = np.count_nonzero(part != Split.TEST) - 1
        assert abs(np.count_nonzero(part == Split.VALIDATION) - 0.1 * rest) <= 3
    sizes = [np.count_nonzero(part == Split.TEST) for part in parts]
    assert max(sizes) - min(sizes) <= 2  # but for twins


def test_a_label_is_quick_among_half_a_million() -> None:
    count = 500_000
    digests, hashes = marks(count)
    rng = np.random.default_rng(2)
    snapshot = snapshot_of(rng.integers(0, 20, count), rng.choice([1, 2, 3], count, p=[0.6, 0.2, 0.2]), digests, hashes)
    took = []
    for row in range(5):
        begun = time.perf_counter()
        divide_joining(snapshot, np.array([3]), none(1), ["0" * 15 + "7"], hashes[row : row + 1] ^ np.uint64(1), np.array([row + 9]))
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.1  # 0.025 s on a quiet machine
