"""Subjects in processes of their own, of which one at a time works."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.peers.forms import Job, Reached

ROOT = Path(__file__).resolve().parents[3]
LONGEST = 3600.0  # seconds that an answer may take
OWN = frozenset({"bare", "ours", "unwatched", "quick-look"})


class Subject:
    """One subject's process.

    Attributes
    ----------
    job : Job
    version : str
        Of its library; "" before `wait`.
    missing : str
        The library that is not installed, or "".
    """

    def __init__(self, job: Job) -> None:
        self.job, self.version, self.missing = job, "", ""
        environment = {**os.environ, "OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
        if job.subject in OWN:
            environment["OMP_WAIT_POLICY"] = "PASSIVE"  # as in the program
        else:
            environment.pop("OMP_WAIT_POLICY", None)  # as anybody starts it
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.peers.child", msgspec.json.encode(job).decode()],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def wait(self) -> None:
        """Until it is ready, or has said that its library is missing."""
        said = self._answer()
        self.version, self.missing = said.get("version", ""), said.get("missing", "")

    def rate(self) -> float:
        """Pictures a second of one round."""
        return float(self._ask(do="rate")["rate"])

    def reach(self, target: float, most: int, seed: int) -> Reached:
        """Train anew to this accuracy, for so many epochs at most."""
        return Reached(*self._ask(do="reach", target=target, most=most, seed=seed)["reached"])

    def memory(self) -> int:
        """Largest resident size so far in bytes; without loading processes."""
        return int(self._ask(do="memory")["memory"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _ask(self, **wanted: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(wanted).decode() + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        watch = threading.Timer(LONGEST, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self.job.subject}: {self._errors.read()[-3000:].decode(errors='replace')}")
        return dict(msgspec.json.decode(line))


@contextlib.contextmanager
def started(jobs: list[Job]) -> Iterator[list[Subject]]:
    """All of them, ready or missing; started together, which changes nothing that is measured."""
    subjects: list[Subject] = []
    try:
        subjects.extend(Subject(job) for job in jobs)
        for subject in subjects:
            subject.wait()
        yield subjects
    finally:
        for subject in subjects:
            subject.close()


def rates(subjects: list[Subject], repeats: int) -> list[list[float]]:
    """Pictures a second, one list a subject: after one unmeasured round, all in turns; each repeat another one begins."""
    for subject in subjects:
        subject.rate()
    found: list[list[float]] = [[] for _ in subjects]
    for turn in range(repeats):
        for place in range(len(subjects)):
            number = (place + turn) % len(subjects)
            found[number].append(subjects[number].rate())
    return found
