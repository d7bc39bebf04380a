"""Figures against scikit-learn and by their properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support, top_k_accuracy_score

from engine.evaluation import metrics
from engine.evaluation.evaluate import summarise
from engine.project.records import Split

CASES = st.tuples(st.integers(1, 60), st.integers(2, 9), st.integers(0, 2**31))


def answers(pictures: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(pictures, classes))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return random.integers(0, classes, pictures), shares.astype(np.float32)


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_confusion_precision_recall_agree_with_scikit_learn(case: tuple[int, int, int]) -> None:
    labels, shares = answers(*case)
    classes = case[1]
    predicted = shares.argmax(1)
    confusion = metrics.confusion_matrix(labels, predicted, classes)
    assert np.array_equal(confusion, confusion_matrix(labels, predicted, labels=range(classes)))
    expected = precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=np.nan)
    precision, recall, f1, support = metrics.per_class(confusion)
    for ours, theirs in ((precision, expected[0]), (recall, expected[1])):
        assert [math.nan if value is None else value for value in ours] == pytest.approx(list(theirs), nan_ok=True)
    f1_theirs = [value if value == value else None for value in expected[2]]
    assert f1 == pytest.approx(f1_theirs)
    assert support == list(expected[3])


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_losses_and_top_k_agree_with_scikit_learn(case: tuple[int, int, int]) -> None:
    labels, shares = answers(*case)
    classes = case[1]
    exact = shares.astype(np.float64) / shares.astype(np.float64).sum(axis=1, keepdims=True)
    assert metrics.cross_entropy(shares, labels).mean() == pytest.approx(log_loss(labels, exact, labels=range(classes)), rel=1e-4)
    if classes > 2:
        for k in (1, 2):
            theirs = top_k_accuracy_score(labels, shares, k=k, labels=range(classes))
            assert metrics.top_k(shares, labels, k) == pytest.approx(theirs)
    assert metrics.top_k(shares, labels, classes) == 1
    assert metrics.top_k(shares, labels, 1) == pytest.approx(metrics.accuracy(metrics.confusion_matrix(labels, shares.argmax(1), classes)))


@given(st.integers(0, 400), st.integers(0, 400))
def test_wilson_interval_holds_the_share_and_is_symmetric(right: int, wrong: int) -> None:
    total = right + wrong
    low, high = metrics.wilson_interval(right, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low <= right / total <= high
        mirrored_low, mirrored_high = metrics.wilson_interval(wrong, total)
        assert (low, high) == pytest.approx((1 - mirrored_high, 1 - mirrored_low))


def test_wilson_interval_of_a_known_case() -> None:
    assert metrics.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I


def test_calibration_error_by_hand() -> None:
    shares = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]], np.float32)
    labels = np.array([0, 1, 0, 1])
    # two at 0.9 with accuracy 0.5, two at 0.6 with accuracy 1
    assert metrics.calibration_error(shares, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4, abs=1e-6)


@given(CASES)
@settings(max_examples=40, deadline=None)
def test_calibration_error_is_bounded_and_nil_for_certainty(case: tuple[int, int, int]) -> None:
    labels, shares = answers(*case)
    assert 0 <= metrics.calibration_error(shares, labels) <= 1
    assert metrics.calibration_error(np.eye(case[1], dtype=np.float32)[labels], labels) == 0


def test_a_class_that_never_occurs_has_no_figures() -> None:
    shares = np.eye(3, dtype=np.float32)[[0, 1, 1]]
    result = summarise("r", Split.TEST, ("a", "b", "c"), np.arange(3), np.array([0, 1, 0]), shares)
    assert result.precision == (1.0, 0.5, None)
    assert result.recall == (0.5, 1.0, None)
    assert result.f1[2] is None
    assert result.support == (2, 1, 0)
    assert result.top5 is None
    assert np.isfinite(result.losses).all()
    assert result.losses[2] > 80  # certain and wrong


def test_top_five_from_five_classes_on() -> None:
    labels, shares = answers(20, 5, 0)
    assert summarise("r", Split.TEST, tuple("abcde"), np.arange(20), labels, shares).top5 == 1
