"""The window under load, measured in the real program: time to the first paint, event-loop delay, redraws, cancel, memory.

Each measurement starts `gui.app.run` in a process of its own with a folder of its own; nothing of the program is replaced.
Delay of the event loop is how much later than planned a precise 5 ms timer fires.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measuring import Row

TIMER_MILLISECONDS = 5
ROOT = Path(__file__).resolve().parents[2]


def run_child(task: str, data: str = "", home: str = "") -> dict[str, Any]:
    """Do one task in a new process; gives what it measured."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "FOVEA_HOME": home or folder}
        if not environment.get("DISPLAY") and sys.platform == "linux":
            environment["QT_QPA_PLATFORM"] = "offscreen"
        begun = time.time()
        command = [sys.executable, "-m", "tests.benchmarks.window", task, repr(begun), data]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure_start(repeats: int = 5) -> list[dict[str, Any]]:
    """Start and close the program so many times, after one start that warms the file cache.

    Returns
    -------
    list of dict
        painted, ready : seconds since the process was started; gap : longest event-loop delay in seconds while torch loads.
    """
    run_child("start")
    return [run_child("start") for _ in range(repeats)]


def measure_training(data: str) -> dict[str, Any]:
    """Train LeNet-5 on MNIST (`data`: the folder) or, without it, on the sample digits, with the Train page open.

    Returns
    -------
    dict
        p99, worst : event-loop delay in seconds; redraws : of the curves a second from the first
        step to the last; cancel : list of seconds from
        cancel to the job's end; memory : largest resident size in bytes; images_per_second.
    """
    return run_child("training", data)


def rows(quick: bool) -> Iterator[Row]:
    """Rows of the table; the peer is the bound that must hold, and the ratio says how far below it we are."""

    def row(name: str, unit: str, values: list[float], bound: float) -> Row:
        return Row(name, unit, statistics.median(values), "bound", bound, tuple(bound / value for value in values))

    starts = measure_start(3 if quick else 5)
    yield row("start to first paint", "ms", [1000 * start["painted"] for start in starts], 800)
    yield row("first paint to engine ready", "ms", [1000 * (start["ready"] - start["painted"]) for start in starts], 6000)
    yield row("longest gap while torch loads", "ms", [1000 * start["gap"] for start in starts], 500)
    folder = os.environ.get("FOVEA_TEST_DATA", "")
    data = str(Path(folder) / "MNIST") if folder else ""
    what = "LeNet-5 on MNIST" if data else "LeNet-5 on digits"
    runs = [measure_training(data) for _ in range(1 if quick else 3)]
    yield row(f"{what}: event-loop delay p99", "ms", [1000 * run["p99"] for run in runs], 16)
    yield row(f"{what}: event-loop delay worst", "ms", [1000 * run["worst"] for run in runs], 100)
    yield row(f"{what}: time between curve redraws", "ms", [1000 / run["redraws"] for run in runs], 50)
    yield row(f"{what}: cancel to idle", "ms", [1000 * seconds for run in runs for seconds in run["cancel"]], 100)
    yield row(f"{what}: memory", "MB", [run["memory"] / 1e6 for run in runs], 1400)


