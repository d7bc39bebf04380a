"""How the layers of a running training fare: gradients, weights, updates and activations, measured on some of its steps.

The figures are those of the training's own step: hooks hear what its activations answer in its own forward pass, and gradients are read
after its own backward pass. So nothing is computed a second time, batch norm is seen in the state that it learns in, no buffer is
touched, and nothing is drawn from any generator: weights come out the same, bit for bit, whether anyone looks or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import numpy as np
import psutil
import torch
from torch import nn

from engine.messages import LayerStatistics
from engine.networks.modules.containers import Auxiliary
from engine.networks.modules.historic import ScaledTanh

FIRST_STEPS = frozenset((1, 2, 5, 10))
BETWEEN = 1.0  # seconds at least between two looks
MOST_COST = 0.0075  # share of the training's time that looks may take
BINS = 32
PICTURES = 32  # of a batch, whose maps are looked at; flat layers are looked at for all pictures, of which few make a unit answer
WEIGHTS_COMPARED = 65_536  # of a layer, evenly spread, by which its update is measured
VALUES_COUNTED = 4096  # of a layer, evenly spread, for histograms and deviations
SATURATED = 0.05  # of a sigmoid's or tanh's steepest slope

RECTIFIED = (nn.ReLU, nn.ReLU6)
SQUASHING = (nn.Sigmoid, nn.Tanh, ScaledTanh)
ACTIVATIONS = (
    *RECTIFIED,
    *SQUASHING,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    nn.Hardswish,
    nn.Hardsigmoid,
)


class _Heard(NamedTuple):
    """What one activation answered: share of dead units, share of saturated answers, deviation (0-d each), and some of the answers."""

    dead: torch.Tensor
    saturated: torch.Tensor
    deviation: torch.Tensor
    values: torch.Tensor


class _Figures(NamedTuple):
    """What was measured in one step, on the device: norms, ratios and states one after the other; values with how many each layer has."""

    step: int
    figures: torch.Tensor
    values: torch.Tensor
    counts: list[int]


class Observer:
    """Looks at some steps of a training: the first ones, then about one a second, fewer where looking is dear.

    A step is looked at by `wants`, and where that is True `listening` around its forward and backward pass, `gradients` after it and
    before anything changes them, `stepped` after the optimiser's step. Figures stay on the device until `taken` fetches them.

    Attributes
    ----------
    seconds : float
        What looking has cost so far.
    """

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self._device = device
        auxiliary = {part for head in module.modules() if isinstance(head, Auxiliary) for part in head.modules()}
        parts = [(name, part) for name, part in module.named_modules() if part not in auxiliary]
        self._weighty = [(name, weights) for name, part in parts if (weights := _weights_of(part))]
        self._activations = [(name, part) for name, part in parts if isinstance(part, ACTIVATIONS)]
        self._heard: dict[str, _Heard] = {}
        self._norms: tuple[torch.Tensor, torch.Tensor] | None = None
        self._before: list[torch.Tensor] = []
        self._ready: list[_Figures] = []
        self._last = 0.0
        self._cost = 0.0
        self.seconds = 0.0

    def wants(self, step: int, last: bool = False) -> bool:
        """Whether to look at this step, counted from 1; the last one is looked at in any case, since it is what remains."""
        if not self._weighty:
            return False
        return last or step in FIRST_STEPS or time.perf_counter() - self._last >= max(BETWEEN, self._cost / MOST_COST)

    @contextmanager
    def listening(self) -> Iterator[bool]:
        """Hear the activations of what runs inside; of a step that is shown in several parts, of the first. Gives True."""
        self._heard.clear()
        self._last, self._cost = time.perf_counter(), 0.0
        with ExitStack() as stack:
            for name, part in self._activations:
                stack.callback(part.register_forward_hook(self._hook(name)).remove)
            yield True

    def gradients(self, scale: float = 1.0) -> None:
        """Take the norms of gradients and weights.

        Parameters
        ----------
        scale : float
            What the loss was multiplied by before its gradient was taken.
        """
        begun = time.perf_counter()
        with torch.no_grad():
            nothing = torch.full((), torch.nan, device=self._device)
            norms = [_norm([w.grad for w in ws if w.grad is not None], nothing) / scale for _, ws in self._weighty]
            sizes = [_norm(list(ws), nothing) for _, ws in self._weighty]
            self._norms = torch.stack(norms), torch.stack(sizes)
            self._before = [_some(weights[0], WEIGHTS_COMPARED) for _, weights in self._weighty]
        self._spent(begun)

    def stepped(self, step: int) -> None:
        """Measure the update that the optimiser has just made."""
        if self._norms is None:
            return
        begun = time.perf_counter()
        with torch.no_grad():
            now = [_some(weights[0], WEIGHTS_COMPARED) for _, weights in self._weighty]
            ratios = torch.stack([(b - a).norm() / a.norm() for a, b in zip(self._before, now, strict=True)])
            nothing = torch.full((3,), torch.nan, device=self._device)
            heard = [self._heard.get(name) for name, _ in self._activations]
            states = [nothing if one is None else torch.stack((one.dead, one.saturated, one.deviation)) for one in heard]
            figures = torch.cat((*self._norms, ratios, *states))
            values = [_some(weights[0], VALUES_COUNTED) for _, weights in self._weighty]
            values += [nothing[:0] if one is None else one.values for one in heard]
            self._ready.append(_Figures(step, figures, torch.cat(values), [len(some) for some in values]))
        self._norms, self._before = None, []
        self._spent(begun)

    def taken(self, run: str, images_per_second: float, waiting: float) -> list[LayerStatistics]:
        """Fetch what was measured since the last call, oldest first. Arguments as the fields of LayerStatistics."""
        begun = time.perf_counter()
        looks, self._ready = self._ready, []
        found = [self._statistics(look, run, images_per_second, waiting) for look in looks]
        self._spent(begun)
        return found

    def _statistics(self, look: _Figures, run: str, images_per_second: float, waiting: float) -> LayerStatistics:
        layers, activations = len(self._weighty), len(self._activations)
        figures = look.figures.cpu().numpy().copy()
        dead, saturated, deviations = figures[3 * layers :].reshape(activations, 3).T.copy()
        shares, limits = _histograms(np.split(look.values.cpu().numpy(), np.cumsum(look.counts)[:-1]))
        return LayerStatistics(
            run=run,
            step=look.step,
            layers=tuple(name for name, _ in self._weighty),
            gradient_norms=figures[:layers],
            weight_norms=figures[layers : 2 * layers],
            update_ratios=figures[2 * layers : 3 * layers],
            activations=tuple(name for name, _ in self._activations),
            dead=dead,
            saturated=saturated,
            deviations=deviations,
            weight_histograms=shares[:layers],
            weight_limits=limits[:layers],
            activation_histograms=shares[layers:],
            activation_limits=limits[layers:],
            images_per_second=images_per_second,
            waiting=waiting,
            memory=memory_in_use(self._device),
        )

    def _spent(self, begun: float) -> None:
        seconds = time.perf_counter() - begun
        self._cost += seconds
        self.seconds += seconds

    def _hook(self, name: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def hear(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            if name not in self._heard:
                begun = time.perf_counter()
                with torch.no_grad():
                    self._heard[name] = _measured(module, output.detach())
                self._spent(begun)

        return hear


def memory_in_use(device: torch.device) -> int:
    """Bytes that this program has taken on a device; of a CPU: in the machine's memory."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "xpu":
        return torch.xpu.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return int(psutil.Process().memory_info().rss)


