"""MixUp and CutMix: pictures of a batch shown as two at once, and learned as both.

Zhang et al., mixup: Beyond Empirical Risk Minimization, 2017; Yun et al., CutMix, 2019. Shares are drawn for each picture by itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from engine.data.augmentation.geometry import inside
from engine.data.augmentation.portion import Portion
from engine.training.recipe import Augmentation


class Mixed(NamedTuple):
    """A batch of mixed pictures.

    Attributes
    ----------
    pictures : float32 [B, C, H, W]
    labels, others : int64 [B]
        The two classes of each picture.
    shares : float32 [B]
        How much of it is of `labels`, in [0, 1]; the rest is of `others`.
    """

    pictures: torch.Tensor
    labels: torch.Tensor
    others: torch.Tensor
    shares: torch.Tensor


class Mix:
    """Mixes each picture of a batch with the one before it; batches are in random order.

    Parameters
    ----------
    augmentation : Augmentation
        Its mixup and cutmix; where both are on, each batch takes one of them.
    seed : int
        Seeds a generator on the host, so that shares are the same on every device.
    device : torch.device
    """

    def __init__(self, augmentation: Augmentation, seed: int, device: torch.device) -> None:
        self._kinds = tuple(kind for kind in ("mixup", "cutmix") if getattr(augmentation, kind) > 0)
        self._augmentation = augmentation
        self._device = device
        self._choices = np.random.default_rng([seed, 2])

    @property
    def off(self) -> bool:
        """Whether nothing is mixed."""
        return not self._kinds

    def __call__(self, pictures: torch.Tensor, labels: torch.Tensor, portion: Portion | None = None) -> Mixed:
        """Mix float32 [B, C, H, W] of classes int64 [B]; the pictures may be normalised or not.

        `portion` says which pictures of a batch these are, all of it by default. Of a part the first serves as the one before the second,
        and what comes of it by itself is of no use.
        """
        these = portion or Portion(len(pictures))
        kind = self._kinds[int(self._choices.integers(len(self._kinds)))]
        alpha = getattr(self._augmentation, kind)
        shares = these.of_array(self._choices.beta(alpha, alpha, these.whole))
        if kind == "mixup":
            taken = self._floats(shares)
            mixed = mix_up(pictures, taken)
        else:
            middles = (these.of_array(drawn) for drawn in self._choices.random((2, these.whole)))
            mixed, taken = cut_mix(pictures, *(self._floats(values) for values in (shares, *middles)))
        return Mixed(mixed, labels, labels.roll(1), taken)

    def state_dict(self) -> dict[str, Any]:
        """What the mixtures to come depend on."""
        return {"choices": self._choices.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._choices.bit_generator.state = state["choices"]

    def _floats(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self._device, non_blocking=True)


def mix_up(pictures: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Each picture times its share, and the one before it times the rest."""
    return pictures.roll(1, dims=0).lerp_(pictures, shares.view(-1, 1, 1, 1))


def cut_mix(pictures: torch.Tensor, shares: torch.Tensor, downs: torch.Tensor, acrosses: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A rectangle of the picture before laid over each picture.

    Parameters
    ----------
    pictures : float32 [B, C, H, W]
        Not changed.
    shares : float32 [B]
        Wanted share of the picture itself. The rectangle has the picture's shape and is cut off at the border.
    downs, acrosses : float32 [B]
        Its middle, in [0, 1) of the sides.

    Returns
    -------
    tuple of tensors
        The pictures, and the share of each that is truly left, counted in pixels, float32 [B].
    """
    height, width = pictures.shape[2:]
    sides = (1 - shares).clamp(min=0).sqrt()
    edges = []
    for middle, length in ((downs, height), (acrosses, width)):
        half = sides * length / 2
        edges += [(middle * length + sign * half).round().clamp(0, length).long() for sign in (-1, 1)]
    top, bottom, left, right = edges
    covered = ((bottom - top) * (right - left)).to(torch.float32) / (height * width)
    return torch.where(inside(height, width, top, bottom, left, right), pictures.roll(1, dims=0), pictures), 1 - covered
