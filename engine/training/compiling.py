"""A network's forward and backward pass as one piece for the device: CUDA graphs, or what torch.compile makes of it.

Which of them pays is measured when a training begins, on CUDA devices alone. On CPUs it never is: what torch.compile makes there takes
half a minute to a minute and a half to build and computed convolutional networks at 0.7 to 1.2 times the speed, and the same seed should
give the same bits on a busy and on a quiet machine.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from engine.networks.modules.containers import Auxiliary
from engine.training.precision import TIMED_STEPS, Arithmetic, seconds_of

log = logging.getLogger("fovea.compiling")

GRAPHS, COMPILED = "CUDA graphs", "torch.compile"
WAYS = ("", GRAPHS, COMPILED)
GAIN = 1.1  # so much faster a way must be to be taken
LONG = 300.0  # seconds that a training must take for building to be worth its minute
BACKEND = "inductor"


def choose(module: nn.Module, pictures: torch.Tensor, labels: torch.Tensor, arithmetic: Arithmetic, steps: int) -> tuple[str, float]:
    """Choose a way for a module and batches of this size; neither the module nor torch's generators are changed.

    Parameters
    ----------
    module : torch.nn.Module
        On the device, as it will train.
    pictures, labels : float32 [B, C, H, W], int64 [B]
        On the device.
    arithmetic : Arithmetic
        As chosen before.
    steps : int
        Of the whole training.

    Returns
    -------
    str
        One of WAYS.
    float
        How many times as fast as without: 1.0 for none.
    """
    device = pictures.device
    if device.type != "cuda" or any(isinstance(part, Auxiliary) for part in module.modules()):
        return "", 1.0
    with torch.random.fork_rng(devices=[device]):
        plain = seconds_of(module, pictures, labels, arithmetic)
        best, least = "", plain
        for way in (GRAPHS, COMPILED):
            if way == COMPILED and plain / TIMED_STEPS * steps < LONG:
                continue
            with tolerated(way):
                seconds = seconds_of(module, pictures, labels, arithmetic, partial(through, way=way))
                if seconds * GAIN < least:
                    best, least = way, seconds
    return best, plain / least


@contextlib.contextmanager
def tolerated(way: str) -> Iterator[None]:
    """A way that a network, a driver or a missing compiler forbids is none; the log tells why."""
    try:
        yield
    except (RuntimeError, OSError, ImportError, TypeError, AttributeError, AssertionError) as error:  # torch.compile raises of all kinds
        log.info("%s cannot be used here: %s", way, str(error).split("\n")[0])
        torch.cuda.empty_cache()


def through(module: nn.Module, way: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """What answers pictures with logits in a step, one of WAYS; the module itself is for everything else."""
    if way == GRAPHS:
        return Graphed(module)
    if way == COMPILED:
        answer: Callable[[torch.Tensor], torch.Tensor] = torch.compile(module, backend=BACKEND, dynamic=False)
        return answer
    return module


class Graphed:
    """A module whose passes are recorded at the first batch and replayed for all of the same shape, without the CPU's part of the work.

    Parameters
    ----------
    module : torch.nn.Module
        On a CUDA device; without side outputs.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._recorded: _Shell | None = None
        self._shape = torch.Size()

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures float32 [B, C, H, W] to logits [B, K]."""
        if self._recorded is None:
            self._recorded, self._shape = self._record(pictures), pictures.shape
        answer: torch.Tensor = (self._recorded if pictures.shape == self._shape else self._module)(pictures)
        return answer

    def _record(self, pictures: torch.Tensor) -> _Shell:
        shell = _Shell(self._module)
        kind = pictures.device.type
        lowered = torch.is_autocast_enabled(kind)
        buffers = [(buffer, buffer.clone()) for buffer in self._module.buffers()]  # recording shows the batch some times
        format_ = torch.autocast(kind, dtype=torch.get_autocast_dtype(kind), enabled=lowered, cache_enabled=False)
        with torch.random.fork_rng(devices=[pictures.device]), format_:
            torch.cuda.make_graphed_callables(shell, (pictures.clone(),), allow_unused_input=True)
        for buffer, before in buffers:
            buffer.copy_(before)
        return shell


class _Shell(nn.Module):
    """Holds what torch changes about a module whose passes it records."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """As the module inside."""
        answer: torch.Tensor = self.inner(pictures)
        return answer


def listened(module: nn.Module, pictures: torch.Tensor) -> None:
    """Show a batch to the module itself, so that those who listen to its layers hear them; nothing of it is changed by that.

    Recorded and compiled passes run past everyone who listens.

    Parameters
    ----------
    module : torch.nn.Module
        In training mode.
    pictures : float32 [B, C, H, W]
        On its device.
    """
    own = {name: buffer.clone() for name, buffer in module.named_buffers()}
    devices = [pictures.device] if pictures.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        torch.func.functional_call(module, own, (pictures,))