# ---------------------------------------------------------------- within


def _weights_of(part: nn.Module) -> tuple[nn.Parameter, ...]:
    """A layer's own weights, the largest first; biases and the scales of norms are vectors and do not count."""
    own = [parameter for parameter in part.parameters(recurse=False) if parameter.ndim >= 2]
    return tuple(sorted(own, key=lambda parameter: -parameter.numel()))


def _norm(tensors: list[torch.Tensor], nothing: torch.Tensor) -> torch.Tensor:
    if not tensors:
        return nothing
    norms = [torch.linalg.vector_norm(tensor, dtype=torch.float32) for tensor in tensors]
    total: torch.Tensor = norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))
    return total


def _some(tensor: torch.Tensor, most: int) -> torch.Tensor:
    """A copy of at most so many values of a tensor, float32 [n]: evenly spread, but not at one stride, which might meet few columns."""
    flat = tensor.detach().reshape(-1)
    if len(flat) <= most:
        return flat.to(torch.float32, copy=True)
    places = torch.arange(most, device=flat.device) * (len(flat) - 1) // (most - 1)
    return flat.index_select(0, places).float()


def _measured(module: nn.Module, answer: torch.Tensor) -> _Heard:
    """Units that share their weights count as one: a map is dead where it is 0 at all places of all pictures looked at."""
    nothing = torch.full((), torch.nan, device=answer.device)
    answer = answer if answer.ndim == 2 else answer[:PICTURES]
    values = _some(answer, VALUES_COUNTED)
    dead = saturated = nothing
    if isinstance(module, RECTIFIED):
        units = 1 if answer.ndim in (2, 4) else answer.ndim - 1  # [B, n], [B, C, H, W]; tokens [B, L, n]
        others = tuple(axis for axis in range(answer.ndim) if axis != units)
        dead = (answer.amax(others) == 0).float().mean()
    elif isinstance(module, SQUASHING):
        saturated = (_slope(module, values) < SATURATED).float().mean()
    return _Heard(dead, saturated, values.std(correction=0), values)


def _slope(module: nn.Module, answers: torch.Tensor) -> torch.Tensor:
    """The slope at which a sigmoid or tanh gave these answers, as a share of its steepest one."""
    outermost = 1.7159 if isinstance(module, ScaledTanh) else 1.0
    slope: torch.Tensor = 4 * answers * (1 - answers) if isinstance(module, nn.Sigmoid) else 1 - (answers / outermost).square()
    return slope


def _histograms(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Shares in BINS equal bins, float32 [n, BINS], and the lowest and highest value, float32 [n, 2]; NaN where nothing is finite."""
    shares = np.full((len(values), BINS), np.nan, np.float32)
    limits = np.full((len(values), 2), np.nan, np.float32)
    for row, some in enumerate(values):
        finite = some[np.isfinite(some)]
        if len(finite):
            low, high = float(finite.min()), float(finite.max())
            scale = BINS / (high - low) if high > low else 0.0
            places = np.minimum(((finite - low) * scale).astype(np.int64), BINS - 1)
            shares[row] = np.bincount(places, minlength=BINS) / len(finite)
            limits[row] = low, high
    return shares, limits
