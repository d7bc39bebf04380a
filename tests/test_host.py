"""Lanes: every job closes exactly once, cancel reaches a busy lane, no lane waits for another."""

import copy
import pickle
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import messages
from engine.control import CancelToken
from engine.failure import UserError
from engine.host import EngineThread
from engine.messages import Event, JobClosed, JobProgress, JobStarted, Lane, Outcome
from engine.project.records import Split
from engine.session import HANDLERS, Emit, Session
from engine.training.recipe import Recipe

Handler = Callable[[Session, messages.Command, CancelToken, Emit], None]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineThread]:
    """A host that does not load torch."""
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    engine = EngineThread()
    yield engine
    assert engine.close(timeout=5)


def handle(host: EngineThread, monkeypatch: pytest.MonkeyPatch, handlers: dict[type, Handler]) -> None:
    def run(command: messages.Command, token: CancelToken, emit: Emit) -> None:
        handlers[type(command)](host.session, command, token, emit)

    monkeypatch.setattr(host.session, "run", run)


def until_cancelled(session: Session, command: messages.Command, token: CancelToken, emit: Emit) -> None:
    emit(JobProgress(fraction=None, text="working"))
    assert token.wait(30)
    token.check()


def nothing(session: Session, command: messages.Command, token: CancelToken, emit: Emit) -> None:
    emit(JobProgress(fraction=1.0, text="done"))


def refuse(session: Session, command: messages.Command, token: CancelToken, emit: Emit) -> None:
    raise UserError("The folder has no images.", "Choose another.")


EVALUATE = messages.Evaluate(run="a", split=Split.TEST)


