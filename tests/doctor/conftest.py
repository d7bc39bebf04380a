"""A session that answers in the test's own thread, and pictures in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from doctor_copies import made_material

from engine.control import CancelToken
from engine.doctor.material import Material
from engine.messages import Command, Event
from engine.session import Session


@pytest.fixture(scope="session")
def material_of() -> Callable[..., Material]:
    return made_material


class Asking:
    """A session that runs commands and keeps what they answer."""

    def __init__(self) -> None:
        self.session = Session()

    def ask(self, command: Command, token: CancelToken | None = None) -> list[Event]:
        events: list[Event] = []
        self.session.run(command, token or CancelToken(), events.append)
        return events

    def only(self, kind: type, command: Command) -> object:
        found = [event for event in self.ask(command) if isinstance(event, kind)]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def asking() -> Iterator[Asking]:
    made = Asking()
    yield made
    if made.session.project is not None:
        made.session.project.close()
