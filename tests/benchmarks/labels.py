"""The project's store with many pictures: a label by key to disk and told, and opening. Peer: the same with few, and what the issue asks.

A keystroke is the command SetLabels for one picture without a label, which gets a split as well, with a run on disk whose labelled pictures
are compared each time: until the change is on disk and its events are out.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine import messages as m
from engine.control import CancelToken
from engine.data.looks import Look
from engine.data.preprocessing import Preprocessing
from engine.project.opened import Arrival, OpenedProject
from engine.project.records import RunRecord, Split
from engine.project.runs import now, save_record
from engine.session import Session
from engine.training.recipe import Recipe
from tests.benchmarks.measuring import Row

MANY, FEW = 500_000, 5_000
OPENED = 100_000
MOST = 1_000_000
PARCEL = 8192
CLASSES = 19


class Keystrokes(NamedTuple):
    """Microseconds at the median and at worst."""

    median: float
    worst: float


def filled(folder: Path, count: int) -> Path:
    """A project of so many pictures, nine of ten labelled and divided, as an import leaves it, without their files."""
    chance = np.random.default_rng(0)
    project = OpenedProject(folder, create=True)
    entry = None
    for start in range(0, count, PARCEL):
        numbers = range(start, min(start + PARCEL, count))
        digests, hashes = chance.bytes(16 * len(numbers)), chance.integers(1, 1 << 63, len(numbers))
        arrivals = [
            Arrival(
                f"file:images/IMG_{number:07d}.jpg",
                f"IMG_{number:07d}.jpg",
                f"class {number % CLASSES}" if number % 10 else None,
                None,
                Split(1 + number % 3) if number % 10 else Split.NONE,
                Look(digests[16 * at : 16 * at + 16], 4000, 3000, 3_000_000 + number, 1.7e9 + number, int(hashes[at]), 0.5, 0.2, 0.1),
            )
            for at, number in enumerate(numbers)
        ]
        _, entry = project.add_images("Import", arrivals, entry)
    project.close()
    _keep_run(project)
    return folder


def _keep_run(project: OpenedProject) -> None:
    record = RunRecord(
        id="one",
        network="lenet-5",
        title="LeNet-5",
        recipe=Recipe(),
        preprocessing=Preprocessing(32, 32, 1),
        classes=tuple(record.name for record in project.snapshot.classes),
        created=now(),
        outcome="completed",
        parameters=1,
        device="cpu",
        epochs=1,
        steps=1,
        seconds=1.0,
        images_per_second=1.0,
        train_loss=0.1,
        validation_accuracy=0.9,
        test_accuracy=0.9,
        data_digest=project.snapshot.digest(),
        class_ids=tuple(record.id for record in project.snapshot.classes),
    )
    save_record(project.runs_folder / record.id, record)


def run(session: Session, command: m.Command) -> list[m.Event]:
    """Carry a command out; gives its events."""
    events: list[m.Event] = []
    session.run(command, CancelToken(), events.append)
    return events


def opening(folder: Path, repeats: int) -> float:
    """Seconds from OpenProject to ProjectOpened, at the median; the system has the file in memory."""
    seconds = []
    for _ in range(repeats):
        session = Session()
        begun = time.perf_counter()
        events = run(session, m.OpenProject(str(folder)))
        seconds.append(time.perf_counter() - begun)
        assert any(isinstance(event, m.ProjectOpened) for event in events)
        run(session, m.CloseProject())
    return statistics.median(seconds)


def keystrokes(folder: Path, strokes: int) -> Keystrokes:
    """Label single pictures all over the project, now this, now that class."""
    session = Session()
    run(session, m.OpenProject(str(folder)))
    table = session.opened().snapshot.table
    images = np.random.default_rng(1).permutation(table.ids[table.class_ids < 0])[:strokes].tolist()
    times = []
    for number, image in enumerate(images):
        command = m.SetLabels((image,), 1 + number % CLASSES)
        begun = time.perf_counter()
        run(session, command)
        times.append(1e6 * (time.perf_counter() - begun))
    run(session, m.CloseProject())
    return Keystrokes(statistics.median(times), max(times))


def lengthen_history(folder: Path, entries: int) -> None:
    """Let the project look back on so many labels by key."""
    project = OpenedProject(folder)
    with project.store.transaction() as database:
        words = "title, forward, backward"
        query = f"SELECT {words} FROM journal WHERE undone = 0 ORDER BY id DESC LIMIT 1"
        entry = database.execute(query).fetchone()
        database.executemany(f"INSERT INTO journal ({words}) VALUES (?, ?, ?)", (entry for _ in range(entries)))
    project.close()


def disk(folder: Path, rounds: int) -> float:
    """Microseconds that this disk takes for one small write to be safe, at the median: what no store can go below."""
    times = []
    with (folder / "written").open("wb", buffering=0) as stream:
        for _ in range(rounds):
            begun = time.perf_counter()
            stream.write(b"x" * 4096)
            os.fsync(stream.fileno())
            times.append(1e6 * (time.perf_counter() - begun))
    return statistics.median(times)


def rows(quick: bool) -> Iterator[Row]:
    """Keystrokes among many and few pictures, behind a long history, and opening."""
    strokes, repeats = (100, 3) if quick else (400, 5)
    many, few, opened = (MANY // 5, FEW, OPENED // 5) if quick else (MANY, FEW, OPENED)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        small, large = filled(Path(place, "few"), few), filled(Path(place, "many"), many)
        theirs, ours = keystrokes(small, strokes), keystrokes(large, strokes)
        peer = f"with {few:,}"
        ratio = (theirs.median / ours.median,)
        yield Row(f"label by key, {many:,} pictures, median", "µs", ours.median, peer, theirs.median, ratio)
        yield Row(f"label by key, {many:,} pictures, worst", "µs", ours.worst, peer, theirs.worst, (theirs.worst / ours.worst,))
        lengthen_history(large, many)
        later = keystrokes(large, strokes)
        yield Row(f"the same after {many:,} labels", "µs", later.median, peer, theirs.median, (theirs.median / later.median,))
        written = disk(Path(place), strokes)
        yield Row("one safe write of this disk", "µs", written, "-", float("nan"), ())
        seconds = opening(filled(Path(place, "opened"), opened), repeats)
        yield Row(f"opening {opened:,} pictures", "ms", 1000 * seconds, "-", float("nan"), ())
        yield Row(f"opening {many:,} pictures", "ms", 1000 * opening(large, repeats), "-", float("nan"), ())
        if not quick:
            yield Row(f"opening {MOST:,} pictures", "ms", 1000 * opening(filled(Path(place, "most"), MOST), 1), "-", float("nan"), ())
