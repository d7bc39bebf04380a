"""The Data page with very many pictures: first paint, scrolling from end to end, a label's way to disk and screen, opening again.

Each measurement runs the real window in a process of its own. Paint and scrolling have a host that makes up a project of any size and
answers with thumbnails as fast as they are taken, which is harder on the window than any disk; labels and opening have the real engine on
a project of real files.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.messages import Command, Event, JobClosed, OpenProject, Outcome, ProjectOpened, ThumbnailsReady, WantThumbnails
from tests.benchmarks.measuring import Row

ROOT = Path(__file__).resolve().parents[2]
WINDOW = 1280, 800
FRAMES = 600
FRAME_MILLISECONDS = 16
LABELS = 40
LABEL_MILLISECONDS = 250
PARCEL = 32
CLASSES = 10
SIDE = 96


def run_child(task: str, home: str, *arguments: str, timeout: float = 1800) -> dict[str, Any]:
    """Do one task in a new process with its own folder; gives what it measured."""
    environment = {**os.environ, "FOVEA_HOME": home}
    if not environment.get("DISPLAY") and sys.platform == "linux":
        environment["QT_QPA_PLATFORM"] = "offscreen"
    command = [sys.executable, "-m", "tests.benchmarks.pictures", task, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure_painting(count: int) -> dict[str, Any]:
    """Show `count` pictures and scroll through all of them.

    Returns
    -------
    dict
        paint : seconds from the arrival of the state to the end of the first paint with all pictures; frames : list of seconds from a
        move of the scroll bar to the end of its paint; delays : of the event loop meanwhile, seconds.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        return run_child("paint", home, str(count))


def measure_project(count: int, repeats: int) -> dict[str, Any]:
    """Import `count` files, label some in the window, and open the project again.

    Returns
    -------
    dict
        labels : list of seconds from the key to the paint that shows the label, the label being on disk before; opened, filled : lists of
        seconds from OpenProject in a fresh window to the first paint of its pictures, and to the one with all thumbnails in view.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        make_files(Path(home) / "files", count)
        project = run_child("make", home, str(Path(home) / "files"))["folder"]
        labels = run_child("label", home, project)["labels"]
        opened = [run_child("open", home, project) for _ in range(repeats)]
        return {"labels": labels, **{name: [one[name] for one in opened] for name in ("opened", "filled")}}


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table; the peer is the bound that must hold, and the ratio says how far below it we are."""

    def row(name: str, values: list[float], bound: float, ours: float | None = None) -> Row:
        shown = statistics.median(values) if ours is None else ours
        return Row(name, "ms", 1000 * shown, "bound", 1000 * bound, tuple(bound / value for value in ([shown] if ours else values)))

    for count, bound in ((100_000, 0.1), (1_000_000, 0.2)):
        runs = [measure_painting(count) for _ in range(1 if quick else 3)]
        yield row(f"{count:,} pictures: state to first paint", [run["paint"] for run in runs], bound)
        for name, words in (("frames", "scrolling, frame"), ("delays", "scrolling, event-loop delay")):
            p99 = [float(np.percentile(run[name], 99)) for run in runs]
            yield row(f"{count:,} pictures: {words} p99", p99, 0.033)
    count = 20_000 if quick else 100_000
    figures = measure_project(count, 2 if quick else 5)
    yield row(f"{count:,} files: key to label on disk and screen", figures["labels"], 0.05)
    yield row(f"{count:,} files: the slowest of {LABELS} labels", figures["labels"], 0.05, max(figures["labels"]))
    yield row(f"{count:,} files: opening to first paint", figures["opened"], 1.0)
    yield row(f"{count:,} files: opening to all thumbnails", figures["filled"], 1.0)


