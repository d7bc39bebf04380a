"""Several processes that train together by torch.distributed: gloo carries what is decided, and gradients too unless NCCL can.

Every process computes the gradients of its share of a batch, scaled so that their mean over the processes is the gradient of the mean
loss of the whole batch; the mean is taken by DistributedDataParallel while the backward pass is still under way (Li et al., PyTorch
Distributed, 2020). All then make the same step, so that weights, optimiser and running means stay equal without being sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from inspect import signature
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import distributed_c10d
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from engine.failure import UserError
from engine.training.team import Ended, Team
from engine.training.team_norms import share_norms

PATIENCE = "FOVEA_RENDEZVOUS_SECONDS"
"""Variable of the environment: how long to wait for the other processes at the beginning."""
PATIENCE_SECONDS = 300.0
CONNECTING, ATTEMPTS = timedelta(seconds=20), 3
LONGEST = timedelta(days=7)
"""That one process waits for another: the leader may decode or measure for hours. A process that has died is noticed at once."""
GO_ON, ENDED = 1.0, 0.0
WITHOUT_BUFFERS = next(
    name for name in ("forward_sync_buffers", "broadcast_buffers") if name in signature(DistributedDataParallel.__init__).parameters
)
"""The option's name, which torch 2.15 changed."""
GONE = re.compile(r"closed by peer|connection (was )?(closed|reset|refused)|broken pipe|socket|gloo/|\bnccl", re.IGNORECASE)
"""What torch says when another process has gone, in words alone."""


