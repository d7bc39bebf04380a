"""A headless command in a process of its own, and what it took: seconds after the start, memory, which heavy libraries it loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "timm", "numpy", "cv2", "sklearn", "PySide6", "rich")
SCRIPT = """
import json, sys, time
from engine import commands
begun = time.perf_counter()
status = commands.run(sys.argv[2:])
seconds = time.perf_counter() - begun
loaded = [name for name in sys.argv[1].split() if name in sys.modules]
from tests.measured_command import most_memory
sys.stderr.write("\\n" + json.dumps([status, seconds, most_memory(), loaded]))
"""


class Measured(NamedTuple):
    """Exit status, seconds from the command line to the answer, bytes held at most, heavy libraries that it loaded, what it wrote."""

    status: int
    seconds: float
    memory: int
    loaded: list[str]
    out: str
    error: str


def measured(*words: str) -> Measured:
    """Run a command and measure it."""
    call = [sys.executable, "-c", SCRIPT, " ".join(HEAVY), *words]
    ran = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True, timeout=100)
    error, _, figures = ran.stderr.rpartition("\n")
    return Measured(*json.loads(figures), ran.stdout, error)


def most_memory() -> int:
    """Bytes that this process held at most. Linux counts what the process that started it held into ru_maxrss, but not into VmHWM."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
