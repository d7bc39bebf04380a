"""The engine as a whole: one thread a lane, commands in, events out.

host = EngineThread()
host.start()
job = host.submit(OpenSample())
for event in host.wait(job): ...
host.close()
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from engine.control import Cancelled, CancelToken, lower_priority, wait_passively
from engine.failure import describe
from engine.messages import Command, EngineReady, Event, FailureText, JobClosed, JobStarted, Lane, Outcome
from engine.session import Session

log = logging.getLogger("fovea.engine")

CLOSE_SECONDS = 2.0


class _Job(msgspec.Struct, eq=False):
    number: int
    command: Command
    token: CancelToken


class _Call(msgspec.Struct, eq=False):
    """A function that another lane wants run in the store lane."""

    function: Callable[[], Any]
    done: threading.Event
    result: list[Any]
    error: list[BaseException]


class _LaneThread(threading.Thread):
    """Takes jobs of one lane in order; closes each exactly once."""

    def __init__(self, lane: Lane, host: EngineThread) -> None:
        super().__init__(name=f"fovea-{lane.value}", daemon=True)
        self.lane = lane
        self._host = host
        self._ready = threading.Condition()
        self._queue: deque[_Job | _Call | None] = deque()
        self._running: _Job | None = None

    def put(self, item: _Job | _Call | None) -> None:
        with self._ready:
            if isinstance(item, _Job) and item.command.replaces:
                for job in [*self._queue, self._running]:
                    if isinstance(job, _Job) and type(job.command) is type(item.command):
                        job.token.cancel()
            self._queue.append(item)
            self._ready.notify()

    def take_out(self, number: int) -> _Job | None:
        """Take a job that has not begun out of the line; None where there is no such job."""
        with self._ready:
            job = self._waiting(number)
            if job is not None:
                self._queue.remove(job)
        return job

    def hurry(self, number: int) -> None:
        """Put a job that has not begun before the others that wait."""
        with self._ready:
            job = self._waiting(number)
            if job is not None:
                self._queue.remove(job)
                self._queue.appendleft(job)

    def _waiting(self, number: int) -> _Job | None:
        return next((job for job in self._queue if isinstance(job, _Job) and job.number == number), None)

    def run(self) -> None:
        if self.lane not in (Lane.STORE, Lane.PICTURES):
            lower_priority()
        if self.lane is Lane.JOBS:
            self._host.load_torch()
        while True:
            with self._ready:
                self._running = None
                while not self._queue:
                    self._ready.wait()
                item = self._queue.popleft()
                self._running = item if isinstance(item, _Job) else None
            if item is None:
                return
            if isinstance(item, _Call):
                _answer(item)
            else:
                self._run_job(item)

    def _run_job(self, job: _Job) -> None:
        def emit(event: Event) -> None:
            self._host.emit(event if event.job else msgspec.structs.replace(event, job=job.number))

        outcome, failure = Outcome.COMPLETED, None
        try:
            job.token.check()
            emit(JobStarted(command=type(job.command).__name__, lane=self.lane, title=title_of(job.command)))
            self._host.session.run(job.command, job.token, emit)
        except Cancelled:
            outcome = Outcome.CANCELLED
        except BaseException as error:  # the one place where failures become text
            outcome, failure = Outcome.FAILED, _logged(error, job)
        self._host.close_job(job.number)
        emit(JobClosed(command=type(job.command).__name__, outcome=outcome, failure=failure))


def _logged(error: BaseException, job: _Job) -> FailureText:
    failure = describe(error)
    log.warning("%s failed: %s\n%s", type(job.command).__name__, failure.message, failure.traceback)
    return failure


def _answer(call: _Call) -> None:
    try:
        call.result.append(call.function())
    except BaseException as error:
        call.error.append(error)
    call.done.set()


def title_of(command: Command) -> str:
    """A command in words, from its class name: "ImportPaths" gives "import paths"."""
    name = type(command).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


class EngineThread:
    """Owns the lanes. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.session = Session()
        self.session.in_store = self._in_store
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.session.backlog = self._events.qsize
        self._numbers = itertools.count(1)
        self._tokens: dict[int, CancelToken] = {}
        self._changes: set[int] = set()  # of them those of the store
        self._lock = threading.Lock()
        self._lanes = {lane: _LaneThread(lane, self) for lane in Lane}
        self._closing = False

    def start(self) -> None:
        """Start the lanes; torch loads in the jobs lane, which then emits EngineReady."""
        wait_passively()
        for lane in self._lanes.values():
            lane.start()

    def submit(self, command: Command) -> int:
        """Queue a command; gives the number that its events carry."""
        job = _Job(next(self._numbers), command, CancelToken())
        with self._lock:
            closing = self._closing
            if not closing:
                self._tokens[job.number] = job.token
                if command.lane is Lane.STORE:
                    self._changes.add(job.number)
        if closing:
            self.emit(JobClosed(job=job.number, command=type(command).__name__, outcome=Outcome.CANCELLED))
        else:
            self._lanes[command.lane].put(job)
        return job.number

    def cancel(self, number: int) -> None:
        """Cancel a job, begun or not; unknown and ended numbers change nothing. One that has not begun is closed at once."""
        with self._lock:
            token = self._tokens.get(number)
        if token is None:
            return
        token.cancel()
        for lane in self._lanes.values():
            job = lane.take_out(number)
            if job is not None:
                self.close_job(number)
                self.emit(JobClosed(job=number, command=type(job.command).__name__, outcome=Outcome.CANCELLED))

    def hurry(self, number: int) -> None:
        """Let a job that has not begun be the next of its lane; other numbers change nothing."""
        for lane in self._lanes.values():
            lane.hurry(number)

    def events(self) -> Iterator[Event]:
        """Take the events that are there now, oldest first, without waiting."""
        while True:
            try:
                yield self._events.get_nowait()
            except queue.Empty:
                return

    def wait(self, number: int, timeout: float = 600.0) -> Iterator[Event]:
        """Take events until job `number` is closed; for scripts and tests.

        Raises
        ------
        TimeoutError
            If the job is not closed in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"job {number} was not closed within {timeout:g} s") from None
            yield event
            if isinstance(event, JobClosed) and event.job == number:
                return

    def close(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Cancel what is under way, write what was changed, and stop; tells whether all lanes did in time.

        Commands of the store are short, and each is a change that somebody has made: they are carried out. Those that are not done after
        half the time are cancelled all the same.
        """
        with self._lock:
            self._closing = True
            tokens = dict(self._tokens)
            changes = {number: token for number, token in tokens.items() if number in self._changes}
        for number, token in tokens.items():
            if number not in changes:
                token.cancel()
        begun = time.monotonic()
        store = self._lanes[Lane.STORE]
        for thread in [thread for thread in self._lanes.values() if thread is not store]:  # the store last: the others write through it
            if thread.ident is not None:
                thread.put(None)
                thread.join(max(0.05, begun + timeout - time.monotonic()))
        if store.ident is not None:
            store.put(None)
            store.join(max(0.05, begun + timeout / 2 - time.monotonic()))
            for token in changes.values():
                token.cancel()
            store.join(max(0.05, begun + timeout - time.monotonic()))
        if self.session.project is not None:
            self.session.project.close()
            self.session.project = None
        return not any(thread.is_alive() for thread in self._lanes.values())

    def emit(self, event: Event) -> None:
        """Put an event out, from any thread."""
        self._events.put(event)

    def close_job(self, number: int) -> None:
        """Forget a job that has ended."""
        with self._lock:
            self._tokens.pop(number, None)
            self._changes.discard(number)

    def load_torch(self) -> None:
        """Import torch and tell what it can compute on."""
        begun = time.perf_counter()
        try:
            from engine import device

            records = device.devices()
            version = device.torch_version()
        except Exception as error:
            failure = describe(error)
            log.error("torch could not be loaded\n%s", failure.traceback)
            self.emit(JobClosed(command="EngineReady", outcome=Outcome.FAILED, failure=failure))
            return
        self.emit(EngineReady(devices=records, torch_version=version, seconds=time.perf_counter() - begun))

    def _in_store(self, function: Callable[[], Any]) -> Any:
        store = self._lanes[Lane.STORE]
        if threading.current_thread() is store or not store.is_alive():
            return function()
        call = _Call(function, threading.Event(), [], [])
        store.put(call)
        call.done.wait()
        if call.error:
            raise call.error[0]
        return call.result[0]
