"""Whatever becomes of a file in a run's folder: what is whole is opened, the rest is told in one sentence, and nothing else breaks."""

from __future__ import annotations

import errno
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import messages as m
from engine.control import CancelToken
from engine.failure import UserError, describe
from engine.messages import Command, EvaluationReady, Event, HistoryLoaded, ReportWritten, RunsChanged, StatisticsLoaded, TrainingFinished
from engine.project import runs
from engine.project.records import Split
from engine.session import Session
from engine.training import kept_statistics, trained_on
from engine.training.recipe import Recipe
from engine.training.saved import NETWORK, WEIGHTS
from engine.training.seen import SEEN

RUN = "softmax-1"
RECIPE = Recipe(epochs=2, batch=8, suit_augmentation=False, tensorboard=True)


def deleted(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def halved(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(path.name).randbytes(max(64, path.stat().st_size)))


def spoilt(path: Path) -> None:
    """A byte in the middle is another one."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 0x55
    path.write_bytes(bytes(content))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = (deleted, emptied, halved, random_bytes, spoilt, a_folder)


class Bench:
    """A session whose commands run here, and its project with a trained run."""

    def __init__(self, folder: Path) -> None:
        self.session = Session()
        pictures = folder / "pictures"
        numbers = np.random.default_rng(0)
        for value, name in enumerate(("dark", "light")):
            (pictures / name).mkdir(parents=True)
            for number in range(20):
                pixels = numbers.integers(120 * value, 120 * value + 100, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(pictures / name / f"{number}.png")
        self.run(m.NewProject("made", str(folder / "project")))
        self.run(m.ImportPaths((str(pictures),)))
        told = self.run(m.Train("softmax", RECIPE))
        self.record = next(event.record for event in told if isinstance(event, TrainingFinished))
        self.folder = Path(self.record.folder)
        assert self.record.id == RUN
        self.run(m.EditRun(self.record.id, title="Titled", note="noted"))
        self.whole = folder / "whole"
        shutil.copytree(self.folder, self.whole)

    def run(self, command: Command) -> list[Event]:
        events: list[Event] = []
        self.session.run(command, CancelToken(), events.append)
        return events

    def restored(self) -> None:
        shutil.rmtree(self.folder.parent)
        shutil.copytree(self.whole, self.folder)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("damaged"))
    yield made
    if made.session.project is not None:
        made.session.project.close()


def refused(error: Exception) -> None:
    """A failure is text: one sentence says what and where, one what to do."""
    text = describe(error)
    assert isinstance(error, UserError | OSError), text.traceback
    for sentence in (text.message, text.remedy):
        assert sentence.endswith(".") and "\n" not in sentence, sentence
    assert RUN in text.message, text.message


def works(bench: Bench, command: Command, kind: type[Event]) -> bool:
    """Whether a command answers; where it does not, it is refused in a sentence that names the run."""
    try:
        events = bench.run(command)
    except (UserError, OSError) as error:
        refused(error)
        return False
    return any(isinstance(event, kind) for event in events)


ALL = {"history", "statistics", "moment", "evaluate", "use", "report", "resume", "edit", "delete"}
NEEDED: dict[str, set[str]] = {
    runs.RECORD: ALL - {"statistics", "moment"},
    runs.HISTORY: {"history"},
    WEIGHTS: {"evaluate", "use"},
    NETWORK: {"evaluate", "use", "resume"},
    kept_statistics.FILE: {"statistics"},
    trained_on.TRAINED_ON: {"resume"},
    "moments/000001.npz": {"moment"},
}
"""What each file is needed for; all else works without it."""
BLOCKED = {runs.HISTORY: {"resume"}, WEIGHTS: {"resume"}, runs.SAID: {"edit"}, runs.LOCK: {"resume"}}
"""What cannot be written where a folder lies in the file's place."""
MAYBE = {SEEN: {"resume"}}
"""Hashes with a bit changed are those of other pictures."""
NO_MORE_RESUMING = (runs.SAID, runs.LOCK, runs.HISTORY, WEIGHTS, "moments", "tensorboard")
"""Files that going on does not read: tried with three damages only, for time."""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_file_costs_what_it_held_and_is_told(bench: Bench, tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    names = sorted(path.relative_to(bench.whole).as_posix() for path in bench.whole.rglob("*") if path.is_file())
    assert {*NEEDED, SEEN, runs.CHECKPOINT, runs.CHECKPOINT_BEFORE, runs.SAID, runs.LOCK} <= set(names)
    commands: dict[str, tuple[Command, type[Event]]] = {
        "history": (m.LoadHistory(RUN), HistoryLoaded),
        "statistics": (m.LoadStatistics(RUN), StatisticsLoaded),
        "moment": (m.LoadMoment(RUN, 1), m.MomentLoaded),
        "evaluate": (m.Evaluate(RUN, Split.TRAIN), EvaluationReady),
        "use": (m.UseRun(RUN), m.ModelReady),
        "report": (m.WriteReport(RUN, str(tmp_path / "report.html")), ReportWritten),
        "resume": (m.ResumeRun(RUN, 3), TrainingFinished),
        "edit": (m.EditRun(RUN, note="again"), RunsChanged),
        "delete": (m.DeleteRun(RUN), RunsChanged),
    }
    for name in names:
        bench.restored()
        damage(bench.folder / name)
        listed = [record.id for record in runs.list_runs(bench.session.opened().folder)]
        assert listed == ([] if name == runs.RECORD and damage is not spoilt else [RUN]) or name == runs.RECORD
        tried = dict(commands)
        if damage not in (deleted, halved, a_folder) and name.startswith(NO_MORE_RESUMING):
            del tried["resume"]
        failed = {word for word, (command, kind) in tried.items() if not works(bench, command, kind)}
        needed = NEEDED.get(name, set()) & set(tried)
        most = needed | (BLOCKED.get(name, set()) if damage is a_folder else set()) | MAYBE.get(name, set())
        assert failed <= most, (name, failed)
        if damage in (emptied, random_bytes):
            assert failed >= needed, (name, failed)


def test_a_record_that_must_not_be_read_costs_its_run_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.restored()
    shutil.copytree(bench.folder, bench.folder.parent / "other")
    read = Path.read_bytes

    def forbidden(path: Path) -> bytes:
        if path.name == runs.RECORD and path.parent.name == RUN:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert len(runs.list_runs(bench.session.opened().folder)) == 1
    with pytest.raises(UserError, match="cannot be read"):
        runs.load_record(bench.folder)


def test_both_states_garbled_is_told_and_the_rest_stays(bench: Bench) -> None:
    bench.restored()
    for name in (runs.CHECKPOINT, runs.CHECKPOINT_BEFORE):
        random_bytes(bench.folder / name)
    with pytest.raises(UserError, match="missing or damaged"):
        bench.run(m.ResumeRun(RUN, 3))
    assert works(bench, m.UseRun(RUN), m.ModelReady) and works(bench, m.LoadHistory(RUN), HistoryLoaded)
    assert runs.load_record(bench.folder).outcome == "completed"
