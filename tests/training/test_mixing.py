"""MixUp and CutMix: shares are what is seen, and the loss is that of soft targets."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from engine.data.augmentation import Mix, Mixed
from engine.data.augmentation.mixing import cut_mix, mix_up
from engine.training.losses import class_weights, larger_share, loss_of, mixed_loss
from engine.training.recipe import Augmentation

CPU = torch.device("cpu")


def numbered(count: int, height: int = 20, width: int = 30) -> torch.Tensor:
    """Picture i is filled with the number i."""
    return torch.arange(float(count)).view(-1, 1, 1, 1).expand(count, 3, height, width).clone()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.999), st.floats(0, 0.999)), min_size=2, max_size=6), st.integers(1, 40))
def test_cutmix_s_share_is_the_area_that_is_left(draws: list[tuple[float, float, float]], side: int) -> None:
    pictures = numbered(len(draws), side, 2 * side)
    shares, downs, acrosses = (torch.tensor(values, dtype=torch.float32) for values in zip(*draws, strict=True))
    mixed, left = cut_mix(pictures, shares, downs, acrosses)
    own = (mixed == pictures).float().mean((1, 2, 3))
    other = (mixed == pictures.roll(1, dims=0)).float().mean((1, 2, 3))
    assert torch.allclose(own, left, atol=1e-6) and torch.allclose(other, 1 - left, atol=1e-6)
    assert bool(
        (left >= shares - 1.5 / side - 1e-6).all()
    )  # cut off at the border, the rectangle is smaller, never larger but for rounding


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_mixup_is_the_weighted_mean(shares: list[float]) -> None:
    pictures, taken = numbered(len(shares)), torch.tensor(shares, dtype=torch.float32)
    mixed = mix_up(pictures.clone(), taken)
    expected = pictures * taken.view(-1, 1, 1, 1) + pictures.roll(1, dims=0) * (1 - taken).view(-1, 1, 1, 1)
    assert torch.allclose(mixed, expected, atol=1e-5)


@pytest.mark.parametrize("choice", [Augmentation(mixup=0.3), Augmentation(cutmix=1.0), Augmentation(mixup=1.0, cutmix=1.0)])
def test_the_seed_decides_and_both_are_taken_in_turn(choice: Augmentation) -> None:
    pictures, labels = numbered(64), torch.arange(64)
    runs = [[Mix(choice, seed, CPU)(pictures, labels) for _ in range(3)] for seed in (7, 7, 8)]
    assert all(torch.equal(one.pictures, other.pictures) for one, other in zip(runs[0], runs[1], strict=True))
    assert not torch.equal(runs[0][0].pictures, runs[2][0].pictures)
    assert torch.equal(pictures, numbered(64)) and torch.equal(runs[0][0].others, labels.roll(1))
    mix = Mix(choice, 0, CPU)
    cut = [bool((batch.pictures == batch.pictures.round()).all()) for batch in (mix(pictures, labels) for _ in range(40))]
    assert set(cut) == ({True, False} if choice.mixup and choice.cutmix else {not choice.mixup})


def test_off_is_off() -> None:
    assert Mix(Augmentation(shift=0.2), 0, CPU).off and not Mix(Augmentation(cutmix=0.1), 0, CPU).off


def mixed_batch(count: int = 12, classes: int = 5, seed: int = 0) -> tuple[torch.Tensor, Mixed, torch.Tensor]:
    """Logits, a mixed batch, and its targets float32 [B, K]."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (count,), generator=generator)
    shares = torch.rand(count, generator=generator)
    mixed = Mixed(torch.zeros(count, 1, 1, 1), labels, labels.roll(1), shares)
    ones = torch.eye(classes)
    targets = shares[:, None] * ones[labels] + (1 - shares)[:, None] * ones[mixed.others]
    return torch.randn(count, classes, generator=generator), mixed, targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_soft_targets_that_sum_to_one(smoothing: float) -> None:
    logits, mixed, targets = mixed_batch()
    assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
    expected = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
    assert torch.allclose(mixed_loss(logits, mixed, smoothing, None), expected, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_whole_pictures_have_the_plain_loss_weighted_or_not(smoothing: float) -> None:
    logits, mixed, _ = mixed_batch()
    whole = mixed._replace(shares=torch.ones(len(logits)))
    weights = torch.tensor([0.2, 3.0, 1.0, 1.5, 0.7])
    for taken in (None, weights):
        assert torch.allclose(mixed_loss(logits, whole, smoothing, taken), loss_of(logits, mixed.labels, smoothing, taken), atol=1e-6)


def test_the_right_answer_is_the_class_with_the_larger_share() -> None:
    mixed = Mixed(torch.zeros(3, 1, 1, 1), torch.tensor([0, 1, 2]), torch.tensor([2, 0, 1]), torch.tensor([0.7, 0.3, 0.5]))
    assert larger_share(mixed).tolist() == [0, 0, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_weights_make_classes_equal_and_keep_the_mean(labels: list[int]) -> None:
    known = torch.tensor(labels)
    weights = class_weights(known)
    assert float(weights[known].mean()) == pytest.approx(1.0, abs=1e-5)
    masses = [float(weights[known][known == label].sum()) for label in set(labels)]
    assert masses == pytest.approx([masses[0]] * len(masses), rel=1e-5)


def test_equal_classes_weigh_as_if_unweighted() -> None:
    logits, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    weights = class_weights(labels)
    assert weights.tolist() == [1.0, 1.0, 1.0]
    assert torch.allclose(loss_of(logits, labels, 0.1, weights), functional.cross_entropy(logits, labels, label_smoothing=0.1))
