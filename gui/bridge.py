"""Between the engine's threads and the widgets: takes events on a timer, reduces them, and lets what is visible render once a tick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from engine.messages import CameraClosed, CameraFrame, CameraOpened, Command, Event, JobClosed, PictureReady, Remember, ThumbnailsReady
from gui.reducing import reduce
from gui.state import AppState, JobHurried, JobSubmitted, Remembered, changed_fields

BUSY_MILLISECONDS = 15
IDLE_MILLISECONDS = 40
IDLE_TICKS = 40
"""Ticks without an event after which the timer slows down."""
BUDGET_SECONDS = 0.008


class Host(Protocol):
    """What the bridge needs of the engine; EngineThread has it, and the tests' FakeHost."""

    def start(self) -> None: ...
    def submit(self, command: Command) -> int: ...
    def cancel(self, number: int) -> None: ...
    def hurry(self, number: int) -> None: ...
    def events(self) -> Iterator[Event]: ...
    def close(self, timeout: float = ...) -> bool: ...


class View(Protocol):
    """Something that shows the state."""

    def render(self, state: AppState, changed: frozenset[str]) -> None: ...
    def isVisible(self) -> bool: ...


class Bridge(QObject):
    """Owns the host, and the state that its events add up to.

    Attributes
    ----------
    state : AppState
        As of the last tick.
    happened : Signal(Event)
        Every event but the two below and camera frames, after it was reduced.
    submitted : Signal(int, Command)
        A command was handed over, with the number of its job.
    thumbnails, picture : Signal
        ThumbnailsReady and PictureReady; these are no part of the state.
    """

    happened = Signal(object)
    submitted = Signal(int, object)
    thumbnails = Signal(object)
    picture = Signal(object)

    def __init__(self, host: Host, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = AppState()
        self._host = host
        self._views: list[View] = []
        self._rendered: dict[int, AppState] = {}
        self._quiet_ticks = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.tick)

    def start(self) -> None:
        """Start the engine and begin to take its events."""
        self._host.start()
        self._timer.start(BUSY_MILLISECONDS)

    def close(self, timeout: float = 1.8) -> bool:
        """Stop the engine; tells whether it stopped in time (seconds)."""
        self._timer.stop()
        return self._host.close(timeout)

    def submit(self, command: Command) -> int:
        """Hand a command to the engine; gives the number of its job."""
        number = self._host.submit(command)
        name = type(command).__name__
        self.dispatch(JobSubmitted(job=number, command=name, lane=command.lane, title=_words(name), asked=command))
        if isinstance(command, Remember):
            self.dispatch(Remembered(key=command.key, value=command.value))
        self.submitted.emit(number, command)
        self._hurry()
        return number

    def cancel(self, job: int) -> None:
        self._host.cancel(job)
        self._hurry()

    def hurry(self, job: int) -> None:
        """Let a job that waits be the next of its lane."""
        self._host.hurry(job)
        self.dispatch(JobHurried(job=job))
        self._hurry()

    def dispatch(self, event: Event) -> None:
        """Reduce an event of the window itself; views see it at the next tick."""
        self.state = reduce(self.state, event)

    def add_view(self, view: View) -> None:
        """Let a view render whenever the state changes while it is visible."""
        self._views.append(view)

    def remove_view(self, view: View) -> None:
        self._views.remove(view)
        self._rendered.pop(id(view), None)

    def refresh(self, view: View) -> None:
        """Let one view render now if the state changed since it last did; for views that have just been shown."""
        changed = changed_fields(self._rendered.get(id(view)), self.state)
        if changed:
            self._rendered[id(view)] = self.state
            view.render(self.state, changed)

    def tick(self) -> None:
        """Take what the engine has said, at most 8 ms long, and render what is visible."""
        any_event = self._drain()
        self._quiet_ticks = 0 if any_event else self._quiet_ticks + 1
        interval = BUSY_MILLISECONDS if self._quiet_ticks < IDLE_TICKS else IDLE_MILLISECONDS
        if self._timer.isActive() and self._timer.interval() != interval:
            self._timer.setInterval(interval)
        for view in list(self._views):
            if view.isVisible():
                self.refresh(view)

    def _drain(self) -> bool:
        deadline = time.perf_counter() + BUDGET_SECONDS
        frame: CameraFrame | None = None
        any_event = False
        for event in self._host.events():
            any_event = True
            if isinstance(event, CameraFrame):
                frame = event
                continue
            if frame is not None and isinstance(event, CameraOpened | CameraClosed | JobClosed):
                self.dispatch(frame)
                frame = None
            self._take(event)
            if time.perf_counter() > deadline:
                break
        if frame is not None:
            self.dispatch(frame)
        return any_event

    def _take(self, event: Event) -> None:
        if isinstance(event, ThumbnailsReady):
            self.thumbnails.emit(event)
        elif isinstance(event, PictureReady):
            self.picture.emit(event)
        else:
            self.dispatch(event)
            self.happened.emit(event)

    def _hurry(self) -> None:
        self._quiet_ticks = 0
        if self._timer.isActive() and self._timer.interval() != BUSY_MILLISECONDS:
            self._timer.setInterval(BUSY_MILLISECONDS)


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
