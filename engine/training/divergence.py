"""Where a training began to go wrong: the last steps once more, with an eye on every layer."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from engine.control import Cancelled
from engine.training.freezing import to_training
from engine.training.telling import Unheard

if TYPE_CHECKING:
    from engine.training.loop import _Run

LOOKED_AT = 2  # steps: the one whose loss is no number, and the one whose update may have led there
PATIENCE = 60.0  # seconds that going through the steps again may take


class Origin(NamedTuple):
    """The first values that are no finite numbers: at which step (from 1), in which layer, and what they are."""

    step: int
    layer: str
    what: str


def sentence(run: _Run, step: int) -> str:
    """Where it began, as a sentence with a blank before it; "" where that cannot be told.

    The steps are done again, so the training must be put back into a good state afterwards.

    Parameters
    ----------
    run : _Run
        In a state before that step.
    step : int
        The first whose loss is no finite number, from 1.
    """
    watcher, looking = run.watcher, _Looking(run.module, scaled=run.stepper.scaler.is_enabled())
    run.watcher = looking
    try:
        if not _again(run, looking, step):
            return ""
    except Cancelled:
        return ""
    finally:
        run.watcher = watcher
    origin = looking.origin
    if origin is None:
        return "" if run.figures.finite(step - 1) else " It began in the loss itself."
    return f" It began at step {origin.step} in {origin.layer}, whose {origin.what} were no finite numbers any more."


def _again(run: _Run, looking: _Looking, step: int) -> bool:
    """Whether it came as far as that step, or found something before."""
    begun, number = time.perf_counter(), 0
    batches = run.feed.ahead(run.order)
    while run.done < step and looking.origin is None:
        run.token.check()
        if time.perf_counter() - begun > PATIENCE:
            return False
        epoch = run.done // run.steps_per_epoch + 1
        if epoch != number:
            number = epoch
            run.thawing.at(number)
            to_training(run.module)
        looking.closely = run.done + LOOKED_AT >= step
        run.set_rate(run.done, run.seconds)
        run.step(run.done, *run.feed.batch(next(batches)))
        run.done += 1
    return True


class _Looking(Unheard):
    """A watcher that looks into steps and tells nobody."""

    def __init__(self, module: nn.Module, scaled: bool) -> None:
        self._module, self._scaled = module, scaled
        self.closely = False
        self.origin: Origin | None = None

    @contextlib.contextmanager
    def watching(self, step: int) -> Iterator[bool]:
        """Look at what layers give, inner ones before those that hold them."""
        handles = []
        if self.closely:
            for name, part in self._module.named_modules():
                if name:
                    handles.append(part.register_forward_hook(self._hook(step, name)))
        try:
            yield self.closely
        finally:
            for handle in handles:
                handle.remove()

    def gradients(self, step: int, scale: Callable[[], float]) -> None:
        """Look at gradients in the order in which they came; those of scaled losses may overflow, which is provided for."""
        if self.closely and not self._scaled:
            gradients = [(name, parameter.grad) for name, parameter in self._module.named_parameters()]
            self._look(step, reversed(gradients), "gradients")

    def stepped(self, step: int) -> None:
        """Look at the weights after the update."""
        if self.closely:
            self._look(step, list(self._module.named_parameters()), "weights")

    def _hook(self, step: int, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(part: nn.Module, given: Any, answer: Any) -> None:
            if self.origin is None and isinstance(answer, torch.Tensor) and not bool(answer.isfinite().all()):
                self.origin = Origin(step, name, "activations")

        return hook

    def _look(self, step: int, named: Any, what: str) -> None:
        for name, value in named:
            if self.origin is None and value is not None and not bool(value.isfinite().all()):
                self.origin = Origin(step, name.rpartition(".")[0] or name, what)
