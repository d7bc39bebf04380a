"""Frames of a playing camera into the project, as long as somebody holds the button: a class is filled in seconds.

The camera's loop hands frames over and goes on; a thread of its own encodes and stores them. One recording is one step of undo.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import cv2

from engine.control import CancelToken
from engine.data.looks import look_at
from engine.failure import UserError, describe
from engine.messages import Notice, RecordFrames
from engine.project.incoming import IMAGES, Incoming
from engine.project.intake import Intake
from engine.project.opened import Arrival
from engine.project.store import READ_ONLY_REMEDY

if TYPE_CHECKING:
    import numpy as np

    from engine.session import Emit, Session

PERIOD_SECONDS = 0.1  # between frames that are taken
WAITING = 8  # frames that may wait to be stored; a disk that is slower loses frames, never the picture on the screen
FLUSH_SECONDS = 0.4
CLOSE_SECONDS = 5.0
ENCODING = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def record_frames(session: Session, command: RecordFrames, token: CancelToken, emit: Emit) -> None:
    """Begin or end a recording; the camera's loop looks at `session.recording` with every frame.

    Raises
    ------
    UserError
        If the project can only be read, or has no such class.
    """
    if not command.on:
        session.recording = None
        return
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    if command.class_id is not None and all(record.id != command.class_id for record in project.snapshot.classes):
        raise UserError("This class is no longer in the project.", "Choose another class.")
    session.recording = command


class Recorder:
    """Takes frames of one camera; use it in the camera's lane, and close it with the camera.

    Parameters
    ----------
    session : Session
        Its `recording` says whether frames are wanted, and for which class.
    emit : callable
        Takes ImagesAdded, HistoryChanged, and a Notice where a recording had to end.
    """

    def __init__(self, session: Session, emit: Emit) -> None:
        self._session, self._emit = session, emit
        self._frames: queue.Queue[tuple[RecordFrames, np.ndarray] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._due = 0.0
        self._last: RecordFrames | None = None

    def take(self, frame: np.ndarray) -> None:
        """Offer a frame, uint8 [height, width, 3] in OpenCV's BGR, upright and not mirrored; returns at once.

        It is taken where a recording runs and the last one taken is a tenth of a second old.
        """
        recording = self._session.recording
        now = time.monotonic()
        if recording is None or (recording is self._last and now < self._due):
            return
        # from when it was due, not from now: a camera of 25 frames a second then gives 10, not 8
        self._due = max(self._due, now - PERIOD_SECONDS) + PERIOD_SECONDS if recording is self._last else now + PERIOD_SECONDS
        self._last = recording
        if self._thread is None:
            self._thread = threading.Thread(target=self._store, name="fovea-record", daemon=True)
            self._thread.start()
        try:
            self._frames.put_nowait((recording, frame))
        except queue.Full:
            return

    def close(self) -> None:
        """End the recording; what was taken is stored first."""
        self._session.recording = None
        if self._thread is not None:
            self._frames.put(None)
            self._thread.join(CLOSE_SECONDS)

    # ------------------------------------------------------------ in the thread

    def _store(self) -> None:
        kept: _Kept | None = None
        failed: RecordFrames | None = None  # its frames that still wait are let go
        for recording, frame in self._parcels():
            try:
                if kept is not None and kept.recording is not recording:
                    kept.flush()
                if frame is None or recording is None or recording is failed:
                    continue
                if kept is None or kept.recording is not recording:
                    if kept is not None:
                        kept.close()
                    kept = _Kept(self._session, recording, self._emit)
                kept.add(frame)
            except (UserError, OSError, sqlite3.Error, cv2.error) as error:
                failed = recording or (kept.recording if kept is not None else None)
                self._give_up(error)
                if kept is not None:
                    kept.close()
                kept = None
        if kept is not None:
            kept.close()

    def _parcels(self) -> Iterator[tuple[RecordFrames | None, np.ndarray | None]]:
        """Frames with their recording; (None, None) where none came for a while, and once more at the end."""
        while True:
            try:
                parcel = self._frames.get(timeout=FLUSH_SECONDS)
            except queue.Empty:
                yield None, None
                continue
            if parcel is None:
                yield None, None
                return
            yield parcel

    def _give_up(self, error: Exception) -> None:
        self._session.recording = None
        failure = describe(error)
        self._emit(Notice(level="error", text=f"The recording ended: {failure.message} {failure.remedy}".strip()))


class _Kept:
    """One recording on its way to the disk."""

    def __init__(self, session: Session, recording: RecordFrames, emit: Emit) -> None:
        project = session.opened()
        self.recording = recording
        self._incoming = Incoming(project.folder)
        self._intake = Intake(session, project, self._incoming, emit, "Record frames")

    def add(self, frame: np.ndarray) -> None:
        """Write a frame as JPEG; its row follows with those of its neighbours."""
        data = cv2.imencode(".jpg", frame, ENCODING)[1].tobytes()
        moment = datetime.now()
        name = f"camera {moment:%Y-%m-%d %H.%M.%S}.{moment.microsecond // 1000:03d}.jpg"
        look, thumbnail = look_at(data, name, moment.timestamp())
        file = self._incoming.write(self._incoming.reserve(name), data)
        if file is not None:
            self._intake.add(Arrival(f"file:{IMAGES}/{file}", file, None, self.recording.class_id, look=look), (file,), thumbnail)

    def flush(self) -> None:
        """Have everything on disk."""
        self._intake.flush()

    def close(self) -> None:
        """Leave no file without a row."""
        self._incoming.close()
