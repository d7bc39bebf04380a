"""What a training step minimises, and how many of its answers are right; also for mixed pictures and weighted classes."""

from __future__ import annotations

import torch
from torch.nn import functional

from engine.data.augmentation import Mixed
from engine.training.recipe import Recipe


def class_weights(labels: torch.Tensor) -> torch.Tensor:
    """Weight of each class, float32 [highest label + 1]: N / (K · its pictures), for N pictures of K classes that are present.

    So each class weighs as much as any other, and the mean over the pictures is 1. Classes without pictures get 0.

    Parameters
    ----------
    labels : int64 [N]
        At least one.
    """
    counts = torch.bincount(labels)
    present = counts > 0
    weights = len(labels) / (present.sum() * counts.clamp(min=1).to(torch.float32))
    return torch.where(present, weights, 0.0)


def loss_of(logits: torch.Tensor, labels: torch.Tensor, smoothing: float, weights: torch.Tensor | None) -> torch.Tensor:
    """Mean cross-entropy in nats.

    Parameters
    ----------
    logits : float32 [B, K]
        Scores.
    labels : int64 [B]
        True classes.
    smoothing : float
        Share of certainty spread over all classes.
    weights : float32 or None
        Weight of each class, see `class_weights`; each picture's loss is multiplied by that of its class. The sum is divided by the number
        of pictures, not by their weights: else a batch without rare classes would count like any other.
    """
    if weights is None:
        return functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    return (functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none") * weights[labels]).mean()


def mixed_loss(logits: torch.Tensor, mixed: Mixed, smoothing: float, weights: torch.Tensor | None) -> torch.Tensor:
    """As `loss_of` with targets in which each picture's two classes have their shares; cross-entropy is linear in the target."""
    rows = torch.arange(len(logits), device=logits.device)
    logarithms = logits.log_softmax(dim=1)
    even = logarithms.mean(dim=1)
    total = torch.zeros_like(even)
    for classes, shares in ((mixed.labels, mixed.shares), (mixed.others, 1 - mixed.shares)):
        own = -(1 - smoothing) * logarithms[rows, classes] - smoothing * even
        total = total + own * (shares if weights is None else shares * weights[classes])
    return total.mean()


class Criterion:
    """The recipe's loss for the classes of a training set.

    Parameters
    ----------
    recipe : Recipe
    labels : int64 [N]
        Of the training pictures.
    device : torch.device
        Where logits will be.
    """

    def __init__(self, recipe: Recipe, labels: torch.Tensor, device: torch.device) -> None:
        self._smoothing = recipe.label_smoothing
        weighted = recipe.class_weights and not recipe.balanced_sampling
        self._weights = class_weights(labels).to(device) if weighted else None

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor, mixed: Mixed | None) -> torch.Tensor:
        """Mean loss of float32 [B, K] for int64 [B], or for the two classes of each mixed picture."""
        if mixed is None:
            return loss_of(logits, labels, self._smoothing, self._weights)
        return mixed_loss(logits, mixed, self._smoothing, self._weights)


def larger_share(mixed: Mixed) -> torch.Tensor:
    """The class that more of each picture shows, int64 [B]; a mixed picture is answered right by naming this one."""
    return torch.where(mixed.shares >= 0.5, mixed.labels, mixed.others)
