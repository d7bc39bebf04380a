"""The process of one subject: it gets its job as JSON, answers that it is ready, and then one line for each line it reads.

Answers go to what was stdout at the beginning; whatever a library prints goes to stderr.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

SUBJECTS = {
    "bare": "ours:Bare",
    "ours": "ours:Watched",
    "unwatched": "ours:Ours",
    "torchvision": "scripts:TorchvisionLoop",
    "timm": "with_timm:TimmLoop",
    "fastai": "with_fastai:Fastai",
    "lightning": "with_lightning:Lightning",
    "keras": "with_keras:Keras",
    "keras-first": "with_keras:KerasChannelsFirst",
    "example": "scripts:MnistExample",
    "quick-look": "quick_look:QuickLook",
}
OPTIONAL = frozenset({"fastai", "lightning", "keras"})
"""What need not be installed."""


def subject_of(job: Any) -> Any:
    """The subject; raises ModuleNotFoundError where its library is not installed."""
    module, _, name = SUBJECTS[job.subject].partition(":")
    return getattr(importlib.import_module(f"tests.benchmarks.peers.{module}"), name)(job)


def peak() -> int:
    """Largest resident size of this process in bytes, without that of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage there begins with the starting process's
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    from tests.benchmarks.window import largest_memory

    return largest_memory()


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(said: dict[str, Any]) -> None:
        answers.write(msgspec.json.encode(said).decode() + "\n")

    import torch

    from tests.benchmarks.peers.forms import Job

    job = msgspec.json.decode(sys.argv[1], type=Job)
    torch.set_num_threads(job.threads)
    try:
        subject = subject_of(job)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        answer({"missing": error.name})
        return
    answer({"version": subject.version})
    for line in sys.stdin:
        wanted = msgspec.json.decode(line)
        if wanted["do"] == "rate":
            answer({"rate": subject.rate()})
        elif wanted["do"] == "reach":
            answer({"reached": list(subject.reach(wanted["target"], wanted["most"], wanted["seed"]))})
        else:
            answer({"memory": peak()})


if __name__ == "__main__":
    main()
