"""What every message is: a command with its lane, an event with its job."""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec


class Lane(enum.Enum):
    """A thread of the engine with a queue of its own; lanes never wait for each other's jobs."""

    JOBS = "jobs"  # train, evaluate: one at a time, in order
    IMPORTS = "imports"  # files into the project: never behind a training
    STORE = "store"  # the only writer of SQLite: labels, undo, queries
    LIVE = "live"  # dropped pictures and probes, on the lane's own copy of a model
    CAMERA = "camera"  # one camera at a time; its job lasts as long as the camera plays
    PICTURES = "pictures"  # thumbnails and big pictures, newest request first


class Command(msgspec.Struct, frozen=True, eq=False, tag=True):
    """Something to do.

    Subclasses set `lane`, and `replaces` where a new command of the kind cancels the older ones of its kind.
    """

    lane: ClassVar[Lane] = Lane.STORE
    replaces: ClassVar[bool] = False


class Event(msgspec.Struct, frozen=True, eq=False, tag=True, kw_only=True):
    """Something that happened. `job` is the number that `submit` gave the command, 0 where no command asked."""

    job: int = 0


class Outcome(enum.Enum):
    """How a job ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class FailureText(msgspec.Struct, frozen=True):
    """A failure as text: what went wrong and where, what to do, and the traceback for the log."""

    kind: str
    message: str
    remedy: str = ""
    traceback: str = ""
