"""A session whose commands run in the test's own thread, and pictures to import."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from engine.control import CancelToken
from engine.data.preprocessing import Preprocessing
from engine.messages import Command, Event
from engine.project.records import RunRecord
from engine.session import Session
from engine.training.recipe import Recipe


class Bench:
    """Runs commands and keeps their events."""

    def __init__(self) -> None:
        self.session = Session()
        self.events: list[Event] = []

    def run(self, command: Command, token: CancelToken | None = None) -> list[Event]:
        self.events = []
        self.session.run(command, token or CancelToken(), self.events.append)
        return self.events

    def only(self, kind: type) -> object:
        found = [event for event in self.events if isinstance(event, kind)]
        assert len(found) == 1, self.events
        return found[0]

    def close(self) -> None:
        if self.session.project is not None:
            self.session.project.close()
            self.session.project = None


@pytest.fixture
def close_to_this_user() -> Iterator[Callable[[Path], None]]:
    """Lets nobody write to a file, or into a folder, until the test ends; skips the test where that does not bind this user."""
    closed: list[tuple[Path, int]] = []

    def close(path: Path) -> None:
        closed.append((path, path.stat().st_mode))
        path.chmod(0o555 if path.is_dir() else 0o444)
        if os.access(path, os.W_OK):  # root, and folders on Windows
            pytest.skip("permissions do not bind this user")

    yield close
    for path, mode in closed:
        path.chmod(mode)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """cat/ and dog/ with ten pictures each, of the same names."""
    folder = tmp_path / "photographs"
    for value, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (20, 10), (value * 100, number, 3)).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def run_record() -> RunRecord:
    """A run as training would save it."""
    return RunRecord(
        id="one",
        network="lenet-5",
        title="LeNet-5",
        recipe=Recipe(),
        preprocessing=Preprocessing(32, 32, 1, "centre", (0.3,), (0.3,)),
        classes=("0", "1"),
        created="2025-05-05T10:00:00.250000+00:00",
        outcome="completed",
        parameters=61706,
        device="cpu",
        epochs=3,
        steps=30,
        seconds=1.5,
        images_per_second=1000.0,
        train_loss=0.1,
        validation_accuracy=0.99,
        test_accuracy=None,
    )
