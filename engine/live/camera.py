"""Cameras for the window: list them, play one and say what its frames show."""

from __future__ import annotations

import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from engine.control import CancelToken
from engine.failure import UserError
from engine.live.capture import STALL_SECONDS, Capture, Kind, Source, State, device_backend, resolve
from engine.live.recording import Recorder
from engine.live.showing import small
from engine.messages import CameraClosed, CameraFrame, CameraInfo, CameraOpened, CamerasFound, ListCameras, OpenCamera

if TYPE_CHECKING:
    import numpy as np

    from engine.session import Emit, Session

SHOWN_SIDE = 640  # pixels; more would only be scaled down again by the window
LARGEST_BACKLOG = 8  # events; behind that the window cannot follow and frames are skipped
POLL_SECONDS = 0.05


def list_cameras(session: Session, command: ListCameras, token: CancelToken, emit: Emit) -> None:
    """Answer ListCameras with what the system shows, maybe nothing."""
    emit(CamerasFound(cameras=found_cameras()))


def found_cameras() -> tuple[CameraInfo, ...]:
    """The cameras of this machine by number; without names where the system does not tell them."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras

        cameras = {int(camera.index): str(camera.name or "") for camera in enumerate_cameras(device_backend())}
    except (ImportError, OSError, RuntimeError, ValueError, AttributeError, cv2.error):  # it reads what drivers say of themselves
        cameras = _device_nodes() if sys.platform == "linux" else {0: ""}
    return tuple(CameraInfo(source=str(index), name=name or f"Camera {index}") for index, name in sorted(cameras.items()))


def _device_nodes() -> dict[int, str]:
    numbers = (node.name.removeprefix("video") for node in Path("/dev").glob("video*"))
    return {int(number): "" for number in numbers if number.isdigit()}


def open_camera(session: Session, command: OpenCamera, token: CancelToken, emit: Emit) -> None:
    """Answer OpenCamera: play until the end of the video, a failure, or the token.

    Raises
    ------
    UserError
        If the source does not open.
    Cancelled
        When the user stopped it; CameraClosed is emitted first.
    """
    source = resolve(command.source)
    session.recording = None  # what was asked for while no camera played
    capture = Capture(source)
    capture.start()
    recorder = Recorder(session, emit)
    opened, reason = False, ""
    try:
        frame = _first_frame(capture, token)
        height, width = frame.shape[:2]
        emit(CameraOpened(source=command.source, width=width, height=height))
        opened = True
        reason = _play(session, capture, recorder, frame, token, emit)
    finally:
        capture.close()
        recorder.close()
        if opened:
            emit(CameraClosed(source=command.source, reason=reason))


def _first_frame(capture: Capture, token: CancelToken) -> np.ndarray:
    deadline = time.monotonic() + STALL_SECONDS
    while time.monotonic() < deadline:
        token.check()
        state = capture.state
        frame = capture.take(POLL_SECONDS)
        if frame is not None:
            return frame
        if state is State.REFUSED:
            break
    raise _refusal(capture.source)


def _refusal(source: Source) -> UserError:
    title = source.title[0].upper() + source.title[1:]
    if source.kind is Kind.DEVICE:
        remedy = "Close other programs that use it, check that Fovea may use cameras in the system's settings, or choose another."
        return UserError(f"{title} gives no pictures: it is missing or in use.", remedy)
    if source.kind is Kind.FILE:
        return UserError(f"{title} cannot be played.", "Choose a video file, for example an .mp4, .avi or .webm.")
    return UserError(f"{title} cannot be opened.", "Check the address and that its sender is running.")


def _play(session: Session, capture: Capture, recorder: Recorder, frame: np.ndarray | None, token: CancelToken, emit: Emit) -> str:
    """Emit frames until there are no more; gives the reason, empty at a video's end."""
    moments: deque[float] = deque()
    last = time.monotonic()
    while True:
        token.check()
        now = time.monotonic()
        if frame is not None:
            recorder.take(frame)
        if frame is not None and session.backlog() <= LARGEST_BACKLOG:
            last = now
            emit(_answer(session, frame, moments))
        elif frame is not None:  # the window is behind: wait for it, and for a newer frame
            last = now
            token.wait(POLL_SECONDS / 5)
        elif now - last > STALL_SECONDS:
            return _loss(capture.source)
        state = capture.state
        frame = capture.take(POLL_SECONDS)
        if frame is None and state is not State.PLAYING:
            return _loss(capture.source) if state is State.LOST else ""


def _loss(source: Source) -> str:
    if source.kind is Kind.DEVICE:
        return f"Camera {source.address} stopped sending pictures: was it unplugged? Connect it and start it again."
    return f"{source.title[0].upper()}{source.title[1:]} ended or fell silent. Check its sender and start it again."


def _answer(session: Session, frame: np.ndarray, moments: deque[float]) -> CameraFrame:
    picture = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    run: str | None = None
    classes: tuple[str, ...] = ()
    probabilities: np.ndarray | None = None
    seconds = 0.0
    if session.live is not None:
        from engine.live.classifying import classify_frame  # loads torch

        run, classes, probabilities, seconds = classify_frame(session, picture)
    return CameraFrame(
        frame=small(picture, SHOWN_SIDE),
        run=run,
        classes=classes,
        probabilities=probabilities,
        frames_per_second=_rate(moments, time.monotonic()),
        seconds=seconds,
    )


def _rate(moments: deque[float], now: float) -> float:
    """Frames a second over the last second; 0 until there are two."""
    moments.append(now)
    while now - moments[0] > 1.0:
        moments.popleft()
    span = now - moments[0]
    return (len(moments) - 1) / span if span > 0 else 0.0
