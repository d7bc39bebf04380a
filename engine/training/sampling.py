"""In which order training pictures are shown: endless batches, decided by the seed alone, whose place can be kept and found again.

The place is the state of the generator before the pass at hand was drawn, what the pass before had left over, and how many batches of
this pass are taken: so going on costs one draw, however many passes have gone by.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple, Protocol

import torch

REMEMBERED = 256  # batches: whoever reads ahead reads less far


class Passes(Protocol):
    """Row numbers in random order, one pass over the pictures after the other."""

    def draw(self) -> torch.Tensor:
        """The next pass, int64 [n]."""

    def state_dict(self) -> dict[str, Any]:
        """All that the passes to come depend on; tensors and plain values, which nobody changes later."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""


class _Block(NamedTuple):
    """Full batches that were cut at once: the number of the first, the state of the passes before, what had been left over before."""

    first: int
    before: dict[str, Any]
    rest: torch.Tensor


class Batches:
    """Batches of row numbers, int64 [batch] each, without end: passes, one after the other, cut into full batches.

    Parameters
    ----------
    passes : Passes
        Drawn from when a batch needs them.
    batch : int
        Pictures a step.
    device : torch.device
        Where the row numbers are wanted.
    """

    def __init__(self, passes: Passes, batch: int, device: torch.device) -> None:
        self._passes, self._batch, self._device = passes, batch, device
        self._left = torch.zeros(0, dtype=torch.int64, device=device)
        self._blocks: deque[_Block] = deque()
        self._taken = 0  # batches so far
        self._draw()

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> torch.Tensor:
        while self._taken == self._blocks[-1].first + len(self._whole):
            self._draw()
        self._taken += 1
        return self._whole[self._taken - 1 - self._blocks[-1].first]

    def place(self, shown: int | None = None) -> dict[str, Any]:
        """Where the stream stands, in a few kilobytes, and as many numbers as pictures wait where classes come equally often.

        Parameters
        ----------
        shown : int or None
            As it stood when so many batches had been taken, for those that read ahead, at most REMEMBERED; None: as it stands.
        """
        number = self._taken if shown is None else shown
        block = next((block for block in reversed(self._blocks) if block.first <= number), None)
        if block is None:
            raise ValueError(f"batch {number} is forgotten")
        return {"passes": block.before, "rest": block.rest.cpu(), "first": block.first, "taken": number}

    def go_to(self, place: dict[str, Any]) -> None:
        """Go on from such a place.

        Raises
        ------
        ValueError
            If it is one among other pictures or in batches of another size.
        """
        self._passes.load_state_dict(place["passes"])
        self._left, self._taken = place["rest"].to(self._device), int(place["first"])
        if len(self._left) >= self._batch:
            raise ValueError("a place in larger batches")
        self._blocks.clear()
        self._draw()
        taken = int(place["taken"])
        if not 0 <= taken - self._taken <= len(self._whole):
            raise ValueError("a place in smaller batches")
        self._taken = taken

    def _draw(self) -> None:
        self._blocks.append(_Block(self._taken, self._passes.state_dict(), self._left))
        while len(self._blocks) > 1 and self._blocks[1].first <= self._taken - REMEMBERED:
            self._blocks.popleft()
        rows = torch.cat([self._left, self._passes.draw().to(self._device)])
        whole = len(rows) // self._batch * self._batch
        self._whole, self._left = rows[:whole].view(-1, self._batch), rows[whole:]


def stream(count: int, batch: int, seed: int, device: torch.device) -> Batches:
    """Batches of permutations of all rows, of which there are `count`."""
    return Batches(_Permutations(count, seed), batch, device)


def balanced_stream(labels: torch.Tensor, batch: int, seed: int, device: torch.device) -> Batches:
    """As `stream`, but every class comes equally often.

    As many pictures as there are make one pass. Each class present has an equal part of it, to within one picture, and goes through its
    own pictures in permutations, one after the other: of a rare class each picture is shown several times a pass, of a common one some
    only in a later pass.

    Parameters
    ----------
    labels : int64 [N]
        Classes of the training pictures.
    batch : int
        Pictures a step.
    seed : int
        Seeds a generator of its own.
    device : torch.device
        Where the row numbers are wanted.
    """
    return Batches(_Balanced(labels.cpu(), seed), batch, device)


class _Permutations:
    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self) -> torch.Tensor:
        return torch.randperm(self._count, generator=self._generator)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.get_state(), "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if int(state["count"]) != self._count:
            raise ValueError("a place among other pictures")
        self._generator.set_state(state["generator"])


class _Balanced:
    def __init__(self, labels: torch.Tensor, seed: int) -> None:
        self._count = len(labels)
        self._generator = torch.Generator().manual_seed(seed)
        self._classes = [torch.nonzero(labels == label).flatten() for label in torch.unique(labels)]
        self._waiting = [rows[:0] for rows in self._classes]

    def draw(self) -> torch.Tensor:
        whole, spare = divmod(self._count, len(self._classes))
        lucky = set(torch.randperm(len(self._classes), generator=self._generator)[:spare].tolist())
        parts = []
        for number, rows in enumerate(self._classes):
            wanted, waiting = whole + (number in lucky), self._waiting[number]
            while len(waiting) < wanted:
                waiting = torch.cat([waiting, rows[torch.randperm(len(rows), generator=self._generator)]])
            parts.append(waiting[:wanted])
            self._waiting[number] = waiting[wanted:]
        shown = torch.cat(parts)
        return shown[torch.randperm(len(shown), generator=self._generator)]

    def state_dict(self) -> dict[str, Any]:
        lengths = [len(rows) for rows in self._waiting]
        return {"generator": self._generator.get_state(), "waiting": torch.cat(self._waiting), "lengths": lengths, "count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if int(state["count"]) != self._count or len(state["lengths"]) != len(self._classes):
            raise ValueError("a place among other pictures")
        self._generator.set_state(state["generator"])
        self._waiting = list(state["waiting"].split([int(length) for length in state["lengths"]]))
