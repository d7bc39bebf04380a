"""What a training would cost here: a few steps on made-up pictures are timed, and the memory for them is compared with what is free."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from engine import device as devices
from engine.control import CancelToken
from engine.data.augmentation import Normalise
from engine.data.preprocessing import Preprocessing
from engine.failure import UserError
from engine.memory import Memory, memory_of
from engine.messages import JobProgress, ProbeTraining, TrainingProbed
from engine.networks.arithmetic import Analysis, analyse
from engine.networks.build import build
from engine.networks.layers import Network
from engine.networks.modules.containers import Auxiliary
from engine.networks.resolve import adapt, resolve
from engine.training import precision
from engine.training.losses import loss_of
from engine.training.precision import Arithmetic
from engine.training.quick import quicken
from engine.training.room import FLOAT_BYTES, bytes_needed
from engine.training.threads import cores, threads_beside, threads_for

if TYPE_CHECKING:
    from engine.networks.layers import NamedNetwork
    from engine.session import Emit, Session

Verdict = Literal["fits", "tight", "too large"]

WARM_STEPS, TIMED_STEPS, MOST_STEPS = 2, 3, 22
ENOUGH_SECONDS, MOST_SECONDS = 1.0, 5.0
QUICK_SECONDS = 0.5  # a step that takes longer is not tried in other number formats
TIGHT = 0.7  # share of the free memory, from which on there is little left for anything else
HOPELESS = 1.5  # times the free memory, as estimated: not even tried on devices that refuse what they cannot hold
HOPELESS_CPU = 0.9  # the same where the system ends a program that takes too much


class Work(NamedTuple):
    """A network to be probed: its record, its arithmetic, and its name."""

    network: Network | NamedNetwork
    analysis: Analysis
    name: str


class Measured(NamedTuple):
    """What steps cost: median seconds of one, and bytes taken, None where the device does not tell."""

    seconds: float
    peak: int | None


def probe_training(session: Session, command: ProbeTraining, token: CancelToken, emit: Emit) -> None:
    """Answer ProbeTraining. What clearly does not fit into memory is not tried.

    Raises
    ------
    UserError
        If there is no such device or network, or the network cannot take these pictures.
    Cancelled
        If it was cancelled, between two steps.
    """
    if command.batch < 1:
        raise UserError("A step needs at least one picture.", "Choose a larger batch.")
    device = devices.choose(command.device)
    emit(JobProgress(fraction=None, text="Working the network out"))
    work = _work(command)
    memory = memory_of(device)
    need = bytes_needed(work.analysis, command.batch)
    measured: Measured | None = None
    if _worth_trying(work, need, memory, device):
        token.check()
        threads = torch.get_num_threads()
        most = threads_beside(session.live is not None, cores())
        torch.set_num_threads(threads_for(work.analysis.multiply_adds * command.batch, most))
        try:
            measured = _measure(work, command, device, token, emit)
        finally:
            torch.set_num_threads(threads)
    taken = need if measured is None or measured.peak is None else measured.peak
    emit(
        TrainingProbed(
            network=work.name,
            input=command.input,
            classes=command.classes,
            batch=command.batch,
            device=str(device),
            seconds=measured.seconds if measured else 0.0,
            peak=measured.peak if measured else None,
            free=memory.free,
            total=memory.total,
            verdict="too large" if measured is None else verdict(taken, memory.free),
        )
    )


def verdict(taken: int, free: int) -> Verdict:
    """What to say of a training that takes so many bytes where so many are free."""
    if taken > free:
        return "too large"
    return "tight" if taken > TIGHT * free else "fits"


# ---------------------------------------------------------------- within


def _work(command: ProbeTraining) -> Work:
    given = command.network
    if isinstance(given, Network):
        network = adapt(given, command.input, command.classes)
        return Work(network, analyse(network), network.name)
    if given.startswith(("torchvision:", "timm:")):
        from engine.networks.libraries import named
        from engine.networks.tracing import trace

        library = named(given, command.input, command.classes)
        return Work(library, trace(library), given)
    network = resolve(given, command.input, command.classes)
    return Work(network, analyse(network), given)


def _worth_trying(work: Work, need: int, memory: Memory, device: torch.device) -> bool:
    if device.type == "cpu":
        return need <= HOPELESS_CPU * memory.free
    weights = FLOAT_BYTES * (work.analysis.parameters + work.analysis.auxiliary_parameters)
    return need <= HOPELESS * memory.free and weights <= HOPELESS_CPU * memory_of(torch.device("cpu")).free  # where they are made


def _measure(work: Work, command: ProbeTraining, device: torch.device, token: CancelToken, emit: Emit) -> Measured | None:
    """Time a few steps; None where memory runs out."""
    _forget_peak(device)
    before = _allocated(device)
    try:
        seconds = _Steps(work, command, device).timed(token, emit)
        return Measured(seconds, None if before is None else _peak(device) - before)
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError("Batch norm needs more than one value of each channel in a step.", "Choose a larger batch.") from None
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return None


class _Steps:
    """Training steps of a network on pictures of noise."""

    def __init__(self, work: Work, command: ProbeTraining, device: torch.device) -> None:
        channels, height, width = command.input
        self.device = device
        noise = np.random.default_rng(0)
        pixels = noise.integers(0, 256, (command.batch, height, width, channels), np.uint8)
        self.pixels = torch.from_numpy(pixels).to(device)
        self.labels = torch.from_numpy(noise.integers(0, command.classes, command.batch)).to(device)
        flat = (0.5,) * channels
        self.preprocessing = Preprocessing(height, width, 1 if channels == 1 else 3, "squash", flat, flat)
        self.module = quicken(_made(work.network).to(device), device).train()
        self.heads = [part for part in self.module.modules() if isinstance(part, Auxiliary)]
        self.arithmetic = precision.PLAIN
        self.normalise = Normalise(self.preprocessing, device)
        self.optimiser = torch.optim.AdamW(self.module.parameters(), lr=1e-4, fused=device.type in ("cpu", "cuda"))
        self.scaler = torch.amp.GradScaler(device.type, enabled=False)

    def timed(self, token: CancelToken, emit: Emit) -> float:
        """Median seconds of a step; the first ones, which are slower, do not count where there is time for more."""
        begun = time.perf_counter()
        seconds: list[float] = []
        while len(seconds) < MOST_STEPS:
            token.check()
            emit(JobProgress(fraction=min(0.95, len(seconds) / (WARM_STEPS + TIMED_STEPS)), text="Timing training steps"))
            seconds.append(self.step())
            if len(seconds) == 1 and seconds[0] < QUICK_SECONDS:
                token.check()
                self.choose_arithmetic()
            passed = time.perf_counter() - begun
            if passed + seconds[-1] > MOST_SECONDS or (passed > ENOUGH_SECONDS and len(seconds) >= WARM_STEPS + TIMED_STEPS):
                break
        counted = seconds[WARM_STEPS:] or seconds[-1:]
        return float(np.median(counted))

    def choose_arithmetic(self) -> None:
        """Number format and layout as a training would choose them."""
        mixed = precision.choose(self.module, self.normalise(self.pixels), self.labels, self.device, mixed=True)
        self.use(mixed)
        _forget_peak(self.device)

    def use(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        if arithmetic.channels_last:
            self.module.to(memory_format=torch.channels_last)
            self.normalise = Normalise(self.preprocessing, self.device, channels_last=True)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=arithmetic.precision is torch.float16)

    def step(self) -> float:
        """One step: forward, loss, backward, update. Gives its seconds."""
        begun = time.perf_counter()
        lowered = self.arithmetic.precision is not torch.float32
        with torch.autocast(self.device.type, dtype=self.arithmetic.precision, enabled=lowered):
            logits = self.module(self.normalise(self.pixels)).float()
        loss = loss_of(logits, self.labels, 0.0, None)
        for head in self.heads:
            loss = loss + head.share * loss_of(head.taken().float(), self.labels, 0.0, None)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
        if self.device.type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter() - begun


def _made(network: Network | NamedNetwork) -> nn.Module:
    if isinstance(network, Network):
        return build(network)
    from engine.networks.libraries import make

    return make(network)


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _allocated(device: torch.device) -> int | None:
    """Bytes that tensors take on the device; None where it does not tell."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return torch.xpu.memory_allocated(device) if device.type == "xpu" else None


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else torch.xpu.max_memory_allocated(device)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif device.type == "xpu":
        torch.xpu.reset_peak_memory_stats(device)
