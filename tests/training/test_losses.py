"""Losses against torch's own, against sums written out, and by gradients of finite differences."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.data.augmentation import Mixed
from engine.training.losses import FAR, Criterion, by_distance, focal, hinge, soft_targets, squared
from engine.training.recipe import Recipe

CPU = torch.device("cpu")
LABELS = torch.tensor([0, 3, 2, 2, 1, 0, 3])
KINDS = ("cross-entropy", "squared", "hinge", "focal", "rbf")


@pytest.fixture
def logits() -> torch.Tensor:
    return 2 * torch.randn(len(LABELS), 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_hinge_is_torch_s_multi_margin_loss_summed_over_the_classes(logits: torch.Tensor) -> None:
    wanted = 4 * functional.multi_margin_loss(logits, LABELS, reduction="none")
    assert torch.allclose(hinge(logits, LABELS), wanted)
    far_ahead = torch.tensor([[5.0, 3.9, -2.0]])
    assert hinge(far_ahead, torch.tensor([0])).item() == 0.0


def test_focal_without_exponent_is_cross_entropy_and_else_what_the_paper_says(logits: torch.Tensor) -> None:
    plain = functional.cross_entropy(logits, LABELS, reduction="none")
    assert torch.allclose(focal(logits, LABELS, 0.0), plain)
    p = np.exp(-plain.numpy())
    for exponent in (0.5, 2.0, 5.0):
        assert np.allclose(focal(logits, LABELS, exponent).numpy(), (1 - p) ** exponent * -np.log(p))
    # Lin et al. 2017, section 3.2: at 0.9 and exponent 2 the loss is 100 times lower than cross-entropy
    shares = torch.tensor([[0.9, 0.1]]).log()
    assert focal(shares, torch.tensor([0]), 2.0).item() == pytest.approx(-math.log(0.9) / 100, rel=1e-4)


def test_focal_has_a_gradient_where_the_answer_is_certain() -> None:
    certain = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    focal(certain, torch.tensor([0, 0]), 0.5).sum().backward()
    assert certain.grad is not None and torch.isfinite(certain.grad).all()


def test_squared_pulls_by_the_difference(logits: torch.Tensor) -> None:
    logits.requires_grad_(True)
    targets = functional.one_hot(LABELS, 4).double()
    squared(logits, targets).sum().backward()
    assert torch.allclose(logits.grad, logits.detach() - targets)  # type: ignore[arg-type]


def test_distances_follow_equation_9_and_far_classes_are_left_alone() -> None:
    distances = np.array([[1.0, 4.0, 30.0], [6.0, 0.5, 2.0]])
    labels = torch.tensor([0, 2])
    wanted = distances[[0, 1], [0, 2]] + np.log(math.exp(-FAR) + np.exp(-distances).sum(1))
    logits = torch.tensor(-distances, requires_grad=True)
    losses = by_distance(logits, labels)
    assert np.allclose(losses.detach().numpy(), wanted)
    assert (wanted > 0).all()
    losses.sum().backward()
    gradient = -logits.grad.numpy()  # type: ignore[union-attr]
    assert gradient[0, 0] > 0 > gradient[0, 1] and abs(gradient[0, 2]) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind: str, logits: torch.Tensor) -> None:
    criterion = Criterion(Recipe(loss=kind, class_weights=True), LABELS, CPU)  # type: ignore[arg-type]
    criterion._weights = criterion._weights.double()  # type: ignore[union-attr]
    assert torch.autograd.gradcheck(lambda values: criterion(values, LABELS, None), logits.requires_grad_(True), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_count_each_picture_as_its_class_and_validation_leaves_them_out(kind: str, logits: torch.Tensor) -> None:
    plain = Criterion(Recipe(loss=kind), LABELS, CPU)  # type: ignore[arg-type]
    weighted = Criterion(Recipe(loss=kind, class_weights=True), LABELS, CPU)  # type: ignore[arg-type]
    one_by_one = torch.stack([plain(logits[row : row + 1], LABELS[row : row + 1], None) for row in range(len(LABELS))])
    shares = len(LABELS) / (4 * torch.bincount(LABELS)[LABELS].double())
    assert weighted(logits, LABELS, None).item() == pytest.approx((one_by_one * shares).mean().item(), rel=1e-5)
    assert weighted.plain(logits, LABELS).item() == pytest.approx(one_by_one.mean().item(), rel=1e-6)


def test_smoothed_targets_add_up_and_mix() -> None:
    shares = torch.tensor([0.75, 1.0])
    mixed = Mixed(torch.zeros(2, 1, 1, 1), torch.tensor([0, 1]), torch.tensor([2, 2]), shares)
    targets = soft_targets(mixed.labels, mixed, 4, 0.2)
    assert torch.allclose(targets.sum(1), torch.ones(2))
    assert torch.allclose(targets, torch.tensor([[0.65, 0.05, 0.25, 0.05], [0.05, 0.85, 0.05, 0.05]]))


@pytest.mark.parametrize("kind", ["cross-entropy", "squared"])
def test_mixed_pictures_that_are_one_picture_cost_what_it_costs(kind: str, logits: torch.Tensor) -> None:
    recipe = Recipe(loss=kind, label_smoothing=0.1, class_weights=True)  # type: ignore[arg-type]
    criterion = Criterion(recipe, LABELS, CPU)
    whole = Mixed(torch.zeros(7, 1, 1, 1), LABELS, LABELS.flip(0), torch.ones(7))
    scores = logits.float()
    assert criterion(scores, LABELS, whole).item() == pytest.approx(criterion(scores, LABELS, None).item(), rel=1e-5)
    unsmoothed = Criterion(msgspec.structs.replace(recipe, label_smoothing=0.0, class_weights=False), LABELS, CPU)
    assert unsmoothed(scores, LABELS, None).item() == pytest.approx(unsmoothed.plain(scores, LABELS).item(), rel=1e-5)
