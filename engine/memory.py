"""How much memory a device has, and how much of it is free."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil
import torch

GROUPS = Path("/sys/fs/cgroup")
"""Where Linux tells of the limits that a container has."""


class Memory(NamedTuple):
    """Bytes that are free, and bytes in all."""

    free: int
    total: int


def memory_of(device: torch.device) -> Memory:
    """Memory of a device: what this process could still take, and all that there is.

    Of a CPU: of the machine, or of the container that the program runs in. Memory that torch holds back for later counts as free.
    """
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Memory(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device), total)
    if device.type == "xpu":
        free, total = torch.xpu.mem_get_info(device)
        return Memory(free + torch.xpu.memory_reserved(device) - torch.xpu.memory_allocated(device), total)
    machine = psutil.virtual_memory()
    found = Memory(int(machine.available), int(machine.total))
    if device.type == "mps":  # shared with the processor; the system recommends how much of it to take
        most = int(torch.mps.recommended_max_memory())
        return Memory(max(0, min(found.free, most - int(torch.mps.current_allocated_memory()))), min(found.total, most))
    limit = container_memory()
    return found if limit is None else Memory(min(found.free, limit.free), min(found.total, limit.total))


def container_memory(groups: Path = GROUPS) -> Memory | None:
    """What a Linux container allows, by control groups of both versions; None where nothing is limited."""
    for limit, used, statistics, cache in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            total, taken = int((groups / limit).read_text()), int((groups / used).read_text())
            facts = dict(line.split(maxsplit=1) for line in (groups / statistics).read_text().splitlines())
        except (OSError, ValueError):  # "max" among them
            continue
        kept = int(facts.get(cache, 0))  # files that were read, which the system drops first
        return Memory(max(0, total - max(0, taken - kept)), total)
    return None