def make_files(folder: Path, count: int) -> None:
    """Small JPEG files, each another picture, in folders that become classes; a tenth lies beside them and stays unlabelled."""
    import cv2

    generator = np.random.default_rng(0)
    for name in range(CLASSES):
        (folder / f"class {name}").mkdir(parents=True)
    for number in range(count):
        pixels = cv2.resize(generator.integers(0, 255, (6, 6, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        place = folder if number % 10 == 0 else folder / f"class {number % CLASSES}"
        (place / f"picture {number}.jpg").write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


# ---------------------------------------------------------------- in the process that is measured


class MadeUpHost:
    """Says that a project of so many pictures is open, and has every thumbnail at hand."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._events: deque[Event] = deque()
        generator = np.random.default_rng(0)
        self._thumbnails = [generator.integers(0, 255, (SIDE * 3 // 4, SIDE, 3), np.uint8) for _ in range(50)]
        self._number = 0

    def start(self) -> None:
        pass

    def submit(self, command: Command) -> int:
        self._number += 1
        if isinstance(command, OpenProject):
            self._events.append(self._opened())
        if isinstance(command, WantThumbnails):
            self._events = deque(event for event in self._events if not isinstance(event, ThumbnailsReady))
            for at in range(0, len(command.images), PARCEL):
                images = command.images[at : at + PARCEL]
                made = tuple(self._thumbnails[image % len(self._thumbnails)] for image in images)
                self._events.append(ThumbnailsReady(job=self._number, side=command.side, images=images, pictures=made))
        self._events.append(JobClosed(job=self._number, command=type(command).__name__, outcome=Outcome.COMPLETED))
        return self._number

    def cancel(self, number: int) -> None:
        pass

    def events(self) -> Iterator[Event]:
        while self._events:
            yield self._events.popleft()

    def close(self, timeout: float = 2.0) -> bool:
        return True

    def _opened(self) -> ProjectOpened:
        from engine.project import tables
        from engine.project.records import ClassRecord, ProjectRecord

        generator = np.random.default_rng(0)
        images = tables.table(
            np.arange(1, self._count + 1),
            tuple(f"picture {number}.jpg" for number in range(self._count)),
            class_ids=generator.integers(-1, CLASSES + 1, self._count),
            splits=generator.integers(0, 4, self._count),
            flags=(generator.random(self._count) < 0.02).astype(np.uint8),
        )
        classes = tuple(ClassRecord(number, f"class {number}", "#e69f00") for number in range(1, CLASSES + 1))
        return ProjectOpened(project=ProjectRecord("/made-up", "Made up"), classes=classes, images=images, runs=(), memory={})


def child(task: str, argument: str) -> None:
    """The measured process."""
    measured: dict[str, Any] = {}
    if task == "make":
        measured["folder"] = make_project(Path(argument))
    else:
        show({"paint": watch_painting, "label": watch_labels, "open": watch_opening}[task], argument, measured)
    print(json.dumps(measured))


def make_project(files: Path) -> str:
    """Import files with the real engine, without a window; gives the project's folder."""
    from engine.host import EngineThread
    from engine.messages import ImportPaths, NewProject

    host = EngineThread()
    host.start()
    folder = ""
    for command in (NewProject("Benchmark"), ImportPaths((str(files),), copy=False)):
        for event in host.wait(host.submit(command)):
            if isinstance(event, ProjectOpened):
                folder = event.project.folder
    host.close()
    return folder


def show(watch: Callable[[Any, dict[str, Any], str], None], argument: str, measured: dict[str, Any]) -> None:
    """Run the real window, with somebody who watches it."""
    from gui import app
    from gui.widgets.image_grid import ImageGrid

    paint: Callable[..., None] = ImageGrid.paintEvent

    def painted(self: Any, event: Any) -> None:
        paint(self, event)
        after = getattr(self, "after_paint", None)
        if after is not None:
            after()

    ImageGrid.paintEvent = painted  # type: ignore[method-assign]
    make_window = app.make_window

    def watched(host: Any, *arguments: Any) -> Any:
        window = make_window(MadeUpHost(int(argument)) if watch is watch_painting else host, *arguments)
        window.resize(*WINDOW)
        watch(window, measured, argument)
        return window

    app.make_window = watched
    app.run(["fovea"])


def watch_painting(window: Any, measured: dict[str, Any], argument: str) -> None:
    """Open the made-up project, then scroll through it, a frame every 16 ms."""
    from PySide6.QtCore import QTimer

    from tests.benchmarks.window import Probe

    probe = Probe()
    step: dict[str, Any] = {"number": 0, "begun": 0.0}
    frames: list[float] = []
    timer = QTimer(window)

    def arrived(event: object) -> None:
        if isinstance(event, ProjectOpened):
            step["begun"] = time.perf_counter()
            window.page("data").grid.after_paint = first

    def first() -> None:
        grid = window.page("data").grid
        if grid.count() == int(argument):
            measured["paint"] = time.perf_counter() - step["begun"]
            grid.after_paint = framed
            step["begun"] = 0.0
            timer.start(FRAME_MILLISECONDS)
            probe.start()

    def framed() -> None:
        if step["begun"]:
            frames.append(time.perf_counter() - step["begun"])
            step["begun"] = 0.0

    def scroll() -> None:
        bar = window.page("data").grid.verticalScrollBar()
        step["number"] += 1
        if step["number"] > FRAMES:
            timer.stop()
            probe.stop()
            measured.update(frames=frames, delays=probe.delays)
            window.close()
            return
        step["begun"] = time.perf_counter()
        bar.setValue(bar.maximum() * step["number"] // FRAMES)

    window.bridge.happened.connect(arrived)
    timer.timeout.connect(scroll)
    window.page("data")  # the page is there, as when a project was open before
    window.painted.connect(lambda: QTimer.singleShot(500, lambda: window.projects.open("/made-up")))


def watch_opening(window: Any, measured: dict[str, Any], argument: str) -> None:
    """Open a project a while after the window and torch are there."""
    from PySide6.QtCore import QTimer

    from engine.messages import EngineReady

    begun = 0.0

    def open_() -> None:
        nonlocal begun
        begun = time.perf_counter()
        window.projects.open(argument)

    def arrived(event: object) -> None:
        if isinstance(event, EngineReady):
            QTimer.singleShot(500, open_)
        elif isinstance(event, ProjectOpened):
            window.page("data").grid.after_paint = painted

    def painted() -> None:
        grid = window.page("data").grid
        if not grid.count():
            return
        measured.setdefault("opened", time.perf_counter() - begun)
        first, end = grid.seen_rows()
        thumbnails = window.page("data").thumbnails
        if "filled" not in measured and all(thumbnails.get(grid.pictures.id_at(row)) is not None for row in range(first, end)):
            measured["filled"] = time.perf_counter() - begun
            QTimer.singleShot(0, window.close)

    window.settings.project = ""
    window.bridge.happened.connect(arrived)


def watch_labels(window: Any, measured: dict[str, Any], argument: str) -> None:
    """Press number keys on a picture in the middle."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtTest import QTest

    labels: list[float] = []
    step: dict[str, Any] = {"begun": 0.0, "wanted": -1}
    timer = QTimer(window)

    def arrived(event: object) -> None:
        if isinstance(event, ProjectOpened):
            window.show_page("data")
            window.settings.move_on = False
            grid = window.page("data").grid
            grid.after_paint = painted
            grid.select_row(grid.count() // 2)
            QTimer.singleShot(3000, lambda: timer.start(LABEL_MILLISECONDS))

    def press() -> None:
        grid = window.page("data").grid
        if len(labels) == LABELS:
            timer.stop()
            measured["labels"] = labels
            window.close()
            return
        record = grid.pictures.class_at(grid.currentIndex().row())
        classes = window.bridge.state.classes
        place = 1 if record is not None and record.id == classes[0].id else 0
        from gui.label_keys import key_of

        step.update(wanted=classes[place].id, begun=time.perf_counter())
        QTest.keyClick(grid, Qt.Key(ord(key_of(classes, place))))

    def painted() -> None:
        grid = window.page("data").grid
        record = grid.pictures.class_at(grid.currentIndex().row()) if grid.currentIndex().isValid() else None
        if step["begun"] and record is not None and record.id == step["wanted"]:
            labels.append(time.perf_counter() - step["begun"])
            step["begun"] = 0.0

    timer.timeout.connect(press)
    window.bridge.happened.connect(arrived)
    window.painted.connect(lambda: QTimer.singleShot(1000, lambda: window.projects.open(argument)))


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2])
