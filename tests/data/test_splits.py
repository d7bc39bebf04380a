"""Splits: stratified, repeatable, incremental."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.locators import digits
from engine.data.splits import assign, carve_validation, complete, content_key, folds, settled, shares
from engine.project.records import Split

labels_of = st.lists(st.integers(-1, 4), min_size=1, max_size=200).map(lambda values: np.array(values, np.int64))


def keys_of(labels: np.ndarray) -> list[str]:
    return [f"picture {row}" for row in range(len(labels))]


@settings(max_examples=100, deadline=None)
@given(labels_of, st.integers(0, 5))
def test_each_class_is_divided_alike(labels: np.ndarray, seed: int) -> None:
    result = assign(labels, np.zeros(len(labels), np.int8), keys_of(labels), seed=seed)
    assert (result[labels < 0] == Split.NONE).all()
    for label in np.unique(labels[labels >= 0]):
        mine = result[labels == label]
        for split, share in ((Split.TRAIN, 0.6), (Split.VALIDATION, 0.2), (Split.TEST, 0.2)):
            assert abs(np.count_nonzero(mine == split) - share * len(mine)) <= 1
        assert np.count_nonzero(mine == Split.TRAIN) >= 1


@settings(max_examples=100, deadline=None)
@given(labels_of, st.randoms())
def test_the_order_of_rows_does_not_matter(labels: np.ndarray, random: object) -> None:
    keys = keys_of(labels)
    order = list(range(len(labels)))
    random.shuffle(order)
    direct = assign(labels, np.zeros(len(labels), np.int8), keys)
    shuffled = assign(labels[order], np.zeros(len(labels), np.int8), [keys[row] for row in order])
    assert np.array_equal(direct[order], shuffled)


@settings(max_examples=100, deadline=None)
@given(labels_of, st.data())
def test_pictures_keep_the_split_that_they_have(labels: np.ndarray, data: st.DataObject) -> None:
    splits = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels))), np.int8)
    result = assign(labels, splits, keys_of(labels))
    assert np.array_equal(result[splits != Split.NONE], splits[splits != Split.NONE])
    assert (result[labels >= 0] != Split.NONE).all()


def test_labelling_one_by_one_keeps_to_the_fractions() -> None:
    labels, splits = np.full(50, -1, np.int64), np.zeros(50, np.int8)
    for row in range(50):
        labels[row] = 0
        splits = assign(labels, splits, keys_of(labels))
    assert np.bincount(splits, minlength=4).tolist() == [0, 30, 10, 10]


def test_small_classes() -> None:
    for count, expected in ((1, [0, 1, 0, 0]), (2, [0, 1, 0, 1]), (5, [0, 3, 1, 1])):
        labels = np.zeros(count, np.int64)
        result = assign(labels, np.zeros(count, np.int8), keys_of(labels))
        assert np.bincount(result, minlength=4).tolist() == expected


def test_digits_are_divided_60_20_20_in_each_class() -> None:
    labels = digits()[1]
    splits = assign(labels, np.zeros(len(labels), np.int8), [f"digits:{row}" for row in range(len(labels))])
    for label in range(10):
        mine = splits[labels == label]
        for split, share in ((Split.TRAIN, 0.6), (Split.VALIDATION, 0.2), (Split.TEST, 0.2)):
            assert abs(np.count_nonzero(mine == split) - share * len(mine)) <= 1


def test_another_seed_gives_another_division() -> None:
    labels = np.zeros(100, np.int64)
    none = np.zeros(100, np.int8)
    assert not np.array_equal(assign(labels, none, keys_of(labels), seed=0), assign(labels, none, keys_of(labels), seed=1))


def test_a_source_with_a_test_part_gets_its_validation_from_training() -> None:
    labels = np.repeat([0, 1], 100).astype(np.int64)
    splits = np.where(np.arange(200) % 100 < 80, Split.TRAIN, Split.TEST).astype(np.int8)
    result = complete(labels, splits, keys_of(labels))
    assert np.array_equal(result == Split.TEST, splits == Split.TEST)
    for label in (0, 1):
        assert np.count_nonzero(result[labels == label] == Split.VALIDATION) == 8


def test_a_source_with_validation_alone_stays_without_test() -> None:
    labels = np.zeros(200, np.int64)
    splits = np.where(np.arange(200) < 150, Split.TRAIN, Split.VALIDATION).astype(np.int8)
    assert np.array_equal(complete(labels, splits, keys_of(labels)), splits)


def test_carving_leaves_one_to_train() -> None:
    labels = np.zeros(1, np.int64)
    assert carve_validation(labels, np.array([Split.TRAIN], np.int8), ["a"], 0.9)[0] == Split.TRAIN


def grouped(draw: st.DataObject, labels: np.ndarray) -> np.ndarray:
    """Some pictures in groups of a few."""
    return np.array(draw.draw(st.lists(st.integers(-6, 8), min_size=len(labels), max_size=len(labels))), np.int64)


@settings(max_examples=100, deadline=None)
@given(labels_of, st.data())
def test_groups_stay_together(labels: np.ndarray, data: st.DataObject) -> None:
    groups = grouped(data, labels)
    result = assign(labels, np.zeros(len(labels), np.int8), keys_of(labels), groups=groups)
    carved = carve_validation(labels, np.where(result == Split.VALIDATION, Split.TRAIN, result), keys_of(labels), 0.3, groups=groups)
    assert (result[labels >= 0] != Split.NONE).all()
    for group in np.unique(groups[groups >= 0]):
        members = (groups == group) & (labels >= 0)
        assert len(set(result[members].tolist())) <= 1
        assert len(set(carved[members].tolist())) <= 1


@settings(max_examples=60, deadline=None)
@given(labels_of, st.data())
def test_pictures_follow_those_of_their_group_that_have_a_split(labels: np.ndarray, data: st.DataObject) -> None:
    groups = grouped(data, labels)
    splits = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels))), np.int8)
    result = assign(labels, splits, keys_of(labels), groups=groups)
    assert np.array_equal(result[splits != Split.NONE], splits[splits != Split.NONE])
    for group in np.unique(groups[groups >= 0]):
        there = {int(split) for split in splits[groups == group]} - {0}
        new = {int(split) for split in result[(groups == group) & (splits == Split.NONE) & (labels >= 0)]}
        assert not there or not new or (len(new) == 1 and new <= there)


def test_fractions_hold_to_within_one_picture_beside_groups() -> None:
    labels = np.repeat([0, 1], 200).astype(np.int64)
    groups = np.full(400, -1, np.int64)
    groups[:60] = np.arange(60) // 6
    groups[200:230] = 100
    result = assign(labels, np.zeros(400, np.int8), keys_of(labels), groups=groups)
    for label in (0, 1):
        counts = np.bincount(result[labels == label], minlength=4)
        assert (np.abs(counts[1:] - [120, 40, 40]) <= 1).all()


def test_what_a_picture_is_called_does_not_matter_but_its_content() -> None:
    assert content_key(bytes(range(16))) == "0001020304050607"
    labels, none = np.zeros(50, np.int64), np.zeros(50, np.int8)
    keys = [content_key(bytes([row] * 16)) for row in range(50)]
    fewer = assign(labels[:49], none[:49], keys[:49])
    added = assign(labels, np.append(fewer, np.int8(0)), keys)
    assert np.array_equal(added[:49], fewer)


@settings(max_examples=100, deadline=None)
@given(labels_of, st.integers(2, 20), st.integers(0, 3))
def test_folds_are_of_equal_size_over_all_and_in_each_class(labels: np.ndarray, k: int, seed: int) -> None:
    result = folds(labels, keys_of(labels), k, seed)
    assert (result[labels < 0] == -1).all()
    assert ((result[labels >= 0] >= 0) & (result[labels >= 0] < k)).all()
    sizes = np.bincount(result[labels >= 0], minlength=k)
    assert sizes.max() - sizes.min() <= 1
    for label in np.unique(labels[labels >= 0]):
        mine = np.bincount(result[labels == label], minlength=k)
        assert mine.max() - mine.min() <= 1


@settings(max_examples=60, deadline=None)
@given(labels_of, st.integers(2, 6), st.data())
def test_folds_keep_groups_together(labels: np.ndarray, k: int, data: st.DataObject) -> None:
    groups = grouped(data, labels)
    result = folds(labels, keys_of(labels), k, groups=groups)
    for group in np.unique(groups[groups >= 0]):
        assert len(set(result[(groups == group) & (labels >= 0)].tolist())) <= 1
    order = np.random.default_rng(0).permutation(len(labels))
    again = folds(labels[order], [keys_of(labels)[row] for row in order], k, groups=groups[order])
    if (groups < 0).all():
        assert np.array_equal(result[order], again)


def test_too_few_or_too_many_folds() -> None:
    for k in (1, 128):
        with pytest.raises(ValueError, match="not from 2 to 127"):
            folds(np.zeros(5, np.int64), ["a"] * 5, k)


def test_what_is_divided_already_needs_no_look() -> None:
    labels = np.zeros(4, np.int64)
    assert settled(labels, np.array([1, 2, 3, 1], np.int8))
    assert settled(labels, np.array([1, 2, 1, 1], np.int8))
    assert not settled(labels, np.array([1, 3, 1, 1], np.int8))
    assert not settled(labels, np.array([1, 2, 3, 0], np.int8))
    assert settled(np.array([0, 0, 0, -1]), np.array([1, 2, 3, 0], np.int8))


def test_shares_follow_large_data_and_not_small() -> None:
    assert shares(np.array([1] * 10, np.int8)) == (0.6, 0.2, 0.2)
    assert shares(np.array([1] * 90 + [3] * 10, np.int8)) == (0.9, 0.0, 0.1)
    assert shares(np.array([1] * 62 + [2] * 19 + [3] * 19, np.int8)) == (0.6, 0.2, 0.2)
    assert shares(np.array([1] * 10, np.int8), (0.8, 0.1, 0.1)) == (0.8, 0.1, 0.1)
    assert shares(np.array([1] * 82 + [2] * 9 + [3] * 9, np.int8), (0.8, 0.1, 0.1)) == (0.8, 0.1, 0.1)
