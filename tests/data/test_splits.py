"""Splits: stratified, repeatable, incremental."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.locators import digits
from engine.data.splits import assign, carve_validation, complete, shares
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


def test_shares_follow_large_data_and_not_small() -> None:
    assert shares(np.array([1] * 10, np.int8)) == (0.6, 0.2, 0.2)
    assert shares(np.array([1] * 90 + [3] * 10, np.int8)) == (0.9, 0.0, 0.1)
    assert shares(np.array([1] * 62 + [2] * 19 + [3] * 19, np.int8)) == (0.6, 0.2, 0.2)
