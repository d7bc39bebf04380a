"""Loss, accuracy and learning rate of every step: they stay on the device until somebody is told of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from engine.training.checkpoint import State


class Fetched(NamedTuple):
    """Figures of the steps from `first` (counted from 1) on, float32 [n], and of the step after them its loss where that is no number."""

    first: int
    losses: np.ndarray
    accuracies: np.ndarray
    bad: float | None


class Figures:
    """Of one training.

    Parameters
    ----------
    steps : int
        Of the whole run; `make_room` for more.
    batch : int
        Pictures of a step.
    device : torch.device

    Attributes
    ----------
    losses, accuracies, rates : float32 [steps] or longer
        Of the steps that were fetched; rates of all that were begun.
    told : int
        Steps that were fetched.
    """

    def __init__(self, steps: int, batch: int, device: torch.device) -> None:
        self._batch = batch
        self._losses, self._hits = torch.zeros(steps, device=device), torch.zeros(steps, device=device)
        self.losses, self.accuracies, self.rates = (np.zeros(steps, np.float32) for _ in range(3))
        self.told = 0

    def put(self, step: int, loss: torch.Tensor, hits: torch.Tensor) -> None:
        """A step's mean loss and number of right answers, 0-d, on the device; steps count from 0."""
        self._losses[step] = loss
        self._hits[step] = hits

    def finite(self, step: int) -> bool:
        """Whether a step's loss is a number."""
        return bool(self._losses[step].isfinite())

    def fetch(self, step: int) -> Fetched:
        """Fetch the figures of the steps before `step` that nobody has been told of yet."""
        losses = self._losses[self.told : step].cpu().numpy().copy()
        accuracies = self._hits[self.told : step].cpu().numpy() / np.float32(self._batch)
        self.losses[self.told : step], self.accuracies[self.told : step] = losses, accuracies
        bad = np.flatnonzero(~np.isfinite(losses))
        good = int(bad[0]) if len(bad) else len(losses)
        first, self.told = self.told + 1, self.told + good
        return Fetched(first, losses[:good], accuracies[:good], float(losses[good]) if len(bad) else None)

    def make_room(self, steps: int) -> None:
        """For the figures of so many steps at least."""
        lacking = steps - len(self.rates)
        if lacking > 0:
            self._losses, self._hits = (nn.functional.pad(figures, (0, lacking)) for figures in (self._losses, self._hits))
            self.losses, self.accuracies, self.rates = (np.pad(some, (0, lacking)) for some in (self.losses, self.accuracies, self.rates))

    def state_dict(self, done: int) -> State:
        """Those of the steps that are done."""
        names = ("losses", self.losses), ("accuracies", self.accuracies), ("rates", self.rates)
        return {name: figures[:done].copy() for name, figures in names}

    def load_state_dict(self, state: State, done: int) -> None:
        """Have those of an earlier training."""
        self.told = done
        self.losses[:done], self.accuracies[:done], self.rates[:done] = state["losses"], state["accuracies"], state["rates"]