class Group(Team):
    """One of several processes.

    Parameters
    ----------
    rank, size : int
    local : int
        Number of this process among those of its machine.
    """

    def __init__(self, rank: int, size: int, local: int) -> None:
        self.rank, self.size, self._local = rank, size, local
        self._carrier: Any = None  # a process group, or that which all are in
        self._device = torch.device("cpu")
        self._ended = False

    @classmethod
    def join(cls) -> Group:
        """Meet the others, as the environment says.

        Raises
        ------
        UserError
            If that is not possible.
        """
        if not dist.is_available():
            raise UserError("This build of PyTorch cannot train in several processes.", "Train in one, without torchrun.")
        rank, size, local = (_number(name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
        port = _number("MASTER_PORT")
        if not 0 <= rank < size:
            raise UserError(f"Process {rank} is none of {size}.", "Start the training with torchrun, which numbers its processes.")
        seconds = _patience()
        try:
            store, rank, size = next(rendezvous("env://", timeout=timedelta(seconds=seconds)))
            _connect(store, rank, size, seconds)
        except (RuntimeError, ValueError, OSError) as error:
            place = f"{os.environ['MASTER_ADDR']}:{port}"
            text = f"The other processes of this training could not be met at {place} within {seconds:g} s ({_clause(error)})."
            remedy = "Start torchrun on every machine with the same address and port, and see that the network lets them through."
            raise UserError(text, remedy) from None
        return cls(rank, size, local)

    def device(self, wanted: str) -> str:
        """A graphics card of its own for each process of a machine; the processor where there are none, or where it is wanted."""
        kind = wanted.partition(":")[0]
        if kind == "cpu" or (kind == "auto" and not torch.cuda.is_available()):
            return "cpu"
        if kind not in ("auto", "cuda"):
            raise UserError(f'Several processes cannot train on "{wanted}".', "Choose cuda or cpu, or train in one process.")
        if self._local >= torch.cuda.device_count():
            text = f"This machine has {torch.cuda.device_count()} CUDA devices, and process {self._local + 1} of it would need another one."
            raise UserError(text, "Start as many processes on it (--nproc-per-node), or choose --device cpu.")
        return f"cuda:{self._local}"

    def threads(self, all_of_them: int) -> int:
        """See `Team`."""
        return max(1, all_of_them // max(1, _number("LOCAL_WORLD_SIZE")))

    def settle(self, device: torch.device) -> None:
        """Gradients go by NCCL between CUDA devices where it is there."""
        self.check_same(device.type.encode(), "The processes of this training compute on devices of different kinds.")
        self._device, self._ended = device, False
        if device.type == "cuda":
            torch.cuda.set_device(device)
            if dist.is_nccl_available():
                self._carrier = dist.new_group(backend="nccl")

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """See `Team`."""
        if self._local:
            self._wait_for_all()
        yield
        if not self._local:
            self._wait_for_all()

    def from_leader(self, make: Callable[[], bytes]) -> bytes:
        """See `Team`."""
        made, failure = b"", None
        if self.leads:
            try:
                made = make()
            except UserError as error:
                failure = error
        with _gone():
            length = torch.tensor([-1 if failure is not None else len(made)])
            dist.broadcast(length, 0)
            if failure is None and int(length) > 0:
                data = torch.frombuffer(bytearray(made), dtype=torch.uint8) if self.leads else torch.empty(int(length), dtype=torch.uint8)
                dist.broadcast(data, 0)
                made = data.numpy().tobytes()
        if failure is not None:
            raise failure
        if int(length) < 0:
            raise UserError("The first process of this training has ended.", "It says why.")
        return made

    def check_same(self, facts: bytes, sentence: str) -> None:
        """See `Team`."""
        own = hashlib.blake2b(facts, digest_size=32).digest()
        if self.any(self.from_leader(lambda: own) != own):
            raise UserError(sentence, "Start them on machines of one kind, with the same program and the same pictures.")

    def at_step(self, rate: float) -> float:
        """See `Team`."""
        word = torch.tensor([GO_ON, rate], dtype=torch.float64)
        with _gone():
            dist.broadcast(word, 0)
        said, rate = word.tolist()
        if said == ENDED:
            self._ended = True
            raise Ended
        return float(rate)

    def end(self) -> None:
        """See `Team`."""
        if self.leads and not self._ended:
            self._ended = True
            with contextlib.suppress(RuntimeError):  # who is gone need not be told
                dist.broadcast(torch.tensor([ENDED, 0.0], dtype=torch.float64), 0)

    def seed(self, seed: int, step: int) -> None:
        """See `Team`. It follows from these numbers alone, so that a training that goes on draws as it would have drawn."""
        digest = hashlib.blake2b(f"{seed} {step} {self.rank}".encode(), digest_size=8).digest()
        torch.manual_seed(int.from_bytes(digest, "little") >> 1)

    def any(self, flag: bool) -> bool:
        """See `Team`."""
        word = torch.tensor([int(flag)])
        with _gone():
            dist.all_reduce(word, dist.ReduceOp.MAX)
        return bool(word)

    def spread(self, module: nn.Module) -> nn.Module:
        """See `Team`; weights and buffers become those of the leader."""
        options: dict[str, Any] = {WITHOUT_BUFFERS: False}  # they are equal: batch norm takes all pictures, and nothing else has any
        try:
            return DistributedDataParallel(module, process_group=self._carrier, **options)
        except torch.OutOfMemoryError:
            text = "The device has no memory left for the gradients that the processes send each other."
            raise UserError(text, "Choose a smaller network, or another device.") from None

    def mean_gradients(self, module: nn.Module) -> None:
        """See `Team`."""
        with _gone():
            for parameter in module.parameters():
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad, group=self._carrier)
                    parameter.grad.div_(self.size)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """See `Team`."""
        with _gone():
            dist.all_reduce(values, group=self._carrier)
        return values

    def share_norms(self, module: nn.Module) -> None:
        """See `Team`."""
        self.shares_norms = share_norms(module, self._device, self._carrier)

    def close(self) -> None:
        """See `Team`."""
        with contextlib.suppress(RuntimeError, ValueError):
            dist.destroy_process_group()

    def _wait_for_all(self) -> None:
        with _gone():
            dist.barrier()


def gone(error: RuntimeError) -> UserError | None:
    """The sentence where an error of torch says that another process has gone; None where it says something else."""
    if not isinstance(error, dist.DistError) and not GONE.search(str(error)):
        return None
    remedy = "It says why; where torchrun may restart it (--max-restarts), all go on from the last kept state."
    return UserError("Another process of this training has ended.", remedy)


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise gone(error) or error from None


def _connect(store: distributed_c10d.Store, rank: int, size: int, seconds: float) -> None:
    """Connect everyone with everyone, once all are there.

    torchrun may keep one store for all its restarts, in which the addresses of processes that have died would be found: so each restart
    has a place of its own in it, and each attempt, for torchrun does not count restarts because machines came or went.
    """
    store = distributed_c10d.PrefixStore(f"fovea/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    store.set(f"here/{rank}", "")
    store.wait([f"here/{other}" for other in range(size)], timedelta(seconds=seconds))
    for attempt in range(ATTEMPTS):
        try:
            places = distributed_c10d.PrefixStore(f"attempt/{attempt}", store)
            dist.init_process_group("gloo", store=places, rank=rank, world_size=size, timeout=CONNECTING)
            break
        except RuntimeError:
            if attempt == ATTEMPTS - 1:
                raise
    store.set_timeout(LONGEST)
    set_timeout = getattr(dist, "set_timeout", None) or distributed_c10d._set_pg_timeout  # its name before torch 2.15
    set_timeout(LONGEST, dist.group.WORLD)


def _number(name: str) -> int:
    text = os.environ.get(name, "0")
    if not text.isdecimal():
        raise UserError(f'The environment says {name}="{text}", which is no number.', "Start the training with torchrun, which sets it.")
    return int(text)


def _patience() -> float:
    try:
        return max(1.0, float(os.environ.get(PATIENCE, PATIENCE_SECONDS)))
    except ValueError:
        return PATIENCE_SECONDS


def _clause(error: Exception) -> str:
    text = str(error).strip().split("\n")[0].rstrip(".")
    return text or type(error).__name__
