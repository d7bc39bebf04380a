"""The pure function that tells what an event makes of the state; its cases are registered by kind of event."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec

from engine.messages import Event
from gui.state import AppState


def reduce(state: AppState, event: Event) -> AppState:
    """What the state is after an event. Unknown kinds of events change nothing."""
    return _reduce(event, state)


@functools.singledispatch
def _reduce(event: Event, state: AppState) -> AppState:
    return state


def on(kind: type[Event]) -> Callable[[Callable[[Any, AppState], AppState]], Callable[[Any, AppState], AppState]]:
    """Register what events of this kind do."""
    return _reduce.register(kind)


def with_(state: AppState, **changes: Any) -> AppState:
    """The state with other values for some fields."""
    return msgspec.structs.replace(state, **changes)
