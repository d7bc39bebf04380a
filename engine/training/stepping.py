"""One step: augmentation, forward and backward pass, in as many pieces as memory takes, and the optimiser's update."""

from __future__ import annotations

import contextlib
import math
from typing import NamedTuple

import torch
from torch import nn

from engine.control import CancelToken
from engine.data.augmentation import Augment, Mix, Normalise
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

    Attributes
    ----------
    pieces : int
        A step's pictures are shown in so many parts.
    forward : callable
        Answers pictures with logits: the module, or what computes the same faster or on several machines.
    """

    def __init__(self, module: nn.Module, recipe: Recipe, labels: torch.Tensor, normalise: Normalise, arithmetic: Arithmetic) -> None:
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
        size = math.ceil(len(labels) / self.pieces)
        for start in range(0, len(labels), size):
            part = labels[start : start + size]
            share = len(part) / len(labels)
            pictures = self.augment(pixels[start : start + size])
            both = None if self.mix.off else self.mix(pictures, part)
            with torch.autocast(self.device.type, dtype=self.precision) if lowered else contextlib.nullcontext():
                shown = pictures if both is None else both.pictures
                if listening and self.way and start == 0:
                    listened(self.module, shown)
                logits = self.forward(shown).float()
            loss = self.criterion(logits, part, both)
            for head in self.heads:
                loss = loss + head.share * self.criterion(head.taken().float(), part, both)
            loss = loss * share
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            right = (logits.detach().argmax(1) == (part if both is None else larger_share(both))).sum()
            loss_of_all = loss.detach() if loss_of_all is None else loss_of_all + loss.detach()
            hits = right if hits is None else hits + right
            if self.pieces > 1:
                token.check()
        assert loss_of_all is not None and hits is not None
        return Passed(loss_of_all, hits)

    def in_smaller_pieces(self) -> None:
        """Forget what was computed of this step; the next try shows its pictures in twice as many parts."""
        self.optimiser.zero_grad()
        for head in self.heads:
            head.logits = None
        self.pieces *= 2
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


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch says so."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
