"""A process that is killed at any moment loses nothing that it said was done, leaves no half change and no stray file."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import killed_worker
import pytest

from engine.project.opened import OpenedProject

ROOT = Path(__file__).resolve().parents[2]
FORKS = hasattr(os, "fork")
KILLS = 200 if FORKS else 15  # without fork each worker loads everything anew


class Killer:
    """Lets workers begin, and kills them."""

    def __init__(self) -> None:
        self._server = _started() if FORKS else None

    def run(self, folder: Path, seed: int, seconds: float, opened: bool) -> list[dict[str, object]]:
        """What a worker said that was killed so many seconds after it began, or after it had `opened` the project."""
        worker = self._server or _started(str(folder), str(seed))
        said: list[dict[str, object]] = []
        if self._server is not None:
            self._server.stdin.write(f"{folder}\t{seed}\n")
            self._server.stdin.flush()
        number = json.loads(worker.stdout.readline())["pid"]
        if opened:
            said.append(json.loads(worker.stdout.readline()))
        killing = threading.Timer(seconds, lambda: os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM)))
        killing.start()
        for line in worker.stdout:
            if "dead" in (word := json.loads(line)):
                break
            said.append(word)
        killing.join()
        if self._server is None:
            worker.wait()
        return said

    def close(self) -> None:
        if self._server is not None:
            self._server.stdin.close()
            self._server.stdout.close()
            self._server.wait(30)


def _started(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(killed_worker.__file__)), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


@contextmanager
def opened(folder: Path) -> Iterator[OpenedProject]:
    project = OpenedProject(folder)
    try:
        yield project
    finally:
        project.close()


@pytest.fixture
def killer() -> Iterator[Killer]:
    made = Killer()
    yield made
    made.close()


def test_nothing_that_was_done_is_lost(killer: Killer, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    OpenedProject(folder, create=True).close()
    chance = random.Random(20_250_505)
    with opened(folder) as project:
        last = killed_worker.fingerprint(project)
    changes, in_the_middle, begun = 0, 0, set()
    for seed in range(KILLS):
        said = killer.run(folder, seed, chance.uniform(0.001, 0.05), chance.random() < 0.9)
        assert not any("failed" in word for word in said), said
        done = [word["done"] for word in said if "done" in word]
        assert not done or done[0] == last, "what was there is there after opening"
        changes += len(done)
        last = done[-1] if done else last
        since = said[max((at for at, word in enumerate(said) if "done" in word), default=-1) + 1 :]
        with opened(folder) as project:
            assert project.record.read_only == ""  # nobody holds the lock
            there = set(project.snapshot.table.ids.tolist())
            assert all(there.issuperset(word["added"]) for word in since if "added" in word)
            now = killed_worker.fingerprint(project)
            if now != last:  # a change was on disk, and not yet told: it is there as a whole
                in_the_middle += 1
                begin = [word["begin"] for word in since if "begin" in word]
                begun.update(begin)
                assert project.redo() if begin == ["Undo"] else project.undo()
                assert killed_worker.fingerprint(project) == last
                assert project.undo() if begin == ["Undo"] else project.redo()
                assert killed_worker.fingerprint(project) == now
                last = now
            check_files(project)
    print(f"{KILLS} kills, {changes} changes, {in_the_middle} times one was on disk and not told: {sorted(begun)}")
    assert changes > KILLS
    assert not FORKS or in_the_middle > 0


def check_files(project: OpenedProject) -> None:
    """Each picture has its file, each file its picture."""
    images = {path.name for path in (project.folder / "images").iterdir()} if (project.folder / "images").exists() else set()
    named = {locator.removeprefix("file:images/") for locator in project.store.all_locators()}
    assert images == named
    assert not (project.folder / "incoming").exists()
