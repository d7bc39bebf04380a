"""What an import hands on: pictures to the store lane in parcels, and word of how far it is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from engine.data.looks import short_digest
from engine.failure import UserError
from engine.messages import ImagesAdded
from engine.project.opened import Arrival, OpenedProject
from engine.project.thumbnails import thumbnails_of

if TYPE_CHECKING:
    from engine.project.incoming import Incoming
    from engine.session import Emit, Session

FIRST_PARCEL = 32  # so that the first pictures show at once; parcels then double
LARGEST_PARCEL = 8192
PARCEL_SECONDS = 0.5


class Intake:
    """Hands pictures to the store lane in parcels, all of them one step of undo; events leave that lane in the order of the changes.

    Attributes
    ----------
    taken : int
        Pictures that are on disk with their rows.
    files : list of str
        Names in incoming/ of those that wait for their rows.
    """

    def __init__(
        self, session: Session, project: OpenedProject, incoming: Incoming, emit: Emit, title: str, divide_last: bool = False
    ) -> None:
        """`divide_last`: pictures that bring a label and no split get one at the end, seen all together."""
        self._session, self._project, self._incoming, self._emit, self._title = session, project, incoming, emit, title
        self._divide_last = divide_last
        self._ids: list[np.ndarray] = []
        self._waiting: list[Arrival] = []
        self.files: list[str] = []
        self._thumbnails: dict[int, bytes] = {}
        self._entry: int | None = None
        self._flushed = time.monotonic()
        self.taken = 0

    def add(self, arrival: Arrival, files: Iterable[str] = (), thumbnail: bytes = b"") -> None:
        """Take a picture in.

        Parameters
        ----------
        arrival : Arrival
            The picture.
        files : iterable of str
            Names in incoming/ of the files that its row will refer to.
        thumbnail : bytes
            As `engine.data.looks` encodes it; empty where none is to be kept.
        """
        self._waiting.append(arrival)
        self.files.extend(files)
        if thumbnail and arrival.look is not None:
            self._thumbnails[short_digest(arrival.look.digest)] = thumbnail
        enough = min(LARGEST_PARCEL, max(FIRST_PARCEL, self.taken))
        if len(self._waiting) >= enough or time.monotonic() - self._flushed > PARCEL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits; it is on disk when this returns.

        Raises
        ------
        UserError
            If the project was closed meanwhile.
        sqlite3.Error
            If the database cannot be written.
        """
        if not self._waiting:
            return
        thumbnails_of(self._project.folder).put(self._thumbnails)  # first: the window asks for them as soon as it hears of the pictures
        for name in self.files:
            self._incoming.hand_over(name)
        self._session.in_store(self._store)
        self.taken += len(self._waiting)
        self._waiting, self.files, self._thumbnails = [], [], {}
        self._flushed = time.monotonic()

    def finish(self) -> None:
        """Hand over the last ones, and divide what was to be divided together; raises as `flush` does."""
        self.flush()
        if self._divide_last and self._ids:
            self._session.in_store(self._divide)

    def _store(self) -> None:
        self._check_open()
        events, self._entry = self._project.add_images(self._title, self._waiting, self._entry, divide=not self._divide_last)
        for event in events:
            if isinstance(event, ImagesAdded):
                self._ids.append(event.images.ids)
            self._emit(event)

    def _divide(self) -> None:
        self._check_open()
        for event in self._project.divide_arrived(np.concatenate(self._ids)):
            self._emit(event)

    def _check_open(self) -> None:
        if self._session.project is not self._project:
            raise UserError(f"The project was closed after {self.taken:,} pictures were taken.", "Open it and import the rest.")