def test_label_does_not_wait_for_a_training(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    handle(host, monkeypatch, {messages.Evaluate: until_cancelled, messages.SetLabels: nothing, messages.WantThumbnails: nothing})
    host.start()
    job = host.submit(EVALUATE)
    for command in (messages.SetLabels(images=(1,), class_id=None), messages.WantThumbnails(images=(1,))):
        events = list(host.wait(host.submit(command), timeout=5))
        assert isinstance(events[-1], JobClosed)
        assert events[-1].outcome is Outcome.COMPLETED
    host.cancel(job)
    assert list(host.wait(job, timeout=5))[-1].outcome is Outcome.CANCELLED  # type: ignore[attr-defined]


def test_failure_becomes_text_and_the_lane_lives_on(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    handle(host, monkeypatch, {messages.Evaluate: refuse, messages.Train: nothing})
    host.start()
    closed = list(host.wait(host.submit(EVALUATE), timeout=5))[-1]
    assert isinstance(closed, JobClosed)
    assert closed.outcome is Outcome.FAILED
    assert closed.failure is not None
    assert (closed.failure.message, closed.failure.remedy) == ("The folder has no images.", "Choose another.")
    after = list(host.wait(host.submit(messages.Train(network="mlp", recipe=Recipe())), timeout=5))[-1]
    assert isinstance(after, JobClosed)
    assert after.outcome is Outcome.COMPLETED


def test_queued_job_is_cancelled_before_it_begins(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    handle(host, monkeypatch, {messages.Evaluate: until_cancelled})
    host.start()
    first, second = host.submit(EVALUATE), host.submit(EVALUATE)
    host.cancel(second)
    host.cancel(first)
    events = list(host.wait(second, timeout=5))
    assert not any(isinstance(event, JobStarted) and event.job == second for event in events)


def test_newer_request_replaces_the_older_of_its_kind(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    def thumbnails(session: Session, command: messages.Command, token: CancelToken, emit: Emit) -> None:
        assert isinstance(command, messages.WantThumbnails)
        if command.images == (1,):
            until_cancelled(session, command, token, emit)

    handle(host, monkeypatch, {messages.WantThumbnails: thumbnails})
    host.start()
    old = host.submit(messages.WantThumbnails(images=(1,)))
    new = host.submit(messages.WantThumbnails(images=(2,)))
    outcomes = {event.job: event.outcome for event in host.wait(new, timeout=5) if isinstance(event, JobClosed)}
    assert outcomes == {old: Outcome.CANCELLED, new: Outcome.COMPLETED}


SHORT: list[Handler] = [refuse, nothing]
ANY: list[Handler] = [*SHORT, until_cancelled]
JOBS = st.one_of(  # commands of the store end by themselves: closing lets them
    st.tuples(st.sampled_from(ANY), st.sampled_from([EVALUATE, messages.ListCameras()])),
    st.tuples(st.sampled_from(SHORT), st.just(messages.Undo())),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(JOBS))
def test_every_job_closes_exactly_once(monkeypatch: pytest.MonkeyPatch, jobs: list[tuple[Handler, messages.Command]]) -> None:
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    engine = EngineThread()
    planned = [(handler, copy.copy(command)) for handler, command in jobs]
    handlers = {id(command): handler for handler, command in planned}

    def run(command: messages.Command, token: CancelToken, emit: Emit) -> None:
        handlers[id(command)](engine.session, command, token, emit)

    monkeypatch.setattr(engine.session, "run", run)
    engine.start()
    numbers = [engine.submit(command) for _, command in planned]
    assert engine.close(timeout=10)
    numbers.append(engine.submit(EVALUATE))  # after the end: closed at once
    closed = [event.job for event in engine.events() if isinstance(event, JobClosed)]
    assert sorted(closed) == numbers


def test_other_lanes_write_through_the_store_lane(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def job(session: Session, command: messages.Command, token: CancelToken, emit: Emit) -> None:
        session.in_store(lambda: names.append(threading.current_thread().name))
        with pytest.raises(ZeroDivisionError):
            session.in_store(lambda: 1 / 0)

    handle(host, monkeypatch, {messages.Evaluate: job})
    host.start()
    closed = list(host.wait(host.submit(EVALUATE), timeout=5))[-1]
    assert isinstance(closed, JobClosed)
    assert closed.outcome is Outcome.COMPLETED
    assert names == ["fovea-store"]


def test_every_command_has_a_handler_and_a_lane() -> None:
    commands = {kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, messages.Command)}
    assert commands - {messages.Command} == set(HANDLERS)
    assert all(isinstance(command.lane, Lane) for command in commands)


def test_messages_are_picklable() -> None:
    for message in (EVALUATE, JobProgress(fraction=0.5, text="half", job=3)):
        again: Event | messages.Command = pickle.loads(pickle.dumps(message))
        assert type(again) is type(message)


def test_changes_that_wait_are_carried_out_when_the_engine_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    engine = EngineThread()
    begun, go = threading.Event(), threading.Event()
    kept: list[str] = []

    def run(command: messages.Command, token: CancelToken, emit: Emit) -> None:
        if not begun.is_set():
            begun.set()
            assert go.wait(10)
        token.check()
        kept.append(command.value)

    monkeypatch.setattr(engine.session, "run", run)
    engine.start()
    for value in ("one", "two", "three"):
        engine.submit(messages.Remember("page", value))
    assert begun.wait(10)
    threading.Timer(0.2, go.set).start()
    assert engine.close(timeout=10)
    assert kept == ["one", "two", "three"]


def test_a_change_that_does_not_end_is_cancelled_when_the_engine_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineThread, "load_torch", lambda self: None)
    engine = EngineThread()
    begun = threading.Event()

    def run(command: messages.Command, token: CancelToken, emit: Emit) -> None:
        begun.set()
        while True:
            token.check()

    monkeypatch.setattr(engine.session, "run", run)
    engine.start()
    engine.submit(messages.Remember("page", "one"))
    assert begun.wait(10)
    assert engine.close(timeout=2)


def test_a_job_that_waits_is_closed_as_soon_as_it_is_cancelled(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    handle(host, monkeypatch, {messages.Evaluate: until_cancelled})
    host.start()
    first, second = host.submit(EVALUATE), host.submit(EVALUATE)
    assert any(isinstance(event, JobProgress) for event in _until_progress(host))
    host.cancel(second)
    closed = list(host.wait(second, timeout=5))[-1]
    assert isinstance(closed, JobClosed) and closed.outcome is Outcome.CANCELLED
    host.cancel(second)  # once more changes nothing
    host.cancel(first)
    ends = [event.job for event in host.wait(first, timeout=5) if isinstance(event, JobClosed)]
    assert ends == [first]


def test_a_job_that_is_hurried_is_the_next_of_its_lane(host: EngineThread, monkeypatch: pytest.MonkeyPatch) -> None:
    handle(host, monkeypatch, {messages.Evaluate: until_cancelled, messages.Train: nothing})
    host.start()
    first = host.submit(EVALUATE)
    second, third, fourth = (host.submit(messages.Train(network="mlp", recipe=Recipe())) for _ in range(3))
    host.hurry(fourth)
    host.hurry(first)  # runs, or is the first anyway
    host.hurry(99)
    host.cancel(first)
    ends = [event.job for event in host.wait(third, timeout=5) if isinstance(event, JobClosed)]
    assert sorted(ends) == [first, second, third, fourth] and ends.index(fourth) < ends.index(second) < ends.index(third)


def _until_progress(host: EngineThread) -> Iterator[Event]:
    """Events until a job works."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for event in host.events():
            yield event
            if isinstance(event, JobProgress):
                return
