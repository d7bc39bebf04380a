"""A host without an engine: keeps what it is told, says what a test wants."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from engine.messages import Command, Event, JobClosed, JobStarted, Outcome


class FakeHost:
    """Takes the place of EngineThread.

    host.emit(event, …) lets the bridge see events at its next tick; host.answers[SetLabels] = function(command, job) -> events lets
    it answer a command, with JobStarted before and JobClosed after. Other commands stay open until `finish(job)`.
    """

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.cancelled: list[int] = []
        self.hurried: list[int] = []
        self.answers: dict[type[Command], Callable[[Command, int], Iterable[Event]]] = {}
        self.started = False
        self.closed = False
        self._events: deque[Event] = deque()

    def start(self) -> None:
        self.started = True

    def submit(self, command: Command) -> int:
        self.commands.append(command)
        number = len(self.commands)
        answer = self.answers.get(type(command))
        if answer is not None:
            self.begin(number)
            self.emit(*answer(command, number))
            self.finish(number)
        return number

    def begin(self, number: int) -> None:
        command = self.commands[number - 1]
        name = type(command).__name__
        self.emit(JobStarted(job=number, command=name, lane=command.lane, title=name))

    def finish(self, number: int, outcome: Outcome = Outcome.COMPLETED, failure=None) -> None:
        self.emit(JobClosed(job=number, command=type(self.commands[number - 1]).__name__, outcome=outcome, failure=failure))

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def hurry(self, number: int) -> None:
        self.hurried.append(number)

    def events(self) -> Iterator[Event]:
        while self._events:
            yield self._events.popleft()

    @property
    def waiting(self) -> int:
        """Number of events that nobody has taken yet."""
        return len(self._events)

    def emit(self, *events: Event) -> None:
        self._events.extend(events)

    def close(self, timeout: float = 2.0) -> bool:
        self.closed = True
        return True

    def sent(self, kind: type[Command]) -> list[Command]:
        """The commands of this kind, oldest first."""
        return [command for command in self.commands if type(command) is kind]
