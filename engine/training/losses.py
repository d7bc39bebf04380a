"""What a training step minimises, and how many of its answers are right; also for mixed pictures and weighted classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from engine.data.augmentation import Mixed
from engine.training.recipe import Recipe

FAR = 10.0
"""j of equation 9: classes farther than this are not pushed on. The paper leaves it open; wrong codes of LeNet-5 are about 18 away."""


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


def squared(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Half the squared distance of logits to targets, float32 [B], both float32 [B, K]: its gradient is their difference."""
    return 0.5 * (logits - targets).square().sum(dim=1)


def hinge(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum over the wrong classes of what is missing to a margin of 1 below the right one, float32 [B].

    Weston and Watkins 1999, with a margin of 1 as is usual now.
    """
    own = logits.gather(1, labels[:, None])
    return (1 + logits - own).clamp(min=0).sum(dim=1) - 1


def focal(logits: torch.Tensor, labels: torch.Tensor, exponent: float) -> torch.Tensor:
    """-(1 - p)^exponent · log p for the true class's probability p, float32 [B] (Lin et al. 2017, equation 4, for many classes)."""
    logarithms = logits.log_softmax(dim=1).gather(1, labels[:, None])[:, 0]
    # at p = 1 the derivative of (1 - p)^exponent is infinite for exponents below 1
    missing = (-torch.expm1(logarithms)).clamp(min=torch.finfo(logits.dtype).tiny)
    return -(missing**exponent) * logarithms


def by_distance(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The criterion of LeNet-5, float32 [B]: y_d + log(e^-j + Σ e^-y_i) for distances y to each class's code, d being the true class.

    LeCun et al. 1998, equation 9: the distance to the right code is pulled down, those to wrong codes are pushed up as far as j.

    Parameters
    ----------
    logits : float32 [B, K]
        Minus the distances.
    labels : int64 [B]
        True classes.
    """
    floor = torch.full_like(logits[:, :1], -FAR)
    return torch.cat((logits, floor), dim=1).logsumexp(dim=1) - logits.gather(1, labels[:, None])[:, 0]


def soft_targets(labels: torch.Tensor, mixed: Mixed | None, classes: int, smoothing: float) -> torch.Tensor:
    """What the squared loss aims at, float32 [B, K]: shares of each picture's classes, with `smoothing` of them spread over all."""
    sharp = functional.one_hot(labels, classes).to(torch.float32)
    if mixed is not None:
        others = functional.one_hot(mixed.others, classes).to(torch.float32)
        sharp = mixed.shares[:, None] * sharp + (1 - mixed.shares)[:, None] * others
    return (1 - smoothing) * sharp + smoothing / classes


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
        self._kind, self._smoothing = recipe.loss, recipe.label_smoothing
        weighted = recipe.class_weights and not recipe.balanced_sampling
        self._weights = class_weights(labels).to(device) if weighted else None
        exponent = recipe.focal
        self._sharp: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
            "hinge": hinge,
            "focal": lambda logits, labels: focal(logits, labels, exponent),
            "rbf": by_distance,
            "squared": lambda logits, labels: squared(logits, soft_targets(labels, None, logits.shape[1], 0.0)),
        }

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor, mixed: Mixed | None) -> torch.Tensor:
        """Mean loss of float32 [B, K] for int64 [B], or for the two classes of each mixed picture."""
        if self._kind == "cross-entropy":
            if mixed is None:
                return loss_of(logits, labels, self._smoothing, self._weights)
            return mixed_loss(logits, mixed, self._smoothing, self._weights)
        if self._kind == "squared":
            losses = squared(logits, soft_targets(labels, mixed, logits.shape[1], self._smoothing))
        else:
            losses = self._sharp[self._kind](logits, labels)
        return (losses if self._weights is None else losses * self._weights_of(labels, mixed)).mean()

    def plain(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The same kind of loss without smoothing and weights: what validation measures. float32 [B, K], int64 [B]; any device."""
        if self._kind == "cross-entropy":
            return functional.cross_entropy(logits, labels)
        return self._sharp[self._kind](logits, labels).mean()

    def _weights_of(self, labels: torch.Tensor, mixed: Mixed | None) -> torch.Tensor:
        assert self._weights is not None
        own = self._weights[labels]
        return own if mixed is None else mixed.shares * own + (1 - mixed.shares) * self._weights[mixed.others]


def larger_share(mixed: Mixed) -> torch.Tensor:
    """The class that more of each picture shows, int64 [B]; a mixed picture is answered right by naming this one."""
    return torch.where(mixed.shares >= 0.5, mixed.labels, mixed.others)