class Probe:
    """Measures delays of the event loop."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.delays: list[float] = []
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._fire)

    def start(self) -> None:
        self.delays, self._last = [], time.perf_counter()
        self._timer.start(TIMER_MILLISECONDS)

    def stop(self) -> None:
        self._timer.stop()

    def _fire(self) -> None:
        now = time.perf_counter()
        self.delays.append(max(0.0, now - self._last - TIMER_MILLISECONDS / 1000))
        self._last = now


def largest_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def child(task: str, begun: float, data: str) -> None:
    """The measured process."""
    from gui import app

    measured: dict[str, Any] = {}
    make_window = app.make_window

    def watched(*arguments: Any) -> Any:
        window = make_window(*arguments)
        window.painted.connect(lambda: measured.setdefault("painted", time.time() - begun))
        {"start": watch_start, "training": watch_training}[task](window, measured, begun, data)
        return window

    app.make_window = watched
    app.run(["fovea"])
    print(json.dumps(measured))


def watch_start(window: Any, measured: dict[str, Any], begun: float, data: str) -> None:
    """Close the window one second after the engine is ready."""
    from PySide6.QtCore import QTimer

    from engine.messages import EngineReady

    probe = Probe()
    window.painted.connect(probe.start)

    def finish() -> None:
        measured["gap"] = max(probe.delays)
        window.close()

    def happened(event: object) -> None:
        if isinstance(event, EngineReady):
            measured["ready"] = time.time() - begun
            QTimer.singleShot(1000, finish)

    window.bridge.happened.connect(happened)


def watch_training(window: Any, measured: dict[str, Any], begun: float, data: str) -> None:
    """Open data, train with the Train page open, then begin and cancel five trainings."""
    from PySide6.QtCore import QTimer

    from engine.messages import (
        EngineReady,
        ImportFinished,
        ImportPaths,
        JobClosed,
        JobProgress,
        NewProject,
        OpenSample,
        ProjectOpened,
        StepsDone,
        Train,
        TrainingFinished,
    )
    from engine.training.recipe import Recipe
    from gui.widgets.curve_plot import CurvePlot

    bridge, probe = window.bridge, Probe()
    redraws = 0
    paint: Callable[..., None] = CurvePlot.paintEvent
    state: dict[str, Any] = {"phase": "open", "begun": 0.0, "job": 0}
    measured["cancel"] = []

    def counted(self: Any, event: Any) -> None:
        nonlocal redraws
        redraws += 1
        paint(self, event)

    CurvePlot.paintEvent = counted  # type: ignore[method-assign]

    def train(epochs: int) -> None:
        state["job"] = bridge.submit(Train("lenet-5", Recipe(epochs=epochs)))

    def happened(event: Any) -> None:
        nonlocal redraws
        if isinstance(event, EngineReady):
            bridge.submit(NewProject("benchmark") if data else OpenSample())
        elif isinstance(event, ProjectOpened) and state["phase"] == "open":
            state["phase"] = "import"
            if data:
                bridge.submit(ImportPaths((data,), copy=False))
            else:
                begin()
        elif isinstance(event, ImportFinished):
            begin()
        elif isinstance(event, StepsDone) and state["phase"] == "begin":
            state.update(phase="train", begun=time.perf_counter())
            redraws = 0
            probe.start()
        elif isinstance(event, StepsDone) and state["phase"] == "train":
            measured["redraws"] = redraws / (time.perf_counter() - state["begun"])
        elif isinstance(event, StepsDone) and state["phase"] == "cancel":
            state.update(phase="cancelling", begun=time.perf_counter())
            bridge.cancel(state["job"])
        elif isinstance(event, JobProgress) and event.job == state["job"] and event.images_per_second:
            measured["images_per_second"] = event.images_per_second
        elif isinstance(event, TrainingFinished) and state["phase"] == "train":
            seconds = time.perf_counter() - state["begun"]
            probe.stop()
            delays = np.array(probe.delays)
            measured.update(
                p99=float(np.percentile(delays, 99)),
                worst=float(delays.max()),
                seconds=seconds,
                memory=largest_memory(),
                test_accuracy=event.record.test_accuracy,
            )
        elif isinstance(event, JobClosed) and event.job == state["job"]:
            if state["phase"] == "cancelling":
                measured["cancel"].append(time.perf_counter() - state["begun"])
            if len(measured["cancel"]) == 5:
                window.close()
            else:
                state["phase"] = "cancel"
                train(50)

    def begin() -> None:
        state["phase"] = "begin"
        window.show_page("train")
        QTimer.singleShot(500, lambda: train(2 if data else 20))

    bridge.happened.connect(happened)


if __name__ == "__main__":
    child(sys.argv[1], float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
