"""One step: augmentation, forward and backward pass, in as many pieces as memory takes, and the optimiser's update."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Augment, Mix, Mixed, Normalise
from engine.networks.modules.containers import Auxiliary
from engine.training.averaging import Average
from engine.training.checkpoint import State, Stateful, load_optimiser
from engine.training.compiling import listened, through
from engine.training.freezing import is_frozen
from engine.training.losses import Criterion, larger_share
from engine.training.optimisers import make_optimiser, set_rate
from engine.training.precision import Arithmetic
from engine.training.recipe import Recipe
from engine.training.regularising import Gradients
from engine.training.sizes import step_size
from engine.training.team import LONE, Team
from engine.training.team_share import Share, pieces_of, shares_of
from engine.training.telling import Watcher


class Passed(NamedTuple):
    """What a step's passes gave, on the device: the mean loss and the number of right answers, 0-d each."""

    loss: torch.Tensor
    hits: torch.Tensor


class Stepper:
    """All that a step changes.

    Parameters
    ----------
    module : torch.nn.Module
        What learns, on its device.
    recipe : Recipe
    labels : int64 [N]
        Of the training pictures.
    normalise : Normalise
    arithmetic : Arithmetic
    team : Team
        The processes that show a step's pictures.

    Attributes
    ----------
    pieces : int
        A step's pictures are shown in so many parts.
    forward : callable
        Answers pictures with logits: the module, or what computes the same faster or on several machines.
    careful : bool
        Whether the processes of a team speak with each other only after their passes: so that all learn of it where memory runs out in
        one, as it would in the first step. Where batch norm is shared they speak within.
    """

    def __init__(
        self,
        module: nn.Module,
        recipe: Recipe,
        labels: torch.Tensor,
        normalise: Normalise,
        arithmetic: Arithmetic,
        team: Team = LONE,
    ) -> None:
        self.device = next(module.parameters()).device
        self.module, self.way = module, arithmetic.way
        self.forward = through(module, self.way)
        self.augment = Augment(normalise, recipe.augmentation, recipe.seed, self.device)
        self.mix = Mix(recipe.augmentation, recipe.seed, self.device)
        self.criterion = Criterion(recipe, labels, self.device)
        self.optimiser = make_optimiser(module, recipe, self.device)
        self.gradients = Gradients(module, recipe)
        self.average = Average(module, recipe.ema) if recipe.ema else None
        self.precision = arithmetic.precision
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision is torch.float16)
        self.heads = [part for part in module.modules() if isinstance(part, Auxiliary) and not is_frozen(part)]
        self.pieces = recipe.accumulate
        self.team, self.batch = team, step_size(recipe, len(labels))
        self.careful = not team.lone and not team.shares_norms
        self._spread: nn.Module | None = None
        self._learning: tuple[bool, ...] = ()
        self._before: dict[str, State] = {}

    def own(self, rows: torch.Tensor) -> torch.Tensor:
        """Of the pictures of a step, int64 [B], those that this process shows."""
        if self.team.lone:
            return rows
        needed, _ = self._shares()
        return rows[torch.from_numpy(needed).to(rows.device)]

    def passes(self, pixels: torch.Tensor, labels: torch.Tensor, token: CancelToken, listening: bool = False) -> Passed:
        """Forward and backward: the gradients of the mean loss are there afterwards.

        Parameters
        ----------
        pixels : uint8 [B, C, H, W]
            Of the step's pictures, on the device.
        labels : int64 [B]
            Theirs.
        token : CancelToken
            Checked between pieces.
        listening : bool
            Whether somebody listens to the module's layers.
        """
        lowered = self.precision is not torch.float32
        loss_of_all, hits = None, None
        forward, shares = self._prepared(len(labels))
        for number, share in enumerate(shares):
            part = labels[share.taken]
            pictures = self.augment(pixels[share.taken], share.portion)
            both = None if self.mix.off else self.mix(pictures, part, share.portion)
            if both is not None and share.spare:
                both, part = Mixed(*(values[share.spare :] for values in both)), part[share.spare :]
            with self._apart(last=number == len(shares) - 1):
                with torch.autocast(self.device.type, dtype=self.precision) if lowered else contextlib.nullcontext():
                    shown = pictures if both is None else both.pictures
                    if listening and self.way and number == 0:
                        listened(self.module, shown)
                    logits = forward(shown).float()
                loss = self.criterion(logits, part, both)
                for head in self.heads:
                    loss = loss + head.share * self.criterion(head.taken().float(), part, both)
                loss = loss if share.weight == 1 else loss * share.weight
                whole = loss if self.team.lone else loss * self.team.size  # of which the mean over the processes is taken
                self.scaler.scale(whole).backward()  # type: ignore[no-untyped-call]
            right = (logits.detach().argmax(1) == (part if both is None else larger_share(both))).sum()
            loss_of_all = loss.detach() if loss_of_all is None else loss_of_all + loss.detach()
            hits = right if hits is None else hits + right
            if self.pieces > 1:
                token.check()
        assert loss_of_all is not None and hits is not None
        return Passed(loss_of_all, hits)

    def of_all(self, passed: Passed) -> Passed:
        """What the passes of all processes gave together; their gradients are those of all, too."""
        if self.team.lone:
            return passed
        if self.careful:
            self.team.mean_gradients(self.module)
            self.careful = False
        loss, hits = self.team.sum(torch.stack([passed.loss.float(), passed.hits.float()]))
        return Passed(loss, hits)

    def in_smaller_pieces(self) -> None:
        """Forget what was computed of this step; the next try shows its pictures in twice as many parts."""
        self.optimiser.zero_grad()
        for head in self.heads:
            head.logits = None
        self.pieces *= 2
        for name, state in self._before.items():  # the processes of a team may have come differently far
            self.parts()[name].load_state_dict(state)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def update(self, step: int, rate: float, watcher: Watcher) -> None:
        """The optimiser's step, counted from 1, with the gradients that are there."""
        watcher.gradients(step, self.scaler.get_scale)
        if self.gradients.changed:
            self.scaler.unscale_(self.optimiser)
            self.gradients.change()
        set_rate(self.optimiser, rate)
        self.scaler.step(self.optimiser)
        watcher.stepped(step)
        self.scaler.update()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update()

    def parts(self) -> dict[str, Stateful]:
        """What has a past besides the module."""
        parts: dict[str, Stateful] = {"optimiser": self.optimiser, "scaler": self.scaler, "augment": self.augment, "mix": self.mix}
        return parts if self.average is None else {**parts, "average": self.average}

    def load(self, states: State) -> None:
        """Give those their past back."""
        for name, part in self.parts().items():
            if part is self.optimiser:
                load_optimiser(self.optimiser, states[name])
            else:
                part.load_state_dict(states[name])

    def _prepared(self, count: int) -> tuple[Callable[[torch.Tensor], torch.Tensor], list[Share]]:
        """What computes logits in this step, and what it is shown of the pictures at hand, of which there are so many."""
        if self.team.lone:
            return self.forward, [Share(piece, None, 0, (piece.stop - piece.start) / count) for piece in pieces_of(count, self.pieces)]
        learning = tuple(parameter.requires_grad for parameter in self.module.parameters())
        if self._spread is None or learning != self._learning:
            self._spread = None
            gc.collect()  # takes the hooks of the one before away
            self._spread, self._learning = self.team.spread(self.module), learning
            self.careful = not self.team.shares_norms
        self._before = {name: self.parts()[name].state_dict() for name in ("augment", "mix")} if self.careful else {}
        return self._spread, self._shares()[1]

    def _shares(self) -> tuple[np.ndarray, list[Share]]:
        return shares_of(self.batch, self.pieces, self.team.rank, self.team.size, not self.mix.off)

    def _apart(self, last: bool) -> AbstractContextManager[None]:
        """Gradients are not sent before the last piece; in a careful step not at all."""
        if self._spread is None or (last and not self.careful):
            return contextlib.nullcontext()
        context: AbstractContextManager[None] = self._spread.no_sync()  # type: ignore[operator]
        return context


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch says so."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
