"""Which devices can compute, and which one a recipe gets."""

from __future__ import annotations

import os

import torch

from engine.failure import UserError
from engine.memory import memory_of
from engine.messages import DeviceRecord


def torch_version() -> str:
    """Version of torch, for example "2.15.0+cu132"."""
    return str(torch.__version__)


def devices() -> tuple[DeviceRecord, ...]:
    """All devices, the one that "auto" takes first."""
    found: list[DeviceRecord] = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(DeviceRecord(f"cuda:{index}", f"CUDA: {properties.name}", properties.total_memory))
    if torch.backends.mps.is_available():
        found.append(DeviceRecord("mps", "MPS: Apple GPU", memory_of(torch.device("mps")).total))
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        for index in range(torch.xpu.device_count()):
            found.append(DeviceRecord(f"xpu:{index}", f"XPU: {torch.xpu.get_device_name(index)}"))
    found.append(DeviceRecord("cpu", f"CPU: {os.cpu_count() or 1} cores", memory_of(torch.device("cpu")).total))
    return tuple(found)


def choose(name: str) -> torch.device:
    """The device of this name; "auto" is the first of `devices()`.

    Raises
    ------
    UserError
        If this machine has no such device.
    """
    known = devices()
    if name == "auto":
        return torch.device(known[0].name)
    names = [record.name for record in known]
    wanted = f"{name}:0" if f"{name}:0" in names else name
    if wanted not in names:
        raise UserError(f'This machine has no device "{name}".', f"Choose one of: auto, {', '.join(names)}.")
    return torch.device(wanted)
