"""A camera, video file or network stream, read on a thread of its own that keeps the newest frame only."""

from __future__ import annotations

import enum
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import msgspec

from engine.failure import UserError

if TYPE_CHECKING:
    import numpy as np

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a missing camera is told by us, not by lines on stderr
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first video opens
os.environ.setdefault("OPENCV_AVFOUNDATION_SKIP_AUTH", "1")  # OpenCV can ask for permission on the main thread alone; macOS asks itself

OPEN_MILLISECONDS = 6_000
READ_MILLISECONDS = 4_000
PATIENCE_SECONDS = 2.0  # a device that fails to deliver for so long is gone
STALL_SECONDS = 8.0  # nothing at all has come for so long, whatever the driver is waiting for
USUAL_RATE = 25.0


class Kind(enum.Enum):
    """What a source is."""

    DEVICE = "camera"
    FILE = "video"
    STREAM = "stream"


class Source(msgspec.Struct, frozen=True):
    """A source as asked for: "0" is the first camera of the system."""

    kind: Kind
    address: str

    @property
    def title(self) -> str:
        """As it stands in sentences."""
        if self.kind is Kind.DEVICE:
            return f"camera {self.address}"
        return f"the video {Path(self.address).name}" if self.kind is Kind.FILE else f"the stream {self.address}"


class State(enum.Enum):
    """OPENING → PLAYING → ENDED or LOST; OPENING → REFUSED. Every state → CLOSED by `close`."""

    OPENING = "opening"
    PLAYING = "playing"
    ENDED = "ended"
    LOST = "lost"
    REFUSED = "refused"
    CLOSED = "closed"


def device_backend() -> int:
    """OpenCV's way to cameras on this system; opening and listing must go the same way for numbers to agree."""
    backends = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW, "darwin": cv2.CAP_AVFOUNDATION}
    return int(backends.get(sys.platform, cv2.CAP_ANY))


def resolve(source: str) -> Source:
    """Tell what a source is.

    Raises
    ------
    UserError
        If it is neither a camera's number, nor a file, nor an address, or the system shows that it cannot be read.
    """
    text = source.strip()
    if text.isascii() and text.isdigit():
        return _device(text)
    if text.lower().startswith(("http://", "https://", "rtsp://")):
        return Source(Kind.STREAM, text)
    if not text or not Path(text).is_file():
        raise UserError(f'"{source}" is no camera, no video file and no stream.', "Give a number from 0, a file or an http address.")
    return Source(Kind.FILE, str(Path(text).resolve()))


def _device(number: str) -> Source:
    node = Path(f"/dev/video{int(number)}")
    if sys.platform == "linux":
        if not node.exists():
            raise UserError(f"This computer has no camera {number}.", "Connect a camera, or open a video file or a stream instead.")
        if not os.access(node, os.R_OK | os.W_OK):
            raise UserError(f"You may not use {node}.", 'Add yourself to the group "video" and log in again.')
    return Source(Kind.DEVICE, str(int(number)))


class Capture(threading.Thread):
    """Reads a source until it ends, fails or is closed. See State for its life.

    Video files play at their own rate. Only the newest frame is kept: a slow taker skips frames and never lags behind.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(name="fovea-capture", daemon=True)
        self.source = source
        self._changed = threading.Condition()
        self._stop_asked = threading.Event()
        self._state = State.OPENING
        self._frame: np.ndarray | None = None

    @property
    def state(self) -> State:
        """Where in its life the capture is."""
        with self._changed:
            return self._state

    def take(self, seconds: float) -> np.ndarray | None:
        """The newest frame that was not taken yet, uint8 [height, width, 3] in OpenCV's BGR; None if none comes in time."""
        with self._changed:
            if self._frame is None and self._state in (State.OPENING, State.PLAYING):
                self._changed.wait(seconds)
            frame, self._frame = self._frame, None
            return frame

    def close(self, seconds: float = 0.5) -> None:
        """Stop reading. A driver that hangs is left to its thread, which releases the source when the driver lets go."""
        self._stop_asked.set()
        self.join(seconds)

    def run(self) -> None:
        """Open, read, release: the thread's own; start it with `start`."""
        capture = _open(self.source)
        try:
            self._enter(self._read(capture) if capture.isOpened() else State.REFUSED)
        finally:
            capture.release()

    def _read(self, capture: Any) -> State:
        finite = self.source.kind is Kind.FILE or capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        rate = capture.get(cv2.CAP_PROP_FPS)
        period = 1.0 / (rate if 1.0 <= rate <= 240.0 else USUAL_RATE)
        due = last = time.monotonic()
        while not self._stop_asked.is_set():
            frame = _frame_of(capture)
            now = time.monotonic()
            if frame is None:
                if self.source.kind is Kind.DEVICE and now - last < PATIENCE_SECONDS:
                    self._stop_asked.wait(0.02)
                    continue
                return self._state_without_frames(finite)
            if finite:
                self._stop_asked.wait(max(0.0, due - now))
                due = max(due, now - 1.0) + period  # after a hold-up it catches up one second at most
            last = now
            self._enter(State.PLAYING, frame)
        return State.CLOSED

    def _state_without_frames(self, finite: bool) -> State:
        if self.state is State.OPENING:
            return State.REFUSED
        return State.ENDED if finite else State.LOST

    def _enter(self, state: State, frame: np.ndarray | None = None) -> None:
        with self._changed:
            self._state = state
            if frame is not None:
                self._frame = frame
            self._changed.notify_all()


def _open(source: Source) -> Any:
    if source.kind is Kind.DEVICE:
        return cv2.VideoCapture(int(source.address), device_backend())
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MILLISECONDS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MILLISECONDS]
    return cv2.VideoCapture(source.address, cv2.CAP_FFMPEG, limits)


def _frame_of(capture: Any) -> np.ndarray | None:
    try:
        taken, frame = capture.read()
    except cv2.error:  # a broken frame; the next one may be whole
        return None
    return frame if taken else None
