"""The state of a training on disk: one file of tensors and plain values, whole or not there, and the one before it.

The file is safetensors: nothing in it can run. Its one entry of metadata is JSON, which says how the tensors and values hang together,
and holds a checksum of all of it. The generation before stays valid until the new one is on disk.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from engine.failure import UserError
from engine.project.runs import CHECKPOINT, CHECKPOINT_BEFORE

log = logging.getLogger("fovea.checkpoint")

EVERY = 30.0  # seconds between two states at the most, as long as that costs little enough
SHARE = 0.01  # of the training's time that keeping its state may cost
METADATA = "fovea"
PARTIAL = f"{CHECKPOINT}.part"
FULL_DISK = re.compile(r"os error (28|112)\b")  # on Unix, on Windows
FORMAT = 1

State: TypeAlias = dict[str, Any]
"""Dictionaries, lists, tuples (which come back as lists), tensors, numpy arrays, numbers, text and None, within each other."""


class Stateful(Protocol):
    """A part of a training whose future depends on its past."""

    def state_dict(self) -> State:
        """All of that."""

    def load_state_dict(self, state: State) -> Any:
        """Go on from there."""


class Damaged(Exception):
    """A file is no state: the reason in a clause."""


def copied(value: Any) -> Any:
    """The same, on the CPU, in memory of its own: what the training does next changes nothing of it."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True).contiguous()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [copied(item) for item in value]
    return value


# ---------------------------------------------------------------- files


