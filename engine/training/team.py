"""The processes that train together, as the rest of the training sees them: usually one, by itself.

Each shows its share of every step's pictures. The first one leads: it decides, measures and writes; the others follow it from step to
step, so that nobody waits for somebody who has stopped. `torchrun` starts them, see `engine.training.team_group`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import torch
from torch import nn

from engine.training.launched import together


class Ended(Exception):
    """The leader has ended the training."""


class Team:
    """One process by itself; `engine.training.team_group.Group` is several.

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and how many there are.
    shares_norms : bool
        Whether batch norm speaks with the other processes within a pass.
    """

    rank, size = 0, 1
    shares_norms = False

    @property
    def lone(self) -> bool:
        """Whether there is but this process."""
        return self.size == 1

    @property
    def leads(self) -> bool:
        """Whether this process decides, measures and writes."""
        return self.rank == 0

    def device(self, wanted: str) -> str:
        """The device of this process, for a recipe that wants this one."""
        return wanted

    def threads(self, all_of_them: int) -> int:
        """CPU threads for this process, of so many that its machine has."""
        return all_of_them

    def settle(self, device: torch.device) -> None:
        """Agree on the kind of device, before the first step."""

    def in_turn(self) -> AbstractContextManager[None]:
        """Within it the first process of each machine comes first, so that the others find on disk what it has made."""
        return contextlib.nullcontext()

    def from_leader(self, make: Callable[[], bytes]) -> bytes:
        """What the leader makes; nobody else makes it. Its UserError ends all."""
        return make()

    def check_same(self, facts: bytes, sentence: str) -> None:
        """Raise UserError where others have other facts."""

    def at_step(self, rate: float) -> float:
        """The learning rate of the step that all begin now, which is the leader's.

        Raises
        ------
        Ended
            If the leader has ended the training.
        """
        return rate

    def end(self) -> None:
        """The leader ends the training; for others nothing."""

    def seed(self, seed: int, step: int) -> None:
        """Let torch's global generator draw other numbers in each process: dropout draws from it."""

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return flag

    def spread(self, module: nn.Module) -> nn.Module:
        """The module such that gradients of the backward pass are means over all processes; parameters that learn must stay the same."""
        return module

    def mean_gradients(self, module: nn.Module) -> None:
        """As `spread` does, for gradients that were computed without it."""

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over all processes, on the device; may be done in place."""
        return values

    def share_norms(self, module: nn.Module) -> None:
        """Let batch norm take mean and deviation of the whole batch, in place."""

    def close(self) -> None:
        """Leave."""


LONE = Team()


@contextlib.contextmanager
def joined() -> Iterator[Team]:
    """The team that this process was started for; by itself where it was started alone.

    Raises
    ------
    UserError
        If the others cannot be reached, or one of them has gone.
    """
    if not together() or os.environ["WORLD_SIZE"] == "1":
        yield LONE
        return
    from engine.training.team_group import Group, gone

    team = Group.join()
    try:
        yield team
    except RuntimeError as error:
        raise gone(error) or error from None
    team.close()  # not after a failure: the others, who may wait for something else, learn of it as this process ends