def write(path: Path, state: State) -> None:
    """Write a state, synchronised to disk.

    Raises
    ------
    OSError
        If the disk does not take it.
    """
    tensors: dict[str, torch.Tensor] = {}
    outline = json.dumps(_outline(state, tensors))
    facts = {"format": FORMAT, "outline": outline, "checksum": checksum(outline, tensors)}
    try:
        save_file(tensors, path, {METADATA: json.dumps(facts)})
    except SafetensorError as error:  # it tells of a full disk in words alone
        if FULL_DISK.search(str(error)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise OSError(None, str(error), str(path)) from error
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def read(path: Path) -> State:
    """Read a state; nothing of the file stays open.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Damaged
        If it is not whole.
    """
    data = path.read_bytes()
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts = json.loads(header["__metadata__"][METADATA])
        tensors = load(data)
        if facts["format"] != FORMAT:
            raise Damaged(f"its format is {facts['format']}, and this program knows {FORMAT}")
        if facts["checksum"] != checksum(facts["outline"], tensors):
            raise Damaged("its checksum is not that of its content")
        state = _filled(json.loads(facts["outline"]), tensors)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise Damaged(str(error).strip().split("\n")[0] or type(error).__name__) from None
    if not isinstance(state, dict):
        raise Damaged("it holds no state")
    return state


def write_generation(folder: Path, state: State) -> None:
    """Write a state as the newest of a run; the one before is kept, and stays the newest until this one is whole.

    Raises
    ------
    OSError
        If the disk does not take it; what was there stays as it was.
    """
    newest = folder / CHECKPOINT
    partial = folder / PARTIAL
    try:
        write(partial, state)
        if newest.exists():
            os.replace(newest, folder / CHECKPOINT_BEFORE)
        os.replace(partial, newest)
    except OSError:
        with suppress(OSError):  # a full disk needs the room
            partial.unlink(missing_ok=True)
        raise


def generations(folder: Path) -> Iterator[State]:
    """The states of a run that can be read, newest first; damaged ones are passed over, which the log tells.

    The last resort is one that was written whole, but whose writer was killed before it had its name.
    """
    for name in (CHECKPOINT, CHECKPOINT_BEFORE, PARTIAL):
        try:
            yield read(folder / name)
        except FileNotFoundError:
            continue
        except (OSError, Damaged) as error:
            log.warning("the state %s is passed over: %s", folder / name, error)


def _outline(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """The value as JSON, in which numbers stand for tensors."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        name = str(len(tensors))
        tensors[name] = torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value.cpu().contiguous()
        if value.ndim == 0:
            tensors[name] = tensors[name].reshape(())  # numpy's ascontiguousarray makes one axis of none
        return {"array" if isinstance(value, np.ndarray) else "tensor": name}
    if isinstance(value, dict):
        return {"entries": [[key, _outline(item, tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [_outline(item, tensors) for item in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a state holds no {type(value).__name__}")


def _filled(outline: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(outline, dict):
        return outline
    ((kind, content),) = outline.items()
    if kind == "entries":
        return {key: _filled(item, tensors) for key, item in content}
    if kind == "list":
        return [_filled(item, tensors) for item in content]
    return tensors[content].numpy() if kind == "array" else tensors[content]


def checksum(outline: str, tensors: dict[str, torch.Tensor]) -> int:
    """CRC-32 of the outline and of all tensors, in the order of the names."""
    total = zlib.crc32(outline.encode())
    for name in sorted(tensors):
        total = zlib.crc32(f"{name} {tensors[name].dtype} {list(tensors[name].shape)}".encode(), total)
        flat = tensors[name].reshape(-1)
        flat = flat.as_strided(flat.shape, (1,))  # that of a single number may be anything
        total = zlib.crc32(flat.view(torch.uint8).numpy().data, total)
    return total


def load_optimiser(optimiser: torch.optim.Optimizer, state: State) -> None:
    """Give an optimiser its state back in the number formats and memory layouts that it had.

    torch gives every part the format of its parameter and the layout of the file, which fused optimisers are slow with, or wrong.
    """
    optimiser.load_state_dict(state)
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for number, saved in state["state"].items():
        parameter = parameters[int(number)]
        for name, value in saved.items():
            if name != "step" and isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                optimiser.state[parameter][name] = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


# ---------------------------------------------------------------- when


class Offer(NamedTuple):
    """What a training hands over to be kept: its state, and afterwards, if anything, what writes the run as far as it has come."""

    state: State
    afterwards: Callable[[], None] | None = None


class Keeper:
    """Keeps the states of one training, written on a thread of its own, so often that it costs next to nothing.

    All methods but `close` belong to the training's thread.

    Parameters
    ----------
    folder : Path
        Of the run; exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="fovea-checkpoint")
        self._writing: Future[None] | None = None
        self._kept = time.perf_counter()
        self._cost = 0.0  # seconds of the training's thread and of the processor that the last state took
        self._problem = ""
        self._told = False
        self.states = 0  # written so far

    def due(self, ended: bool) -> bool:
        """Whether it is time for a state; `ended`: an epoch has ended, which is a good moment."""
        if self._writing is not None and not self._writing.done():
            return False
        since = time.perf_counter() - self._kept
        return since >= self._cost / SHARE and (ended or since >= EVERY)

    def keep(self, offer: Callable[[], Offer | None], wait: bool = False) -> None:
        """Write a state.

        Parameters
        ----------
        offer : callable
            Makes the state; nothing that happens later may change it. None: there is none worth keeping.
        wait : bool
            Whether it shall be on disk when this returns.
        """
        if self._writing is not None:
            self._writing.result()
        begun = time.perf_counter()
        offered = offer()
        self._kept = time.perf_counter()
        if offered is None:
            return
        self._cost = self._kept - begun
        self._writing = self._writer.submit(self._write, offered)
        if wait:
            self._writing.result()

    def problem(self) -> str:
        """What went wrong in writing, in a sentence, once; "" where nothing did since this was asked last."""
        if not self._problem or self._told:
            return ""
        self._told = True
        return self._problem

    def generations(self) -> Iterator[State]:
        """The states on disk, newest first."""
        if self._writing is not None:
            self._writing.result()
        return generations(self.folder)

    def close(self) -> None:
        """Wait until what was handed over is written."""
        self._writer.shutdown()

    def _write(self, offered: Offer) -> None:
        begun = time.thread_time()
        try:
            write_generation(self.folder, offered.state)
            self.states += 1
            if offered.afterwards is not None:
                offered.afterwards()
            self._problem, self._told = "", False
        except OSError as error:
            reason = error.strerror or str(error)
            log.warning("the state of %s could not be kept: %s", self.folder, error)
            self._problem = f"The state of the training could not be kept ({reason}): the one before stays valid, and the training goes on."
        self._cost += time.thread_time() - begun


def none_left(run: str) -> UserError:
    """The sentence for a run without a state that could be read."""
    remedy = "Begin a new run with its weights, or train again."
    return UserError(f"Nothing that the run {run} could go on from is left: its checkpoints are missing or damaged.", remedy)
